"""What asking the same several times shows: is the model right by skill or by the luck of one draw?"""

from collections.abc import Sequence
from dataclasses import dataclass

from promptlathe.evaluation.answers import Row
from promptlathe.statistics.intervals import Interval, cluster_interval
from promptlathe.statistics.repeats import pass_hat_k, stability, usability
from promptlathe.tasks.case import Case


@dataclass(frozen=True, slots=True)
class RepeatSummary:
    """Over the cases that were answered every time. `accuracy` is of all their answers, its interval
    cluster-robust with the repeats of a case in its cluster; stability and usability are means (see
    `statistics.repeats`); `pass_hat_k` holds the chance that k repeats are all right, for k = 1, 2, …
    """

    repeats: int
    cases: int
    accuracy: float
    interval: Interval
    stability: float
    usability: float
    pass_hat_k: tuple[float, ...]


def summarise_repeats(cases: Sequence[Case], rows: Sequence[Row]) -> RepeatSummary | None:
    """`rows` are one subject's; None where nothing was asked twice, or nothing answered every time."""
    repeats = max((row.repeat for row in rows), default=0) + 1
    by_case: dict[str, list[Row]] = {}
    for row in rows:
        if row.error is None:
            by_case.setdefault(row.case_id, []).append(row)
    whole = [case for case in cases if len(by_case.get(case.id, ())) == repeats]
    if repeats == 1 or not whole:
        return None
    answers = [by_case[case.id] for case in whole]
    correct = [[row.is_correct for row in repeated] for repeated in answers]
    right = [is_right for repeated in correct for is_right in repeated]
    clusters = [case.cluster for case in whole for _ in range(repeats)]
    return RepeatSummary(
        repeats=repeats,
        cases=len(whole),
        accuracy=sum(right) / len(right),
        interval=cluster_interval(right, clusters),
        stability=sum(stability([_result(row) for row in repeated]) for repeated in answers) / len(answers),
        usability=usability([_is_usable(row) for repeated in answers for row in repeated]),
        pass_hat_k=tuple(pass_hat_k(correct, k) for k in range(1, repeats + 1)),
    )


def _result(row: Row) -> str | None:
    return row.grade.answer if row.grade else None


def _is_usable(row: Row) -> bool:
    """Read, and not cut off."""
    return row.outcome != "unparsed" and row.response is not None and row.response.finish_reason == "stop"
