"""`lathe headroom`: whether prompting can help, without a look at sealed cases."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlathe.engines.engine import Request
from promptlathe.tasks.task import get_task
from promptlathe.workspace.workspace import Workspace
from tests.cli.conftest import Lathe
from tests.fakes import ScriptedEngine
from tests.scripted import TASK, skilled, system_message

MakeEngine = Callable[..., ScriptedEngine]
SMALL = ("headroom", TASK, "-m", "tiny.gguf", "--engine", "scripted", "--lang", "en", "--budget", "600")


def turns_help(request: Request) -> str:
    return skilled(lambda _: 0.95 if len(request.messages) > 2 else 0.45)(request)


def test_what_can_help_is_shown_and_sealed_cases_stay_sealed(
    folder: Path, lathe_here: Lathe, scripted_engine: MakeEngine
) -> None:
    engine = scripted_engine(turns_help)
    code, out, err = lathe_here(*SMALL, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert (found["finding"], found["start"]) == ("shown", "none")
    assert found["best"].startswith("turns-")
    assert found["sentence"]["en"].startswith(
        f"Prompting can help: {found['best']} is right more often than none, by +"
    )
    assert found["sentence"]["zh"].startswith("提示词能起作用：")
    assert found["calls"] == len(engine.requests) <= 600
    best = next(one for one in found["tried"] if one["name"] == found["best"])
    assert best["is_better"]
    assert best["against_start"]["interval"]["low"] > 0
    assert best["e_value"] > 20
    sealed = {case.question for case in get_task(TASK).cases("sealed", 400, languages=("en",))}
    assert not any(request.messages[-1].content in sealed for request in engine.requests)
    assert "sealed-read" not in dict(Workspace(folder).database.events(found["run"]))

    asked = len(engine.requests)
    assert json.loads(lathe_here("runs", "show", found["run"], "--json")[1]) == found
    assert json.loads(lathe_here("runs", "resume", found["run"], "--json")[1]) == found
    assert len(engine.requests) == asked


def test_what_a_person_reads(lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    scripted_engine(turns_help)
    code, out, _ = lathe_here(*SMALL)
    assert code == 0
    for part in (
        "points against the start",
        "e-value",
        "none",
        "answer-line-en",
        "Prompting can help: ",
    ):
        assert part in out


def test_prompts_of_ones_own_race_along(folder: Path, lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    (folder / "mine.md").write_text("Answer as a mathematician would.", encoding="utf-8")
    scripted_engine(skilled(lambda system: 0.97 if "mathematician" in system else 0.4))
    found = json.loads(lathe_here(*SMALL, "-p", "decimal-expert", "-p", "mine.md", "--json")[1])
    assert (found["start"], found["best"], found["finding"]) == ("decimal-expert", "mine", "shown")


@pytest.mark.parametrize(
    ("skill", "advice", "zh"),
    [
        pytest.param(0.3, "try a larger model", "更大的模型", id="guessing"),
        pytest.param(0.99, "hardly anything left to gain", "几乎没有提升的余地", id="all right"),
    ],
)
def test_where_nothing_helps_it_says_so_and_what_would(
    lathe_here: Lathe, scripted_engine: MakeEngine, skill: float, advice: str, zh: str
) -> None:
    scripted_engine(
        lambda request: skilled(lambda _: skill if not system_message(request) else skill - 0.2)(request)
    )
    found = json.loads(lathe_here(*SMALL, "--json")[1])
    assert found["finding"] in ("nothing", "not shown")
    assert not any(one["is_better"] for one in found["tried"])
    assert advice in found["sentence"]["en"]
    assert zh in found["sentence"]["zh"]


def test_answers_that_cannot_be_read_are_named(lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    scripted_engine(lambda _: "I am a language model.")
    found = json.loads(lathe_here(*SMALL, "--json")[1])
    assert found["finding"] == "nothing"
    assert "settle on nothing that can be read" in found["sentence"]["en"]
    assert all(one["unparsed"] == one["score"]["cases"] for one in found["tried"])


def test_where_every_request_fails_it_is_one_line(lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    class Everything:
        def __contains__(self, question: object) -> bool:
            return True

    scripted_engine(turns_help, fails_on=Everything())
    code, out, err = lathe_here(*SMALL, "--json")
    assert (code, out) == (1, "")
    assert "error: no question was answered: " in err
