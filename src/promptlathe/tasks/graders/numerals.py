"""Numbers as people write them, in Chinese and English, as exact fractions.

Read from text that `readable` has prepared. Everything takes time linear in the length of the text.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from promptlathe.tasks.answer_text import plain

_LONGEST_NUMERAL = 40
"""In characters. A longer run of digits is noise, not a number."""

_LARGEST_EXPONENT = 60

_LATEX = (
    (re.compile(r"\\[dt]?frac\s*\{([^{}]{1,40})\}\s*\{([^{}]{1,40})\}"), r" \1/\2 "),
    (re.compile(r"\\[dt]?frac\s*(\d)\s*(\d)"), r" \1/\2 "),
    (re.compile(r"\\(?:text|mathrm|mathbf|textbf|mbox)\s*\{([^{}]{0,80})\}"), r" \1 "),
    (re.compile(r"\\times|\\cdot"), "×"),
    (re.compile(r"\\div"), "÷"),
    (re.compile(r"(?<=[\w)]) \*(?= |$)"), " ×"),
    (re.compile(r"\\approx"), "≈"),
    (re.compile(r"(?<=\d)\\[,;:! ](?=\d{3})"), ","),
    (re.compile(r"\\([%$#_&])"), r"\1"),
    (re.compile(r"\\(?:left|right|quad|qquad|displaystyle)|\\[,;:! ]"), " "),
)
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"
_RAISED = re.compile(f"[{_SUPERSCRIPTS}]+")
_LEVEL = str.maketrans(_SUPERSCRIPTS, "0123456789-")
_VULGAR_FRACTION = re.compile(r"(?<=\d) ?(?=[¼½¾⅐-⅞])")

_DIGITS = r"(?:\d{1,3}(?:[,'_]\d{3})+(?!\d)|\d{1,3}(?:\ \d{3})+(?!\ ?\d)|\d+)(?:\.\d+)?|\.\d+"
_HAN = "零〇一二两三四五六七八九十百千万亿"
_WORD_VALUES = {
    **{
        word: value
        for value, word in enumerate(
            [
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
        )
    },
    **{
        word: 10 * value
        for value, word in enumerate(
            ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
        )
    },
    "hundred": 100,
    "thousand": 1000,
    "million": 10**6,
    "once": 1,
    "twice": 2,
    "thrice": 3,
}
_WORD = "|".join(sorted(_WORD_VALUES, key=len, reverse=True))
_SCALES = {
    "thousand": 10**3, "million": 10**6, "billion": 10**9, "百": 10**2, "千": 10**3, "万": 10**4, "亿": 10**8,
}  # fmt: skip

_NUMERAL = re.compile(
    rf"""
    (?P<sign> (?:(?<![\w)\]}}%.])|(?<=[\u4e00-\u9fff]))[+-](?=[\d.$¥£€]) | \bminus\ (?=[\d.]) )?
    (?:[$¥£€](?P<inner> -(?=\d) )?)?
    (?:
        百分之 (?P<han_percent> [{_HAN}点]+ | \d+(?:\.\d+)? )
      | (?P<han_below> [{_HAN}]+ ) 分之 (?P<han_above> [{_HAN}]+ )
      | (?P<below> \d+ ) 分之 (?P<above> \d+ )
      | (?P<whole> (?<![\d./]) \d+ )(?:\ and\ |\ |\ ?又\ ?) (?P<part> \d+/\d+ )(?![\d/])
      | (?<![\d./]) (?P<fraction> -?\d+(?:\.\d+)?\ ?/\ ?-?\d+(?:\.\d+)? )(?!\ ?[\d/]|\.\d)
      | (?<![\d.]) (?P<digits> {_DIGITS} ) (?!\.?\d)
        (?: e(?P<exponent> [+-]?\d+ )(?!\w)
          | \ ?[×x*·]\ ?10(?:\^|\*\*)[{{(]?(?P<power> [+-]?\d+ )[)}}]?
          | \ ?(?P<scale> thousand|million|billion|[百万亿]|千(?![克米瓦卡帕赫焦]) ) )?
      | (?P<han> 负?[{_HAN}]+ (?:点[零〇一二三四五六七八九]+)? )
      | (?P<words> (?<![\w-]) (?:{_WORD}) (?:(?:-|\ and\ |\ )(?:{_WORD}))* (?![\w-]) )
    )
    (?P<percent> \ ?(?:%|percent\b|per\ cent\b|个百分点) )?
    """,
    re.VERBOSE,
)
_ORDINAL = re.compile(r"(?:st|nd|rd|th)\b|-(?:letter|digit|character|sided|step|year)|[-–]by-", re.VERBOSE)
_NOT_A_COUNT_BEFORE = re.compile(
    r"(?:第[\d、,和及 ]*|步骤|[a-z]_|\^[{(]?|(?:\bstep|\bpart|\bexample|\bquestion|\bcase|\bmethod|"
    r"\bequation|\bno\.) ?)-?$"
)
_ONE_AS_PRONOUN_BEFORE = re.compile(
    r"\b(?:the|this|that|which|each|every|no|another|any|first|last|larger|smaller|correct|right|"
    r"other|number)\s$"
)
_ONE_AS_PRONOUN_AFTER = re.compile(r"\s?(?:of|another|can|by|must|should|could|who)\b")
_MEANT_IN_PASSING = re.compile(r" (?:numbers?|words?|sides?|different|ways?|steps?|methods?|things?)\b")
_HAN_ONE_BEFORE = re.compile(r"(?:^|有|出现了?|共|总计|含|答案?[是为:]*|[是为](?=$)|[:=]) *$")
_HAN_ONE_AFTER = re.compile(r"次|遍|回|\W*$")
"""一 is a number after 有 or before 次, and where it stands alone: mostly it is "a" (一个), or part of a word."""

_HAN_SHAPE_AFTER = re.compile(r"角|边形|元|位数|个数|边|分(?!之)|维|者|数")
"""三角形, 四边形, 一元, 两位数, 两个数, 十分: spelled with a number, and none."""
_TWICE_AS = re.compile(r"\s(?:as|again|you|we|the|more|upon)\b")


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number at `start` to `end` of a text. `is_word`: it is spelled out, so it may not be meant as one."""

    value: Fraction
    text: str
    start: int
    end: int
    is_percent: bool = False
    is_word: bool = False

    def is_met_by(self, answer: "Numeral", tolerance: Fraction) -> bool:
        """Whether `answer` means the same as this expected number.

        25% is 0.25. It is 25 as well, where the question asked for percent: 25 answers "25%", and 25% answers
        25, but not 0.25% what should be 0.25.
        """
        pairs = [(self.share, answer.share)]
        if self.is_percent or (answer.is_percent and abs(self.value) > 1):
            pairs.append((self.value, answer.value))
        return any(abs(one - another) <= tolerance for one, another in pairs)

    @property
    def share(self) -> Fraction:
        return self.value / 100 if self.is_percent else self.value


def readable(answer: str) -> str:
    """The answer in lower case and half width, without markup, with fractions and powers on one line."""
    text = _VULGAR_FRACTION.sub(" ", answer)
    text = _RAISED.sub(lambda raised: "^" + raised.group().translate(_LEVEL), text)
    text = unicodedata.normalize("NFKC", text).replace("\N{FRACTION SLASH}", "/")
    for pattern, meant in _LATEX:
        text = pattern.sub(meant, text)
    return plain(text)


def numerals(text: str) -> Iterator[Numeral]:
    """The numbers of `readable` text in order; ordinals, labels and powers left out."""
    for match in _NUMERAL.finditer(text):
        value = _value(match)
        if value is None or _is_no_count(text, match):
            continue
        negative = bool(match["inner"]) or (match["sign"] or "").strip() in ("-", "minus")
        yield Numeral(
            value=-value if negative else value,
            text=match.group().strip(),
            start=match.start(),
            end=match.end(),
            is_percent=bool(match["percent"] or match["han_percent"]),
            is_word=bool(match["words"] or match["han"]),
        )


def read_numeral(text: str) -> Numeral | None:
    """The one number that `text` is, units aside; None if there is none, or more than one."""
    found = list(numerals(readable(text)))
    return found[0] if len(found) == 1 else None


def _value(match: re.Match[str]) -> Fraction | None:
    """None for what only looks like a number: too long, divided by zero, no Chinese numeral, or a division
    that is yet to be done (140 / 7)."""
    if len(match.group()) > _LONGEST_NUMERAL:
        return None
    try:
        if match["fraction"]:
            above, below = match["fraction"].split("/")
            quotient = Fraction(above.strip()) / Fraction(below.strip())
            return None if quotient.denominator == 1 else quotient
        if match["whole"]:
            return int(match["whole"]) + Fraction(match["part"])
        if match["below"]:
            return Fraction(int(match["above"]), int(match["below"]))
        if match["digits"]:
            return _of_digits(match)
        if match["words"]:
            return Fraction(_of_words(re.split(r"[- ]", match["words"])))
        if match["han_below"]:
            return _of_han(match["han_above"]) / _of_han(match["han_below"])
        return _of_han(match["han"] or match["han_percent"])
    except (ValueError, ZeroDivisionError):
        return None


def _of_digits(match: re.Match[str]) -> Fraction | None:
    if re.match(r"00", match["digits"]):
        return None
    value = Fraction(re.sub(r"[,'_ ]", "", match["digits"]))
    exponent = int(match["exponent"] or match["power"] or 0)
    if abs(exponent) > _LARGEST_EXPONENT:
        return None
    return value * Fraction(10) ** exponent * _SCALES.get(match["scale"] or "", 1)


def _of_words(words: list[str]) -> int:
    total = current = 0
    for word in words:
        if word == "and":
            continue
        value = _WORD_VALUES[word]
        if value >= 1000:
            total, current = total + max(current, 1) * value, 0
        elif value == 100:
            current = max(current, 1) * 100
        else:
            current += value
    return total + current


def _of_han(text: str) -> Fraction:
    """三百二十 is 320, 一万二千 12,000, 三点一四 3.14, 二〇二四 2024. Raises ValueError for anything else."""
    if text.isascii():
        return Fraction(text)
    sign = -1 if text.startswith("负") else 1
    whole, _, decimals = text.lstrip("负").partition("点")
    if not whole:
        raise ValueError(text)
    value = Fraction(_of_whole_han(whole))
    if decimals:
        digits = "".join(str(_HAN_DIGITS[character]) for character in decimals)
        value += Fraction(int(digits), 10 ** len(digits))
    return sign * value


_HAN_DIGITS = (
    {"零": 0, "〇": 0} | {han: value for value, han in enumerate("一二三四五六七八九", start=1)} | {"两": 2}
)
_HAN_UNITS = {"十": 10, "百": 100, "千": 1000}


def _of_whole_han(text: str, unit: int = 1) -> int:
    """`unit` is what a single digit at the end counts, unless 零 stands before it: 一万二 is 12,000."""
    if len(text) > 1 and all(character in _HAN_DIGITS for character in text) and text[0] not in "零〇":
        return int("".join(str(_HAN_DIGITS[character]) for character in text))
    for character in "亿万":
        high, found, low = text.rpartition(character)
        if found:
            scale = _SCALES[character]
            return _of_whole_han(high or "一") * scale + (_of_whole_han(low, scale // 10) if low else 0)
    total = digit = 0
    for character in text:
        if character in _HAN_UNITS:
            unit = _HAN_UNITS[character] // 10
            total, digit = total + max(digit, 1) * _HAN_UNITS[character], 0
        else:
            digit = _HAN_DIGITS[character]
            unit = unit if digit else 1
    return total + digit * unit


def _is_no_count(text: str, match: re.Match[str]) -> bool:
    """Whether it is an ordinal, a label, a power, or "one" and 一 as a pronoun."""
    before, after = text[max(0, match.start() - 12) : match.start()], text[match.end() : match.end() + 12]
    if _ORDINAL.match(after) or _NOT_A_COUNT_BEFORE.search(before):
        return True
    if re.search(r"[a-z]$", before) and match["digits"]:
        return True
    if match["words"] and _MEANT_IN_PASSING.match(after):
        return True
    if match["words"] in ("one", "once", "twice", "thousand", "hundred", "million"):
        if match["words"] in ("once", "twice"):
            return bool(_TWICE_AS.match(after)) or before.endswith("at ")
        return bool(_ONE_AS_PRONOUN_BEFORE.search(before) or _ONE_AS_PRONOUN_AFTER.match(after))
    if match["han"] == "一":
        return not (
            _HAN_ONE_AFTER.match(after) or (_HAN_ONE_BEFORE.search(before) and not after.startswith("些"))
        )
    return match["han"] is not None and bool(match["han"][0] in "百千万亿" or _HAN_SHAPE_AFTER.match(after))
