"""What a run will be able to show, said before it starts."""

import math
from collections.abc import Sequence

from promptlathe.statistics.intervals import wilson
from promptlathe.statistics.power import cases_needed, minimum_detectable_difference
from promptlathe.tasks.case import Case, Language

POWER = 0.8
ALPHA = 0.05
_TYPICAL_GAINS = ((0.5, 0.7), (0.7, 0.8))


def outlook(cases: Sequence[Case], comparisons: int, language: Language) -> str:
    """How small a difference so many cases show; without a comparison, how exact a share will be.

    That is for cases that do not depend on each other. Those of a cluster may all be answered alike, and then
    are worth one: the number of clusters is said where it is smaller. With several comparisons each is held
    to alpha / comparisons, which is what Holm asks of the first one.
    """
    words, count, clusters = _WORDS[language], len(cases), len({case.cluster for case in cases})
    worth = words["worth"].format(cases=count, clusters=clusters) if clusters < count else ""
    if comparisons == 0:
        interval = wilson(count // 2, count)
        points = f"{50 * (interval.high - interval.low):.0f}"
        return words["alone"].format(cases=count, points=points) + worth
    alpha = ALPHA / comparisons
    gain = minimum_detectable_difference(count, 0.5, alpha=alpha, power=POWER)
    needed = [
        words["needed"].format(
            before=_percent(before),
            after=_percent(after),
            cases=_round(cases_needed(before, after, alpha=alpha, power=POWER)),
        )
        for before, after in _TYPICAL_GAINS
    ]
    said = words["shows" if gain else "nothing"].format(
        cases=count, gain=_percent(math.ceil(50 + 100 * (gain or 0.0)) / 100), power=_percent(POWER)
    )
    return said + words["comma"].join(needed) + words["end"] + worth


def _percent(share: float) -> str:
    return f"{share:.0%}"


def _round(cases: int) -> int:
    """To two digits: the power of an exact test is no finer."""
    return round(cases, min(0, 2 - len(str(cases))))


_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "alone": "With {cases} cases a share of right answers will be known to about {points} points either way.",
        "shows": "With {cases} cases a gain from 50% to {gain} will be shown with probability {power}; ",
        "nothing": "{cases} cases are too few to show any gain over 50% with probability {power}; ",
        "needed": "{before} to {after} needs about {cases}",
        "comma": ", ",
        "end": ".",
        "worth": " (As few as {clusters} of the {cases}, where the cases of a cluster are all answered alike.)",
    },
    "zh": {
        "alone": "{cases} 题可把正确率确定到约正负 {points} 个百分点。",
        "shows": "{cases} 题能以 {power} 的把握显示从 50% 到 {gain} 的提升；",
        "nothing": "{cases} 题太少，任何高于 50% 的提升都无法以 {power} 的把握显示出来；",
        "needed": "从 {before} 到 {after} 约需 {cases} 题",
        "comma": "，",
        "end": "。",
        "worth": "（同一组的题若回答全都一样，{cases} 题最少只相当于 {clusters} 题。）",
    },
}
