"""Engines by name, through installed entry points."""

from collections.abc import Callable
from pathlib import Path

import pytest

from promptlathe.engines.choose import engine_names, open_engine
from promptlathe.engines.engine import Answer, Delta, Engine, Failure, Request
from promptlathe.engines.openvino import OpenVinoEngine
from promptlathe.errors import EngineError, UnknownNameError
from promptlathe.messages import Message
from tests.fakes import ScriptedEngine, a_model, write_engine_plugin


def ask(text: str, *, is_streamed: bool = False) -> Request:
    return Request(text, (Message("user", text),), is_streamed=is_streamed)


@pytest.mark.parametrize("name", ["auto", "openvino"])
def test_the_built_in_engine_is_installed_and_loads_nothing(name: str) -> None:
    engine = open_engine(a_model(), engine=name, window=4)
    assert isinstance(engine, OpenVinoEngine)


@pytest.mark.parametrize(
    ("name", "hint"), [("openvin", "did you mean 'openvino'?"), ("zzz", "known: auto, openvino, remote")]
)
def test_an_unknown_engine_is_named_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(UnknownNameError, match=f"no engine named '{name}'") as caught:
        open_engine(a_model(), engine=name)
    assert caught.value.hint == hint


def test_an_engine_of_another_package(scripted_engine: Callable[..., ScriptedEngine]) -> None:
    made = scripted_engine({"a": "b"})
    assert engine_names() == ("openvino", "remote", "scripted")
    assert open_engine(a_model(), engine="scripted") is made


def test_a_broken_package_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_engine_plugin(tmp_path, "no_such_module:Engine", name="broken")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EngineError, match="engine 'broken' cannot be used: No module named 'no_such_module'"):
        open_engine(a_model(), engine="broken")


async def test_the_scripted_engine_keeps_the_contract() -> None:
    scripted = ScriptedEngine(lambda request: f"re {request.id}", fails_on={"bad"}, dies_after=3)
    engine: Engine = scripted
    outputs = [output async for output in engine.generate([ask("a", is_streamed=True), ask("bad"), ask("c")])]
    assert [type(output) for output in outputs] == [Delta, Delta, Answer, Failure, Answer]
    assert "".join(output.text for output in outputs if isinstance(output, Delta)) == "re a"
    with pytest.raises(EngineError, match="died"):
        [output async for output in engine.generate([ask("d"), ask("e")])]
    assert [output.text async for output in engine.generate([ask("e")])] == ["re e"]
    assert (scripted.calls, scripted.answers, scripted.asked["e"]) == (3, 4, 2)
