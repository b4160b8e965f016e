"""Numbers in a text by value, however written: 13.8, １３．８, 13.80, 1.38e1, 13点8, 69/5, 1380%, 十三点八,
thirteen point eight, 百分之八."""

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal

_DIGITS = re.compile(
    r"(?P<sign>(?<![A-Za-z0-9_.)\]])-[ ]?)?(?:(?P<grouped>\d{1,3}(?:,\d{3})+)|(?P<whole>\d{1,40}))"
    r"(?P<fraction>\.\d{1,40})?(?P<power>[eE][+-]?\d{1,2}(?!\d))?"
)
_POINT = re.compile(r"(?<=\d)[点點](?=\d)")
_RATIO = re.compile(r"(?<![\w./])(\d{1,9}(?:\.\d{1,9})?)[ ]?/[ ]?(\d{1,9})(?![\w/]|\.\d)")
_PERCENT = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)[ ]?%")
_DECIMAL_COMMA = re.compile(r"(?<![\w.,])(\d{1,9}),(\d{1,9})(?![\w,]|\.\d)")
_ZH_DIGITS = {
    **{character: value for value, character in enumerate("零一二三四五六七八九")},
    "〇": 0,
    "两": 2,
}
_ZH_UNITS = {"十": 10, "百": 100, "千": 1000}
_ZH_MYRIADS = {"万": 10**4, "亿": 10**8}
_ZH_NUMBER = "[零〇一二两三四五六七八九十百千万亿]{1,20}"
_ZH_POINT = "点[零〇一二三四五六七八九]{1,20}"
_ZH_RATIO = re.compile(f"({_ZH_NUMBER})分之({_ZH_NUMBER}(?:{_ZH_POINT})?)")
_CHINESE = re.compile(f"(?P<sign>负)?(?P<whole>{_ZH_NUMBER})(?P<fraction>{_ZH_POINT})?")

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = {
    word: 10 * (at + 2)
    for at, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"])
}
_SMALL = {word: value for value, word in enumerate(_ONES)} | _TENS | {"oh": 0}
_LARGE = {"hundred": 100, "thousand": 1000, "million": 10**6}
_WORD = "|".join(sorted([*_SMALL, *_LARGE], key=len, reverse=True))
_ENGLISH = re.compile(
    rf"\b(?P<sign>(?:minus|negative)[ ])?(?P<whole>(?:{_WORD})(?:(?:[ -]|[ ]and[ ])(?:{_WORD}))*)"
    rf"(?:[ ]point(?P<fraction>(?:[ -](?:{'|'.join(_ONES)}|oh|{'|'.join(_TENS)}))+))?\b"
)


def numbers_in(text: str) -> Iterator[Decimal]:
    """Values in no particular order; what a text says twice comes twice. A lone 一 or "one" is a word as well.

    As strings they keep the zeros at their ends: 3.1 and 3.10 are equal, and are written differently.
    """
    folded = _POINT.sub(".", _folded(text))
    for match in _DIGITS.finditer(folded):
        written = (
            (match["grouped"] or match["whole"]).replace(",", "")
            + (match["fraction"] or "")
            + (match["power"] or "")
        )
        yield _signed(Decimal(written), match["sign"])
    for match in _CHINESE.finditer(text):
        if match["fraction"] or len(match["whole"]) > 1:
            yield _signed(_chinese(match), match["sign"])
    for match in _ENGLISH.finditer(folded):
        words = re.split(r"[ -]", match["whole"])
        if match["fraction"] or len(words) > 1 or _SMALL.get(words[0], 0) >= 10:
            digits = "".join(
                str(_SMALL[word]) for word in re.split(r"[ -]", (match["fraction"] or "").strip(" -")) if word
            )
            yield _signed(_decimal(_english_whole(words), digits), match["sign"])


def other_readings(text: str) -> Iterator[Decimal]:
    """Values that some of the numbers have as well, read as a fraction, a percentage, or with a decimal comma."""
    folded = _folded(text)
    for match in _RATIO.finditer(folded):
        yield from _quotient(Decimal(match[1]), Decimal(match[2]))
    for match in _PERCENT.finditer(folded):
        yield Decimal(match[1]) / 100
    for match in _DECIMAL_COMMA.finditer(folded):
        yield Decimal(f"{match[1]}.{match[2]}")
    for match in _ZH_RATIO.finditer(text):
        below, above = (_CHINESE.fullmatch(part) for part in match.groups())
        if below and above:
            yield from _quotient(_chinese(above), _chinese(below))


def _folded(text: str) -> str:
    # U+2044, which NFKC makes of ½, is a slash.
    folded = unicodedata.normalize("NFKC", text).casefold()
    return folded.replace("−", "-").replace("–", "-").replace("\u2044", "/")


def _quotient(above: Decimal, below: Decimal) -> Iterator[Decimal]:
    if below:
        yield above / below


def _chinese(match: re.Match[str]) -> Decimal:
    digits = "".join(str(_ZH_DIGITS[character]) for character in (match["fraction"] or "点")[1:])
    return _decimal(_chinese_whole(match["whole"]), digits)


def _signed(value: Decimal, sign: str | None) -> Decimal:
    return -value if sign else value


def _decimal(whole: int, digits: str) -> Decimal:
    return Decimal(f"{whole}.{digits}" if digits else whole)


def _chinese_whole(text: str) -> int:
    if not set(text) & {*_ZH_UNITS, *_ZH_MYRIADS}:
        return int("".join(str(_ZH_DIGITS[character]) for character in text))
    total = section = digit = 0
    for character in text:
        if character in _ZH_DIGITS:
            digit = _ZH_DIGITS[character]
        elif character in _ZH_UNITS:
            section += (digit or 1) * _ZH_UNITS[character]
            digit = 0
        else:
            total = (total + section + digit) * _ZH_MYRIADS[character]
            section = digit = 0
    return total + section + digit


def _english_whole(words: list[str]) -> int:
    total = section = 0
    for word in words:
        if word in _SMALL:
            section += _SMALL[word]
        elif word == "hundred":
            section = (section or 1) * 100
        elif word in _LARGE:
            total += (section or 1) * _LARGE[word]
            section = 0
    return total + section
