"""Which problems `school-math` poses, and in what proportions: 20 in all, five of each stratum.

Lengths, prices and factors are from one range in open cases and from another in sealed ones. Every answer is
exact, with two decimal places at most.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from promptlathe.tasks.draw import Draw
from promptlathe.tasks.school_wording import Question


@dataclass(frozen=True, slots=True)
class Problem:
    """`numbers` as they are mentioned; `written` is the equation or the expression, if it has one."""

    numbers: tuple[Decimal, ...]
    answer: Decimal
    written: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """`weight` is how many stand in every 20. `draw` gives a problem, for sealed cases if its second argument is
    true."""

    stratum: str
    name: str
    question: Question
    weight: int
    draw: Callable[[Draw, bool], Problem]


def spelled(number: Decimal) -> str:
    """Without zeros at the end, and never with an exponent."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _whole(draw: Draw, is_sealed: bool) -> Decimal:
    return Decimal(draw.between(13, 48) if is_sealed else draw.between(2, 12))


def _tenths(draw: Draw, is_sealed: bool) -> Decimal:
    """With one decimal place that is no zero."""
    whole = draw.between(10, 49) if is_sealed else draw.between(0, 9)
    return Decimal(10 * whole + draw.between(1, 9)) / 10


def _rectangle(draw: Draw, is_sealed: bool) -> Problem:
    a, b = _whole(draw, is_sealed), draw.pick((_whole, _tenths))(draw, is_sealed)
    return Problem((a, b), a * b)


def _triangle(draw: Draw, is_sealed: bool) -> Problem:
    a, b = _whole(draw, is_sealed), _whole(draw, is_sealed)
    return Problem((a, b), a * b / 2)


def _square(draw: Draw, is_sealed: bool) -> Problem:
    a = draw.pick((_whole, _tenths))(draw, is_sealed)
    return Problem((a,), a * a)


def _share(draw: Draw, is_sealed: bool) -> tuple[Decimal, Decimal]:
    """(percentage, number), so that the percentage of the number is whole."""
    percentage = draw.pick((15, 35, 45, 60, 70, 85) if is_sealed else (5, 10, 20, 25, 40, 50, 75))
    return Decimal(percentage), Decimal(20 * (draw.between(13, 60) if is_sealed else draw.between(1, 40)))


def _percent_of(draw: Draw, is_sealed: bool) -> Problem:
    a, b = _share(draw, is_sealed)
    return Problem((a, b), a * b / 100)


def _discount(draw: Draw, is_sealed: bool) -> Problem:
    a, b = _share(draw, is_sealed)
    return Problem((a, b), b - a * b / 100)


def _increase(draw: Draw, is_sealed: bool) -> Problem:
    a, b = _share(draw, is_sealed)
    return Problem((a, b), b + a * b / 100)


def _sum_equation(draw: Draw, is_sealed: bool) -> Problem:
    x, a = Decimal(draw.between(-9, 30)), _whole(draw, is_sealed)
    return Problem((a, x + a), x, f"x + {a} = {x + a}")


def _product_equation(draw: Draw, is_sealed: bool) -> Problem:
    x, a = Decimal(draw.between(-9, 30)), _whole(draw, is_sealed)
    return Problem((a, a * x), x, f"{a}x = {a * x}")


def _two_step_equation(draw: Draw, is_sealed: bool) -> Problem:
    x, a, b = Decimal(draw.between(2, 20)), _whole(draw, is_sealed), _whole(draw, is_sealed)
    return Problem((a, b, a * x + b), x, f"{a}x + {b} = {a * x + b}")


def _quotient_equation(draw: Draw, is_sealed: bool) -> Problem:
    a, b = _whole(draw, is_sealed), Decimal(draw.between(2, 20))
    return Problem((a, b), a * b, f"x / {a} = {b}")


def _sum(draw: Draw, is_sealed: bool) -> Problem:
    a, b = _tenths(draw, is_sealed), _tenths(draw, is_sealed) + Decimal(draw.between(1, 9)) / 100
    return Problem((a, b), a + b, f"{a} + {b}")


def _difference(draw: Draw, is_sealed: bool) -> Problem:
    small, large = sorted((_tenths(draw, is_sealed), _whole(draw, is_sealed)))
    return Problem((large, small), large - small, f"{large} - {small}")


def _product(draw: Draw, is_sealed: bool) -> Problem:
    a, b = _tenths(draw, is_sealed), draw.pick((_tenths(draw, False), Decimal(draw.between(2, 9))))
    return Problem((a, b), a * b, f"{a} × {b}")


def _quotient(draw: Draw, is_sealed: bool) -> Problem:
    b, answer = Decimal(draw.between(2, 9)), _tenths(draw, is_sealed)
    return Problem((answer * b, b), answer, f"{spelled(answer * b)} ÷ {b}")


KINDS = (
    Kind("area", "rectangle", "rectangle", 2, _rectangle),
    Kind("area", "triangle", "triangle", 2, _triangle),
    Kind("area", "square", "square", 1, _square),
    Kind("percentage", "percent-of", "percent-of", 2, _percent_of),
    Kind("percentage", "discount", "discount", 2, _discount),
    Kind("percentage", "increase", "increase", 1, _increase),
    Kind("equation", "sum-equation", "equation", 1, _sum_equation),
    Kind("equation", "product-equation", "equation", 1, _product_equation),
    Kind("equation", "two-step-equation", "equation", 2, _two_step_equation),
    Kind("equation", "quotient-equation", "equation", 1, _quotient_equation),
    Kind("decimals", "sum", "decimals", 1, _sum),
    Kind("decimals", "difference", "decimals", 1, _difference),
    Kind("decimals", "product", "decimals", 2, _product),
    Kind("decimals", "quotient", "decimals", 1, _quotient),
)
