"""The whole search on a model with known truth: what it finds, what it claims, what it spends.

`benchmarks/optimizer_simulation.py` does the same at full size.
"""

import pytest

from promptlathe.optimization.certificate import ALPHA
from tests.optimization.simulated_search import BUDGET, GAIN, coverage, outcome

SEARCHES = 60


@pytest.mark.slow
async def test_a_gain_that_is_not_there_is_not_certified() -> None:
    outcomes = [await outcome(seed, 0.0) for seed in range(SEARCHES)]
    assert max(one.calls for one in outcomes) <= BUDGET
    assert sum(one.is_false for one in outcomes) <= ALPHA * SEARCHES


@pytest.mark.slow
@pytest.mark.parametrize("agreement", [0.0, 0.4])
async def test_a_planted_gain_of_15_points_is_found_and_certified(agreement: float) -> None:
    outcomes = [await outcome(seed, GAIN, agreement=agreement) for seed in range(SEARCHES)]
    assert max(one.calls for one in outcomes) <= BUDGET
    assert sum(one.is_found for one in outcomes) >= 0.8 * SEARCHES
    covered, intervals = coverage(outcomes)
    assert covered >= 0.9 * intervals
