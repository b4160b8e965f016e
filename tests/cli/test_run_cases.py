"""`lathe runs cases`, `lathe runs case` and `lathe compare`."""

import json
from collections.abc import Callable

import pytest

from promptlathe.tasks.task import get_task
from tests.cli.conftest import Lathe
from tests.fakes import ScriptedEngine
from tests.scripted import TASK, cases_by_question, system_message

CASES = get_task(TASK).cases("select", 40)
MakeModels = Callable[..., dict[str, ScriptedEngine]]
Listed = list[dict[str, object]]


def answer(request: object) -> str:
    """Without a prompt: right on every fourth case, unreadable on the next; with one: right, but on every
    eighth."""
    case = cases_by_question()[request.messages[-1].content]
    index, has_prompt = CASES.index(case), bool(system_message(request))
    other = next(option for option in case.options if option != case.expected)
    if has_prompt:
        return other if index % 8 == 0 else case.expected
    return {0: case.expected, 1: "\x1b[31mWell."}.get(index % 4, other)


@pytest.fixture
def run(lathe_here: Lathe, scripted_models: MakeModels) -> str:
    engines = scripted_models(small=answer, big=lambda _: "13.5")
    engines["big"]._fails_on = {CASES[3].question}
    arguments = ("-m", "small.gguf", "-m", "big.gguf", "-p", "none", "-p", "decimal-expert", "--json")
    code, out, _ = lathe_here("eval", TASK, "--engine", "scripted", "--cases", "40", *arguments)
    assert code == 0
    return json.loads(out)["run_id"]


def ids(listed: Listed) -> list[object]:
    return [made["id"] for made in listed]


def of(indices: list[int]) -> list[str]:
    return [CASES[index].id for index in indices]


SMALL = ("-m", "small.gguf")
NONE = (*SMALL, "-p", "none")
EXPERT = (*SMALL, "-p", "decimal-expert")


PICKED: list[tuple[tuple[str, ...], list[int]]] = [
    ((), list(range(40))),
    ((*NONE, "--wrong"), [i for i in range(40) if i % 4 > 1]),
    ((*NONE, "--unparsed"), list(range(1, 40, 4))),
    ((*NONE, "--unparsed", "--wrong"), [i for i in range(40) if i % 4]),
    ((*EXPERT, "--wrong"), list(range(0, 40, 8))),
    # Flips: right with the prompt and not without (all but the fourths), and the reverse (the eighths).
    ((*EXPERT, "--flips"), [i for i in range(40) if i % 4 or i % 8 == 0]),
    ((*NONE, "--flips"), []),
    ((*NONE, "--different"), []),
    ((*SMALL, "--different"), [i for i in range(40) if i % 4 or i % 8 == 0]),
    (("-m", "big.gguf", "--errors"), [3]),
    ((*SMALL, "--errors"), []),
    ((*NONE, "--stratum", "negative"), [i for i in range(40) if CASES[i].stratum == "negative"]),
    (("--limit", "3"), [0, 1, 2]),
]


def test_cases_are_picked(lathe_here: Lathe, run: str) -> None:
    for arguments, indices in PICKED:
        code, out, _ = lathe_here("runs", "cases", run, "--limit", "0", *arguments, "--json")
        assert (arguments, code, ids(json.loads(out))) == (arguments, 0, of(indices))


def test_a_flip_shows_what_it_flipped_from(lathe_here: Lathe, run: str) -> None:
    (first, *_) = json.loads(lathe_here("runs", "cases", run, *EXPERT, "--flips", "--json")[1])
    assert [(made["prompt"], made["outcome"]) for made in first["answers"]] == [
        ("none", "correct"),
        ("decimal-expert", "wrong"),
    ]
    assert (first["question"], first["expected"]) == (CASES[0].question, CASES[0].expected)


def test_what_a_person_reads(lathe_here: Lathe, run: str) -> None:
    code, out, err = lathe_here("runs", "cases", run, *NONE, "--limit", "2")
    assert (code, err) == (0, "2 of 40 cases; for all of them: --limit 0\n")
    first, second = CASES[:2]
    assert out.splitlines() == [
        f"{first.id}  {first.stratum}",
        f"  {first.question}  expected: {first.expected}",
        f"    small.gguf@none: right, {first.expected}",
        f"{second.id}  {second.stratum}",
        f"  {second.question}  expected: {second.expected}",
        "    small.gguf@none: unparsed, no choice",
    ]


def test_one_case_is_shown_whole_and_moves_no_cursor(lathe_here: Lathe, run: str) -> None:
    code, out, _ = lathe_here("runs", "case", run, CASES[1].id, *SMALL)
    assert code == 0
    assert "\x1b" not in out
    assert out.index("small.gguf@none") < out.index("[31mWell.") < out.index("small.gguf@decimal-expert")
    for part in (CASES[1].question, "system\n", "# Role", "-> unparsed, no choice; ", "-> right, "):
        assert part in out
    found = json.loads(lathe_here("runs", "case", run, CASES[1].id, *EXPERT, "--json")[1])
    (made,) = found["answers"]
    assert [message["role"] for message in made["messages"]] == ["system", "user"]
    assert made["messages"][-1]["content"] == CASES[1].question
    assert made["text"] == CASES[1].expected


def test_a_failed_request_is_shown_as_that(lathe_here: Lathe, run: str) -> None:
    out = lathe_here("runs", "case", run, CASES[3].id, "-m", "big.gguf", "-p", "none")[1]
    assert "-> error, no answer to " in out


WRONG_NAMES = [
    (("cases", "{run}", "-p", "decimal-exprt"), "no prompt named 'decimal-exprt'", "'decimal-expert'?"),
    (("cases", "{run}", "-m", "smal.gguf"), "no model named 'smal.gguf'", "'small.gguf'?"),
    (("cases", "{run}", "--stratum", "negativ"), "no stratum named 'negativ'", "'negative'?"),
    (("case", "{run}", "select:"), "no case named 'select:'", "40 cases start so"),
    (("case", "{run}", CASES[0].id + "x"), "no case named", f"did you mean '{CASES[0].id}'?"),
    (("cases", "nothing"), "no run named 'nothing'", ""),
]


def test_a_wrong_name_is_one_line(lathe_here: Lathe, run: str) -> None:
    for arguments, message, hint in WRONG_NAMES:
        code, out, err = lathe_here("runs", *(part.format(run=run) for part in arguments))
        assert (code, out) == (2, "")
        assert err.startswith(f"error: {message}")
        assert hint in err


def compared(lathe_here: Lathe, *arguments: str) -> Listed:
    code, out, err = lathe_here("compare", *arguments, "--json")
    assert code == 0, err
    return json.loads(out)["comparisons"]


def test_two_prompts_of_a_run_are_compared(lathe_here: Lathe, run: str) -> None:
    (made,) = compared(lathe_here, run, *SMALL, "-p", "none", "-p", "decimal-expert")
    assert (made["before"], made["after"]) == ("small.gguf@none", "small.gguf@decimal-expert")
    assert made["broken"] == of(list(range(0, 40, 8)))
    assert made["fixed"] == of([i for i in range(40) if i % 4])
    assert made["paired"]["difference"] == pytest.approx(25 / 40)
    (reverse,) = compared(lathe_here, run, *SMALL, "-p", "decimal-expert", "-p", "none")
    assert (reverse["fixed"], reverse["broken"]) == (made["broken"], made["fixed"])


def test_two_models_of_a_run_are_compared(lathe_here: Lathe, run: str) -> None:
    (made,) = compared(lathe_here, run, "-p", "decimal-expert", "-m", "big.gguf", "-m", "small.gguf")
    assert (made["before"], made["after"]) == ("big.gguf@decimal-expert", "small.gguf@decimal-expert")
    assert made["paired"]["cases"] == 39


def test_all_of_a_run_is_what_the_run_compares(lathe_here: Lathe, run: str) -> None:
    assert (
        compared(lathe_here, run) == json.loads(lathe_here("runs", "show", run, "--json")[1])["comparisons"]
    )


def test_two_runs_are_compared_on_what_they_share(
    lathe_here: Lathe, run: str, scripted_models: MakeModels
) -> None:
    scripted_models(small=lambda request: cases_by_question()[request.messages[-1].content].expected)
    arguments = ("--cases", "20", *SMALL, "-p", "decimal-expert", "--temperature", "0.1", "--json")
    other = json.loads(lathe_here("eval", TASK, "--engine", "scripted", *arguments)[1])["run_id"]
    (made,) = compared(lathe_here, run, other)
    assert made["before"] == f"{run}:small.gguf@decimal-expert"
    assert made["after"] == f"{other}:decimal-expert"
    assert (made["paired"]["cases"], made["fixed"], made["broken"]) == (20, of([0, 8, 16]), [])
    (made,) = compared(lathe_here, run, other, *SMALL, "-p", "none", "-p", "decimal-expert")
    assert (made["before"], len(made["fixed"])) == (f"{run}:small.gguf@none", 15)
    code, out, _ = lathe_here("compare", run, other, "--flips", "2")
    assert (code, "fixed, 3: " in out, "... and 1 more" in out, CASES[0].question in out) == (0, *[True] * 3)
    assert max(map(len, out.splitlines()[:6])) <= 80


NOT_COMPARABLE = [
    (("-p", "none", *SMALL), "has only 'small.gguf@none' to compare"),
    (("{other}",), "have no case in common"),
    (("{other}", "-p", "none", "-p", "none", "-p", "none"), "--prompt is given once or twice"),
]


def test_what_cannot_be_compared_is_one_line(
    lathe_here: Lathe, run: str, scripted_models: MakeModels
) -> None:
    scripted_models(small=lambda _: "1")
    asked = ("--seed", "5", *SMALL, "-p", "none", "--cases", "4", "--json")
    other = json.loads(lathe_here("eval", TASK, "--engine", "scripted", *asked)[1])["run_id"]
    for arguments, message in NOT_COMPARABLE:
        code, out, err = lathe_here("compare", run, *(part.format(other=other) for part in arguments))
        assert (code, out) == (2, "")
        assert message in err.splitlines()[0]
        assert err.splitlines()[1].startswith(" hint: ")
