"""What cases that depend on each other are worth, in independent cases."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Clusters:
    """Cases put together by cluster: `sizes[g]` cases in cluster g, their values adding up to `sums[g]`.

    A value is 1 or 0 (right or wrong), or +1, 0, -1 (newly right, as before, newly wrong).
    """

    sizes: "NDArray[np.int64]"
    sums: "NDArray[np.int64]"
    squares: int
    """Sum of the squared values of all cases."""

    @classmethod
    def of(cls, values: Sequence[int], clusters: Sequence[Hashable] | None) -> "Clusters":
        """`clusters` None: every case stands for itself."""
        import numpy as np

        row = np.asarray(values, dtype=np.int64)
        if clusters is None:
            codes = np.arange(len(row))
        else:
            numbers: dict[Hashable, int] = {}
            codes = np.asarray([numbers.setdefault(name, len(numbers)) for name in clusters], dtype=np.int64)
        sums = np.bincount(codes, weights=row).astype(np.int64)
        return cls(np.bincount(codes), sums, int(np.sum(row * row)))

    @property
    def cases(self) -> int:
        return int(self.sizes.sum())

    @property
    def is_independent(self) -> bool:
        return len(self.sizes) == self.cases

    @property
    def mean(self) -> float:
        return int(self.sums.sum()) / self.cases

    @property
    def effective_cases(self) -> float:
        """Cases divided by the design effect (Kish 1965): the robust variance of the mean, from the spread
        between clusters (Cochran's ratio estimator), over the variance of as many independent cases.

        Never more than there are cases, as Korn and Graubard (1998) advise: clusters that cancel out
        (right in one order, wrong in the other) would promise an interval of no width. Where nothing
        varies (all right, no flips) the spread says nothing, and every cluster counts as one case.
        """
        cases, count = self.cases, len(self.sizes)
        if self.is_independent:
            return float(cases)
        total = int(self.sums.sum())
        independent = cases * self.squares - total**2
        if count < 2 or independent == 0:
            return cases**2 / int((self.sizes**2).sum())
        spread = ((cases * self.sums - total * self.sizes).astype("float64") ** 2).sum()
        design_effect = count / (count - 1) * float(spread) / (cases * independent)
        return cases / max(1.0, design_effect)

    def critical_value(self, level: float) -> float:
        """Two-sided quantile: normal for independent cases; for clusters Student's t with (clusters - 1)
        degrees of freedom, as their variance is an estimate. Infinite for a single cluster."""
        from scipy.special import ndtri, stdtrit

        tail = (1 + level) / 2
        if self.is_independent:
            return float(ndtri(tail))
        return float(stdtrit(len(self.sizes) - 1, tail)) if len(self.sizes) > 1 else math.inf
