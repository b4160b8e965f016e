"""The mean of numbers that are more than right or wrong, where the cases of one cluster depend on each other."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from promptlathe.errors import InputError
from promptlathe.statistics.checks import require_rows, require_share
from promptlathe.statistics.intervals import Interval


@dataclass(frozen=True, slots=True)
class Mean:
    """`interval` is two-sided; `p_value`, two-sided as well, is of "the true mean is 0"."""

    cases: int
    mean: float
    interval: Interval
    p_value: float


def cluster_mean(values: Sequence[float], clusters: Sequence[str], level: float = 0.95) -> Mean:
    """Student's t with the cluster-robust variance of the mean (Liang and Zeger 1986, with the usual factor
    G/(G - 1) for G clusters) and G - 1 degrees of freedom. One case per cluster gives the plain t interval.

    Raises InputError for unequal lengths, and for fewer than two clusters: one says nothing about others.
    """
    import numpy as np
    from scipy.special import stdtr, stdtrit

    require_share("level", level)
    require_rows(values=values, clusters=clusters)
    row = np.asarray(values, dtype=np.float64)
    mean = float(row.mean())
    names, codes = np.unique(np.asarray(clusters), return_inverse=True)
    count = len(names)
    if count < 2:
        raise InputError("a mean with an interval needs two clusters at least")
    sums = np.bincount(codes, weights=row - mean)
    error = math.sqrt(count / (count - 1) * float(np.sum(sums**2))) / len(row)
    half = float(stdtrit(count - 1, (1 + level) / 2)) * error
    score = abs(mean) / error if error else math.inf if mean else 0.0
    return Mean(
        cases=len(row),
        mean=mean,
        interval=Interval(mean - half, mean + half, level),
        p_value=2 * float(stdtr(count - 1, -score)),
    )
