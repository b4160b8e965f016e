"""What `lathe runs cases` and the report's filters have to find, spelled out in Python over the rows."""

from collections.abc import Callable, Collection, Mapping, Sequence

from promptlathe.evaluation.answers import Row, Subject
from promptlathe.evaluation.listing import Kind, ListedCase, baselines
from promptlathe.tasks.case import Case


def pick_cases(
    cases: Sequence[Case],
    answers: Mapping[Subject, Sequence[Row]],
    kinds: Collection[Kind],
    chosen: Collection[Subject],
) -> list[ListedCase]:
    """The cases, in the task's order, that are of one of `kinds` (of none: all) in an answer of `chosen`.

    flips: right where its `baseline` was not, or the reverse, which is shown then as well; different: answers
    that are not all the same; both look at first repeats, the others at all. Errors are no answers, and flip
    from and to nothing.
    """
    by_case: dict[str, list[Row]] = {}
    for rows in answers.values():
        for row in sorted(rows, key=lambda row: row.repeat):
            by_case.setdefault(row.case_id, []).append(row)
    subjects = list(answers)
    before = baselines(chosen, subjects)
    shown = {*chosen, *before.values()} if "flips" in kinds else set(chosen)

    def is_of(kind: Kind, rows: Sequence[Row]) -> bool:
        if kind == "flips":
            return _has_flipped(rows, before)
        return _TESTS[kind]([row for row in rows if row.subject in chosen])

    found = [(case, by_case.get(case.id, [])) for case in cases]
    return [
        ListedCase(case, tuple(row for row in rows if row.subject in shown))
        for case, rows in found
        if not kinds or any(is_of(kind, rows) for kind in kinds)
    ]


def _has_flipped(rows: Sequence[Row], baselines: Mapping[Subject, Subject]) -> bool:
    is_right = {row.subject: row.is_correct for row in rows if row.repeat == 0 and row.error is None}
    return any(
        after in is_right and before in is_right and is_right[after] != is_right[before]
        for after, before in baselines.items()
    )


def _has(outcome: str) -> Callable[[Sequence[Row]], bool]:
    return lambda rows: any(row.outcome == outcome for row in rows)


def _is_different(rows: Sequence[Row]) -> bool:
    return len({row.grade.answer for row in rows if row.grade and row.repeat == 0}) > 1


_TESTS: Mapping[Kind, Callable[[Sequence[Row]], bool]] = {
    "different": _is_different,
    "unparsed": _has("unparsed"),
    "wrong": _has("wrong"),
    "errors": _has("error"),
}
