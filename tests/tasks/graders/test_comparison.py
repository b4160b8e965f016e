import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from promptlathe.tasks.answer_words import PHRASES
from promptlathe.tasks.case import Case
from promptlathe.tasks.graders.comparison import ComparisonGrader
from promptlathe.tasks.grading import Grade
from promptlathe.tasks.task import get_task

VERDICTS = ("correct", "wrong", "unparsed")


def question(a, b, polarity, expected, language="en", equal=""):
    return Case(
        id=f"{language}:{polarity}:{a},{b}",
        variables={"a": a, "b": b, "polarity": polarity},
        question=f"Which is {polarity}, {a} or {b}?",
        expected=expected,
        stratum="any",
        cluster="any",
        split="select",
        language=language,
        options=(a, b, equal) if equal else (a, b),
    )


def judged_answers():
    groups = YAML(typ="safe", pure=True).load(Path(__file__).with_name("comparison_answers.yaml"))
    for group in groups:
        case = question(**group["question"])
        for verdict in VERDICTS:
            for contradicts in (False, True):
                for answer in group.get(verdict + " contradicting" * contradicts, ()):
                    yield case, answer, verdict, contradicts


JUDGED = list(judged_answers())
LARGER = question("13.8", "13.11", "larger", "13.8")
SMALLER = question("13.8", "13.11", "smaller", "13.11")
EQUAL = question("3.1", "3.10", "larger", "equal", equal="equal")


@pytest.mark.parametrize(
    ("case", "answer", "verdict", "contradicts"),
    JUDGED,
    ids=[f"{case.id}-{place}" for place, (case, *_) in enumerate(JUDGED)],
)
def test_judges_as_a_careful_reader_does(case, answer, verdict, contradicts):
    grade = ComparisonGrader().grade(case, answer)
    assert (grade.verdict, grade.contradicts) == (verdict, contradicts), grade


def test_the_judged_answers_cover_both_languages_both_polarities_and_every_verdict():
    kinds = Counter((case.language, case.variables["polarity"], verdict) for case, _, verdict, _ in JUDGED)
    assert len(JUDGED) >= 150
    assert len({(case.id, answer) for case, answer, *_ in JUDGED}) == len(JUDGED)
    for language in ("en", "zh"):
        for polarity in ("larger", "smaller"):
            for verdict in VERDICTS:
                assert kinds[language, polarity, verdict] >= 1, (language, polarity, verdict)


@pytest.mark.parametrize(
    ("case", "answer", "grade"),
    [
        (LARGER, "13.80", Grade("correct", "13.8", False)),
        (LARGER, "The number is １３．１１", Grade("wrong", "13.11", False)),
        (SMALLER, "13.8 > 13.11", Grade("correct", "13.11", False)),
        (LARGER, "They are equal.", Grade("wrong", "equal", False)),
        (EQUAL, "They are the same.", Grade("correct", "equal", False)),
        (question("3.1", "3.10", "larger", "相等", "zh", "相等"), "一样大", Grade("correct", "相等", False)),
        (LARGER, "The answer is 1,313.9.", Grade("wrong", "1313.9", False, "not an option")),
        (LARGER, "", Grade("unparsed", None, False, "empty")),
        (LARGER, "I cannot compare 13.8 and 13.11.", Grade("unparsed", None, False, "refused")),
        (LARGER, "我无法判断。", Grade("unparsed", None, False, "refused")),
        (LARGER, "13.8 or 13.11", Grade("unparsed", None, False, "named both")),
        (LARGER, "The larger number is 13.1", Grade("unparsed", None, False, "cut off")),
        (LARGER, "Let us compare.", Grade("unparsed", None, False, "no choice")),
    ],
)
def test_says_what_the_answer_was_or_why_there_is_none(case, answer, grade):
    assert ComparisonGrader().grade(case, answer) == grade


PLAIN = {
    ("en", "larger"): """{x} | {x}. | **{x}** | The answer is {x}. | Answer: {x} | The larger number is {x}.
        | {x} is larger than {y}. | {x} is larger. | {x} > {y} | {y} < {x} | {y} is smaller. | \\boxed{{{x}}}
        | {x} because {x} > {y} | {y}... wait, no, {x} | {y} is not larger than {x}.
        | The larger of {x} and {y} is {x}. | Between {y} and {x}, {x} is larger.""",
    ("en", "smaller"): """{x} | The smaller number is {x}. | {x} is smaller than {y}. | {x} < {y} | {y} > {x}
        | {y} is larger than {x}. | {x} is the lesser one. | {y} is larger. | Answer: {x}""",
    ("zh", "larger"): """{x} | {x}。 | 答案是{x}。 | 答案：{x} | 较大的数是{x}。 | {x}比{y}大。 | {x}更大
        | {x}大于{y} | {y}小于{x} | {y}比{x}小 | {y}不比{x}大 | {y}没有{x}大 | {x}和{y}中较大的是{x}
        | {y}，不对，是{x}""",
    ("zh", "smaller"): """{x} | 较小的数是{x}。 | {x}比{y}小。 | {x}更小 | {x}小于{y} | {y}大于{x} | 答案：{x}
        | 小的是{x}""",
}


@pytest.mark.parametrize("split", ["propose", "select", "sealed"])
def test_plain_answers_to_the_real_cases_are_always_read(split):
    for case in get_task("decimal-comparison").cases(split, 400, seed=11):
        options = case.options[:2]
        for x, y in (options, options[::-1]):
            for template in PLAIN[case.language, case.variables["polarity"]].split("|"):
                answer = template.format(x=x, y=y)
                grade = ComparisonGrader().grade(case, answer)
                expected = "correct" if x == case.expected else "wrong"
                assert (grade.verdict, grade.contradicts) == (expected, False), (case.id, answer, grade)


@pytest.mark.parametrize(
    ("language", "answer"), [("en", "equal"), ("en", "They are equal."), ("zh", "相等"), ("zh", "一样大。")]
)
def test_equality_is_read_in_every_case_that_offers_it(language, answer):
    cases = get_task("decimal-comparison").cases("select", 400, languages=[language])
    offering = [case for case in cases if len(case.options) == 3]
    assert offering
    for case in offering:
        grade = ComparisonGrader().grade(case, answer)
        assert grade.answer == case.options[2]
        assert grade.verdict == ("correct" if case.stratum == "equal" else "wrong")


FRAGMENTS = [
    *(phrase for phrases in PHRASES.values() for phrase in phrases),
    *(
        "13.8",
        "13.11",
        "13",
        "0.8",
        "１３．８",
        " ",
        ", ",
        ". ",
        "\n",
        "\\boxed{",
        "}",
        "**",
        "$",
        "&gt;",
        "<think>",
        "</think>",
    ),
]


@given(
    st.text() | st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join),
    st.sampled_from([LARGER, SMALLER, EQUAL]),
)
def test_grades_any_text_without_raising(answer, case):
    grade = ComparisonGrader().grade(case, answer)
    assert grade.verdict in VERDICTS
    assert (grade.answer is None) == (grade.verdict == "unparsed")
    assert (grade.verdict == "correct") == (grade.answer == case.expected)
    assert ComparisonGrader().grade(case, answer) == grade


@pytest.mark.parametrize(
    "fragment",
    [
        "1",
        "1,111",
        "1.",
        "13.8 is ",
        "13.8, ",
        "13.8 > ",
        "答案是",
        "answer: = ",
        "*",
        "<a",
        "\\boxed{",
        "not 13.8 digit, ",
    ],
)
def test_a_hundred_kilobytes_take_seconds_at_most(fragment):
    answer = (fragment * (100_000 // len(fragment)))[:100_000] + "\nThe answer is 13.8."
    start = time.process_time()
    ComparisonGrader().grade(LARGER, answer)
    assert time.process_time() - start < 5


def test_no_phrase_means_two_things():
    phrases = Counter(phrase for phrases in PHRASES.values() for phrase in set(phrases))
    assert [phrase for phrase, count in phrases.items() if count > 1] == []
