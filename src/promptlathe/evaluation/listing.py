"""Listing cases of a run with what became of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from promptlathe.evaluation.answers import Row, Subject
from promptlathe.evaluation.summary import baseline
from promptlathe.tasks.case import Case

Kind = Literal["flips", "different", "unparsed", "wrong", "errors"]
"""What a case is in some results of a run. flips: right where the result's `baseline` was not, or the reverse;
different: answers that are not all the same; both look at first repeats, the others at all. Errors are no
answers, and flip from and to nothing."""


@dataclass(frozen=True, slots=True)
class ListedCase:
    """One case and its answers: by subject in the order of the run, of each its repeats in order."""

    case: Case
    rows: tuple[Row, ...]


def list_cases(cases: Sequence[Case], rows: Iterable[Row], subjects: Sequence[Subject]) -> list[ListedCase]:
    """The cases, each with the answers of `subjects` to it, which are in the order of the run."""
    order = {subject: place for place, subject in enumerate(subjects)}
    by_case: dict[str, list[Row]] = {case.id: [] for case in cases}
    for row in rows:
        if row.subject in order and row.case_id in by_case:
            by_case[row.case_id].append(row)
    return [
        ListedCase(case, tuple(sorted(by_case[case.id], key=lambda row: (order[row.subject], row.repeat))))
        for case in cases
    ]


def baselines(chosen: Iterable[Subject], subjects: Sequence[Subject]) -> dict[Subject, Subject]:
    """What each of `chosen` is compared with in a run of `subjects`; the very first with nothing."""
    return {subject: before for subject in chosen if (before := baseline(subject, subjects))}
