"""How `letter-count` asks, in both languages, and the lines that prompts may borrow from it."""

from collections.abc import Mapping
from typing import Literal

from promptlathe.tasks.case import Language
from promptlathe.tasks.task import Hints

Asked = Literal["word", "phrase", "characters"]
"""A letter in a word, a letter in a phrase of words, a character in a Chinese phrase."""

OPEN_PHRASINGS: Mapping[Language, Mapping[Asked, tuple[str, ...]]] = {
    "en": {
        "word": (
            'How many times does the letter "{letter}" appear in the word "{text}"?',
            "How many {letter}'s are in {text}?",
            'Count the letter {letter} in "{text}".',
            'In the word "{text}", how often does the letter "{letter}" occur?',
        ),
        "phrase": (
            'How many times does the letter "{letter}" appear in the phrase "{text}"?',
            'Count the letter {letter} in all of these words: "{text}".',
            'How many {letter}\'s are in "{text}" altogether?',
            'In the phrase "{text}", how often does the letter "{letter}" occur?',
        ),
    },
    "zh": {
        "word": (
            "单词{text}中有几个字母{letter}？",
            "字母“{letter}”在单词“{text}”中出现了几次？",
            "数一数：“{text}”里有多少个{letter}？",
            "{text}这个单词里，字母{letter}一共有几个？",
        ),
        "characters": (
            "“{text}”中有几个“{letter}”字？",
            "“{letter}”字在“{text}”里出现了几次？",
            "数一数：“{text}”里有多少个“{letter}”？",
            "在“{text}”这句话里，“{letter}”字一共有几个？",
        ),
    },
}

SEALED_PHRASINGS: Mapping[Language, Mapping[Asked, tuple[str, ...]]] = {
    "en": {
        "word": (
            'Tell me the number of "{letter}" letters that the word "{text}" contains.',
            "If you spell {text}, how many times do you write {letter}?",
            'Of the letters in "{text}", how many are "{letter}"?',
            "The word is {text}. What is the count of its {letter}'s?",
        ),
        "phrase": (
            'Tell me the number of "{letter}" letters that "{text}" contains.',
            'If you write out "{text}", how many times do you write {letter}?',
            'Of the letters in "{text}", how many are "{letter}"?',
            'The words are "{text}". What is the count of {letter}\'s in them?',
        ),
    },
    "zh": {
        "word": (
            "请告诉我单词“{text}”含有多少个字母“{letter}”。",
            "拼写{text}时，要写几次{letter}？",
            "在“{text}”的所有字母中，有几个是“{letter}”？",
            "单词是{text}，其中{letter}的个数是多少？",
        ),
        "characters": (
            "请告诉我“{text}”含有多少个“{letter}”字。",
            "抄写“{text}”时，要写几次“{letter}”？",
            "在“{text}”的所有字中，有几个是“{letter}”？",
            "这句话是“{text}”，其中“{letter}”的个数是多少？",
        ),
    },
}

DESCRIPTION: Mapping[Language, str] = {
    "en": "How often does a letter stand in a word, or a character in a phrase? (r in strawberry)",
    "zh": "一个字母在单词里、一个字在短语里出现几次？（strawberry 里的 r）",
}

HINTS: Mapping[Language, Hints] = {
    "en": Hints(
        rules=(
            "Spell the word letter by letter before counting.",
            "Count two equal letters side by side as two: there are 2 l's in ball.",
            "Count every place where the letter stands: at the beginning, in the middle and at the end.",
            "If the letter is not there at all, the answer is 0.",
            "Count only the letter that is asked for, not the length of the word.",
        ),
        workflow=(
            "Read which letter is asked for, and in which word or phrase.",
            "Write the letters one by one.",
            "Number each letter that is the one asked for.",
            "Give the last number, or 0 if there is none.",
        ),
        output_formats=(
            "Answer with only the number.",
            "Answer with one digit. Write nothing else.",
            'Spell the word, then write one line: "Answer: <number>".',
        ),
    ),
    "zh": Hints(
        rules=(
            "先把单词逐个字母拼出来，再数。",
            "相邻的两个相同字母算两个：ball里有2个l。",
            "开头、中间、结尾的每一处都要数到。",
            "如果一个也没有，答案是0。",
            "只数所问的那个字母或字，不是数总长度。",
        ),
        workflow=(
            "看清问的是哪个字母或字，在哪个单词或短语里。",
            "逐个写出其中的字母或字。",
            "给每一个所问的字母或字编号。",
            "给出最后的编号；一个也没有就是0。",
        ),
        output_formats=(
            "只回答数字。",
            "只写一个阿拉伯数字，不要写别的。",
            "先逐个写出来，最后只写一行：“答案：<数字>”。",
        ),
    ),
}
