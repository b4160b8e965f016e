"""What gives a case away, and what only looks so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlathe.prompts.rules.leaks import CaseIndex
from promptlathe.prompts.rules.source import KnownCase

STORY = "A lorry with a red door carries apples over the old bridge to a market. How many apples arrive?"
INDEX = CaseIndex(
    [
        KnownCase("Which is larger, 13.8 or 13.11?", "13.8"),
        KnownCase("在-87.93和-87.3之间，谁大？", "-87.3"),
        KnownCase("3.1和3.10哪个更大？", "一样大"),
        KnownCase("Is 0.08 more than 0.5?", "no"),
        KnownCase("If 3 hens lay 5 eggs between the barn and the well, how many each?", "1"),
        KnownCase("What is 7 times 8?", "56"),
        KnownCase(STORY, "0"),
    ]
)


@pytest.mark.parametrize(
    "text",
    [
        "13.11 < 13.8",
        "13.80 and 13.110",
        "１３．８　１３．１１",
        "1.38e1, 1311/100",
        "69/5 或 13点11",
        "1380% and 1311 %",
        "13,8 und 13,11",
        "十三点八、十三点一一",
        "thirteen point eight, thirteen point one one",
        "-87.3跟-87.93",
        "负八十七点三，−87.930",
        "3.10 = 3.1",
        "8% is less than 1/2",
        "百分之八，百分之五十",
        "Q: what is 7 times 8?",
        "3 hens: 5 eggs between the barn and the well, how many each",
        "over the old bridge to a market. How many",
    ],
)
def test_a_case_is_given_away(text: str) -> None:
    assert INDEX.find(text)


@pytest.mark.parametrize(
    "text",
    [
        "13.8",
        "13.9 or 13.11",
        "138 and 1311",
        "Version 13.8, chapter 13-11",
        "87.3跟87.93",
        "3.1 is 3.1",
        "Use 3 to 5 sentences.",
        "9 hens lay 5 eggs between the barn and the well, how many each",
        "What is 7 times 9?",
        "over the old bridge",
    ],
)
def test_nothing_is_given_away(text: str) -> None:
    assert INDEX.find(text) is None


@given(st.decimals(-999, 999, places=3), st.decimals(-999, 999, places=2))
def test_any_two_decimals_are_known_in_both_orders_and_with_zeros_behind(one, other) -> None:  # type: ignore[no-untyped-def]
    if one == other or one == one.to_integral_value():
        return
    index = CaseIndex([KnownCase(f"Which is larger, {one} or {other}?")])
    assert index.find(f"({other}00; {one}0)")
    assert index.find(f"{other} only") is None
