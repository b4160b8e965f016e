"""Does a share of right answers beat guessing?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from promptlathe.statistics.checks import require_share
from promptlathe.statistics.clusters import Clusters
from promptlathe.statistics.intervals import Interval, cluster_interval


@dataclass(frozen=True, slots=True)
class AgainstChance:
    """`p_value` is one-sided: small only when the share is above chance."""

    cases: int
    share: float
    chance: float
    interval: Interval
    p_value: float

    def beats(self, alpha: float = 0.05) -> bool:
        return self.p_value <= alpha


def against_chance(
    correct: Sequence[bool],
    chance: float,
    clusters: Sequence[str] | None = None,
    level: float = 0.95,
) -> AgainstChance:
    """Tests share <= chance against share > chance; `interval` is the two-sided one of the share.

    Independent cases: exact binomial. With clusters, because guessing by a rule ("the longer one") is right
    or wrong on a whole cluster at once: the score test with the effective number of cases, Student's t and,
    to be as careful as the exact test, half an effective case taken off (continuity correction). A single
    cluster shows nothing: p = 1.
    Where cases differ in their chance level, give the mean: the test is then conservative.
    Raises InputError for no cases, unequal lengths, or a chance level outside (0, 1).
    """
    require_share("chance", chance)
    interval = cluster_interval(correct, clusters, level)
    grouped = Clusters.of(correct, clusters)
    if grouped.is_independent:
        from scipy.stats import binomtest

        p_value = float(binomtest(sum(correct), grouped.cases, chance, alternative="greater").pvalue)
    elif len(grouped.sizes) == 1:
        p_value = 1.0
    else:
        from scipy.special import stdtr

        cases = grouped.effective_cases
        score = (grouped.mean - 0.5 / cases - chance) / math.sqrt(chance * (1 - chance) / cases)
        p_value = float(stdtr(len(grouped.sizes) - 1, -score))
    return AgainstChance(grouped.cases, grouped.mean, chance, interval, p_value)
