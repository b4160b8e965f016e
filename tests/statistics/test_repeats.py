import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlathe.errors import InputError
from promptlathe.statistics.intervals import difference_of_independent, wilson
from promptlathe.statistics.repeats import expected_optimism, optimism, pass_hat_k, stability, usability


@pytest.mark.parametrize(
    ("results", "share"),
    [
        (["13.8"], 1.0),
        (["13.8", "13.11", "13.8", None], 0.5),
        ([None, None, "3"], 2 / 3),
        ([1, 2, 3, 4], 0.25),
    ],
)
def test_stability_is_the_share_of_the_most_frequent_result(results, share):
    assert stability(results) == share


def test_usability_is_the_share_of_usable_results():
    assert usability([True, True, False, True]) == 0.75


@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=7), min_size=1, max_size=5), st.integers(1, 7))
def test_pass_hat_k_is_the_share_of_all_choices_of_k_repeats_that_are_all_right(correct, k):
    if min(map(len, correct)) < k:
        with pytest.raises(InputError, match=rf"pass\^{k} needs {k} repeats of every case"):
            pass_hat_k(correct, k)
        return
    shares = [np.mean([all(chosen) for chosen in itertools.combinations(repeats, k)]) for repeats in correct]
    assert pass_hat_k(correct, k) == pytest.approx(np.mean(shares))


def test_pass_hat_k_is_unbiased():
    rng = np.random.default_rng(8)
    chances = rng.random(400)
    estimates = [pass_hat_k((rng.random((400, 6)) < chances[:, None]).tolist(), 3) for _ in range(60)]
    assert np.mean(estimates) == pytest.approx(np.mean(chances**3), abs=0.005)


def test_optimism_is_select_minus_sealed_with_its_interval():
    result = optimism([True] * 56 + [False] * 14, [True] * 48 + [False] * 32)
    assert (result.select, result.sealed) == (0.8, 0.6)
    assert result.difference == pytest.approx(0.2)
    assert result.interval == difference_of_independent(0.8, wilson(56, 70), 0.6, wilson(48, 80))


@pytest.mark.parametrize("side", ["select_clusters", "sealed_clusters"])
def test_optimism_respects_clusters_on_either_side(side):
    select, sealed = [True] * 60 + [False] * 20, [True] * 50 + [False] * 30
    pairs = [str(number // 2) for number in range(80)]
    clustered, independent = optimism(select, sealed, **{side: pairs}), optimism(select, sealed)
    assert clustered.interval.low < independent.interval.low
    assert clustered.interval.high > independent.interval.high


@pytest.mark.parametrize(("candidates", "cases", "share"), [(20, 100, 0.5), (5, 40, 0.8), (1, 30, 0.3)])
def test_expected_optimism_is_the_mean_lead_of_the_best_of_equals(candidates, cases, share):
    rng = np.random.default_rng(12)
    best = rng.binomial(cases, share, (20_000, candidates)).max(axis=1) / cases
    assert expected_optimism(candidates, cases, share) == pytest.approx(best.mean() - share, abs=0.002)


def test_the_best_of_twenty_equal_prompts_looks_nine_points_better():
    assert expected_optimism(20, 100, 0.5) == pytest.approx(0.09, abs=0.005)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stability([]), "there are no cases"),
        (lambda: usability([]), "there are no cases"),
        (lambda: pass_hat_k([[True]], 0), "k must be at least 1"),
        (lambda: expected_optimism(0, 10, 0.5), "candidates must be at least 1"),
        (lambda: expected_optimism(3, 10, 50), "share must lie between 0 and 1, got 50"),
    ],
)
def test_impossible_input_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
