"""Two prompts on the same cases: what the second one fixed, what it broke, and whether that is chance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from promptlathe.statistics.checks import require_rows, require_share
from promptlathe.statistics.clusters import Clusters
from promptlathe.statistics.intervals import Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """`difference` = (fixed - broken) / cases, share right after minus share right before; `p_value` is
    two-sided, of "the change does as much harm as good"."""

    cases: int
    fixed: int
    broken: int
    difference: float
    interval: Interval
    p_value: float


@dataclass(frozen=True, slots=True)
class Flips:
    """Ids of the cases that changed, in the order given."""

    fixed: tuple[str, ...]
    broken: tuple[str, ...]


def compare_paired(
    before: Sequence[bool],
    after: Sequence[bool],
    *,
    clusters: Sequence[str] | None = None,
    level: float = 0.95,
) -> PairedComparison:
    """Compares two rows of right and wrong over the same cases.

    p: exact McNemar test (binomial on the flipped cases). With clusters: exact sign-flip test, in which
    "before" and "after" change places for a whole cluster at once, so that the two orders of one pair are
    not counted twice; all 2**clusters ways are counted, none drawn. One case per cluster gives McNemar's p.

    Interval: Tango's score interval (1998, Statistics in Medicine 17:891), recommended by Fagerland,
    Lydersen and Laake (2014, Statistics in Medicine 33:2850). With clusters its counts are scaled to the
    effective number of cases and Student's t replaces the normal quantile; a single cluster says nothing
    about others: (-1, 1). p and interval are not one another's inverse: the exact p is the stricter judge.

    Raises InputError for no cases or unequal lengths.
    """
    from scipy.stats import binomtest

    require_share("level", level)
    grouped = _changes(before, after, clusters)
    total = int(grouped.sums.sum())
    fixed, broken = (grouped.squares + total) // 2, (grouped.squares - total) // 2
    if grouped.is_independent:
        p_value = binomtest(fixed, fixed + broken).pvalue if fixed + broken else 1.0
    else:
        p_value = _sign_flip_p(grouped.sums)
    weight = grouped.effective_cases / grouped.cases
    critical = grouped.critical_value(level)
    scaled = fixed * weight, broken * weight, grouped.effective_cases
    low = _tango_low(*scaled, critical)
    high = -_tango_low(scaled[1], scaled[0], scaled[2], critical)
    interval = Interval(low, high, level)
    return PairedComparison(grouped.cases, fixed, broken, grouped.mean, interval, float(p_value))


def net_flips(
    before: Sequence[bool], after: Sequence[bool], clusters: Sequence[str] | None = None
) -> tuple[int, int]:
    """Clusters that became better and worse on balance: the counts for `anytime`, which needs independent
    flips. Whole clusters only: give it none of which some cases are still to come."""
    sums = _changes(before, after, clusters).sums
    return int((sums > 0).sum()), int((sums < 0).sum())


def flips(case_ids: Sequence[str], before: Sequence[bool], after: Sequence[bool]) -> Flips:
    """Which cases were fixed and which broken. Raises InputError for no cases or unequal lengths."""
    require_rows(case_ids=case_ids, before=before, after=after)
    rows = list(zip(case_ids, before, after, strict=True))
    return Flips(
        fixed=tuple(case_id for case_id, was_right, is_right in rows if is_right and not was_right),
        broken=tuple(case_id for case_id, was_right, is_right in rows if was_right and not is_right),
    )


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """p-values of several comparisons, adjusted by Holm's step-down method (1979), in the order given.

    Each may be compared with alpha as it stands: the chance of any false claim among all is at most alpha.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [0.0] * len(order)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, (len(order) - rank) * p_values[index])
        adjusted[index] = min(1.0, largest)
    return tuple(adjusted)


def _changes(before: Sequence[bool], after: Sequence[bool], clusters: Sequence[str] | None) -> Clusters:
    if clusters is None:
        require_rows(before=before, after=after)
    else:
        require_rows(before=before, after=after, clusters=clusters)
    changes = [int(is_right) - int(was_right) for was_right, is_right in zip(before, after, strict=True)]
    return Clusters.of(changes, clusters)


def _sign_flip_p(sums: "NDArray[np.int64]") -> float:
    """P(|total| >= the total seen) when each sum keeps or changes its sign with probability 1/2.

    Sums of equal size k flip in binomial number; the total is (sum of all sizes) - 2 (sum of flipped
    sizes), so the exact distribution is a convolution of one binomial per size.
    """
    import numpy as np
    from scipy.stats import binom

    sizes, counts = np.unique(np.abs(sums[sums != 0]), return_counts=True)
    flipped = np.ones(1)
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        chances = np.zeros(size * count + 1)
        chances[::size] = binom.pmf(np.arange(count + 1), count, 0.5)
        flipped = np.convolve(flipped, chances)
    totals = (len(flipped) - 1) - 2 * np.arange(len(flipped))
    return min(1.0, float(flipped[np.abs(totals) >= abs(int(sums.sum()))].sum()))


def _tango_low(fixed: float, broken: float, cases: float, critical: float) -> float:
    """Smallest difference that the score test, with `critical` as its bound, does not reject."""
    from scipy.optimize import brentq

    estimate = (fixed - broken) / cases

    def excess(difference: float) -> float:
        # `lost` is the chance of a broken case, as likely as can be under this difference.
        b = (2 * cases - fixed + broken) * difference - fixed - broken
        c = -broken * difference * (1 - difference)
        lost = (math.sqrt(max(0.0, b * b - 8 * cases * c)) - b) / (4 * cases)
        variance = cases * (2 * lost + difference * (1 - difference))
        return fixed - broken - cases * difference - critical * math.sqrt(max(0.0, variance))

    # Just below the estimate, because without flips the score is 0/0 at the estimate itself.
    start = estimate - 1e-12
    if math.isinf(critical) or start <= -1 or excess(-1.0) <= 0:
        return -1.0
    return float(brentq(excess, -1.0, start, xtol=1e-12))
