"""Diagnosis: the rule that a model follows is named, and no rule where it follows none."""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from promptlathe.evaluation.answers import Response, Row
from promptlathe.evaluation.diagnosis import Diagnosis, diagnose
from promptlathe.tasks.case import Case
from promptlathe.tasks.grading import Grade, Reason
from promptlathe.tasks.shortcuts import NUMBER_SHORTCUTS, Shortcut
from promptlathe.tasks.task import get_task
from tests.scripted import TASK

TASKS = get_task(TASK)
CASES = TASKS.cases("select", 200)


def row(case: Case, answer: str | None, *, reason: Reason = "", finish_reason: str = "stop") -> Row:
    verdict = "unparsed" if answer is None else "correct" if answer == case.expected else "wrong"
    response = Response(answer or "Well.", finish_reason, 20, 3, 0.1)
    grade = Grade(verdict, answer, contradicts=False, reason=reason)
    return Row("expert", "tiny", case.id, 0, case.id, response, grade, None, is_cached=False)


def diagnosed(answer: Callable[[Case], str | None], **options: object) -> Diagnosis:
    found = diagnose(TASKS, CASES, {case.id: row(case, answer(case), **options) for case in CASES})
    assert found is not None
    return found


def noisy(rule: Shortcut, share: float, seed: int = 3) -> Callable[[Case], str]:
    """Follows the rule with that probability, and guesses otherwise."""
    draw = random.Random(seed)

    def answer(case: Case) -> str:
        said = rule.answer(case)
        return said if said is not None and draw.random() < share else draw.choice(case.options)

    return answer


@pytest.mark.parametrize("share", [1.0, 0.85])
@pytest.mark.parametrize("rule", NUMBER_SHORTCUTS, ids=lambda rule: rule.name)
def test_the_rule_that_is_followed_is_named(rule: Shortcut, share: float) -> None:
    found = diagnosed(noisy(rule, share))
    assert found.followed == rule.name
    assert found.sentence["en"].startswith(f"The model follows “{rule.label['en']}”: ")
    assert found.sentence["zh"].startswith(f"模型遵循“{rule.label['zh']}”：")


def test_the_numbers_are_shares_of_readable_answers_where_the_rule_has_an_opinion() -> None:
    rule = next(rule for rule in NUMBER_SHORTCUTS if rule.name == "version-number-order")
    answers = {case.id: noisy(rule, 0.8)(case) if index % 4 else None for index, case in enumerate(CASES)}
    found = diagnosed(lambda case: answers[case.id])
    (made,) = [made for made in found.rules if made.rule == rule.name]
    judged = [case for case in CASES if answers[case.id] and rule.answer(case)]
    telling = [case for case in judged if rule.answer(case) != case.expected]
    for agreement, cases in [(made.overall, judged), (made.where_wrong, telling)]:
        agreeing = sum(answers[case.id] == rule.answer(case) for case in cases)
        assert (agreement.cases, agreement.agreeing) == (len(cases), agreeing)
        assert agreement.share == pytest.approx(agreeing / len(cases))
        assert agreement.share in agreement.interval
    assert sum(part.cases for part in made.strata.values()) == len(judged)
    assert sum(part.agreeing for part in made.strata.values()) == made.overall.agreeing


@pytest.mark.parametrize("share", [1.0, 0.8])
def test_a_model_that_knows_follows_no_rule_though_all_are_often_right(share: float) -> None:
    knows = Shortcut("knows", {"en": "knows", "zh": "会"}, lambda case: case.expected)
    found = diagnosed(noisy(knows, share))
    assert found.followed is None
    assert found.sentence["en"].startswith("No wrong rule explains the answers: ")
    assert found.sentence["zh"].startswith("没有哪条错误规则能解释")


def test_a_rule_that_is_nearly_always_right_is_followed_only_where_it_is_wrong() -> None:
    late = {case.id for case in CASES[-40:]}
    rule = Shortcut(
        "mostly",
        {"en": "mostly", "zh": "多半"},
        lambda case: (
            case.expected
            if case.id not in late
            else next(option for option in case.options if option != case.expected)
        ),
    )
    task = replace(TASKS, shortcuts=(rule,))
    for answer, followed in ((lambda case: case.expected, None), (rule.answer, "mostly")):
        found = diagnose(task, CASES, {case.id: row(case, answer(case)) for case in CASES})
        assert found is not None
        assert found.rules[0].overall.share >= 0.8
        assert found.followed == followed


def test_guesses_are_called_guesses_and_seldom_a_rule() -> None:
    """Eight rules could each be agreed with by chance, on one of 60 sets of guesses at the usual 5 %: 3."""
    guess = Shortcut("guess", {"en": "guess", "zh": "猜"}, lambda _: None)
    found = [diagnosed(noisy(guess, 0.0, seed)) for seed in range(60)]
    assert sum(made.followed is not None for made in found) <= 3
    assert sum("look like guesses" in made.sentence["en"] for made in found) >= 54
    assert sum("近似猜测" in made.sentence["zh"] for made in found) >= 54


@pytest.mark.parametrize(
    ("reason", "finish_reason", "counted", "english", "chinese"),
    [
        ("no choice", "stop", "no choice", "they settle on nothing", "没有给出选择"),
        ("no choice", "length", "cut off", "they are cut off at the token limit", "到词元上限被截断"),
        ("named both", "length", "cut off", "they are cut off at the token limit", "到词元上限被截断"),
        ("named both", "stop", "named both", "they name both and choose neither", "两个都提而没有选择"),
        ("refused", "length", "refused", "the model refuses", "模型拒绝回答"),
        ("empty", "stop", "empty", "they are empty", "回答为空"),
        ("", "stop", "no choice", "they settle on nothing", "没有给出选择"),
        ("not JSON", "stop", "not JSON", "because not JSON", "not JSON"),
    ],
)
def test_why_answers_cannot_be_read(
    reason: Reason, finish_reason: str, counted: str, english: str, chinese: str
) -> None:
    found = diagnosed(lambda _: None, reason=reason, finish_reason=finish_reason)
    assert found.unparsed == {counted: len(CASES)}
    assert found.sentence["en"].startswith("100.0% of the answers cannot be read, most often because ")
    assert english in found.sentence["en"]
    assert found.sentence["zh"].startswith("100.0% 的回答读不出，最常见的原因：")
    assert chinese in found.sentence["zh"]


@pytest.mark.parametrize(("unread", "is_said"), [(19, False), (20, True)])
def test_few_unreadable_answers_are_counted_but_not_spoken_of(unread: int, is_said: bool) -> None:
    ids = {case.id for case in CASES[:unread]}
    found = diagnosed(lambda case: None if case.id in ids else case.expected, reason="refused")
    assert found.unparsed == {"refused": unread}
    assert ("cannot be read" in found.sentence["en"]) is is_said


def test_errors_and_what_is_not_answered_say_nothing() -> None:
    failed = replace(row(CASES[0], None), response=None, grade=None, error="too long")
    rows: Mapping[str, Row] = {CASES[0].id: failed}
    assert diagnose(TASKS, CASES, rows) is None
    assert diagnose(TASKS, CASES, {}) is None


def test_a_task_without_rules_is_not_explained_by_any() -> None:
    open_task = replace(TASKS, shortcuts=())
    found = diagnose(open_task, CASES, {case.id: row(case, case.options[0]) for case in CASES})
    assert found is not None
    assert (found.rules, found.followed, found.sentence) == ((), None, {"en": "", "zh": ""})
