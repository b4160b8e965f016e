"""Means by cluster, against statsmodels."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from promptlathe.errors import InputError
from promptlathe.statistics.means import cluster_mean

NUMBERS = st.floats(-20, 20).map(lambda number: round(number, 3))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(NUMBERS, st.sampled_from("abcdefgh")), min_size=3, max_size=40))
def test_like_a_regression_with_clustered_errors(rows: list[tuple[float, str]]) -> None:
    values, clusters = [value for value, _ in rows], [name for _, name in rows]
    codes = np.unique(clusters, return_inverse=True)[1]
    if (
        len(set(clusters)) < 2
        or np.std(np.bincount(codes, weights=np.array(values) - np.mean(values))) < 1e-6
    ):
        return
    fit = sm.OLS(values, np.ones(len(values))).fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)
    made = cluster_mean(values, clusters)
    assert made.mean == pytest.approx(fit.params[0], abs=1e-9)
    assert (made.interval.low, made.interval.high) == pytest.approx(
        tuple(fit.conf_int()[0]), rel=1e-6, abs=1e-9
    )
    assert made.p_value == pytest.approx(fit.pvalues[0], rel=1e-6, abs=1e-12)


def test_without_clusters_it_is_the_t_test() -> None:
    values = [0.3, -1.2, 2.2, 0.9, 1.4]
    made, peer = cluster_mean(values, list("abcde"), level=0.9), ttest_1samp(values, 0)
    interval = peer.confidence_interval(0.9)
    assert (made.interval.low, made.interval.high) == pytest.approx((interval.low, interval.high))
    assert (made.p_value, made.cases) == (pytest.approx(peer.pvalue), 5)


def test_a_case_told_twice_is_no_more_evidence() -> None:
    once = cluster_mean([1.0, 2.0, 4.0], list("abc"))
    twice = cluster_mean([1.0, 1.0, 2.0, 2.0, 4.0, 4.0], list("aabbcc"))
    assert twice.interval.low == pytest.approx(once.interval.low)
    assert twice.p_value == pytest.approx(once.p_value)


@pytest.mark.parametrize(("value", "p_value"), [(2.0, 0.0), (0.0, 1.0)])
def test_where_nothing_varies(value: float, p_value: float) -> None:
    made = cluster_mean([value] * 3, list("abc"))
    assert (made.interval.low, made.interval.high, made.p_value) == (value, value, p_value)


@pytest.mark.parametrize("clusters", [[], ["a"], ["a", "a"], ["a", "b", "c"]])
def test_too_little_is_refused(clusters: list[str]) -> None:
    with pytest.raises(InputError):
        cluster_mean([1.0] * min(len(clusters), 2), clusters)
