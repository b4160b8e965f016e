import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import multinomial, norm
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from promptlathe.errors import InputError
from promptlathe.statistics.intervals import Interval, wilson
from promptlathe.statistics.paired import Flips, compare_paired, flips, holm, net_flips


def rows(fixed, broken, both_right, both_wrong):
    before = [False] * fixed + [True] * broken + [True] * both_right + [False] * both_wrong
    after = [True] * fixed + [False] * broken + [True] * both_right + [False] * both_wrong
    return before, after


@pytest.mark.parametrize(
    "table", [(16, 6, 59, 80), (7, 1, 1, 12), (0, 0, 5, 5), (5, 0, 0, 0), (3, 3, 0, 1), (180, 120, 50, 50)]
)
def test_p_is_exact_mcnemar_as_in_statsmodels(table):
    fixed, broken, both_right, both_wrong = table
    result = compare_paired(*rows(*table))
    expected = mcnemar([[both_right, broken], [fixed, both_wrong]], exact=True).pvalue
    assert result.p_value == pytest.approx(min(1.0, expected) if fixed + broken else 1.0)
    assert (result.cases, result.fixed, result.broken) == (sum(table), fixed, broken)
    assert result.difference == pytest.approx((fixed - broken) / sum(table))


def test_interval_is_tangos_as_published():
    """Airway hyper-responsiveness (Bentur 2009) in Fagerland, Lydersen and Laake 2014: -0.517 to -0.026."""
    interval = compare_paired(*rows(1, 7, 1, 12)).interval
    assert (interval.low, interval.high) == pytest.approx((-0.517, -0.026), abs=5e-4)


def score_by_search(fixed, broken, cases, difference):
    """Tango's statistic from its definition: the likelihood maximised numerically under the difference."""
    same = cases - fixed - broken

    def minus_log_likelihood(lost):
        chances = np.array([lost + difference, lost, 1 - 2 * lost - difference])
        counts = np.array([fixed, broken, same])
        return -float(np.sum(counts * np.log(np.maximum(chances, 1e-300))))

    bounds = (max(0.0, -difference), (1 - difference) / 2)
    lost = minimize_scalar(minus_log_likelihood, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
    deviation = np.sqrt(cases * (2 * lost + difference - difference**2))
    return (fixed - broken - cases * difference) / deviation


@pytest.mark.parametrize(
    ("fixed", "broken", "cases"),
    [(16, 6, 161), (3, 9, 20), (0, 0, 30), (8, 0, 30), (0, 12, 15), (40, 60, 100)],
)
def test_interval_ends_where_the_score_test_rejects(fixed, broken, cases):
    interval = compare_paired(*rows(fixed, broken, cases - fixed - broken, 0), level=0.9).interval
    critical = norm.ppf(0.95)
    assert score_by_search(fixed, broken, cases, interval.low) == pytest.approx(critical, abs=1e-3)
    assert score_by_search(fixed, broken, cases, interval.high) == pytest.approx(-critical, abs=1e-3)


@pytest.mark.parametrize("cases", [20, 40])
def test_interval_covers_what_it_promises(cases):
    """Exact coverage by summing over all tables."""
    tables = [(f, b) for f, b in itertools.product(range(cases + 1), repeat=2) if f + b <= cases]
    intervals = {(f, b): compare_paired(*rows(f, b, cases - f - b, 0)).interval for f, b in tables}
    counts = np.array([(f, b, cases - f - b) for f, b in tables])
    coverages = []
    for win, lose in [(0.05, 0.05), (0.3, 0.1), (0.35, 0.15), (0.25, 0.25), (0.6, 0.1), (0.1, 0.02)]:
        weights = multinomial.pmf(counts, cases, [win, lose, 1 - win - lose])
        is_hit = np.array([win - lose in intervals[table] for table in tables])
        coverages.append(float(weights[is_hit].sum()))
    assert min(coverages) > 0.925
    assert np.mean(coverages) == pytest.approx(0.955, abs=0.02)


@given(*[st.integers(0, 60)] * 4)
def test_swapping_the_prompts_mirrors_the_result(fixed, broken, both_right, both_wrong):
    before, after = rows(fixed, broken, both_right, both_wrong)
    if not before:
        return
    forth, back = compare_paired(before, after), compare_paired(after, before)
    assert (forth.fixed, forth.broken) == (back.broken, back.fixed)
    assert forth.p_value == back.p_value
    assert (forth.interval.low, forth.interval.high) == (-back.interval.high, -back.interval.low)
    assert -1 <= forth.interval.low <= forth.difference <= forth.interval.high <= 1
    if forth.p_value <= 0.05:
        assert 0 not in forth.interval


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 40))
def test_one_more_fixed_case_never_lowers_the_interval(fixed, broken, same):
    lesser = compare_paired(*rows(fixed, broken, 0, same)).interval
    greater = compare_paired(*rows(fixed + 1, broken, 0, same - 1)).interval
    assert greater.low >= lesser.low - 1e-9
    assert greater.high >= lesser.high - 1e-9


def sign_flip_by_enumeration(before, after, clusters):
    sums = {}
    for was_right, is_right, name in zip(before, after, clusters, strict=True):
        sums[name] = sums.get(name, 0) + is_right - was_right
    seen = abs(sum(sums.values()))
    totals = [
        abs(sum(sign * value for sign, value in zip(signs, sums.values(), strict=True)))
        for signs in itertools.product((1, -1), repeat=len(sums))
    ]
    return sum(total >= seen for total in totals) / len(totals)


clustered_rows = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.sampled_from("abcdefg")), min_size=1, max_size=40
)


@given(clustered_rows)
def test_clustered_p_is_the_share_of_all_ways_to_swap_clusters(cases):
    before, after, clusters = zip(*cases, strict=True)
    result = compare_paired(before, after, clusters=clusters)
    assert result.p_value == pytest.approx(sign_flip_by_enumeration(before, after, clusters))


@given(clustered_rows)
def test_clustered_comparison_is_a_mirror_within_bounds(cases):
    before, after, clusters = zip(*cases, strict=True)
    forth = compare_paired(before, after, clusters=clusters)
    back = compare_paired(after, before, clusters=clusters)
    assert forth.p_value == back.p_value
    assert forth.interval == Interval(-back.interval.high, -back.interval.low, 0.95)
    assert -1 <= forth.interval.low <= forth.difference <= forth.interval.high <= 1
    assert (forth.fixed, forth.broken) == (
        sum(is_right > was_right for was_right, is_right, _ in cases),
        sum(is_right < was_right for was_right, is_right, _ in cases),
    )


@given(st.integers(0, 300), st.integers(0, 300))
def test_one_case_per_cluster_is_the_unclustered_comparison(fixed, broken):
    before, after = rows(fixed, broken, 3, 4)
    names = [str(number) for number in range(len(before))]
    assert compare_paired(before, after, clusters=names) == compare_paired(before, after)


def test_both_orders_of_one_pair_are_not_counted_twice():
    """Six pairs fixed in both orders are six fixes, not twelve."""
    before, after = rows(12, 0, 0, 60)
    pairs = [str(number // 2) for number in range(72)]
    clustered, naive = compare_paired(before, after, clusters=pairs), compare_paired(before, after)
    assert clustered.p_value == pytest.approx(2 / 2**6)
    assert naive.p_value == pytest.approx(2 / 2**12)
    assert clustered.interval.low < naive.interval.low
    assert clustered.interval.high > naive.interval.high
    assert net_flips(before, after, pairs) == (6, 0)


def test_many_clusters_stay_exact_and_quick():
    rng = np.random.default_rng(3)
    change = rng.choice([0, 1, -1], 20_000, p=[0.6, 0.21, 0.19]).tolist()
    before, after = [value < 0 for value in change], [value > 0 for value in change]
    result = compare_paired(before, after, clusters=[str(number // 2) for number in range(20_000)])
    sums = np.add.reduceat(np.array(change), np.arange(0, 20_000, 2))
    normal = 2 * norm.sf(abs(sums.sum()) / np.sqrt(np.sum(sums**2)))
    assert result.p_value == pytest.approx(normal, rel=0.1)


def test_one_cluster_shows_nothing():
    result = compare_paired([False] * 9, [True] * 9, clusters=["a"] * 9)
    assert (result.p_value, result.interval) == (1.0, Interval(-1.0, 1.0, 0.95))


def clustered_coverage_and_alarms(draw_clustered, *, chances, correlation, clusters, runs):
    rng = np.random.default_rng(11)
    truth = chances[0] - chances[1]
    hits = alarms = 0
    for _ in range(runs):
        change, names = draw_clustered(rng, clusters, chances, correlation)
        result = compare_paired((change == 1).tolist(), (change == 0).tolist(), clusters=names)
        hits += truth in result.interval
        alarms += result.p_value <= 0.05
    return hits / runs, alarms / runs


def test_clustered_interval_covers_and_p_keeps_its_level(draw_clustered):
    coverage, alarms = clustered_coverage_and_alarms(
        draw_clustered, chances=(0.2, 0.2, 0.6), correlation=0.5, clusters=40, runs=500
    )
    assert coverage > 0.925
    assert alarms < 0.07


@pytest.mark.slow
@pytest.mark.parametrize("chances", [(0.02, 0.02, 0.96), (0.2, 0.2, 0.6), (0.3, 0.1, 0.6), (0.5, 0.02, 0.48)])
@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("clusters", [10, 30, 100])
def test_clustered_interval_covers_everywhere(draw_clustered, chances, correlation, clusters):
    coverage, alarms = clustered_coverage_and_alarms(
        draw_clustered, chances=chances, correlation=correlation, clusters=clusters, runs=2000
    )
    assert coverage > 0.93
    if chances[0] == chances[1]:
        assert alarms < 0.06


@settings(max_examples=30)  # statsmodels takes its time
@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_agrees_with_statsmodels(p_values):
    adjusted = holm(p_values)
    if p_values:
        assert adjusted == pytest.approx(multipletests(p_values, method="holm")[1])
    assert all(after >= before for before, after in zip(p_values, adjusted, strict=True))


def test_flips_lists_what_changed_in_order():
    result = flips(["a", "b", "c", "d", "e"], [0, 1, 1, 0, 0], [1, 0, 1, 0, 1])
    assert result == Flips(fixed=("a", "e"), broken=("b",))


def test_net_flips_counts_a_cluster_once_and_a_draw_not_at_all():
    before = [0, 0, 1, 0, 1, 1]
    after = [1, 1, 0, 1, 0, 1]
    assert net_flips(before, after, ["a", "a", "b", "b", "c", "c"]) == (1, 1)
    assert net_flips(before, after) == (3, 2)


@pytest.mark.parametrize(
    ("before", "after", "clusters", "message"),
    [
        ([True], [True, False], None, "before has 1, after has 2"),
        ([True], [True], ["a", "b"], "clusters has 2"),
        ([], [], None, "there are no cases"),
    ],
)
def test_rows_that_do_not_fit_are_refused(before, after, clusters, message):
    with pytest.raises(InputError, match=message):
        compare_paired(before, after, clusters=clusters)


def test_no_flips_leave_the_width_of_wilson_at_zero():
    """With no flips Tango's interval is Wilson's upper bound for "none of n", both ways."""
    interval = compare_paired(*rows(0, 0, 25, 25)).interval
    assert interval.high == pytest.approx(wilson(0, 50).high)
    assert interval.low == -interval.high


@pytest.mark.parametrize(("lose", "margin"), [(0.15, 0.05), (0.15, 0.1), (0.3, 0.1), (0.1, 0.1)])
def test_a_loss_as_large_as_the_margin_is_seldom_called_smaller(lose, margin):
    """The error of a non-inferiority test that trusts the interval's lower end: exact, over all tables of 60
    cases. It is meant to be 2.5 %."""
    cases, error = 60, 0.0
    for fixed, broken in itertools.product(range(cases + 1), repeat=2):
        same = cases - fixed - broken
        chance = multinomial.pmf([fixed, broken, same], cases, [lose - margin, lose, 1 - 2 * lose + margin])
        if same >= 0 and chance > 1e-7:
            error += chance * (compare_paired(*rows(fixed, broken, same, 0)).interval.low >= -margin)
    assert 0.003 < error < 0.035
