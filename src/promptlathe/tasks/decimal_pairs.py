"""Which pairs of numbers `decimal-comparison` asks about, and in what proportions.

A kind is a stratum and one specimen pair; every pair drawn for it behaves as the specimen does under the two
wrong rules that matter most, *version-number order* and *longer is larger*. Over one of each kind per unit of
weight (25 in all):

- version-number order is right on 12 of the 24 unequal pairs: wrong on 13.8 and 13.11, on -13.8 and -13.11,
  on 3.08 and 3.5; right elsewhere;
- longer is larger on 11 pairs, smaller on 11, and two pairs are equally long;
- three kinds are asked with "or are they equal?": one where they are and two where they are not, so that
  neither that phrase nor a trailing zero gives the answer away.

So each of these rules scores what a guess scores, and so does its opposite. The negative pairs carry much of
that balance: only below zero can the longer number be larger where version-number order is wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from promptlathe.tasks.draw import Draw
from promptlathe.tasks.shortcuts import Measure, version_key

Pair = tuple[str, str]
"""(smaller, larger) as written; for equal values (shorter, longer)."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`weight` is how many of this kind stand in every 25. `is_equality_asked`: the question names the case
    of equality too, and "equal" is an option."""

    stratum: str
    specimen: Pair
    weight: int
    shape: Callable[[Draw, range], Pair]
    is_equality_asked: bool = False

    def pair(self, draw: Draw, whole_numbers: range) -> Pair | None:
        """The next pair of the draw, or None if it does not behave as the specimen."""
        first, second = self.shape(draw, whole_numbers)
        pair = (first, second) if _rank(first) <= _rank(second) else (second, first)
        return pair if behaviour(pair) == behaviour(self.specimen) else None


def _rank(number: str) -> tuple[Decimal, int]:
    return Decimal(number), len(number)


def behaviour(pair: Pair) -> tuple[int, int, int]:
    """(value, version, length) of the larger number against the smaller: 1 is more, 0 the same, -1 less."""
    small, large = pair
    return (
        _compare(Decimal(large), Decimal(small)),
        _compare(version_key(large), version_key(small)),
        _compare(len(large), len(small)),
    )


def _compare(one: Measure, other: Measure) -> int:
    return (one > other) - (one < other)


def _fraction(draw: Draw, length: int) -> str:
    """Digits after the point, neither the first nor the last a zero."""
    return "".join(str(draw.between(0 if 0 < place < length - 1 else 1, 9)) for place in range(length))


def _lengths(draw: Draw) -> tuple[int, int]:
    return draw.pick(((1, 2), (1, 2), (1, 3), (2, 3)))


def _same_length(draw: Draw, whole_numbers: range) -> Pair:
    whole, length = draw.pick(whole_numbers), draw.between(1, 3)
    return f"{whole}.{_fraction(draw, length)}", f"{whole}.{_fraction(draw, length)}"


def _other_length(draw: Draw, whole_numbers: range) -> Pair:
    whole, (short, long) = draw.pick(whole_numbers), _lengths(draw)
    return f"{whole}.{_fraction(draw, short)}", f"{whole}.{_fraction(draw, long)}"


def _other_length_ending_in_zero(draw: Draw, whole_numbers: range) -> Pair:
    whole, (short, long) = draw.pick(whole_numbers), _lengths(draw)
    return f"{whole}.{_fraction(draw, short)}", f"{whole}.{_fraction(draw, long - 1)}0"


def _equal(draw: Draw, whole_numbers: range) -> Pair:
    number = f"{draw.pick(whole_numbers)}.{_fraction(draw, draw.between(1, 2))}"
    return number, number + draw.pick(("0", "0", "00"))


def _with_integer(draw: Draw, whole_numbers: range) -> Pair:
    whole = draw.pick(whole_numbers)
    return str(
        whole
    ), f"{draw.between(max(whole - 1, whole_numbers[0]), whole)}.{_fraction(draw, draw.between(1, 2))}"


def _negative(draw: Draw, whole_numbers: range) -> Pair:
    first, second = _other_length(draw, whole_numbers)
    return f"-{first}", f"-{second}"


def _leading_zero(draw: Draw, whole_numbers: range) -> Pair:
    whole, (short, long) = draw.pick(whole_numbers), _lengths(draw)
    number = f"{whole}.{'0' * (short - 1)}{_fraction(draw, draw.between(1, 2))}"
    return number, f"{whole}.0{_fraction(draw, long - 1)}"


def _other_integer(draw: Draw, whole_numbers: range) -> Pair:
    first, (short, long) = draw.pick(whole_numbers), _lengths(draw)
    second = draw.pick([whole for whole in whole_numbers if whole != first])
    return f"{first}.{_fraction(draw, short)}", f"{second}.{_fraction(draw, long)}"


KINDS = (
    Kind("same-length", ("13.47", "13.82"), 2, _same_length),
    Kind("longer-is-smaller", ("13.11", "13.8"), 5, _other_length),
    Kind("longer-is-smaller", ("13.10", "13.8"), 1, _other_length_ending_in_zero, is_equality_asked=True),
    Kind("longer-is-larger", ("9.9", "9.91"), 3, _other_length),
    Kind("longer-is-larger", ("9.1", "9.80"), 1, _other_length_ending_in_zero, is_equality_asked=True),
    Kind("equal", ("3.1", "3.10"), 1, _equal, is_equality_asked=True),
    Kind("integer", ("14", "14.5"), 1, _with_integer),
    Kind("integer", ("13.5", "14"), 1, _with_integer),
    Kind("negative", ("-13.8", "-13.11"), 4, _negative),
    Kind("negative", ("-9.91", "-9.9"), 1, _negative),
    Kind("leading-zero", ("3.08", "3.5"), 2, _leading_zero),
    Kind("leading-zero", ("3.04", "3.053"), 1, _leading_zero),
    Kind("different-integer", ("12.5", "15.25"), 1, _other_integer),
    Kind("different-integer", ("12.25", "15.5"), 1, _other_integer),
)
