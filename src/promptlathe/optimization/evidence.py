"""What the answers say about a rival and the incumbent: how much better it may be, and whether it is shown."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from promptlathe.evaluation.answers import Row
from promptlathe.statistics.anytime import log_e_value
from promptlathe.statistics.clusters import Clusters
from promptlathe.statistics.paired import net_flips
from promptlathe.tasks.case import Case

PRIOR_SD = 0.1
"""How far apart two prompts usually are (standard deviation of the difference): most edits change little."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """`after` against `before` on the `cases` both have answered. `fixed` and `broken` are clusters that became
    better and worse on balance; `difference` is the mean difference in share right.

    `mean` and `sd` describe the difference after a normal prior around 0 with `PRIOR_SD`: the raw difference
    of the best of many is mostly luck.
    """

    cases: int
    clusters: int
    share_before: float
    fixed: int
    broken: int
    difference: float
    mean: float
    sd: float

    @property
    def log_e_value(self) -> float:
        return log_e_value(self.fixed, self.broken)

    def upper(self, deviations: float) -> float:
        """How much better `after` may well be."""
        return self.mean + deviations * self.sd


def weigh(cases: Sequence[Case], before: Mapping[str, Row], after: Mapping[str, Row]) -> Evidence:
    """The evidence in the answers to `cases`; those that one of the two lacks, or that failed, do not count.

    The variance of the mean difference is that between clusters, smoothed by one flip each way, so that ten
    equal answers do not pass for certainty.
    """
    both = [
        case
        for case in cases
        if case.id in before and case.id in after and not (before[case.id].error or after[case.id].error)
    ]
    if not both:
        return Evidence(0, 0, 0.0, 0, 0, 0.0, 0.0, PRIOR_SD)
    was = [before[case.id].is_correct for case in both]
    became = [after[case.id].is_correct for case in both]
    names = [case.cluster for case in both]
    fixed, broken = net_flips(was, became, names)
    grouped = Clusters.of([int(now) - int(then) for then, now in zip(was, became, strict=True)], names)
    count = len(grouped.sizes)
    difference = grouped.mean
    spread = float(((grouped.sums - difference * grouped.sizes) ** 2).sum())
    largest = int(grouped.sizes.max())
    variance = (spread + 2 * largest**2) / grouped.cases**2
    weight = PRIOR_SD**2 / (PRIOR_SD**2 + variance)
    return Evidence(
        cases=grouped.cases,
        clusters=count,
        share_before=sum(was) / len(was),
        fixed=fixed,
        broken=broken,
        difference=difference,
        mean=weight * difference,
        sd=math.sqrt(weight * variance),
    )
