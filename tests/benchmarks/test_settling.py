"""What the other evaluators are given to judge by: a regular expression for each case."""

import re

import pytest

from benchmarks.evaluators_peers.settling import settling_pattern
from promptlathe.tasks.case import Case
from promptlathe.tasks.task import get_task


def case(expected: str, a: str, b: str, *, polarity: str = "larger", equal: str | None = None) -> Case:
    return Case(
        id="1",
        variables={"a": a, "b": b, "polarity": polarity},
        question="?",
        expected=expected,
        stratum="s",
        cluster="c",
        split="select",
        language="en",
        options=(a, b, *((equal,) if equal else ())),
    )


LARGER = case("13.8", "13.8", "13.11")
SMALLER = case("13.11", "13.8", "13.11", polarity="smaller")
NEGATIVE = case("-3.05", "-3.5", "-3.05")
EQUAL = case("equal", "3.1", "3.10", equal="equal")
EQUAL_ZH = case("相等", "3.1", "3.10", equal="相等")
NOT_EQUAL = case("13.8", "13.8", "13.11", equal="equal")


@pytest.mark.parametrize(
    ("asked", "answer", "is_right"),
    [
        (LARGER, "13.8", True),
        (LARGER, " **13.8**.\n", True),
        (LARGER, "13.11", False),
        (LARGER, "13.80", False),
        (LARGER, "113.8 is larger", False),
        (LARGER, "-13.8 is larger", False),
        (LARGER, "13x8 is larger", False),
        (LARGER, "The answer is 13.85", False),
        (LARGER, "13.8 is the larger number.", True),
        (LARGER, "13.8 Is Bigger than 13.11", True),
        (LARGER, "13.11 is greater than 13.8.", False),
        (LARGER, "13.11 is less than 13.8", True),
        (LARGER, "13.8 is smaller", False),
        (LARGER, "13.8 > 13.11", True),
        (LARGER, "13.8 < 13.11", False),
        (LARGER, "13.11 < 13.8", True),
        (LARGER, "The answer is 13.8", True),
        (LARGER, "13.8 is larger. Wait: the answer is 13.11.", False),
        (LARGER, "13.8 and 13.11: 13.8 and 13.11", False),
        (LARGER, "13.8比13.11大", True),
        (LARGER, "13.11比13.8更大", False),
        (LARGER, "13.11 比 13.8 小", True),
        (LARGER, "13.8更大", True),
        (LARGER, "13.11大于13.8", False),
        (LARGER, "13.8和13.11哪个大？", False),
        (LARGER, "答案：13.8", True),
        (LARGER, "不是13.8", False),
        (LARGER, "", False),
        (SMALLER, "13.11 is less than 13.8", True),
        (SMALLER, "13.8 is larger", True),
        (SMALLER, "13.8 < 13.11", False),
        (SMALLER, "13.11更小", True),
        (NEGATIVE, "-3.05 is larger than -3.5", True),
        (NEGATIVE, "3.05 is larger", False),
        (NEGATIVE, "-3.5 is smaller", True),
        (EQUAL, "They are equal.", True),
        (EQUAL, "Equal", True),
        (EQUAL, "3.10 is larger", False),
        (EQUAL, "3.10 > 3.1", False),
        (EQUAL, 'If they are equal, answer "equal".', False),
        (EQUAL_ZH, "两个数相等", True),
        (EQUAL_ZH, "如果一样大，请回答“相等”。", False),
        (EQUAL_ZH, "答案是3.10", False),
        (NOT_EQUAL, "13.8 is larger", True),
        (NOT_EQUAL, "The answer is equal", False),
        (NOT_EQUAL, "13.8 is larger. No, they are the same.", False),
    ],
)
def test_the_last_place_where_an_answer_settles_counts(asked: Case, answer: str, is_right: bool) -> None:
    found = list(re.finditer(settling_pattern(asked), answer, re.IGNORECASE))
    assert (bool(found) and found[-1][1] is not None) == is_right


def test_each_case_has_a_pattern_that_its_bare_options_settle() -> None:
    for asked in get_task("decimal-comparison").cases("select", 200):
        for option in asked.options:
            (found,) = re.finditer(settling_pattern(asked), option)
            assert (found[1] is not None) == (option == asked.expected), (asked, option)
