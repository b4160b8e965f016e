import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from promptlathe.errors import InputError
from promptlathe.statistics.intervals import Interval, cluster_interval, difference_of_independent, wilson


@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (0, 50), (50, 50), (7, 23), (480, 1000)])
def test_wilson_agrees_with_statsmodels(successes, n, level):
    low, high = proportion_confint(successes, n, alpha=1 - level, method="wilson")
    interval = wilson(successes, n, level)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-12)
    assert interval.level == level


def test_wilson_of_nothing_says_nothing():
    assert wilson(0, 0) == Interval(0.0, 1.0, 0.95)


@pytest.mark.parametrize(
    ("successes", "n", "level", "message"),
    [
        (3, 2, 0.95, "3 right of 2 cannot be"),
        (-1, 2, 0.95, "-1 right of 2 cannot be"),
        (1, 2, 1.0, "level must lie between 0 and 1, got 1.0"),
        (1, 2, 95, "level must lie between 0 and 1, got 95"),
    ],
)
def test_impossible_counts_and_levels_are_refused(successes, n, level, message):
    with pytest.raises(InputError, match=message):
        wilson(successes, n, level)


@pytest.mark.parametrize("n", [20, 100, 400])
def test_wilson_covers_on_average_what_it_promises(n):
    """Exact coverage, averaged over true shares from 2 % to 98 %, and never far below the level."""
    intervals = [wilson(successes, n) for successes in range(n + 1)]
    shares = np.linspace(0.02, 0.98, 97)
    coverage = [
        sum(binom.pmf(k, n, share) for k, interval in enumerate(intervals) if share in interval)
        for share in shares
    ]
    assert np.mean(coverage) == pytest.approx(0.95, abs=0.01)
    assert min(coverage) > 0.83


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_a_mirror_and_holds_its_estimate(counts):
    successes, n = counts
    interval, mirrored = wilson(successes, n), wilson(n - successes, n)
    assert 0 <= interval.low <= successes / n <= interval.high <= 1
    assert interval.low == pytest.approx(1 - mirrored.high, abs=1e-12)
    assert wilson(successes, n, 0.8).high <= interval.high


answers = st.lists(st.tuples(st.booleans(), st.sampled_from("abcdefgh")), min_size=1, max_size=60)


@given(answers)
def test_cluster_interval_holds_its_estimate_and_ignores_the_order_of_cases(rows):
    correct, clusters = zip(*rows, strict=True)
    interval = cluster_interval(correct, clusters)
    assert 0 <= interval.low <= sum(correct) / len(correct) <= interval.high <= 1
    assert cluster_interval(correct[::-1], clusters[::-1]) == interval
    mirrored = cluster_interval([not is_right for is_right in correct], clusters)
    assert interval.low == pytest.approx(1 - mirrored.high, abs=1e-12)


@given(answers)
def test_clusters_never_make_an_interval_narrower_than_wilson(rows):
    correct, clusters = zip(*rows, strict=True)
    clustered, independent = cluster_interval(correct, clusters), wilson(sum(correct), len(correct))
    assert clustered.high - clustered.low >= independent.high - independent.low - 1e-12


@pytest.mark.parametrize("clusters", [None, ["a", "b", "c", "d"]])
def test_one_case_per_cluster_is_wilson(clusters):
    assert cluster_interval([True, True, False, True], clusters) == wilson(3, 4)


def test_cases_that_always_agree_count_once():
    """Each case given three times is no more evidence, except that t replaces the normal quantile."""
    once = [True] * 30 + [False] * 20
    names = [str(number) for number in range(50)]
    tripled = cluster_interval(once * 3, names * 3)
    assert tripled.high - tripled.low == pytest.approx(wilson(30, 50).high - wilson(30, 50).low, rel=0.05)


@pytest.mark.parametrize("is_right", [True, False])
def test_all_alike_counts_clusters_not_cases(is_right):
    interval = cluster_interval([is_right] * 40, [str(number // 4) for number in range(40)])
    ten = wilson(10 * is_right, 10)
    assert interval.high - interval.low > ten.high - ten.low


def test_orders_that_cancel_out_keep_the_width_of_independent_cases():
    interval = cluster_interval([True, False] * 50, [str(number // 2) for number in range(100)])
    assert (interval.low, interval.high) == pytest.approx(
        (wilson(50, 100).low, wilson(50, 100).high), abs=5e-3
    )


def test_one_cluster_says_nothing():
    assert cluster_interval([True, True, True], ["a", "a", "a"]) == Interval(0.0, 1.0, 0.95)


@pytest.mark.parametrize(
    ("correct", "clusters", "message"),
    [
        ([True], ["a", "b"], "correct has 1, clusters has 2"),
        ([], [], "there are no cases"),
        ([], None, "there are no cases"),
    ],
)
def test_rows_that_do_not_fit_are_refused(correct, clusters, message):
    with pytest.raises(InputError, match=message):
        cluster_interval(correct, clusters)


def coverage_of_clusters(draw_clustered, *, share, correlation, clusters, runs):
    rng = np.random.default_rng(20)
    hits = 0
    for _ in range(runs):
        wrong, names = draw_clustered(rng, clusters, (share, 1 - share), correlation)
        hits += share in cluster_interval((wrong == 0).tolist(), names)
    return hits / runs


@pytest.mark.parametrize(
    ("share", "correlation", "clusters"), [(0.5, 1.0, 20), (0.9, 0.5, 60), (0.97, 0.0, 10), (0.3, 0.5, 100)]
)
def test_cluster_interval_covers(draw_clustered, share, correlation, clusters):
    coverage = coverage_of_clusters(
        draw_clustered, share=share, correlation=correlation, clusters=clusters, runs=600
    )
    assert coverage > 0.92


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.03, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("clusters", [5, 10, 30, 100])
def test_cluster_interval_covers_everywhere(draw_clustered, share, correlation, clusters):
    coverage = coverage_of_clusters(
        draw_clustered, share=share, correlation=correlation, clusters=clusters, runs=3000
    )
    # Few clusters with a share near the end are the hard case for any such interval.
    assert coverage > (0.90 if share == 0.03 else 0.92)


@pytest.mark.parametrize("counts", [(60, 100, 40, 100), (9, 10, 3, 10), (56, 70, 48, 80), (10, 10, 0, 20)])
def test_difference_of_independent_shares_agrees_with_statsmodels(counts):
    right, n, other_right, other_n = counts
    interval = difference_of_independent(
        right / n, wilson(right, n), other_right / other_n, wilson(other_right, other_n)
    )
    expected = confint_proportions_2indep(*counts, method="newcomb", compare="diff")
    assert (interval.low, interval.high) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("n", "other_n"), [(20, 20), (30, 60), (80, 40)])
def test_difference_of_independent_shares_covers_on_average_what_it_promises(n, other_n):
    """Exact coverage: every pair of counts, with its probability, over a grid of true shares."""
    own, other = ([wilson(count, size) for count in range(size + 1)] for size in (n, other_n))
    low, high = np.empty((n + 1, other_n + 1)), np.empty((n + 1, other_n + 1))
    for i, interval in enumerate(own):
        for j, other_interval in enumerate(other):
            made = difference_of_independent(i / n, interval, j / other_n, other_interval)
            low[i, j], high[i, j] = made.low, made.high
    coverage = [
        np.sum(
            np.outer(binom.pmf(np.arange(n + 1), n, share), binom.pmf(np.arange(other_n + 1), other_n, base))
            * ((low <= share - base) & (share - base <= high))
        )
        for share in np.linspace(0.05, 0.95, 19)
        for base in np.linspace(0.05, 0.95, 19)
    ]
    assert np.mean(coverage) == pytest.approx(0.95, abs=0.012)
    assert min(coverage) > 0.88
