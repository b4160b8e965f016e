"""Evidence against a direct computation, case by case, in plain Python."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlathe.evaluation.answers import Response, Row
from promptlathe.optimization.evidence import PRIOR_SD, weigh
from promptlathe.statistics.anytime import log_e_value
from promptlathe.tasks.case import Case
from promptlathe.tasks.grading import Grade

Answered = list[tuple[int, str, str]]
"""Of each case: cluster, and how each prompt answered: `+`, `-`, `!` (failed) or `.` (not asked)."""


def a_case(number: int, cluster: int) -> Case:
    return Case(f"case {number}", {}, "?", "yes", "all", f"cluster {cluster}", "select", "en")


def rows(cases: list[Case], letters: list[str]) -> dict[str, Row]:
    found = {}
    for case, letter in zip(cases, letters, strict=True):
        if letter == ".":
            continue
        response = None if letter == "!" else Response("yes", "stop", 5, 1, 0.1)
        grade = Grade("correct" if letter == "+" else "wrong", "", contradicts=False) if response else None
        error = None if response else "broken"
        found[case.id] = Row("p", "m", case.id, 0, case.id, response, grade, error, is_cached=False)
    return found


def weighed(answered: Answered):
    cases = [a_case(number, cluster) for number, (cluster, _, _) in enumerate(answered)]
    before, after = (rows(cases, [line[side] for line in answered]) for side in (1, 2))
    return weigh(cases, before, after)


letters = st.sampled_from("+-!.")


@given(st.lists(st.tuples(st.integers(0, 8), letters, letters), max_size=60))
def test_it_is_the_direct_computation(answered: Answered) -> None:
    both = [(cluster, was, now) for cluster, was, now in answered if was in "+-" and now in "+-"]
    evidence = weighed(answered)
    assert evidence.cases == len(both)
    if not both:
        assert (evidence.mean, evidence.sd, evidence.log_e_value) == (0.0, PRIOR_SD, 0.0)
        return
    changes: dict[int, list[int]] = {}
    for cluster, was, now in both:
        changes.setdefault(cluster, []).append((now == "+") - (was == "+"))
    difference = sum(map(sum, changes.values())) / len(both)
    spread = sum((sum(group) - difference * len(group)) ** 2 for group in changes.values())
    variance = (spread + 2 * max(map(len, changes.values())) ** 2) / len(both) ** 2
    precision = 1 / PRIOR_SD**2 + 1 / variance
    assert evidence.clusters == len(changes)
    assert evidence.share_before == pytest.approx(sum(was == "+" for _, was, _ in both) / len(both))
    assert evidence.difference == pytest.approx(difference)
    assert evidence.mean == pytest.approx(difference / variance / precision)
    assert evidence.sd == pytest.approx(math.sqrt(1 / precision))
    better = sum(sum(group) > 0 for group in changes.values())
    worse = sum(sum(group) < 0 for group in changes.values())
    assert (evidence.fixed, evidence.broken) == (better, worse)
    assert evidence.log_e_value == pytest.approx(log_e_value(better, worse))
    assert evidence.upper(1.5) == pytest.approx(evidence.mean + 1.5 * evidence.sd)


@pytest.mark.parametrize(
    ("answered", "fixed", "broken"),
    [
        pytest.param([(0, "-", "+"), (1, "-", "+"), (2, "+", "-")], 2, 1, id="each case a cluster"),
        pytest.param([(0, "-", "+"), (0, "-", "+")], 1, 0, id="a pair counts once"),
        pytest.param([(0, "-", "+"), (0, "+", "-")], 0, 0, id="a pair that cancels out"),
        pytest.param([(0, "-", "!"), (1, ".", "+"), (2, "-", "+")], 1, 0, id="failed or missing"),
    ],
)
def test_flips_are_counted_by_cluster(answered: Answered, fixed: int, broken: int) -> None:
    evidence = weighed(answered)
    assert (evidence.fixed, evidence.broken) == (fixed, broken)


def test_ten_equal_answers_are_no_certainty_and_a_hundred_are_more() -> None:
    few, many = weighed([(n, "+", "+") for n in range(10)]), weighed([(n, "+", "+") for n in range(100)])
    assert few.mean == many.mean == 0
    assert PRIOR_SD > few.sd > 0.05 > 0.02 > many.sd > 0
