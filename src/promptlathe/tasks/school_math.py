"""`school-math`: areas, percentages, simple equations and decimals, with exact answers.

The questions are open: guessing is hopeless, and chance is 0. Each problem is asked twice in a row, in two
phrasings, as one cluster.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import count, product
from math import prod

from promptlathe.errors import TaskError
from promptlathe.tasks.balance import balanced
from promptlathe.tasks.case import Case, Language, Split
from promptlathe.tasks.draw import Draw
from promptlathe.tasks.graders.number import NumberGrader
from promptlathe.tasks.school_problems import KINDS, Kind, Problem, spelled
from promptlathe.tasks.school_wording import DESCRIPTION, HINTS, OPEN_PHRASINGS, SEALED_PHRASINGS
from promptlathe.tasks.shortcuts import Shortcut
from promptlathe.tasks.task import Task

_MOST_DRAWS = 2_000


@dataclass(frozen=True, slots=True)
class Cell:
    """What is settled about a cluster before its numbers are drawn."""

    kind: Kind
    language: Language


def cases(split: Split, seed: int, languages: tuple[Language, ...]) -> Iterator[Case]:
    """The balanced schedule over and over, each time with numbers not used before in that kind and language."""
    order = schedule(languages)
    used: set[tuple[Language, str]] = set()
    for index in count():
        cell = order[index % len(order)]
        draw = Draw("school-math", split, seed, index)
        problem = _new_problem(cell, draw, split, used)
        for phrasing in draw.pick(((0, 1), (1, 0))):
            yield _case(cell, split, problem, phrasing)


@lru_cache
def schedule(languages: tuple[Language, ...]) -> tuple[Cell, ...]:
    """Every kind, as often as it weighs, in each language; each prefix is about balanced."""
    kinds = [kind for kind in KINDS for _ in range(kind.weight)]
    return balanced([Cell(*settled) for settled in product(kinds, languages)], _traits)


def _traits(cell: Cell) -> list[int]:
    return [
        *(cell.kind.stratum == stratum for stratum in STRATA),
        *(cell.kind.name == kind.name for kind in KINDS),
        cell.language == "en",
    ]


def _new_problem(cell: Cell, draw: Draw, split: Split, used: set[tuple[Language, str]]) -> Problem:
    """A problem of the cell's kind that is not in `used`, and belongs to this split whatever the seed."""
    for _ in range(_MOST_DRAWS):
        problem = cell.kind.draw(draw, split == "sealed")
        name = _name(cell.kind, problem)
        is_for_propose = hashlib.sha256(name.encode()).digest()[0] % 2 == 0
        is_in_split = split in ("sealed", "propose" if is_for_propose else "select")
        if is_in_split and (cell.language, name) not in used:
            used.add((cell.language, name))
            return problem
    raise TaskError(
        f"school-math has no {cell.kind.name} problem left after {len(used)} {split} problems",
        hint="ask for fewer cases",
    )


def _name(kind: Kind, problem: Problem) -> str:
    return f"{kind.name} {' '.join(map(spelled, problem.numbers))}"


def _case(cell: Cell, split: Split, problem: Problem, phrasing: int) -> Case:
    template = (SEALED_PHRASINGS if split == "sealed" else OPEN_PHRASINGS)[cell.language][cell.kind.question][
        phrasing
    ]
    numbers = dict(zip("abc", map(spelled, problem.numbers), strict=False))
    written = {"equation": problem.written, "expression": problem.written}
    name = _name(cell.kind, problem)
    return Case(
        id=f"{split}:{cell.language}:{name.replace(' ', ',')}:{phrasing + 1}",
        variables={**numbers, "kind": cell.kind.name},
        question=template.format(**numbers, **written),
        expected=spelled(problem.answer),
        stratum=cell.kind.stratum,
        cluster=name,
        split=split,
        language=cell.language,
    )


def _numbers(case: Case) -> list[Decimal]:
    return [Decimal(case.variables[name]) for name in "abc" if name in case.variables]


def adds(case: Case) -> str:
    """The sum of all numbers that are mentioned, whatever is asked."""
    return spelled(Decimal(sum(_numbers(case))))


def multiplies(case: Case) -> str:
    """Their product: right for rectangles, twice too much for triangles."""
    return spelled(Decimal(prod(_numbers(case))))


def subtracts(case: Case) -> str:
    return spelled(max(_numbers(case)) - min(_numbers(case)))


def repeats_the_last(case: Case) -> str:
    return spelled(_numbers(case)[-1])


STRATA = tuple(dict.fromkeys(kind.stratum for kind in KINDS))

SHORTCUTS = (
    Shortcut("adds", {"en": "adds the numbers", "zh": "把数都加起来"}, adds),
    Shortcut("multiplies", {"en": "multiplies the numbers", "zh": "把数都乘起来"}, multiplies),
    Shortcut("subtracts", {"en": "largest minus smallest", "zh": "大数减小数"}, subtracts),
    Shortcut("last-number", {"en": "repeats the last number", "zh": "重复最后一个数"}, repeats_the_last),
)
"""For cases whose variables are `a`, and `b` and `c` where there are as many numbers."""

TASK = Task(
    name="school-math",
    description=DESCRIPTION,
    languages=("en", "zh"),
    strata=STRATA,
    chance=0.0,
    source=cases,
    grader=NumberGrader(),
    shortcuts=SHORTCUTS,
    hints=HINTS,
)
