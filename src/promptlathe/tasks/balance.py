"""An order in which every beginning is about balanced."""

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

Cell = TypeVar("Cell", bound=Hashable)


def balanced(cells: Sequence[Cell], traits: Callable[[Cell], Sequence[int]]) -> tuple[Cell, ...]:
    """`cells` so ordered that each of their traits stays in proportion; `traits` gives the same count for all.

    Greedy herding: the next cell is the one that brings the running totals of all traits closest to their
    share of the whole; of equals, the first.
    """
    waiting = list(cells)
    traits_of = {cell: traits(cell) for cell in waiting}
    whole = [sum(column) for column in zip(*map(traits_of.__getitem__, waiting), strict=True)]
    count = len(waiting)
    excess = [0] * len(whole)
    ordered: list[Cell] = []
    while waiting:
        # Times `count`, so that the excess over the share of the whole stays a whole number.
        after = {
            cell: [
                now + count * trait - total
                for now, trait, total in zip(excess, traits_of[cell], whole, strict=True)
            ]
            for cell in waiting
        }
        best = min(waiting, key=lambda cell: sum(value * value for value in after[cell]))
        waiting.remove(best)
        excess = after[best]
        ordered.append(best)
    return tuple(ordered)
