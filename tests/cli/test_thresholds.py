"""`lathe eval` as a gate: exit codes for what is not met, judged by intervals and paired tests."""

import json
from collections.abc import Callable

import pytest

from promptlathe.tasks.task import get_task
from tests.cli.conftest import Lathe
from tests.fakes import ScriptedEngine
from tests.scripted import TASK, cases_by_question

CASES = get_task(TASK).cases("select", 200)
MakeEngine = Callable[..., ScriptedEngine]
EVAL = ("eval", TASK, "-m", "tiny.gguf", "--engine", "scripted", "--cases", "200", "-p", "none")


def wrong_on(indices: range) -> Callable[[object], str]:
    """Wrong on these cases: pairs lie side by side, so ranges of even ends are whole clusters."""
    wrong = {CASES[index].question for index in indices}

    def answer(request: object) -> str:
        case = cases_by_question()[request.messages[-1].content]
        if case.question in wrong:
            return next(option for option in case.options if option != case.expected)
        return case.expected

    return answer


def test_the_lower_end_of_the_interval_is_what_counts(lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    """160 of 200 right, in whole pairs: 80.0 %, interval 70.9 % to 86.8 %."""
    scripted_engine(wrong_on(range(40)))
    for least, code in (("0.7", 0), ("0.75", 3), ("0.8", 3)):
        found, out, err = lathe_here(*EVAL, "--fail-under", least, "--json")
        judged = json.loads(out)["thresholds"]
        assert (found, judged["is_met"], judged["below"]) == (code, code == 0, ["none"] if code else [])
        assert ("threshold not met: none: " in err, "thresholds met" in err) == (code != 0, code == 0)


def evaluated(lathe_here: Lathe, scripted_engine: MakeEngine, wrong: range, *more: str) -> str:
    scripted_engine(wrong_on(wrong))
    return json.loads(lathe_here(*EVAL, *more, "--json")[1])["run_id"]


def test_a_regression_is_found_by_the_paired_test(lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    """At another temperature, so that nothing comes from the cache."""
    baseline = evaluated(lathe_here, scripted_engine, range(40))
    scripted_engine(wrong_on(range(44)))
    for more, code in (((), 0), (("--margin", "0.01"), 4), (("--margin", "0.1"), 0)):
        arguments = (*EVAL, "--temperature", "0.1", "--no-regression-from", baseline, *more)
        found, out, err = lathe_here(*arguments, "--json")
        judged = json.loads(out)["thresholds"]
        (made,) = judged["comparisons"]
        assert (found, judged["is_met"]) == (code, code == 0)
        assert made["paired"]["difference"] == pytest.approx(-4 / 200)
        assert judged["regressions"] == ([made["after"]] if code else [])
        assert ("threshold not met: " in err) == (code != 0)


def test_a_regression_goes_before_a_share_that_is_too_low(
    lathe_here: Lathe, scripted_engine: MakeEngine
) -> None:
    baseline = evaluated(lathe_here, scripted_engine, range(40))
    scripted_engine(wrong_on(range(120)))
    arguments = ("--temperature", "0.1", "--no-regression-from", baseline, "--fail-under", "0.7")
    code, _, err = lathe_here(*EVAL, *arguments)
    assert (code, err.count("threshold not met: ")) == (4, 2)
    assert "points (95% interval " in err


def test_what_is_not_whole_neither_passes_nor_fails(lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    scripted_engine(wrong_on(range(0)), fails_on={CASES[7].question})
    code, out, err = lathe_here(*EVAL, "--fail-under", "0.1", "--json")
    judged = json.loads(out)["thresholds"]
    assert (code, judged["missing"], judged["is_met"]) == (1, 1, False)
    assert "threshold not met: 1 answers are missing, so nothing can be judged" in err


def test_what_cannot_be_judged_is_said_before_anything_is_asked(
    lathe_here: Lathe, scripted_engine: MakeEngine
) -> None:
    run = evaluated(lathe_here, scripted_engine, range(40))
    engine = scripted_engine(wrong_on(range(0)))
    for arguments, message in (
        (("--margin", "0.02"), "--margin needs --no-regression-from"),
        (("--no-regression-from", "nothing"), "no run named 'nothing'"),
        (("--no-regression-from", run, "--seed", "5"), "have no case in common"),
    ):
        code, out, err = lathe_here(*EVAL, *arguments)
        assert (code, out, engine.requests) == (2, "", [])
        assert message in err.splitlines()[0]
    assert len(json.loads(lathe_here("runs", "list", "--json")[1])) == 1


def test_the_exit_codes_stand_in_the_help(lathe_here: Lathe) -> None:
    out = " ".join(lathe_here("eval", "--help")[1].split())
    assert "Exit codes: 0 good, 1 failed or incomplete, 2 usage, 3 under --fail-under, 4 a regression" in out
