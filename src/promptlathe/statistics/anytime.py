"""A race between a candidate and the incumbent that may be looked at after every case.

Testing again and again until p < alpha finds a winner among equals far more often than alpha. An e-value
does not: by Ville's inequality the chance that it *ever* reaches K / alpha is at most alpha / K when the
candidate is no better, so stopping whenever it does is sound, K candidates taken together.

A case counts when the two differ on it. Cases that depend on each other are counted once, by cluster
(`paired.net_flips`).
"""

import math
from dataclasses import dataclass
from typing import Literal

from scipy.special import betainc, betaln
from scipy.stats import betabinom

from promptlathe.errors import InputError
from promptlathe.statistics.checks import require_positive, require_share

Verdict = Literal["better", "worse", "hopeless", "undecided"]


def log_e_value(fixed: int, broken: int) -> float:
    """Natural logarithm of `e_value`, to about nine digits up to a million flips.

    The likelihood ratio of "a flip is a fix with probability q", averaged over q uniform on (1/2, 1),
    against q = 1/2: with w fixed and l broken
        E = 2**(w+l) * 2 * B(1+w, 1+l) * I_{1/2}(1+l, 1+w)
    (B beta function, I regularised incomplete beta). Raises InputError for negative counts.
    """
    if fixed < 0 or broken < 0:
        raise InputError(f"{fixed} fixed and {broken} broken cannot be")
    if fixed >= broken:
        share = float(betainc(1 + broken, 1 + fixed, 0.5))
        return (fixed + broken + 1) * math.log(2) + float(betaln(1 + fixed, 1 + broken)) + math.log(share)
    # I underflows when most flips are broken ones. The same product by the series of I, term by term
    # (DLMF 8.17.8 at x = 1/2): every factor is positive and below 1.
    total = term = 1.0
    step = 0
    while term > 1e-17 * total:
        term *= (fixed + broken + 2 + step) / (2 * (broken + 2 + step))
        total += term
        step += 1
    return math.log(total / (2 * (broken + 1)))


def e_value(fixed: int, broken: int) -> float:
    """Evidence that the candidate is better: 1 before the first flip, expected to stay at most 1 if it is
    not. Infinite beyond the range of a float (about 1,000 more fixed than broken)."""
    try:
        return math.exp(log_e_value(fixed, broken))
    except OverflowError:
        return math.inf


def decides(fixed: int, broken: int, alpha: float = 0.05, candidates: int = 1) -> bool:
    """Whether the candidate may be called better now, as one of `candidates` raced, at error `alpha` in all.

    `decides(broken, fixed, ...)` is the mirror: whether it may be called worse.
    """
    require_share("alpha", alpha)
    require_positive("candidates", candidates)
    return log_e_value(fixed, broken) >= math.log(candidates / alpha)


@dataclass(frozen=True, slots=True)
class PairedRace:
    """Where one candidate stands. Counts are in cases, or all of them in clusters.

    `seen` cases have been answered by both, `remaining` are left to the budget. Giving up a race never adds
    false winners, so `hopeless_below` is a matter of thrift only.
    """

    fixed: int
    broken: int
    seen: int
    remaining: int
    alpha: float = 0.05
    candidates: int = 1
    hopeless_below: float = 0.02

    @property
    def e_value(self) -> float:
        return e_value(self.fixed, self.broken)

    @property
    def verdict(self) -> Verdict:
        if self._decides(self.fixed, self.broken):
            return "better"
        if self._decides(self.broken, self.fixed):
            return "worse"
        return "hopeless" if self.chance_of_winning < self.hopeless_below else "undecided"

    @property
    def chance_of_winning(self) -> float:
        """Predictive probability that the race, run to the end of the budget, is then decided for the
        candidate: flips go on at the rate seen so far, and the share of fixes among them is as uncertain
        as a uniform prior and the flips so far leave it (beta-binomial)."""
        flips_left = round(self.remaining * (self.fixed + self.broken + 1) / (self.seen + 2))

        def wins(more_fixed: int) -> bool:
            return self._decides(self.fixed + more_fixed, self.broken + flips_left - more_fixed)

        if not wins(flips_left):
            return 0.0
        low, high = 0, flips_left
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if wins(middle) else (middle + 1, high)
        return float(betabinom.sf(low - 1, flips_left, 1 + self.fixed, 1 + self.broken))

    def _decides(self, fixed: int, broken: int) -> bool:
        return decides(fixed, broken, self.alpha, self.candidates)
