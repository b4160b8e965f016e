"""The wrong rules a model may follow instead of comparing two numbers, each as a function of the case.

Their scores stand beside every result: a prompt that only moves a model from one of them to another has
taught it nothing. A rule gives None where it has no opinion (*longer* of two equally long numbers); there it
scores what a guess scores.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from promptlathe.tasks.case import Case, Language

Measure = TypeVar("Measure", int, Decimal, tuple[int, ...])


@dataclass(frozen=True, slots=True)
class Shortcut:
    """`answer` returns one of the case's options, or None. `label` names the rule in reports."""

    name: str
    label: Mapping[Language, str]
    answer: Callable[[Case], str | None]

    def score(self, cases: Iterable[Case]) -> float:
        """The share of `cases` that the rule gets right, from 0 to 1; NaN when there are none."""
        scores = [self.score_on(case) for case in cases]
        return sum(scores) / len(scores) if scores else float("nan")

    def score_on(self, case: Case) -> float:
        answer = self.answer(case)
        return case.chance if answer is None else float(answer == case.expected)


def first_mentioned(case: Case) -> str:
    return case.variables["a"]


def last_mentioned(case: Case) -> str:
    return case.variables["b"]


def longer(case: Case) -> str | None:
    """The number written with more characters, whatever is asked."""
    return _with_most(case, len)


def shorter(case: Case) -> str | None:
    return _with_most(case, lambda number: -len(number))


def longer_is_larger(case: Case) -> str | None:
    """As with whole numbers: more characters, more value. Heeds whether the larger or smaller is asked."""
    return longer(case) if case.variables["polarity"] == "larger" else shorter(case)


def shorter_is_larger(case: Case) -> str | None:
    return shorter(case) if case.variables["polarity"] == "larger" else longer(case)


def version_number_order(case: Case) -> str | None:
    """13.11 after 13.8, as releases are numbered. None where the two are the same version (3.05 and 3.5)."""
    if case.variables["polarity"] == "larger":
        return _with_most(case, version_key)
    return _with_most(case, lambda number: tuple(-part for part in version_key(number)))


def ignores_the_polarity(case: Case) -> str | None:
    """Right about the numbers, but always names the larger one; of two equal ones the first."""
    return _with_most(case, Decimal) or case.variables["a"]


def version_key(number: str) -> tuple[int, ...]:
    """The parts around the point as whole numbers; negated below zero, so that -13.11 comes before -13.8."""
    sign = -1 if number.startswith("-") else 1
    whole, _, fraction = number.lstrip("-").partition(".")
    return (sign * int(whole), sign * int(fraction or -1))


def _with_most(case: Case, measure: Callable[[str], Measure]) -> str | None:
    a, b = case.variables["a"], case.variables["b"]
    measured_a, measured_b = measure(a), measure(b)
    if measured_a == measured_b:
        return None
    return a if measured_a > measured_b else b


NUMBER_SHORTCUTS = (
    Shortcut("first-mentioned", {"en": "first mentioned", "zh": "先提到的"}, first_mentioned),
    Shortcut("last-mentioned", {"en": "last mentioned", "zh": "后提到的"}, last_mentioned),
    Shortcut("longer", {"en": "longer", "zh": "写得长的"}, longer),
    Shortcut("shorter", {"en": "shorter", "zh": "写得短的"}, shorter),
    Shortcut("longer-is-larger", {"en": "longer is larger", "zh": "越长越大"}, longer_is_larger),
    Shortcut("shorter-is-larger", {"en": "shorter is larger", "zh": "越短越大"}, shorter_is_larger),
    Shortcut(
        "version-number-order", {"en": "version-number order", "zh": "按版本号比较"}, version_number_order
    ),
    Shortcut(
        "ignores-the-polarity",
        {"en": "ignores larger or smaller", "zh": "不分问大问小"},
        ignores_the_polarity,
    ),
)
"""For cases whose variables are `a`, `b` (as mentioned) and `polarity` ("larger" or "smaller")."""
