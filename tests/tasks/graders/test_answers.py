"""Answers that are easy to misjudge: each file here holds those of one grader, with what a careful reader says."""

import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from promptlathe.tasks.case import Case
from promptlathe.tasks.graders import make_grader

VERDICTS = ("correct", "wrong", "unparsed")
FEWEST = {"number": 60, "choice": 60, "exact": 25, "contains": 25, "regex": 25, "json": 25}
_OPTIONS_OF_NUMBER = ("tolerance", "relative_tolerance")


def asked(expected="any", options=(), language="en"):
    return Case(
        id="any",
        variables={"a": "1"},
        question="any",
        expected=expected,
        stratum="any",
        cluster="any",
        split="select",
        language=language,
        options=tuple(options),
    )


def judged_answers(kind):
    groups = YAML(typ="safe", pure=True).load(Path(__file__).with_name(f"{kind}_answers.yaml"))
    for group in groups:
        options = {name: group[name] for name in _OPTIONS_OF_NUMBER if name in group}
        grader = make_grader({"type": kind, **options, **group.get("grader", {})})
        case = asked(group["expected"], group.get("options", ()))
        for verdict in VERDICTS:
            for contradicts in (False, True):
                for answer in group.get(verdict + " contradicting" * contradicts, ()):
                    yield kind, grader, case, answer, verdict, contradicts


JUDGED = [judged for kind in FEWEST for judged in judged_answers(kind)]


@pytest.mark.parametrize(
    ("kind", "grader", "case", "answer", "verdict", "contradicts"),
    JUDGED,
    ids=[f"{kind}-{place}" for place, (kind, *_) in enumerate(JUDGED)],
)
def test_judges_as_a_careful_reader_does(kind, grader, case, answer, verdict, contradicts):
    grade = grader.grade(case, answer)
    assert (grade.verdict, grade.contradicts) == (verdict, contradicts), (answer, grade)


def test_there_are_enough_of_every_grader_and_every_verdict():
    counted = Counter(kind for kind, *_ in JUDGED)
    assert {kind: counted[kind] >= fewest for kind, fewest in FEWEST.items()} == dict.fromkeys(FEWEST, True)
    verdicts = {(kind, verdict) for kind, _, _, _, verdict, _ in JUDGED}
    assert len(verdicts) == len(FEWEST) * len(VERDICTS)
    chinese = Counter(
        kind for kind, _, _, answer, *_ in JUDGED if any("一" <= mark <= "鿿" for mark in answer)
    )
    assert all(chinese[kind] >= 4 for kind in FEWEST), chinese


GRADERS = [
    make_grader(options)
    for options in (
        {"type": "number"},
        {"type": "number", "tolerance": "0.5", "relative_tolerance": 0.1},
        {"type": "choice"},
        {"type": "choice", "options": ["yes", "no", "不是"]},
        {"type": "exact", "ignore": ["case", "space", "width", "punctuation"]},
        {"type": "contains", "whole_words": True},
        {"type": "contains", "any": ["a", "12"], "none": ["不"]},
        {"type": "regex", "pattern": "(a|b)+(.*)$"},
        {"type": "json"},
        {"type": "json", "schema": {"type": "object", "additionalProperties": {"type": "string"}}},
        {"type": "judge", "rubric": "any"},
    )
]
CASES = [
    asked("12"),
    asked("A", "ABC"),
    asked("Paris", ("London", "Paris")),
    asked('{"a": [1, "x"]}'),
    asked("no", language="zh"),
]
FRAGMENTS = [
    *"0123456789.,;:!?()[]{}<>=+-*/×÷%$^_\\\"'`~ \n",
    *(
        "12",
        "1/0",
        "0/0",
        "1e999",
        "10^99999",
        "1,234",
        "百分之",
        "分之",
        "十",
        "二",
        "亿",
        "万",
        "负",
        "点",
        "½",
        "²",
        "⁻",
        "\\frac{1}{0}",
    ),
    *(
        "answer is",
        "答案是",
        "wait",
        "不对",
        "A",
        "(B)",
        "Paris",
        "no",
        "not",
        "because",
        "or",
        "twenty",
        "one",
        "hundred",
    ),
    *(
        "{",
        "}",
        "[",
        "]",
        '{"a":',
        "```json\n",
        "```",
        "null",
        "NaN",
        "\ud800",
        "\u2028",
        "<think>",
        "</think>",
        "Q:",
    ),
]


@given(
    st.text() | st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join),
    st.sampled_from(CASES),
    st.sampled_from(GRADERS),
)
def test_grades_any_text_without_raising(answer, case, grader):
    grade = grader.grade(case, answer)
    assert grade.verdict in VERDICTS
    assert (
        (grade.answer is None) == (grade.verdict == "unparsed") == bool(grade.reason and grade.answer is None)
    )
    assert grader.grade(case, answer) == grade


@pytest.mark.parametrize(
    "fragment",
    [
        "1",
        "1,111",
        "1.",
        "1/",
        "{",
        "[",
        '{"a":',
        "(",
        "A",
        "A. ",
        "no, ",
        "answer is ",
        "答案是",
        "一",
        "百",
        "twenty-",
        "```\n",
        "\n",
        " ",
        "Paris or ",
        "if ",
        "\\frac{",
    ],
)
def test_work_does_not_grow_with_the_square_of_the_length(fragment):
    answer = fragment * (5_000 // len(fragment)) + "\nThe answer is 12."
    for grader in GRADERS:
        start = time.process_time()
        grader.grade(CASES[2], answer)
        assert time.process_time() - start < 0.7, grader.name
