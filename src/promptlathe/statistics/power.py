"""What a number of cases can show, said before a run: power of the exact McNemar test.

Two prompts are described by the share of right answers of each and the correlation (phi) between them over
cases. The default, 0, is the careful choice: prompts for one model usually agree more than that, flip
fewer cases, and need fewer of them. A correlation the two shares do not allow is cut to the nearest one
they do. Cases that depend on each other count for less: see `clusters`. For the best of K candidates give
alpha / K.
"""

import math

import numpy as np

from promptlathe.errors import InputError
from promptlathe.statistics.checks import require_positive, require_share

MOST_CASES = 1_000_000


def paired_power(
    cases: int, p_before: float, p_after: float, *, alpha: float = 0.05, correlation: float = 0.0
) -> float:
    """Probability that the exact two-sided test gives p <= alpha in favour of the prompt that is better.

    Exact: summed over the number of flips (binomial) and the fixes among them (binomial).
    """
    from scipy.stats import binom

    require_positive("cases", cases)
    require_share("alpha", alpha)
    better, worse = _flip_chances(p_before, p_after, correlation)
    flip = better + worse
    if flip == 0:
        return 0.0
    # Numbers of flips outside this range have a chance below 1e-15 together.
    reach = 10 * math.sqrt(cases * flip * (1 - flip)) + 40
    middle = cases * flip
    flips = np.arange(max(0, math.floor(middle - reach)), min(cases, math.ceil(middle + reach)) + 1)
    # The largest number of fixes that does not reject yet: P(more | q = 1/2) <= alpha / 2 < P(as many).
    not_enough = binom.isf(alpha / 2, flips, 0.5)
    return float(np.sum(binom.pmf(flips, cases, flip) * binom.sf(not_enough, flips, better / flip)))


def cases_needed(
    p_before: float,
    p_after: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    correlation: float = 0.0,
) -> int:
    """Cases with which the difference is shown with probability `power`.

    As the test is exact, power is not perfectly smooth in the number of cases; one case fewer than the
    answer falls short. Raises InputError when there is no difference or it needs over a million cases.
    """
    require_share("power", power)

    def suffices(cases: int) -> bool:
        return paired_power(cases, p_before, p_after, alpha=alpha, correlation=correlation) >= power

    if p_before == p_after:
        raise InputError(f"no number of cases shows a difference between {p_before} and {p_after}")
    high = 1
    while not suffices(high):
        high *= 2
        if high > MOST_CASES:
            raise InputError(
                f"the difference between {p_before} and {p_after} needs more than {MOST_CASES:,} cases"
            )
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


def minimum_detectable_difference(
    cases: int,
    p_before: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    correlation: float = 0.0,
) -> float | None:
    """Smallest gain over `p_before` that so many cases show with probability `power`; None if even a
    prompt that is always right would not be told apart. Raises InputError unless alpha < power < 1."""
    from scipy.optimize import brentq

    require_share("power", power)
    if power <= alpha:
        raise InputError(f"power must exceed alpha, got {power} and {alpha}")

    def surplus(difference: float) -> float:
        p_after = min(1.0, p_before + difference)
        return paired_power(cases, p_before, p_after, alpha=alpha, correlation=correlation) - power

    largest = 1 - p_before
    if surplus(largest) < 0:
        return None
    return float(brentq(surplus, 0.0, largest, xtol=1e-6))


def _flip_chances(p_before: float, p_after: float, correlation: float) -> tuple[float, float]:
    """Chance per case of a flip in favour of the better prompt, and of one against it."""
    for name, share in (("p_before", p_before), ("p_after", p_after)):
        if not 0 <= share <= 1:
            raise InputError(f"{name} is a share between 0 and 1, got {share}")
    if not -1 <= correlation <= 1:
        raise InputError(f"correlation must lie between -1 and 1, got {correlation}")
    spread = math.sqrt(p_before * (1 - p_before) * p_after * (1 - p_after))
    both_right = p_before * p_after + correlation * spread
    both_right = min(max(both_right, p_before + p_after - 1, 0.0), p_before, p_after)
    return max(p_before, p_after) - both_right, min(p_before, p_after) - both_right
