import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, multinomial

from promptlathe.errors import InputError
from promptlathe.statistics.paired import compare_paired
from promptlathe.statistics.power import cases_needed, minimum_detectable_difference, paired_power

shares = st.floats(0.05, 0.95)


@pytest.mark.parametrize(("p_before", "p_after", "about"), [(0.5, 0.7, 100), (0.7, 0.8, 300)])
def test_the_cases_people_are_told_they_need(p_before, p_after, about):
    assert cases_needed(p_before, p_after) == pytest.approx(about, rel=0.05)


def power_by_enumeration(cases, fixed_chance, broken_chance, alpha):
    """Every table of so few cases, its probability and its exact McNemar p."""
    total = 0.0
    for fixed in range(cases + 1):
        for broken in range(min(fixed, cases - fixed + 1)):
            if binomtest(fixed, fixed + broken).pvalue <= alpha:
                table = [fixed, broken, cases - fixed - broken]
                total += multinomial.pmf(
                    table, cases, [fixed_chance, broken_chance, 1 - fixed_chance - broken_chance]
                )
    return total


@pytest.mark.parametrize("cases", [1, 5, 12, 40])
@pytest.mark.parametrize("alpha", [0.05, 0.0625, 0.2])
def test_power_is_the_sum_over_all_tables(cases, alpha):
    expected = power_by_enumeration(cases, 0.35, 0.15, alpha)
    assert paired_power(cases, 0.5, 0.7, alpha=alpha) == pytest.approx(expected, abs=1e-12)
    assert paired_power(cases, 0.7, 0.5, alpha=alpha) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("cases", "p_before", "p_after", "correlation"),
    [(100, 0.5, 0.7, 0.0), (300, 0.7, 0.8, 0.0), (120, 0.6, 0.7, 0.4), (60, 0.9, 0.6, -0.2)],
)
def test_power_is_within_two_points_of_simulation(cases, p_before, p_after, correlation):
    rng = np.random.default_rng(6)
    spread = np.sqrt(p_before * (1 - p_before) * p_after * (1 - p_after))
    both = p_before * p_after + correlation * spread
    chances = [p_after - both, p_before - both, 1 - p_before - p_after + 2 * both]
    tables, seen = np.unique(rng.multinomial(cases, chances, 5_000), axis=0, return_counts=True)
    found = 0
    for (fixed, broken, same), times in zip(tables.tolist(), seen.tolist(), strict=True):
        before = [False] * fixed + [True] * (broken + same)
        after = [True] * fixed + [False] * broken + [True] * same
        result = compare_paired(before, after)
        if result.p_value <= 0.05 and (result.difference > 0) == (p_after > p_before):
            found += times
    power = paired_power(cases, p_before, p_after, correlation=correlation)
    assert power == pytest.approx(found / 5_000, abs=0.02)


@given(shares, shares, st.integers(1, 2000))
def test_power_grows_with_agreement_and_is_a_mirror(p_before, p_after, cases):
    power = paired_power(cases, p_before, p_after)
    assert 0 <= power <= 1 + 1e-12
    assert paired_power(cases, p_after, p_before) == power
    assert paired_power(cases, 1 - p_before, 1 - p_after) == pytest.approx(power, abs=1e-9)


@pytest.mark.parametrize("correlation", [-0.3, 0.0, 0.4, 0.7])
def test_cases_needed_is_the_first_number_that_suffices(correlation):
    needed = cases_needed(0.6, 0.7, power=0.9, correlation=correlation)
    assert paired_power(needed, 0.6, 0.7, correlation=correlation) >= 0.9
    assert paired_power(needed - 1, 0.6, 0.7, correlation=correlation) < 0.9


def test_prompts_that_agree_more_need_fewer_cases():
    needed = [cases_needed(0.6, 0.7, correlation=correlation) for correlation in (0.0, 0.3, 0.6)]
    assert needed == sorted(needed, reverse=True)
    assert needed[0] > 1.5 * needed[2]


@pytest.mark.parametrize(
    ("p_before", "p_after", "asked", "most"),
    [
        # Everything right before stays right: both right = 0.5.
        (0.5, 0.6, 1.0, (0.5 - 0.3) / np.sqrt(0.06)),
        # No case is wrong in both: both right = 0.8 + 0.9 - 1.
        (0.8, 0.9, -1.0, (0.7 - 0.72) / np.sqrt(0.0144)),
    ],
)
def test_a_correlation_the_shares_do_not_allow_is_cut_to_the_nearest(p_before, p_after, asked, most):
    cut = paired_power(100, p_before, p_after, correlation=asked)
    assert cut == pytest.approx(paired_power(100, p_before, p_after, correlation=most), rel=1e-6)
    assert 0 < cut < 1


@given(st.integers(10, 3000), shares)
def test_minimum_detectable_difference_is_just_detected(cases, p_before):
    difference = minimum_detectable_difference(cases, p_before)
    if difference is None:
        assert paired_power(cases, p_before, 1.0) < 0.8
    else:
        assert paired_power(cases, p_before, p_before + difference) == pytest.approx(0.8, abs=1e-3)


def test_more_cases_detect_smaller_differences():
    found = [minimum_detectable_difference(cases, 0.5) for cases in (50, 100, 200, 400)]
    assert found == sorted(found, reverse=True)
    assert found[1] == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize(("cases", "p_before"), [(5, 0.5), (1000, 0.999), (100, 1.0)])
def test_none_where_even_perfection_would_not_show(cases, p_before):
    assert minimum_detectable_difference(cases, p_before) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cases_needed(0.5, 0.5), "no number of cases shows a difference between 0.5 and 0.5"),
        (lambda: cases_needed(0.5, 0.5001), "needs more than 1,000,000 cases"),
        (lambda: cases_needed(0.5, 70), "p_after is a share between 0 and 1, got 70"),
        (lambda: cases_needed(0.5, 0.7, power=80), "power must lie between 0 and 1, got 80"),
        (lambda: minimum_detectable_difference(9, 0.5, power=0.05), "power must exceed alpha"),
        (lambda: paired_power(0, 0.5, 0.7), "cases must be at least 1, got 0"),
        (lambda: paired_power(9, 0.5, 0.7, correlation=2), "correlation must lie between -1 and 1, got 2"),
    ],
)
def test_impossible_questions_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
