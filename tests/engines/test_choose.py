"""Engines by name, through installed entry points."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from promptlathe.engines import choose
from promptlathe.engines.choose import Machine, choose_engine, engine_names, open_engine
from promptlathe.engines.engine import Answer, Delta, Engine, Failure, Request
from promptlathe.engines.llamacpp import LlamaCppEngine
from promptlathe.engines.openvino import OpenVinoEngine
from promptlathe.errors import EngineError, LatheError, UnknownNameError, UnsupportedModelError
from promptlathe.messages import Message
from promptlathe.models.reference import Model
from tests.fakes import ScriptedEngine, a_model, write_engine_plugin


def ask(text: str, *, is_streamed: bool = False) -> Request:
    return Request(text, (Message("user", text),), is_streamed=is_streamed)


@pytest.mark.parametrize("name", ["auto", "openvino"])
def test_the_built_in_engine_is_installed_and_loads_nothing(name: str) -> None:
    engine = open_engine(a_model(), engine=name, window=4)
    assert isinstance(engine, OpenVinoEngine)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("openvin", "did you mean 'openvino'?"), ("zzz", "known: auto, llamacpp, openvino, remote")],
)
def test_an_unknown_engine_is_named_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(UnknownNameError, match=f"no engine named '{name}'") as caught:
        open_engine(a_model(), engine=name)
    assert caught.value.hint == hint


def test_an_engine_of_another_package(scripted_engine: Callable[..., ScriptedEngine]) -> None:
    made = scripted_engine({"a": "b"})
    assert engine_names() == ("llamacpp", "openvino", "remote", "scripted")
    assert open_engine(a_model(), engine="scripted") is made


def test_a_broken_package_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_engine_plugin(tmp_path, "no_such_module:Engine", name="broken")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EngineError, match="engine 'broken' cannot be used: No module named 'no_such_module'"):
        open_engine(a_model(), engine="broken")


BARE = Machine(frozenset(), has_nvidia=False)
WITH_LLAMACPP = Machine(frozenset({"xllamacpp"}), has_nvidia=False)
WITH_GPU = Machine(frozenset({"xllamacpp", "lmdeploy"}), has_nvidia=True)
GPU_ALONE = Machine(frozenset(), has_nvidia=True)
GPU_WANTED = Machine(frozenset({"lmdeploy"}), has_nvidia=False)


def of(model_format: str, architecture: str | None = "llama", quantization: str | None = "Q4_1") -> Model:
    return replace(a_model(), format=model_format, architecture=architecture, quantization=quantization)


@pytest.mark.parametrize(
    ("model", "machine", "engine", "reason"),
    [
        (of("gguf"), BARE, "openvino", "any CPU"),
        (of("gguf"), WITH_GPU, "openvino", "any CPU"),
        (of("gguf", "qwen3", None), WITH_LLAMACPP, "openvino", "any CPU"),
        (of("gguf", "internlm2"), WITH_LLAMACPP, "llamacpp", "does not read internlm2 models"),
        (of("gguf", "llama", "IQ4_XS"), WITH_LLAMACPP, "llamacpp", "does not read IQ4_XS weights"),
        (of("gguf", "llama", "IQ4_XS"), BARE, "openvino", "any CPU"),
        (of("openvino", "internlm2"), WITH_LLAMACPP, "openvino", "own format"),
        (of("safetensors", "InternLM2ForCausalLM", None), WITH_GPU, "lmdeploy", "NVIDIA GPU"),
    ],
)
def test_the_engine_that_fits_and_why(model: Model, machine: Machine, engine: str, reason: str) -> None:
    chosen = choose_engine(model, machine)
    assert chosen.engine == engine
    assert reason in chosen.reason


@pytest.mark.parametrize(
    ("model", "machine", "said", "hint"),
    [
        (of("gguf", "internlm2"), BARE, "which only llama.cpp reads", "promptlathe[llamacpp]"),
        (of("gguf", "internlm2"), GPU_WANTED, "which only llama.cpp reads", "promptlathe[llamacpp]"),
        (of("safetensors"), GPU_ALONE, "which only LMDeploy serves", "promptlathe[lmdeploy]"),
        (of("safetensors"), WITH_LLAMACPP, "which only LMDeploy serves", "needs an NVIDIA GPU"),
        (of("safetensors"), GPU_WANTED, "which only LMDeploy serves", "needs an NVIDIA GPU"),
    ],
)
def test_a_model_that_nothing_here_loads_names_what_to_install(
    model: Model, machine: Machine, said: str, hint: str
) -> None:
    with pytest.raises(UnsupportedModelError, match=said) as caught:
        choose_engine(model, machine)
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("engine", ["auto", "llamacpp"])
def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    monkeypatch.setattr(choose, "find_spec", lambda _: None)
    with pytest.raises(LatheError) as caught:
        open_engine(a_model(architecture="internlm2"), engine=engine)
    assert caught.value.hint == "run: pip install 'promptlathe[llamacpp]'"


def test_auto_opens_the_engine_that_fits(tiny_internlm2: Model) -> None:
    assert isinstance(open_engine(tiny_internlm2), LlamaCppEngine)


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
