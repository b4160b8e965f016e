"""The result of a run in plain words: which prompt is better, by how much, and whether it beats guessing."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from promptlathe.evaluation.numerals import (
    nats,
    nats_interval,
    p_value,
    percent,
    percent_interval,
    points,
    points_interval,
)
from promptlathe.evaluation.summary import Comparison, PromptSummary, RunSummary
from promptlathe.tasks.case import Language

SIGNIFICANT = 0.05


def headline(summary: RunSummary, language: Language) -> str:
    """`sentences` as one text."""
    return _WORDS[language]["space"].join(sentences(summary, language))


def sentences(summary: RunSummary, language: Language) -> tuple[str, ...]:
    """The verdict first: on the prompts of each model, then on the models. A prompt is called better or worse
    only at a Holm-adjusted p of 0.05 or less, and said to beat chance only if it does; what has no answer yet
    is said as well."""
    words = _WORDS[language]
    if not any(prompt.total.cases for prompt in summary.prompts):
        errors = sum(prompt.errors for prompt in summary.prompts)
        return (words["failed"].format(errors=errors) if errors else words["nothing"],)
    said = []
    for group in _groups(summary):
        spoken_of, verdict = _verdict(group, len(summary.comparisons), language)
        said += [verdict, _against_chance(spoken_of, language)]
    said += [_margins(summary, language), _missing(summary, language)]
    return tuple(dict.fromkeys(filter(None, said)))


def proven(comparison: Comparison) -> bool:
    return comparison.adjusted_p <= SIGNIFICANT


class _Group(NamedTuple):
    """What one sentence is about: results of which the first is what the others are compared with."""

    kind: Literal["prompts", "models"]
    members: Sequence[PromptSummary]
    comparisons: Sequence[Comparison]


def _groups(summary: RunSummary) -> list[_Group]:
    """The prompts of each model, where there are several; the models, by the first prompt of each."""
    by_model: dict[str, list[PromptSummary]] = {}
    for prompt in summary.prompts:
        by_model.setdefault(prompt.model, []).append(prompt)
    models = [prompts[0] for prompts in by_model.values()]
    parted: list[tuple[Literal["prompts", "models"], list[PromptSummary]]] = [
        ("prompts", prompts) for prompts in by_model.values() if len(prompts) > 1 or len(models) == 1
    ]
    if len(models) > 1:
        parted.append(("models", models))
    groups = []
    for kind, members in parted:
        names = {member.name for member in members}
        made = [made for made in summary.comparisons if {made.before, made.after} <= names]
        if any(member.total.cases for member in members):
            groups.append(_Group(kind, members, made))
    return groups


def _verdict(group: _Group, comparisons: int, language: Language) -> tuple[PromptSummary, str]:
    """The result that is spoken of, and the sentence; `comparisons` are those that p was adjusted for."""
    words, prompts = _WORDS[language], {prompt.name: prompt for prompt in group.members}
    first = group.members[0]
    if not group.comparisons:
        best = max(group.members, key=lambda prompt: (prompt.total.cases > 0, prompt.total.accuracy))
        return best, words["alone"].format(a=best.name, share=_share(best, language, with_interval=True))
    nearest = max(group.comparisons, key=_difference)
    gains = [made for made in group.comparisons if proven(made) and _difference(made) > 0]
    is_pair = len(group.comparisons) == 1
    if gains:
        top = max(gains, key=_difference)
        situation, subject = "better" if is_pair or top is not nearest else "best", prompts[top.after]
    elif all(map(proven, group.comparisons)):
        top, situation = nearest, "worse" if is_pair else "all worse"
        subject = prompts[top.after] if is_pair else first
    else:
        top, situation = nearest, "no difference" if is_pair else "none better"
        subject = prompts[top.after] if _difference(top) > 0 else first
    spoken_of = first if situation in ("all worse", "no difference", "none better") else subject
    return subject, words[situation].format(
        a=first.name,
        b=top.after,
        share=_share(spoken_of, language),
        difference=_with_interval_and_p(top, comparisons, language),
        all=words[group.kind].format(count=len(group.comparisons) + 1),
        others=len(group.comparisons),
    )


def _difference(comparison: Comparison) -> float:
    return comparison.paired.difference


def _share(prompt: PromptSummary, language: Language, *, with_interval: bool = False) -> str:
    share = _WORDS[language]["share"].format(share=percent(prompt.total.accuracy), cases=prompt.total.cases)
    if not with_interval:
        return share
    interval = percent_interval(prompt.total.interval, language)
    return share + _WORDS[language]["share interval"].format(interval=interval)


def _with_interval_and_p(comparison: Comparison, comparisons: int, language: Language) -> str:
    return _WORDS[language]["difference" if comparisons == 1 else "adjusted difference"].format(
        points=points(comparison.paired.difference),
        interval=points_interval(comparison.paired.interval, language),
        p=_p_is(comparison.adjusted_p),
        comparisons=comparisons,
    )


def _p_is(value: float) -> str:
    p = p_value(value)
    return f"p {p[0]} {p[1:]}" if p.startswith("<") else f"p = {p}"


def _against_chance(prompt: PromptSummary, language: Language) -> str:
    if prompt.chance is None:
        return ""
    sentence = "beats chance" if prompt.chance.beats() else "not above chance"
    return _WORDS[language][sentence].format(a=prompt.name, chance=percent(prompt.chance.chance))


def _margins(summary: RunSummary, language: Language) -> str:
    """Where options were scored: by how much the right one is likelier, of each result."""
    words = _WORDS[language]
    gains = {made.after: (made.before, made.margin) for made in summary.comparisons if made.margin}
    parts = []
    for prompt in summary.prompts:
        if not prompt.margin:
            continue
        part = words["margin"].format(
            a=prompt.name,
            mean=nats(prompt.margin.mean),
            interval=nats_interval(prompt.margin.interval, language),
        )
        before, gain = gains.get(prompt.name, ("", None))
        if gain:
            part += words["margin gain"].format(
                b=before,
                mean=nats(gain.mean),
                interval=nats_interval(gain.interval, language),
                p=_p_is(gain.p_value),
            )
        parts.append(part)
    return words["margins"].format(parts=words["semicolon"].join(parts)) if parts else ""


def _missing(summary: RunSummary, language: Language) -> str:
    words = _WORDS[language]
    parts = [
        words["missing part" if prompt.errors else "unfinished part"].format(
            a=prompt.name, answered=prompt.total.cases, cases=summary.cases, errors=prompt.errors
        )
        for prompt in summary.prompts
        if prompt.total.cases < summary.cases
    ]
    return words["missing"].format(parts=words["comma"].join(parts)) if parts else ""


_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "space": " ",
        "comma": ", ",
        "semicolon": "; ",
        "prompts": "{count} prompts",
        "models": "{count} models",
        "nothing": "There are no answers yet.",
        "failed": "There are no answers: all {errors} requests failed.",
        "share": "{share} of {cases} cases right",
        "share interval": " (95% interval {interval})",
        "difference": "{points} points (95% interval {interval}, {p})",
        "adjusted difference": "{points} points (95% interval {interval}, {p} after Holm's adjustment for "
        "{comparisons} comparisons)",
        "alone": "“{a}” gets {share}.",
        "better": "“{b}” is better than “{a}”: {share}, {difference}.",
        "best": "“{b}” is the best of {all}, and better than “{a}”: {share}, {difference}.",
        "worse": "“{b}” is worse than “{a}”: {share}, {difference}.",
        "all worse": "“{a}” stays the best of {all} with {share}: all others are worse, the "
        "nearest, “{b}”, at {difference}.",
        "no difference": "No difference is shown between “{a}” ({share}) and “{b}”: {difference}.",
        "none better": "None of the {others} others is shown to be better than “{a}” ({share}): the nearest, "
        "“{b}”, is at {difference}.",
        "beats chance": "“{a}” beats chance, which is {chance}.",
        "not above chance": "“{a}” is not shown to be above chance, which is {chance}.",
        "margins": "Mean margin by which the right option is likelier than the next, in nats: {parts}.",
        "margin": "“{a}” {mean} (95% interval {interval})",
        "margin gain": ", {mean} against “{b}” ({interval}, {p})",
        "missing": "Not every case has an answer: {parts}.",
        "missing part": "“{a}” {answered} of {cases} (errors: {errors})",
        "unfinished part": "“{a}” {answered} of {cases}",
    },
    "zh": {
        "space": "",
        "comma": "、",
        "semicolon": "；",
        "prompts": "{count} 个提示词",
        "models": "{count} 个模型",
        "nothing": "还没有任何回答。",
        "failed": "没有任何回答：{errors} 个请求全部失败。",
        "share": "{cases} 题答对 {share}",
        "share interval": "（95% 区间 {interval}）",
        "difference": "相差 {points} 个百分点（95% 区间 {interval}，{p}）",
        "adjusted difference": "相差 {points} 个百分点（95% 区间 {interval}，"
        "{comparisons} 次比较经 Holm 校正后 {p}）",
        "alone": "“{a}”：{share}。",
        "better": "“{b}”比“{a}”好：{share}，{difference}。",
        "best": "{all}中“{b}”最好，也好过“{a}”：{share}，{difference}。",
        "worse": "“{b}”比“{a}”差：{share}，{difference}。",
        "all worse": "{all}中仍是“{a}”最好：{share}；其余都更差，最接近的“{b}”{difference}。",
        "no difference": "看不出“{a}”（{share}）与“{b}”有差别：{difference}。",
        "none better": "其余 {others} 个都没有显示出比“{a}”（{share}）更好：最接近的“{b}”{difference}。",
        "beats chance": "“{a}”胜过随机猜测（{chance}）。",
        "not above chance": "没有显示出“{a}”高于随机猜测（{chance}）。",
        "margins": "正确选项比次优选项的对数似然平均高出（单位：纳特）：{parts}。",
        "margin": "“{a}” {mean}（95% 区间 {interval}）",
        "margin gain": "，与“{b}”相比 {mean}（{interval}，{p}）",
        "missing": "并非每题都有回答：{parts}。",
        "missing part": "“{a}” {answered}/{cases}（出错 {errors}）",
        "unfinished part": "“{a}” {answered}/{cases}",
    },
}
