"""How numbers are written, the same in the terminal, the page and every sentence. Only ASCII signs."""

from promptlathe.statistics.intervals import Interval
from promptlathe.tasks.case import Language

_TO = {"en": " to ", "zh": " 至 "}


def percent(share: float) -> str:
    """61.3%"""
    return f"{100 * share:.1f}%"


def percent_interval(interval: Interval, language: Language) -> str:
    """56.4% to 65.9%"""
    return percent(interval.low) + _TO[language] + percent(interval.high)


def points(difference: float) -> str:
    """+16.3, in percentage points. Nothing is +0.0, from whichever side it is rounded."""
    return f"{round(100 * difference, 1) + 0.0:+.1f}"


def points_interval(interval: Interval, language: Language) -> str:
    """+10.1 to +22.0"""
    return points(interval.low) + _TO[language] + points(interval.high)


def nats(value: float) -> str:
    """+0.52, a difference of log-likelihoods"""
    return f"{round(value, 2) + 0.0:+.2f}"


def nats_interval(interval: Interval, language: Language) -> str:
    """+0.31 to +0.73"""
    return nats(interval.low) + _TO[language] + nats(interval.high)


def p_value(p: float) -> str:
    """0.042, or <0.001"""
    return "<0.001" if p < 0.001 else f"{p:.3f}"
