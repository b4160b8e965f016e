"""Conditions that a run must meet, for a machine to judge: shares and regressions, never by eye."""

from collections.abc import Iterable

from promptlathe.evaluation.headline import proven
from promptlathe.evaluation.summary import Comparison, PromptSummary, RunSummary


def below(summary: RunSummary, least: float) -> tuple[PromptSummary, ...]:
    """The results whose share of right answers is not shown to be `least` or more: the lower end of the 95 %
    interval lies under it. A share that only happens to reach it would fail in every second run."""
    return tuple(made for made in summary.prompts if made.total.interval.low < least)


def regressions(comparisons: Iterable[Comparison], margin: float | None) -> tuple[Comparison, ...]:
    """Those of `comparisons` with a baseline that must not be let through.

    Without a margin: shown to be worse, by the exact paired test after Holm's adjustment. With one: not shown
    to be worse by at most `margin` (non-inferiority: the lower end of the 95 % interval of the difference
    lies under -margin, a one-sided test at 2.5 %). As all must pass, there nothing needs to be adjusted.
    """
    if margin is None:
        return tuple(made for made in comparisons if proven(made) and made.paired.difference < 0)
    return tuple(made for made in comparisons if made.paired.interval.low < -margin)
