"""How `decimal-comparison` asks, in both languages, and the lines that prompts may borrow from it."""

from collections.abc import Mapping
from typing import Literal

from promptlathe.tasks.case import Language
from promptlathe.tasks.task import Hints

Polarity = Literal["larger", "smaller"]

OPEN_PHRASINGS: Mapping[Language, Mapping[Polarity, tuple[str, ...]]] = {
    "en": {
        "larger": (
            "Which is larger, {a} or {b}?",
            "Which number is bigger: {a} or {b}?",
            "Compare {a} and {b}. Which one is larger?",
            "{a} and {b}: which is the larger number?",
        ),
        "smaller": (
            "Which is smaller, {a} or {b}?",
            "Which number is less: {a} or {b}?",
            "Compare {a} and {b}. Which one is smaller?",
            "{a} and {b}: which is the smaller number?",
        ),
    },
    "zh": {
        "larger": (
            "{a}和{b}哪个大？",
            "{a}和{b}，哪个数更大？",
            "比较{a}与{b}，较大的是哪一个？",
            "下面两个数哪个更大：{a}，{b}？",
        ),
        "smaller": (
            "{a}和{b}哪个小？",
            "{a}和{b}，哪个数更小？",
            "比较{a}与{b}，较小的是哪一个？",
            "下面两个数哪个更小：{a}，{b}？",
        ),
    },
}

SEALED_PHRASINGS: Mapping[Language, Mapping[Polarity, tuple[str, ...]]] = {
    "en": {
        "larger": (
            "Between {a} and {b}, which has the greater value?",
            "I have two numbers, {a} and {b}. Tell me the larger of the two.",
            "Pick the bigger number from this pair: {a}, {b}.",
            "Is {a} or {b} the greater number?",
        ),
        "smaller": (
            "Between {a} and {b}, which has the lower value?",
            "I have two numbers, {a} and {b}. Tell me the smaller of the two.",
            "Pick the smaller number from this pair: {a}, {b}.",
            "Is {a} or {b} the lesser number?",
        ),
    },
    "zh": {
        "larger": (
            "在{a}和{b}之间，数值较大的是谁？",
            "有两个数，{a}和{b}，请告诉我其中大的那个。",
            "请从{a}、{b}中选出更大的数。",
            "{a}跟{b}比，谁大？",
        ),
        "smaller": (
            "在{a}和{b}之间，数值较小的是谁？",
            "有两个数，{a}和{b}，请告诉我其中小的那个。",
            "请从{a}、{b}中选出更小的数。",
            "{a}跟{b}比，谁小？",
        ),
    },
}

EQUAL: Mapping[Language, str] = {"en": "equal", "zh": "相等"}

OPEN_EQUALITY: Mapping[Language, str] = {
    "en": ' If they are equal, answer "equal".',
    "zh": "如果一样大，请回答“相等”。",
}

SEALED_EQUALITY: Mapping[Language, str] = {
    "en": ' Should they have the same value, say "equal".',
    "zh": "若两数相同，则回答“相等”。",
}

DESCRIPTION: Mapping[Language, str] = {
    "en": "Which of two decimal numbers is larger, or smaller? (13.8 and 13.11)",
    "zh": "两个小数哪个大、哪个小？（13.8 与 13.11）",
}

HINTS: Mapping[Language, Hints] = {
    "en": Hints(
        rules=(
            "Pad both numbers with zeros to the same count of decimal places, then compare.",
            "Compare the whole-number parts first; if they are the same, compare the digits from the left.",
            "More digits after the point do not make a number larger: 13.8 is 13.80, and 13.80 > 13.11.",
            "These are decimal numbers, not version numbers or dates.",
            "Zeros at the end of a decimal do not change its value: 3.1 and 3.10 are equal.",
            "Of two negative numbers, the one closer to zero is larger.",
            "Read whether the larger or the smaller number is asked for.",
        ),
        workflow=(
            "Read the two numbers and whether the larger or the smaller is asked for.",
            "Write both with the same count of decimal places.",
            "Compare them digit by digit from the left.",
            "Give the number that was asked for.",
        ),
        output_formats=(
            "Answer with only the number.",
            'Answer with only the number, or "equal" if the two are equal.',
            "Copy one of the two numbers from the question. Write nothing else.",
            'Write one line: "Answer: <number>".',
        ),
    ),
    "zh": Hints(
        rules=(
            "先在末尾补零，使两个数的小数位数相同，再比较。",
            "先比较整数部分；整数部分相同，再从左到右逐位比较小数部分。",
            "小数位数多不代表数更大：13.8就是13.80，而13.80 > 13.11。",
            "这些是小数，不是版本号，也不是日期。",
            "小数末尾的零不改变大小：3.1和3.10相等。",
            "两个负数相比，离零更近的更大。",
            "看清问的是较大的数还是较小的数。",
        ),
        workflow=(
            "读出两个数，并看清问的是大还是小。",
            "把两个数写成相同的小数位数。",
            "从左到右逐位比较。",
            "给出所问的那个数。",
        ),
        output_formats=(
            "只回答数字。",
            "只回答数字；如果两数相等，只回答“相等”。",
            "从题目的两个数中照抄一个，不要写别的。",
            "只写一行：“答案：<数字>”。",
        ),
    ),
}
