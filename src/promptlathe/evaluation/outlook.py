"""What a run will be able to show, said before it starts."""

from promptlathe.evaluation.numerals import percent
from promptlathe.statistics.intervals import wilson
from promptlathe.statistics.power import cases_needed, minimum_detectable_difference
from promptlathe.tasks.case import Language

POWER = 0.8
ALPHA = 0.05
_TYPICAL_GAINS = ((0.5, 0.7), (0.7, 0.8))


def outlook(cases: int, comparisons: int, language: Language) -> str:
    """One or two sentences for so many independent cases; without a comparison, how exact a share will be.

    With several comparisons each is held to alpha / comparisons, which is what Holm asks of the first one.
    """
    words = _WORDS[language]
    if comparisons == 0:
        interval = wilson(cases // 2, cases)
        return words["alone"].format(cases=cases, points=f"{50 * (interval.high - interval.low):.0f}")
    alpha = ALPHA / comparisons
    gain = minimum_detectable_difference(cases, 0.5, alpha=alpha, power=POWER)
    needed = [
        words["needed"].format(
            before=percent(before),
            after=percent(after),
            cases=_round(cases_needed(before, after, alpha=alpha, power=POWER)),
        )
        for before, after in _TYPICAL_GAINS
    ]
    said = words["shows" if gain else "nothing"].format(
        cases=cases, gain=percent(0.5 + (gain or 0.0)), power=percent(POWER)
    )
    return said + words["comma"].join(needed) + words["end"]


def _round(cases: int) -> int:
    """To two digits: the power of an exact test is no finer."""
    return round(cases, min(0, 2 - len(str(cases))))


_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "alone": "With {cases} cases a share of right answers will be known to about {points} points either way.",
        "shows": "With {cases} cases a gain from 50.0% to {gain} will be shown with probability {power}; ",
        "nothing": "{cases} cases are too few to show any gain over 50.0% with probability {power}; ",
        "needed": "{before} to {after} needs about {cases}",
        "comma": ", ",
        "end": ".",
    },
    "zh": {
        "alone": "{cases} 题可把正确率确定到约正负 {points} 个百分点。",
        "shows": "{cases} 题能以 {power} 的把握显示从 50.0% 到 {gain} 的提升；",
        "nothing": "{cases} 题太少，任何高于 50.0% 的提升都无法以 {power} 的把握显示出来；",
        "needed": "从 {before} 到 {after} 约需 {cases} 题",
        "comma": "，",
        "end": "。",
    },
}
