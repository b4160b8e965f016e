"""The cases of a run as the database keeps them, and picking from them."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlathe.errors import UnknownNameError
from promptlathe.evaluation.answers import Outcome, Response, Row, Subject
from promptlathe.evaluation.listing import Kind, baselines
from promptlathe.evaluation.summary import by_subject
from promptlathe.tasks.case import Case
from promptlathe.tasks.grading import Grade
from promptlathe.tasks.task import get_task
from promptlathe.workspace.database import Database
from tests.picking import pick_cases

PROMPTS, MODELS, REPEATS, CASES = ("none", "expert", "third"), ("tiny", "big"), 2, 4
SUBJECTS = [Subject(prompt, model) for model in MODELS for prompt in PROMPTS]
NUMBERS = count()
KINDS: tuple[Kind, ...] = get_args(Kind)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    opened = Database(tmp_path_factory.mktemp("cases") / "lathe.db")
    yield opened
    opened.close()


def a_case(number: int, stratum: str = "all") -> Case:
    return Case(
        id=f"select:{9 - number}",
        variables={"甲": "13.8", "b": "\x00 \N{GRINNING FACE}"},
        question=f"13.8 和 13.11 哪个大？{number}",
        expected="13.8",
        stratum=stratum,
        cluster=f"pair {number // 2}",
        split="select",
        language="zh",
        options=("13.8", "13.11") if number % 2 else (),
    )


def test_cases_come_back_as_they_were_asked(database: Database) -> None:
    cases = tuple(a_case(number, stratum) for number, stratum in enumerate("cabacc"))
    database.start_run("asked", "eval", {}, cases)
    database.start_run("other", "eval", {}, cases[:1])
    assert database.cases("asked") == cases
    assert database.cases("asked", at_most=2) == cases[:2]
    assert database.cases("asked", ids=[cases[4].id, cases[1].id, "nothing"]) == (cases[1], cases[4])
    assert database.cases("asked", ids=[]) == database.cases("nothing") == ()
    assert database.strata("asked") == ["c", "a", "b"]
    assert database.pick_cases("asked", strata=["a", "b"]) == [cases[i].id for i in (1, 2, 3)]
    assert (database.has_cases("other"), database.has_cases("nothing")) == (True, False)


@pytest.mark.parametrize("task", ["decimal-comparison", "letter-count", "school-math"])
def test_every_tasks_cases_come_back(database: Database, task: str) -> None:
    cases = get_task(task).cases("propose", 50)
    database.start_run(task, "eval", {}, cases)
    assert database.cases(task) == cases


def test_a_run_and_its_cases_come_together_or_not_at_all(tmp_path: Path) -> None:
    opened = Database(tmp_path / "lathe.db")
    with pytest.raises(TypeError):
        opened.start_run("run", "eval", {}, [a_case(0), replace(a_case(1), variables={"a": {1, 2}})])
    assert opened.runs() == []
    opened.close()


def test_what_is_kept_stays(database: Database) -> None:
    database.start_run("early", "eval", {})
    assert not database.has_cases("early")
    database.keep_cases("early", [a_case(1)])
    database.keep_cases("early", [a_case(2), a_case(3)])
    assert database.cases("early") == (a_case(1),)


def test_a_run_that_is_not_there_has_nothing(database: Database) -> None:
    with pytest.raises(UnknownNameError):
        database.run("nowhere")
    assert database.pick_cases("nowhere", KINDS, baselines=baselines(SUBJECTS, SUBJECTS)) == []


OUTCOMES = ("", "error", "unparsed", "wrong", "other", "correct")
PLACES = len(SUBJECTS) * REPEATS * CASES
ANSWERS = st.sets(st.sampled_from(OUTCOMES), min_size=1, max_size=3).flatmap(
    lambda few: st.lists(st.sampled_from(sorted(few)), min_size=PLACES, max_size=PLACES)
)
"""Few kinds of answers at a time: where all occur, every case is of every kind. "" is no row at all."""


@settings(max_examples=60, deadline=None)
@given(
    answers=ANSWERS,
    kinds=st.sets(st.sampled_from(KINDS)),
    prompts=st.lists(st.sampled_from(PROMPTS), unique=True),
    models=st.lists(st.sampled_from(MODELS), unique=True),
)
def test_the_database_picks_what_the_rows_say(
    database: Database,
    answers: list[str],
    kinds: set[Kind],
    prompts: list[str],
    models: list[str],
) -> None:
    run = f"example {next(NUMBERS)}"
    cases = [a_case(number) for number in range(CASES)]
    places = [(case, subject, repeat) for case in cases for subject in SUBJECTS for repeat in range(REPEATS)]
    rows = [a_row(*place, made) for place, made in zip(places, answers, strict=True) if made]
    database.start_run(run, "eval", {}, cases)
    database.record(run, rows)
    chosen = [Subject(prompt, model) for model in models or MODELS for prompt in prompts or PROMPTS]
    compared = baselines(chosen, SUBJECTS)
    for wanted in [kinds, *({kind} for kind in KINDS)]:
        listed = pick_cases(cases, by_subject(SUBJECTS, cases, rows), wanted, chosen)
        picked = database.pick_cases(run, wanted, prompts=prompts, models=models, baselines=compared)
        assert (wanted, picked) == (wanted, [made.case.id for made in listed])


def a_row(case: Case, subject: Subject, repeat: int, made: str) -> Row:
    key = f"{case.id} {subject} {repeat} {made}"
    if made == "error":
        return Row(*subject, case.id, repeat, key, None, None, "too long", is_cached=False)
    verdicts: dict[str, Outcome] = {"unparsed": "unparsed", "correct": "correct"}
    grade = Grade(verdicts.get(made, "wrong"), None if made == "unparsed" else made, contradicts=False)
    return Row(
        *subject, case.id, repeat, key, Response(made, "stop", 1, 1, 0.1), grade, None, is_cached=False
    )
