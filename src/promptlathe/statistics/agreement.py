"""How far two who judge the same things agree."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from promptlathe.statistics.checks import require_rows
from promptlathe.statistics.intervals import Interval, wilson


@dataclass(frozen=True, slots=True)
class Agreement:
    """`agreed` of `cases`. `kappa` is None where both gave one and the same label to everything."""

    cases: int
    agreed: int
    share: float
    interval: Interval
    kappa: float | None


def agreement(one: Sequence[Hashable], other: Sequence[Hashable], level: float = 0.95) -> Agreement:
    """The share of equal labels with Wilson's interval, and Cohen's kappa (1960): (observed - expected) /
    (1 - expected), where `expected` is how often labels would be equal if both gave theirs at random in the
    same proportions. 0 is chance, 1 full agreement. Raises InputError for no labels or unequal lengths."""
    require_rows(one=one, other=other)
    cases = len(one)
    agreed = sum(a == b for a, b in zip(one, other, strict=True))
    ones, others = Counter(one), Counter(other)
    # Counted in whole numbers, so that full agreement by chance is seen exactly.
    expected = sum(count * others[label] for label, count in ones.items())
    kappa = None if expected == cases**2 else (agreed * cases - expected) / (cases**2 - expected)
    return Agreement(cases, agreed, agreed / cases, wilson(agreed, cases, level), kappa)
