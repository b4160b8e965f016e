"""What a certificate shows, in plain sentences."""

from promptlathe.evaluation.numerals import p_value, percent, points, points_interval
from promptlathe.evaluation.summary import Comparison, PromptSummary, RunSummary
from promptlathe.optimization.certificate import is_gain
from promptlathe.tasks.case import Language


def verdict(summary: RunSummary, winner: str, language: Language) -> str:
    """`summary` is of the sealed cases, its first prompt the start. "Beats chance" is said only if it does."""
    words = _WORDS[language]
    by_name = {prompt.name: prompt for prompt in summary.prompts}
    start, best = summary.prompts[0], by_name[winner]
    comparison = next((made for made in summary.comparisons if made.after == winner), None)
    if comparison is None:
        said = words["none"].format(start=start.name, share=percent(start.total.accuracy))
    else:
        said = _gain(comparison, start, best, summary.cases, language)
    return words["space"].join(filter(None, [said, _form(start, best, language), _chance(best, language)]))


def _gain(
    comparison: Comparison, start: PromptSummary, best: PromptSummary, cases: int, language: Language
) -> str:
    is_proven = is_gain(comparison.paired.difference, comparison.adjusted_p)
    return _WORDS[language]["proven" if is_proven else "unproven"].format(
        cases=cases,
        winner=best.name,
        start=start.name,
        best=percent(best.total.accuracy),
        was=percent(start.total.accuracy),
        difference=points(comparison.paired.difference),
        interval=points_interval(comparison.paired.interval, language),
        p=_p(comparison.adjusted_p),
    )


def _form(start: PromptSummary, best: PromptSummary, language: Language) -> str:
    """Said where at least half of the gain is answers that can be read at all."""
    gain, readable = best.total.correct - start.total.correct, start.unparsed - best.unparsed
    if gain <= 0 or 2 * readable < gain:
        return ""
    return _WORDS[language]["form"].format(
        start=start.name, was=start.unparsed, winner=best.name, now=best.unparsed
    )


def _chance(best: PromptSummary, language: Language) -> str:
    if best.chance is None:
        return ""
    key = "beats" if best.chance.beats() else "guessing"
    return _WORDS[language][key].format(
        winner=best.name, chance=percent(best.chance.chance), p=_p(best.chance.p_value)
    )


def _p(p: float) -> str:
    written = p_value(p)
    return f"p {written}" if written.startswith("<") else f"p = {written}"


_WORDS = {
    "en": {
        "space": " ",
        "proven": "Proven: on {cases} sealed cases that nobody tuned on, {winner} is right on {best} where {start} is "
        "right on {was}: {difference} points ({interval}), {p}.",
        "unproven": "Not proven: on {cases} sealed cases {winner} is right on {best}, {start} on {was}: "
        "{difference} points ({interval}), {p}.",
        "none": "Nothing that was tried beats {start}, which is right on {share} of the sealed cases.",
        "form": "Much of this is form: {was} answers of {start} settled on no number, {now} of {winner} did not.",
        "beats": "It beats chance ({chance}; {p}).",
        "guessing": "Guessing would be right on {chance}, and {winner} is not shown to be above that. "
        "A larger model may do better.",
    },
    "zh": {
        "space": "",
        "proven": "已证明：在{cases}道从未用于调整的封存题上，{winner}答对{best}，{start}答对{was}，"
        "相差{difference}个百分点（{interval}），{p}。",
        "unproven": "未能证明：在{cases}道封存题上，{winner}答对{best}，{start}答对{was}，"
        "相差{difference}个百分点（{interval}），{p}。",
        "none": "试过的提示词都没有胜过{start}，它在封存题上答对{share}。",
        "form": "其中很大一部分来自作答形式：{start}有{was}个回答没有给出确定的数，{winner}有{now}个。",
        "beats": "它优于随机猜测（{chance}；{p}）。",
        "guessing": "随机猜测能答对{chance}，没有证据表明{winner}高于它。换更大的模型也许更好。",
    },
}
