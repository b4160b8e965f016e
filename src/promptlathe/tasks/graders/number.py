"""`number`: the final number of an answer to an open question."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import chain
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from promptlathe.tasks.case import Case
from promptlathe.tasks.graders.numerals import Numeral, numerals, readable
from promptlathe.tasks.graders.options import STRICT, configured_name
from promptlathe.tasks.graders.statements import (
    ANSWER,
    is_refusal,
    next_turn,
    sentences_of,
)
from promptlathe.tasks.grading import Grade, unparsed

Tolerance = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class NumberGrader:
    """Whether an answer's final number is the expected one.

    What is stated as the answer counts ("the answer is 12", \\boxed{12}, #### 12, a line with 12 alone), the
    last time it is; else the last conclusion (so, 所以, in total), else the last statement: never simply the
    first number. In a sentence it is what the last `=` comes to, else its last number, without ordinals,
    positions, reasons and what stands in brackets. "Wait, no" retracts what came before. "No r's" is 0.

    Numbers are exact: 1,234.50, 1/2, 1 1/2, \\frac{1}{2}, 50%, 1.2e3, 12万, 三百二十, 四分之三, twenty-one.
    They count as equal within `tolerance`, or within `relative_tolerance` of the expected number. Units are
    ignored, not converted. An expected answer that is no number can only be wrong.

    `contradicts`: something else is stated as the answer, too.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    tolerance: Tolerance = Decimal(0)
    relative_tolerance: Tolerance = Decimal(0)

    @property
    def name(self) -> str:
        """`number{}` by default: `number` alone is the name of the comparison of two."""
        return configured_name("number", self)

    def grade(self, case: Case, answer: str) -> Grade:
        if not answer.strip():
            return unparsed("empty")
        text = readable(answer)
        statements = list(_statements(text[: next_turn(text)]))
        if not statements:
            return unparsed(
                "refused" if is_refusal(text) else "cut off" if _BREAKS_OFF.search(text) else "no number"
            )
        newest = max(statement.correction for statement in statements)
        standing = [statement for statement in statements if statement.correction == newest]
        rank = max(statement.rank for statement in standing)
        final = [statement for statement in standing if statement.rank == rank][-1]
        if (final.rank < 3 or final is statements[-1]) and _BREAKS_OFF.search(text):
            return unparsed("cut off")
        if final.is_one_of_several:
            return unparsed("named several")
        expected = next(numerals(readable(case.expected)), None)
        tolerance = self._tolerance(expected)
        is_correct = expected is not None and expected.is_met_by(final.number, tolerance)
        return Grade(
            "correct" if is_correct else "wrong",
            case.expected if is_correct else final.number.text,
            contradicts=any(
                statement.rank == 3 and not final.number.is_met_by(statement.number, tolerance)
                for statement in standing
            ),
        )

    def _tolerance(self, expected: Numeral | None) -> Fraction:
        relative = abs(expected.value) * Fraction(self.relative_tolerance) if expected else Fraction(0)
        return max(Fraction(self.tolerance), relative)


@dataclass(frozen=True, slots=True)
class _Statement:
    """What one sentence comes to. `rank`: 3 is stated as the answer, 2 concludes, 1 is said, 0 in passing."""

    number: Numeral
    rank: int
    correction: int
    is_one_of_several: bool


_BREAKS_OFF = re.compile(r"(?:[=+*/×÷]|(?<=[\d )])-|\bis|\bequals|[是为])\s*$")
_CONCLUSION = re.compile(
    r"\b(?:so|therefore|thus|hence|in total|altogether|in all|finally|total)\b|所以|因此|因而|于是|故|"
    r"综上|一共|总共|共有|共计|最终|最后"
)
_REASON = re.compile(
    r"\b(?:because|since|given that|where|whose|at (?:the )?positions?|in positions?|positions?|"
    r"namely|which (?:are|is) the|"
    r"i\.e|e\.g|check|verify|for example)\b|因为|由于|其中|分别|位置|即第|例如|比如|验证|检验"
)
_IF = re.compile(r"\bif\b[^,]*,|(?:如果|假如|若|设)[^,]*,")
_BRACKETS = re.compile(r"\([^()]*\)")
_NONE = re.compile(
    r"\bthere (?:is|are) no\b(?! (?:other|more|need|doubt|solution))|\b(?:has|have|contains|"
    r"with) no\b(?! other)|\bnone\b|"
    r"\bno (?:occurrences?|instances?|letters?)\b|(?:\bnot|n't) (?:contain|appear|occur|have|include|"
    r"present)|\bnot (?:found|in)\b|"
    r"没有(?!其他|别的|更多|问题)|不包含|不含|[未不没]出现|不存在"
)
_HAS = re.compile(
    r"(?:\bthere (?:is|are)|\b(?:has|have|contains?|appears?|occurs?|is found)|含有|包含|出现了?|"
    r"[共含]?有)\s*(?:only|exactly|about|a total of|in total|just)?[^\d\w]*$"
)
_OF_THEM = re.compile(r" of (?:them|these|those|which)\b")
_JOINED = re.compile(
    r"^[^\d\w.;=]*(?:[a-z]+ ?)?\b(?:or|to)\b\s*$|^\s*[^\d\w.;=]*(?:[或到至~–]|或者|还是)\s*$"
)
_RANGE = re.compile(r"^ ?[-–~] ?$")
_OPERATOR_AFTER = re.compile(
    r"[xyn]\b| ?[)\]}]* ?(?:[+×÷*^/]|-(?! *\D)|\b(?:plus|minus|times(?= \d)|divided|multiplied|"
    r"of (?=[\d$]))\b|[加减乘除的](?=\d))"
)
_OPERATOR_BEFORE = re.compile(
    r"(?:[+×÷*/]|\b(?:plus|minus|times|by|add|adding|subtract|subtracting|(?:%|percent|half|third|"
    r"quarter) of)|[加减乘除以])\s*$|(?<=[\d)]) ?- ?$"
)
_NEGATED = re.compile(r"(?:≠|\bnot|n't|\brather than|\binstead of|不是|并非|而非|不等于)\s*\S{0,3}\s*$")
_EQUALS = re.compile(r"[=≈] ?[$¥£€(]*$")
_SIDES = re.compile(r"[=≈,;:]")
_UNSOLVED = re.compile(r"(?:\d ?|[+×÷*/(-] ?)[xyn]\b|\b[xyn] ?[)+×÷*/-]")
"""A side of an equation that is not x alone: 3x + 4."""
_CLAUSE_END = re.compile(r",(?!\d{3})|;")
_LISTED = re.compile(r"(?:,|、| and| or|,? etc\.?|和|及| )+")
_NEAR = 25
"""In characters: how soon after "the answer is" a spelled-out number must come to be it."""
_LEADING = re.compile(r"^\W*(?:\w+ )?(?:\S{1,12} )?(?:is|are|was|是|为)\b")
_ALONE = re.compile(
    r"[\s$¥£€*`'\"“”‘’.:()\[\]{}<>≈=]*"
    r"(?:[a-z°]{1,12}\.?(?:\^-?\d)?(?:/[a-z]{1,6})?|(?:square|cubic|sq) ?\w{1,12}|'s|"
    r"[平立]方\S{1,2}|[个次元米岁度块只本人支斤升分角秒天]|(?:厘|毫|千|公|分)\S{1,2}|小时)?"
    r"[\s$*`'\"“”‘’.:()\[\]{}<>,!]*"
)
_ALONE_BEFORE = re.compile(
    r"[\s$¥£€*`'\"“”‘’.:()\[\]{}<>≈=]*(?:[a-z] ?= ?|it'?s |it is |about |sure,? |是|有)?"
)


def _statements(text: str) -> Iterator[_Statement]:
    for sentence in sentences_of(text):
        if sentence.is_question:
            continue
        said = _IF.sub(lambda cut: " " * len(cut.group()), sentence.text)
        found = _answered(said) or _said(said)
        if found is not None:
            number, rank, is_one_of_several = found
            yield _Statement(number, rank, sentence.correction, is_one_of_several)


def _answered(said: str) -> tuple[Numeral, int, bool] | None:
    """The number that is stated as the answer, after the last such cue or alone in its sentence."""
    *_, cue = (None, *ANSWER.finditer(said))
    if cue is not None:
        rest = said[cue.end() :]
        if chosen := _chosen(_main(rest), is_first=True) or _chosen(rest, is_first=True):
            return chosen[0], 3, chosen[1]
        if _NONE.search(rest):
            return _zero(rest), 3, False
        return None
    found = list(numerals(said))
    if len(found) == 1:
        (number,) = found
        if _ALONE_BEFORE.fullmatch(said[: number.start]) and _ALONE.fullmatch(said[number.end :]):
            return number, 3, False
    return None


def _said(said: str) -> tuple[Numeral, int, bool] | None:
    """The number that a sentence without such a cue comes to."""
    rank = 2 if _CONCLUSION.search(said) else 1
    main = _main(said)
    if _REASON.match(said) and "," not in said:
        rank = 0
    if chosen := _chosen(main):
        return chosen[0], rank, chosen[1]
    if _NONE.search(main):
        return _zero(main), rank, False
    chosen = _chosen(said)
    return (chosen[0], 0, chosen[1]) if chosen else None


def _main(said: str) -> str:
    """The sentence without reasons and brackets; blanks keep every place."""
    unbracketed = _BRACKETS.sub(lambda cut: " " * len(cut.group()), said)
    reason = _REASON.search(unbracketed)
    if reason is None:
        return unbracketed
    before = unbracketed[: reason.start()]
    if any(True for _ in numerals(before)) or _NONE.search(before):
        return before
    _, comma, after = unbracketed[reason.end() :].partition(",")
    return " " * (len(unbracketed) - len(after)) + after if comma else unbracketed


def _chosen(said: str, *, is_first: bool = False) -> tuple[Numeral, bool] | None:
    """(the number that `said` comes to, whether another stands beside it as an alternative).

    Spelled-out numbers count only where no digits are. After a cue the first number is the answer, unless an
    equation follows; elsewhere the last.
    """
    found = _without_lists(said, list(numerals(said)))
    digits = [number for number in found if not number.is_word]
    found = (
        [number for number in found if number.start < _NEAR] if is_first and not digits else digits or found
    )
    found = [number for number in found if not _NEGATED.search(_before(said, number))]
    settled = [number for number in found if not _is_operand(said, number)]
    if not settled:
        return None
    results = [number for number in settled if _EQUALS.search(_before(said, number))]
    if is_first:
        clause = _CLAUSE_END.search(said, settled[0].end)
        end = clause.start() if clause else len(said)
        number = next((result for result in reversed(results) if result.start < end), settled[0])
    elif results:
        number = results[-1]
    elif _LEADING.match(said[settled[0].end :]) and not said[: settled[0].start].strip():
        number = settled[0]
    else:
        of_them = (one for one in settled if _OF_THEM.match(said, one.end))
        there_are = (one for one in settled if _HAS.search(_before(said, one)))
        number = next(chain(of_them, there_are), settled[-1])
    return number, _is_one_of_several(said, found, number)


def _before(said: str, number: Numeral) -> str:
    """What stands before a number, as far back as a word can bear on it."""
    return said[max(0, number.start - 60) : number.start]


def _without_lists(said: str, found: list[Numeral]) -> list[Numeral]:
    """Numbers but those of a list of three or more (1, 2, 3): they count something, or say where it is."""
    kept: list[Numeral] = []
    run: list[Numeral] = []
    for number in found:
        if run and not _LISTED.fullmatch(said, run[-1].end, number.start):
            kept += run if len(run) < 3 else []
            run = []
        run.append(number)
    return kept + (run if len(run) < 3 else [])


def _is_operand(said: str, number: Numeral) -> bool:
    """Whether it is part of a sum whose result is something else, or of an equation that is yet to be solved."""
    before = _before(said, number)
    if _EQUALS.search(before):
        *_, left, _ = ["", *_SIDES.split(before)]
        return bool(_UNSOLVED.search(left) or _OPERATOR_AFTER.match(said, number.end))
    return bool(_OPERATOR_AFTER.match(said, number.end) or _OPERATOR_BEFORE.search(before))


def _is_one_of_several(said: str, found: list[Numeral], number: Numeral) -> bool:
    place = found.index(number)
    for one, other in ((place - 1, place), (place, place + 1)):
        if one >= 0 and other < len(found) and found[one].value != found[other].value:
            between = said[found[one].end : found[other].start]
            if _JOINED.match(between) or (_RANGE.match(between) and not found[one].is_word):
                return True
    return False


def _zero(said: str) -> Numeral:
    return Numeral(Fraction(0), "0", 0, len(said))
