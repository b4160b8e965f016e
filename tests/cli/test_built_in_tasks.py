"""Every built-in task runs from the command line to the report."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlathe.tasks.task import get_task, task_names
from tests.cli.conftest import Lathe
from tests.fakes import ScriptedEngine


@pytest.mark.parametrize("name", task_names())
def test_a_built_in_task_is_evaluated_and_shown(
    name: str, folder: Path, lathe_here: Lathe, scripted_engine: Callable[..., ScriptedEngine]
) -> None:
    expected = {case.question: case.expected for case in get_task(name).cases("select", 40)}
    scripted_engine(
        lambda request: expected[request.messages[-1].content] if len(request.messages) > 1 else "hm"
    )
    command = (
        "eval",
        name,
        "-m",
        "tiny.gguf",
        "--engine",
        "scripted",
        "--cases",
        "40",
        "-p",
        "none",
        "-p",
        "math-teacher",
    )
    code, out, err = lathe_here(*command)
    assert code == 0, err
    assert "math-teacher" in out
    code, out, _ = lathe_here(*command, "--json")
    found = json.loads(out)
    assert [prompt["total"]["correct"] for prompt in found["prompts"]] == [0, 40]
    assert set(found["shortcuts"]) == {shortcut.name for shortcut in get_task(name).shortcuts}
    assert all(label in Path(found["report"]).read_text(encoding="utf-8") for label in get_task(name).strata)
