"""Intervals for a share of right answers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from promptlathe.errors import InputError
from promptlathe.statistics.checks import require_rows, require_share
from promptlathe.statistics.clusters import Clusters


@dataclass(frozen=True, slots=True)
class Interval:
    """Two-sided interval with its level, e.g. 0.95. Of a share within [0, 1], of a difference [-1, 1]."""

    low: float
    high: float
    level: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def wilson(successes: int, n: int, level: float = 0.95) -> Interval:
    """Score interval of a proportion (Wilson 1927).

    Nothing measured (n = 0) is nothing known: (0, 1). Raises InputError for counts that cannot be.
    """
    from scipy.special import ndtri

    require_share("level", level)
    if not 0 <= successes <= n:
        raise InputError(f"{successes} right of {n} cannot be")
    if n == 0:
        return Interval(0.0, 1.0, level)
    return _score_interval(successes / n, n, float(ndtri((1 + level) / 2)), level)


def cluster_interval(
    correct: Sequence[bool], clusters: Sequence[str] | None, level: float = 0.95
) -> Interval:
    """Interval of the share of right answers where the cases of one cluster depend on each other.

    Wilson's interval with the effective number of cases and Student's t, the form recommended for
    clustered samples by Franco, Little, Louis and Slud (2019, J. Survey Statistics and Methodology 7).
    Like Wilson's it keeps its width when all or none are right. One case per cluster, or `clusters` None,
    gives `wilson`; a single cluster says nothing about others: (0, 1).
    Raises InputError for no cases or unequal lengths.
    """
    require_share("level", level)
    if clusters is None:
        require_rows(correct=correct)
    else:
        require_rows(correct=correct, clusters=clusters)
    grouped = Clusters.of(correct, clusters)
    return _score_interval(grouped.mean, grouped.effective_cases, grouped.critical_value(level), level)


def difference_of_independent(
    share: float, interval: Interval, other_share: float, other_interval: Interval
) -> Interval:
    """Interval of share - other_share, measured on different cases, from the interval of each.

    Newcombe's square-and-add (1998, Statistics in Medicine 17:873, method 10).
    """
    difference = share - other_share
    below = math.hypot(share - interval.low, other_interval.high - other_share)
    above = math.hypot(interval.high - share, other_share - other_interval.low)
    return Interval(difference - below, difference + above, interval.level)


def _score_interval(share: float, n: float, critical: float, level: float) -> Interval:
    if math.isinf(critical):
        return Interval(0.0, 1.0, level)
    squared = critical**2
    middle = (share + squared / (2 * n)) / (1 + squared / n)
    half = critical * math.sqrt(share * (1 - share) / n + squared / (4 * n**2)) / (1 + squared / n)
    # At the ends the exact bound is 0 or 1; rounding must not leave the share outside its interval.
    return Interval(min(max(0.0, middle - half), share), max(min(1.0, middle + half), share), level)
