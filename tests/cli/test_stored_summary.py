"""A finished run's summary is read, not computed again; whatever may have changed it makes it be computed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from promptlathe.cli.evaluating import stored_summary, summarise_run
from promptlathe.evaluation.plan import Plan
from promptlathe.evaluation.summary import RunSummary
from promptlathe.workspace.workspace import Workspace
from tests.cli.conftest import Lathe
from tests.fakes import ScriptedEngine
from tests.scripted import skilled

EVAL = ("eval", "decimal-comparison", "-p", "none", "-p", "decimal-expert", "-m", "tiny.gguf")
EVAL += ("--engine", "scripted", "--cases", "40", "--repeats", "2", "--json")


@pytest.fixture
def finished(
    lathe_here: Lathe, scripted_engine: Callable[..., ScriptedEngine], folder: Path
) -> tuple[Workspace, str, Plan]:
    scripted_engine(skilled(lambda system: 0.9 if system else 0.3))
    code, out, err = lathe_here(*EVAL)
    assert code == 0, err
    workspace = Workspace(folder)
    run = json.loads(out)["run_id"]
    return workspace, run, Plan.from_json(workspace.database.run(run).spec)


def test_it_is_what_the_rows_say(finished: tuple[Workspace, str, Plan]) -> None:
    workspace, run, plan = finished
    stored = stored_summary(workspace, run)
    workspace.database.log(run, "engine", {})
    assert stored_summary(workspace, run) is None
    computed = summarise_run(workspace, run, plan)
    assert isinstance(stored, RunSummary)
    assert replace(stored, provenance={}) == replace(computed, provenance={})
    workspace.database.close()


@pytest.mark.parametrize(
    "changes", [{"provenance": {"promptlathe": "0"}}, {"cases": "many"}, {"prompts": None}]
)
def test_another_versions_is_not_used(
    finished: tuple[Workspace, str, Plan], changes: dict[str, object]
) -> None:
    workspace, run, plan = finished
    stored = stored_summary(workspace, run)
    assert stored is not None
    workspace.database.log(run, "summary", stored.as_json() | changes)
    assert stored_summary(workspace, run) is None
    assert summarise_run(workspace, run, plan).prompts == stored.prompts
    workspace.database.close()


def test_showing_does_not_compute(
    finished: tuple[Workspace, str, Plan], lathe_here: Lathe, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, run, _ = finished
    first = lathe_here("runs", "show", run, "--json")
    monkeypatch.setattr("promptlathe.evaluation.summary.summarise", None)
    assert lathe_here("runs", "show", run, "--json") == first
    assert lathe_here("runs", "export", run, "-o", "page.html")[0] == 0
    workspace.database.close()
