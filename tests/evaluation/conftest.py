"""Runs made by hand: which prompt is right on which case, and what it said."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest

from promptlathe.evaluation.answers import Outcome, Response, Row
from promptlathe.evaluation.summary import RunSummary, summarise
from promptlathe.prompts import Prompt, parse
from promptlathe.tasks.case import Case
from promptlathe.tasks.grading import Grade
from promptlathe.tasks.task import get_task


@dataclass(frozen=True, slots=True)
class Run:
    summary: RunSummary
    cases: tuple[Case, ...]
    prompts: tuple[Prompt, ...]
    rows: tuple[Row, ...]


MakeRun = Callable[..., Run]


@pytest.fixture(scope="session")
def make_run() -> MakeRun:
    """make_run({"name": "cw?!-"}, text="...") -> a run with one letter for each case: correct, wrong,
    `?` unparsed, `!` error, `-` not answered yet. The letters repeat until `count` cases are answered."""
    return _make_run


def _make_run(
    letters: Mapping[str, str], *, count: int = 40, text: str = "", question: str | None = None
) -> Run:
    task = get_task("decimal-comparison")
    cases = task.cases("select", count)
    if question is not None:
        cases = tuple(_replaced(case, question) for case in cases)
    prompts = tuple(Prompt(name, parse(f"# Role\n{name} {text}\n")) for name in letters)
    rows = tuple(
        row
        for name, spelled in letters.items()
        for index, case in enumerate(cases)
        if (row := _row(name, case, spelled[index % len(spelled)], text))
    )
    provenance = {"model": "tiny <b>", "seed": 0, "sampling": {"temperature": 0.0, "stop": []}}
    summary = summarise(
        run_id="run-1", task=task, cases=cases, prompts=prompts, rows=rows, provenance=provenance
    )
    return Run(summary, cases, prompts, rows)


def _replaced(case: Case, question: str) -> Case:
    from dataclasses import replace

    return replace(case, question=question)


_OUTCOMES: dict[str, Outcome] = {"c": "correct", "w": "wrong", "?": "unparsed", "!": "error"}


def _row(prompt: str, case: Case, letter: str, text: str) -> Row | None:
    if letter == "-":
        return None
    outcome, key = _OUTCOMES[letter], f"{prompt} {case.id}"
    if outcome == "error":
        return Row(prompt, case.id, 0, key, None, None, text or "too long", is_cached=False)
    said = {"correct": case.expected, "wrong": _other(case), "unparsed": None}[outcome]
    response = Response(text or f"The answer is {said}.", "stop", 120, 8, 0.1)
    grade = Grade(outcome, said, contradicts=False, reason="" if said else "no choice")
    return Row(prompt, case.id, 0, key, response, grade, None, is_cached=False)


def _other(options: Case) -> str:
    return next(option for option in options.options if option != options.expected)


def rows_of(run: Run, prompt: str) -> Sequence[Row]:
    return [row for row in run.rows if row.prompt == prompt]
