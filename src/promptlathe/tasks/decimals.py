"""`decimal-comparison`: which of two decimal numbers is larger, or smaller?

Every pair is asked in both orders, one right after the other, as one cluster. Where equality is asked about
there are three options, elsewhere two, so over the whole set a guess scores 22/25 * 1/2 + 3/25 * 1/3 = 48 %.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from itertools import count, product
from typing import get_args

from promptlathe.errors import TaskError
from promptlathe.tasks.balance import balanced
from promptlathe.tasks.case import Case, Language, Split
from promptlathe.tasks.decimal_pairs import KINDS, Kind, Pair
from promptlathe.tasks.decimal_wording import (
    DESCRIPTION,
    EQUAL,
    HINTS,
    OPEN_EQUALITY,
    OPEN_PHRASINGS,
    SEALED_EQUALITY,
    SEALED_PHRASINGS,
    Polarity,
)
from promptlathe.tasks.draw import Draw
from promptlathe.tasks.graders.comparison import ComparisonGrader
from promptlathe.tasks.shortcuts import NUMBER_SHORTCUTS
from promptlathe.tasks.task import Task

OPEN_WHOLE_NUMBERS = range(50)
SEALED_WHOLE_NUMBERS = range(50, 100)
_MOST_DRAWS = 10_000


@dataclass(frozen=True, slots=True)
class Cell:
    """What is settled about a cluster before its numbers are drawn."""

    kind: Kind
    polarity: Polarity
    language: Language


def cases(split: Split, seed: int, languages: tuple[Language, ...]) -> Iterator[Case]:
    """The balanced schedule over and over, each time with pairs not used before."""
    order = schedule(languages)
    used: set[str] = set()
    for index in count():
        cell = order[index % len(order)]
        draw = Draw("decimal-comparison", split, seed, index)
        pair = _new_pair(cell, draw, split, used)
        phrasing = draw.between(0, len(OPEN_PHRASINGS[cell.language][cell.polarity]) - 1)
        for a, b in draw.pick(((pair, pair[::-1]), (pair[::-1], pair))):
            yield _case(cell, split, (a, b), pair, phrasing)


@lru_cache
def schedule(languages: tuple[Language, ...]) -> tuple[Cell, ...]:
    """Every kind, as often as it weighs, in each polarity and language; each prefix is about balanced."""
    kinds = [kind for kind in KINDS for _ in range(kind.weight)]
    return balanced([Cell(*settled) for settled in product(kinds, get_args(Polarity), languages)], _traits)


def _traits(cell: Cell) -> list[int]:
    """What must stay in proportion, in sixths so that thirds and halves are whole."""
    specimen = _case(cell, "propose", cell.kind.specimen, cell.kind.specimen, 0)
    is_true = (
        *(cell.kind.stratum == stratum for stratum in STRATA),
        cell.polarity == "larger",
        cell.language == "en",
        cell.kind.is_equality_asked,
    )
    return [6 * flag for flag in is_true] + [
        round(6 * rule.score_on(specimen)) for rule in NUMBER_SHORTCUTS[2:]
    ]


def _new_pair(cell: Cell, draw: Draw, split: Split, used: set[str]) -> Pair:
    """A pair of the cell's kind that is not in `used`, and belongs to this split whatever the seed."""
    whole_numbers = SEALED_WHOLE_NUMBERS if split == "sealed" else OPEN_WHOLE_NUMBERS
    for _ in range(_MOST_DRAWS):
        pair = cell.kind.pair(draw, whole_numbers)
        if pair is None:
            continue
        values = " ".join(str(Decimal(number).normalize()) for number in pair)
        is_for_propose = hashlib.sha256(values.encode()).digest()[0] % 2 == 0
        if values not in used and split in ("sealed", "propose" if is_for_propose else "select"):
            used.add(values)
            return pair
    raise TaskError(
        f"decimal-comparison has no {cell.kind.stratum} pair left after {len(used)} {split} pairs",
        hint="ask for fewer cases",
    )


def _case(cell: Cell, split: Split, mentioned: Pair, pair: Pair, phrasing: int) -> Case:
    """`mentioned` is `pair`, or `pair` the other way round."""
    is_sealed = split == "sealed"
    language, polarity = cell.language, cell.polarity
    (a, b), (small, large) = mentioned, pair
    question = (SEALED_PHRASINGS if is_sealed else OPEN_PHRASINGS)[language][polarity][phrasing].format(
        a=a, b=b
    )
    options: tuple[str, ...] = mentioned
    if cell.kind.is_equality_asked:
        question += (SEALED_EQUALITY if is_sealed else OPEN_EQUALITY)[language]
        options = (a, b, EQUAL[language])
    is_equal = Decimal(small) == Decimal(large)
    return Case(
        id=f"{split}:{language}:{polarity}:{a},{b}:{phrasing + 1}",
        variables={"a": a, "b": b, "polarity": polarity},
        question=question,
        expected=EQUAL[language] if is_equal else large if polarity == "larger" else small,
        stratum=cell.kind.stratum,
        cluster=f"{small}={large}" if is_equal else f"{small}<{large}",
        split=split,
        language=language,
        options=options,
    )


def swapped(case: Case) -> Case:
    """The same question about the same two numbers, the other one named first."""
    a, b, *equal = case.options
    others = {a: b, b: a}
    longest_first = "|".join(re.escape(number) for number in sorted(others, key=len, reverse=True))
    start, _, phrasing = case.id.rsplit(":", 2)
    return replace(
        case,
        id=f"{start}:{b},{a}:{phrasing}",
        variables={**case.variables, "a": b, "b": a},
        question=re.sub(longest_first, lambda found: others[found[0]], case.question),
        options=(b, a, *equal),
    )


STRATA = tuple(dict.fromkeys(kind.stratum for kind in KINDS))

TASK = Task(
    name="decimal-comparison",
    description=DESCRIPTION,
    languages=("en", "zh"),
    strata=STRATA,
    chance=0.48,
    source=cases,
    grader=ComparisonGrader(),
    shortcuts=NUMBER_SHORTCUTS,
    hints=HINTS,
    swapped=swapped,
)
