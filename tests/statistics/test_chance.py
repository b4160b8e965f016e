import numpy as np
import pytest
from statsmodels.stats.proportion import binom_test

from promptlathe.errors import InputError
from promptlathe.statistics.chance import against_chance
from promptlathe.statistics.intervals import cluster_interval, wilson


@pytest.mark.parametrize(
    ("right", "n", "chance"), [(0, 9, 0.5), (60, 100, 0.5), (9, 9, 0.25), (30, 100, 0.25)]
)
def test_independent_cases_agree_with_statsmodels(right, n, chance):
    result = against_chance([True] * right + [False] * (n - right), chance)
    assert result.p_value == pytest.approx(binom_test(right, n, chance, alternative="larger"))
    assert (result.cases, result.share, result.chance) == (n, right / n, chance)
    assert result.interval == wilson(right, n)


@pytest.mark.parametrize(("right", "beats"), [(58, False), (59, True)])
def test_beats_chance_only_when_shown(right, beats):
    """59 of 100 is the least that is significant against 1/2, one-sided at 5 %."""
    assert against_chance([True] * right + [False] * (100 - right), 0.5).beats() is beats


def test_a_rule_right_on_whole_clusters_is_not_taken_for_skill():
    """12 of 20 pairs, both orders right: 24 of 40 cases are no evidence, 12 of 20 clusters even less."""
    pairs = [str(number // 2) for number in range(120)]
    correct = [True] * 72 + [False] * 48
    assert against_chance(correct, 0.5).beats()
    clustered = against_chance(correct, 0.5, pairs)
    assert not clustered.beats()
    assert clustered.interval == cluster_interval(correct, pairs)
    assert against_chance([True] * 90 + [False] * 30, 0.5, pairs).beats()


def test_one_cluster_shows_nothing():
    assert against_chance([True] * 40, 0.5, ["a"] * 40).p_value == 1.0


@pytest.mark.parametrize("chance", [0.0, 1.0, 50])
def test_chance_outside_zero_to_one_is_refused(chance):
    with pytest.raises(InputError, match="chance must lie between 0 and 1"):
        against_chance([True], chance)


def false_alarms(draw_clustered, *, chance, correlation, clusters, runs):
    rng = np.random.default_rng(7)
    alarms = 0
    for _ in range(runs):
        wrong, names = draw_clustered(rng, clusters, (chance, 1 - chance), correlation)
        alarms += against_chance((wrong == 0).tolist(), chance, names).beats()
    return alarms / runs


@pytest.mark.parametrize(("chance", "correlation"), [(0.5, 1.0), (0.25, 0.5)])
def test_guessing_in_clusters_rarely_beats_chance(draw_clustered, chance, correlation):
    rate = false_alarms(draw_clustered, chance=chance, correlation=correlation, clusters=40, runs=600)
    assert rate < 0.065


@pytest.mark.slow
@pytest.mark.parametrize("chance", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("clusters", [10, 30, 100])
def test_guessing_in_clusters_rarely_beats_chance_anywhere(draw_clustered, chance, correlation, clusters):
    rate = false_alarms(draw_clustered, chance=chance, correlation=correlation, clusters=clusters, runs=4000)
    assert rate < 0.06
