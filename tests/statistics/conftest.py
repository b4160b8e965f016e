"""Answers whose cases depend on each other, drawn with a known truth."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

Draw = Callable[[np.random.Generator, int, Sequence[float], float], tuple[np.ndarray, list[str]]]


@pytest.fixture(scope="session")
def draw_clustered() -> Draw:
    """draw(rng, clusters, chances, correlation) -> category of each case (an index into `chances`), cluster
    of each case. Clusters have 1 to 4 cases; a case takes its cluster's category with probability
    sqrt(correlation), so that any two cases of a cluster have that intra-cluster correlation."""

    def draw(
        rng: np.random.Generator, clusters: int, chances: Sequence[float], correlation: float
    ) -> tuple[np.ndarray, list[str]]:
        cluster = np.repeat(np.arange(clusters), rng.integers(1, 5, clusters))
        shared = rng.choice(len(chances), clusters, p=chances)[cluster]
        own = rng.choice(len(chances), len(cluster), p=chances)
        is_shared = rng.random(len(cluster)) < np.sqrt(correlation)
        return np.where(is_shared, shared, own), [f"pair-{number}" for number in cluster]

    return draw
