"""Why answers are not right: which wrong rule they follow, and what made them unreadable."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from promptlathe.evaluation.answers import Row
from promptlathe.evaluation.numerals import percent, percent_interval
from promptlathe.statistics.chance import against_chance
from promptlathe.statistics.intervals import Interval, cluster_interval, wilson
from promptlathe.tasks.case import Case, Language
from promptlathe.tasks.shortcuts import Shortcut
from promptlathe.tasks.task import Task

ALPHA = 0.05
NOTABLE_SHARE = 0.1
"""From this share of unreadable answers on, the sentence speaks of them."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """So many of `cases` readable answers are what a rule would have said, with the 95 % interval
    (cluster-robust). Only cases on which the rule has an opinion count."""

    cases: int
    agreeing: int
    share: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class RuleAgreement:
    """How far the answers follow one wrong rule.

    A rule is right by luck on many cases, so a good model agrees with it there: `where_wrong` looks only at
    the cases on which the rule does not lead to the expected answer. `is_followed`: both are shown to be more
    than half, and more than a guess would give, with Bonferroni's correction for the number of rules.
    """

    rule: str
    label: Mapping[Language, str]
    overall: Agreement
    where_wrong: Agreement
    strata: Mapping[str, Agreement]
    is_followed: bool


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`followed` is the rule that agrees best among those that are followed, None if there is none.

    `unparsed` counts the unreadable answers by reason, the most frequent first; `cut off` are those that met
    the token limit before they settled on anything. `sentence` says what matters most, in plain words.
    """

    rules: tuple[RuleAgreement, ...]
    followed: str | None
    unparsed: Mapping[str, int]
    sentence: Mapping[Language, str]


def diagnose(task: Task, cases: Sequence[Case], rows: Mapping[str, Row]) -> Diagnosis | None:
    """Over the answered ones of `cases`, `rows` by case id; None without answers."""
    answered = [case for case in cases if case.id in rows and rows[case.id].grade]
    if not answered:
        return None
    readable = [case for case in answered if rows[case.id].outcome != "unparsed"]
    level = 1 - ALPHA / max(len(task.shortcuts), 1)
    rules = tuple(_agreement_with(shortcut, readable, rows, level) for shortcut in task.shortcuts)
    shown = [made for made in rules if made.is_followed]
    followed = max(shown, key=lambda made: made.overall.interval.low, default=None)
    reasons = Counter(_reason(rows[case.id]) for case in answered if rows[case.id].outcome == "unparsed")
    unparsed = dict(reasons.most_common())
    sentence: dict[Language, str] = {}
    for language, words in _WORDS.items():
        about_rules = _about_rules(readable, rows, rules, followed, language)
        about_unparsed = _about_unparsed(len(answered), unparsed, language)
        sentence[language] = words["space"].join(filter(None, (about_rules, about_unparsed)))
    return Diagnosis(rules, followed.rule if followed else None, unparsed, sentence)


def _agreement_with(
    shortcut: Shortcut, readable: Sequence[Case], rows: Mapping[str, Row], level: float
) -> RuleAgreement:
    said = {case.id: opinion for case in readable if (opinion := shortcut.answer(case)) is not None}
    judged = [case for case in readable if case.id in said]
    where_wrong = [case for case in judged if said[case.id] != case.expected]

    def agrees(chosen: Sequence[Case]) -> list[bool]:
        return [_answer(rows[case.id]) == said[case.id] for case in chosen]

    def agreement(chosen: Sequence[Case]) -> Agreement:
        found = agrees(chosen)
        if not found:
            return Agreement(0, 0, 0.0, wilson(0, 0))
        interval = cluster_interval(found, [case.cluster for case in chosen])
        return Agreement(len(found), sum(found), sum(found) / len(found), interval)

    def is_shown(chosen: Sequence[Case]) -> bool:
        if not chosen:
            return False
        low = cluster_interval(agrees(chosen), [case.cluster for case in chosen], level).low
        return low > max(0.5, _chance(chosen))

    strata = dict.fromkeys(case.stratum for case in judged)
    return RuleAgreement(
        rule=shortcut.name,
        label=shortcut.label,
        overall=agreement(judged),
        where_wrong=agreement(where_wrong),
        strata={name: agreement([case for case in judged if case.stratum == name]) for name in strata},
        is_followed=is_shown(judged) and is_shown(where_wrong),
    )


def _about_rules(
    readable: Sequence[Case],
    rows: Mapping[str, Row],
    rules: Sequence[RuleAgreement],
    followed: RuleAgreement | None,
    language: Language,
) -> str:
    """Nothing is said where no answer could be read, or the task knows no wrong rule."""
    words = _WORDS[language]
    if followed:
        return words["follows"].format(
            rule=followed.label[language],
            share=percent(followed.overall.share),
            interval=percent_interval(followed.overall.interval, language),
            wrong=percent(followed.where_wrong.share),
        )
    if not readable or not rules:
        return ""
    right = [rows[case.id].is_correct for case in readable]
    share, chance = sum(right) / len(right), _chance(readable)
    is_guessing = chance > 0 and not against_chance(right, chance, [case.cluster for case in readable]).beats(
        ALPHA
    )
    return words["guesses" if is_guessing else "no rule"].format(share=percent(share), chance=percent(chance))


def _about_unparsed(answered: int, unparsed: Mapping[str, int], language: Language) -> str:
    count = sum(unparsed.values())
    if count < NOTABLE_SHARE * answered:
        return ""
    reason = next(iter(unparsed))
    return _WORDS[language]["unparsed"].format(
        share=percent(count / answered), reason=_REASONS[language].get(reason, reason)
    )


def _chance(cases: Sequence[Case]) -> float:
    return sum(case.chance for case in cases) / max(len(cases), 1)


def _answer(row: Row) -> str | None:
    return row.grade.answer if row.grade else None


def _reason(row: Row) -> str:
    """An answer that met the token limit before it settled on anything was cut off."""
    reason = row.grade.reason if row.grade else ""
    is_cut_off = row.response is not None and row.response.finish_reason == "length"
    return "cut off" if is_cut_off and reason not in ("refused", "empty") else reason or "no choice"


_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "space": " ",
        "follows": "The model follows “{rule}”: {share} of its answers agree with that wrong rule "
        "(95% interval {interval}), {wrong} where the rule does not give the right answer.",
        "no rule": "No wrong rule explains the answers: {share} of those that can be read are right.",
        "guesses": "The answers look like guesses: no wrong rule explains them, and {share} of those that can be "
        "read are right, where guessing gives {chance}.",
        "unparsed": "{share} of the answers cannot be read, most often because {reason}.",
    },
    "zh": {
        "space": "",
        "follows": "模型遵循“{rule}”：{share} 的回答与这条错误规则一致（95% 区间 {interval}），"
        "在该规则得不出正确答案的题上为 {wrong}。",
        "no rule": "没有哪条错误规则能解释这些回答：读得出的回答中 {share} 正确。",
        "guesses": "回答近似猜测：没有哪条错误规则能解释，读得出的回答中 {share} 正确，而随机猜测为 {chance}。",
        "unparsed": "{share} 的回答读不出，最常见的原因：{reason}。",
    },
}

_REASONS: dict[Language, dict[str, str]] = {
    "en": {
        "empty": "they are empty",
        "refused": "the model refuses",
        "cut off": "they are cut off at the token limit",
        "named both": "they name both and choose neither",
        "no choice": "they settle on nothing",
    },
    "zh": {
        "empty": "回答为空",
        "refused": "模型拒绝回答",
        "cut off": "到词元上限被截断",
        "named both": "两个都提而没有选择",
        "no choice": "没有给出选择",
    },
}
