"""What is let through: shares by the lower end of their interval, regressions by paired test and margin."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from promptlathe.evaluation.summary import RunSummary, adjusted, compare
from promptlathe.evaluation.thresholds import below, regressions
from promptlathe.tasks.task import get_task
from tests.evaluation.test_diagnosis import row

CASES = get_task("decimal-comparison").cases("select", 200)


@pytest.mark.parametrize(
    ("letters", "least", "names"),
    [
        ({"a": "cccccccw"}, 0.8, []),
        ({"a": "cccccccw"}, 0.85, ["a"]),
        ({"a": "c"}, 0.95, []),
        ({"a": "c"}, 1.0, ["a"]),
        ({"a": "c", "b": "cw", "c": "w"}, 0.6, ["b", "c"]),
        ({"a": "-"}, 0.1, ["a"]),
        ({"a": "w"}, 0.0, []),
    ],
)
def test_below(
    make_run: Callable[..., object], letters: dict[str, str], least: float, names: list[str]
) -> None:
    summary: RunSummary = make_run(letters, count=200).summary
    assert [made.name for made in below(summary, least)] == names


def answers(wrong: Iterable[int]) -> dict[str, object]:
    missed = set(wrong)
    return {
        case.id: row(case, "1.5" if index in missed else case.expected) for index, case in enumerate(CASES)
    }


@pytest.mark.parametrize(
    ("wrong", "margin", "is_let_through"),
    [
        # The baseline is wrong on the first 40 cases, which are 20 pairs.
        (range(40), None, True),
        (range(44), None, True),
        (range(50), None, True),
        (range(56), None, False),
        (range(40, 80), None, True),
        (range(0), None, True),
        # Not shown to be worse is not shown to be worse by no more than the margin.
        (range(44), 0.01, False),
        (range(44), 0.1, True),
        (range(40), 0.05, True),
        (range(40), 0.01, False),
        # Clearly worse, but by no more than was granted.
        (range(80), 0.3, True),
        (range(0), 0.0, True),
    ],
)
def test_regressions(wrong: range, margin: float | None, is_let_through: bool) -> None:
    made = adjusted([compare("before", "after", CASES, answers(range(40)), answers(wrong))])
    assert (not regressions(made, margin)) is is_let_through


def test_without_a_margin_many_comparisons_are_held_to_more() -> None:
    """Worse on 6 pairs and better on none is p = 0.031 alone, and 0.31 as one of ten."""
    worse = compare("before", "after", CASES, answers(()), answers(range(12)))
    same = [compare("before", f"same-{n}", CASES, answers(()), answers(())) for n in range(9)]
    assert len(regressions(adjusted([worse]), None)) == 1
    assert regressions(adjusted([worse, *same]), None) == ()
    assert len(regressions(adjusted([worse, *same]), 0.01)) == 10


def test_a_gain_is_no_regression() -> None:
    made = compare("before", "after", CASES, answers(range(80)), answers(()))
    assert made is not None
    assert regressions([replace(made, adjusted_p=0.0)], None) == ()
