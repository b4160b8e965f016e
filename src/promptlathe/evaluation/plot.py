"""Dots with intervals on a common axis, as positions: the page's template draws them, its style sheet colours them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from promptlathe.evaluation.summary import RunSummary
from promptlathe.statistics.intervals import Interval

_WIDEST_POINTS = (10, 20, 40, 60, 80, 100)


@dataclass(frozen=True, slots=True)
class Dot:
    """Where a result and its interval stand, in percent of the width."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class PlotRow:
    """`dot` is None where there are no answers."""

    name: str
    dot: Dot | None


@dataclass(frozen=True, slots=True)
class Plot:
    """`ticks` are positions with their labels, `lines` what the rows are to be read against."""

    rows: tuple[PlotRow, ...]
    ticks: tuple[tuple[float, str], ...]
    lines: tuple[tuple[float, Literal["chance", "shortcut", "zero"]], ...]


def accuracy_plot(summary: RunSummary) -> Plot:
    """The share of right answers of every result, from 0 to 100 %, with chance and what wrong rules score."""
    shortcuts = {score for score in summary.shortcuts.values() if score == score}
    chance = [summary.chance] if summary.chance else []
    return Plot(
        rows=tuple(
            PlotRow(
                made.name, _dot(made.total.accuracy, made.total.interval, 1) if made.total.cases else None
            )
            for made in summary.prompts
        ),
        ticks=tuple((100 * share, f"{share:.0%}") for share in (0, 0.25, 0.5, 0.75, 1)),
        lines=(
            *((100 * score, "shortcut") for score in sorted(shortcuts)),
            *((100 * score, "chance") for score in chance),
        ),
    )


def difference_plot(summary: RunSummary) -> Plot:
    """How far each result is from what it is compared with, in percentage points, zero in the middle."""
    found = [made.paired for made in summary.comparisons]
    widest = _widest(bound for paired in found for bound in (paired.interval.low, paired.interval.high))
    return Plot(
        rows=tuple(
            PlotRow(made.after, _dot(made.paired.difference, made.paired.interval, widest, low=-widest))
            for made in summary.comparisons
        ),
        ticks=tuple((50 + 50 * part, _signed(round(100 * part * widest))) for part in (-1, -0.5, 0, 0.5, 1)),
        lines=((50, "zero"),),
    )


def _widest(differences: Iterable[float]) -> float:
    """The end of the axis: the first that holds all."""
    largest = 100 * max(map(abs, differences), default=0)
    return next(end for end in _WIDEST_POINTS if largest <= end or end == _WIDEST_POINTS[-1]) / 100


def _signed(points: int) -> str:
    return f"{points:+d}" if points else "0"


def _dot(middle: float, interval: Interval, high: float, low: float = 0) -> Dot:
    return Dot(*(100 * (value - low) / (high - low) for value in (interval.low, middle, interval.high)))
