"""A model that OpenVINO does not read, from the command line: its engine is found, and named where it lacks."""

import json

import pytest

from promptlathe.engines import choose
from promptlathe.models.reference import Model
from tests.cli.conftest import Lathe


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATHE_THREADS", "1")


@pytest.mark.parametrize("engine", ["auto", "llamacpp"])
def test_it_is_measured(lathe_here: Lathe, tiny_internlm2: Model, engine: str) -> None:
    arguments = (
        "eval",
        "decimal-comparison",
        "-p",
        "none",
        "-m",
        str(tiny_internlm2.path),
        "--engine",
        engine,
    )
    code, out, err = lathe_here(*arguments, "--cases", "6", "--max-tokens", "4", "--json")
    assert code == 0, err
    (prompt,) = json.loads(out)["prompts"]
    assert prompt["completion_tokens"] <= 4


def test_openvino_says_that_it_does_not_read_it(lathe_here: Lathe, tiny_internlm2: Model) -> None:
    arguments = ("eval", "decimal-comparison", "-p", "none", "-m", str(tiny_internlm2.path))
    code, _, err = lathe_here(*arguments, "--engine", "openvino", "--cases", "2")
    assert code == 1
    assert "OpenVINO does not read internlm2 models from GGUF" in err


@pytest.mark.parametrize("command", ["eval", "serve"])
@pytest.mark.parametrize("engine", ["auto", "llamacpp"])
def test_without_the_extra_it_is_named(
    lathe_here: Lathe, tiny_internlm2: Model, monkeypatch: pytest.MonkeyPatch, command: str, engine: str
) -> None:
    monkeypatch.setattr(choose, "find_spec", lambda _: None)
    model = str(tiny_internlm2.path)
    arguments = (model,) if command == "serve" else ("decimal-comparison", "-p", "none", "-m", model)
    code, _, err = lathe_here(command, *arguments, "--engine", engine)
    assert code in (1, 2)
    assert "pip install 'promptlathe[llamacpp]'" in err
    assert "Traceback" not in err
