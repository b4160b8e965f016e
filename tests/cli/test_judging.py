"""`lathe eval` of a task that a model grades."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from promptlathe.engines.engine import Request
from promptlathe.tasks import task
from promptlathe.tasks.graders import make_grader
from promptlathe.workspace.workspace import Workspace
from tests.cli.conftest import Lathe
from tests.fakes import ScriptedEngine

JUDGED = replace(
    task.get_task("school-math"),
    name="judged",
    grader=make_grader(
        {
            "type": "judge",
            "rubric": "Says please.",
            "labelled": [
                {"question": "Tea?", "answer": "please", "verdict": "correct"},
                {"question": "Tea?", "answer": "no", "verdict": "wrong"},
                {"question": "Tea?", "answer": "yes", "verdict": "wrong"},
            ],
        }
    ),
)


def answer_or_judge(request: Request) -> str:
    text = request.messages[-1].content
    if "<<<" not in text:
        return "please" if "x" in text else "no"
    verdict = "please" in text.partition("<<<")[2] or "yes" in text.partition("<<<")[2]
    return ("Verdict: correct" if verdict else "Verdict: incorrect") if "Rule:" in text else "结论：正确"


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(task.BUILT_IN, "judged", "tests.cli.test_judging:JUDGED")


def test_answers_are_judged_in_the_same_run_and_the_agreement_is_said(
    folder: Path, lathe_here: Lathe, scripted_engine: Callable[..., ScriptedEngine], judged: None
) -> None:
    engine = scripted_engine(answer_or_judge)
    command = (
        "eval",
        "judged",
        "-m",
        "tiny.gguf",
        "--engine",
        "scripted",
        "--cases",
        "20",
        "-p",
        "none",
        "--json",
    )
    code, out, err = lathe_here(*command)
    assert code == 0, err
    (prompt,) = json.loads(out)["prompts"]
    assert (prompt["unparsed"], prompt["errors"]) == (0, 0)
    assert 0 < prompt["total"]["correct"] < 20
    assert "The judge agrees with people on 2 of 3 labelled answers: 66.7%" in err
    asked = len(engine.requests)
    code, again, _ = lathe_here(*command)
    assert code == 0
    assert json.loads(again)["prompts"][0]["total"] == prompt["total"]
    assert len(engine.requests) == asked
    database = Workspace(folder).database
    (latest, earlier) = database.runs()
    database.close()
    events = dict(database.events(earlier.id))
    database.close()
    assert events["judge"]["agreement"]["kappa"] == pytest.approx(0.4)
    assert latest.id != earlier.id
