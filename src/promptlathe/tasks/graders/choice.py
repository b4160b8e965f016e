"""`choice`: which of several options an answer settles on, by letter or by text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from string import ascii_uppercase
from typing import ClassVar

from pydantic import ConfigDict

from promptlathe.errors import TaskError
from promptlathe.tasks.answer_text import plain
from promptlathe.tasks.case import Case
from promptlathe.tasks.graders.options import STRICT, configured_name
from promptlathe.tasks.graders.statements import ANSWER, is_refusal, next_turn, sentences_of
from promptlathe.tasks.graders.text import bounded
from promptlathe.tasks.grading import Grade, unparsed


@dataclass(frozen=True, slots=True)
class ChoiceGrader:
    """Which of the options an answer settles on: the case's own, or `options` where it has none.

    An option is named by its text, as whole words, or by its letter, A for the first, unless `letters` is
    false. A letter counts where it can be nothing else: "B", "(B)", "B.", "option B", "the answer is B",
    选B; not in "a plan B". What is stated as the answer counts, the last time it is; else the last
    conclusion; else the one option that is named at all and not denied. "Wait, no" retracts what came before.
    Several without a choice are unparsed.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    options: tuple[str, ...] = ()
    letters: bool = True

    def __post_init__(self) -> None:
        if len(set(map(_folded, self.options))) < len(self.options):
            raise TaskError("grader choice: options: two of them are the same")

    @property
    def name(self) -> str:
        return configured_name("choice", self)

    def grade(self, case: Case, answer: str) -> Grade:
        if not answer.strip():
            return unparsed("empty")
        options = case.options or self.options
        if not options:
            return unparsed("no options")
        text = plain(answer, is_case_kept=True)
        mentions = list(_mentions(text[: next_turn(text)], options, has_letters=self.letters))
        newest = max((mention.correction for mention in mentions), default=0)
        standing = _without_lists([mention for mention in mentions if mention.correction == newest])
        rank = max((mention.rank for mention in standing), default=0)
        best = [mention for mention in standing if mention.rank == rank > 0]
        if not best:
            return unparsed("refused" if is_refusal(text) else "no choice")
        last = [mention for mention in best if mention.clause == best[-1].clause] if rank > 1 else best
        if len({mention.option for mention in last}) > 1:
            return unparsed("named both" if len(options) == 2 else "named several")
        final = last[-1].option
        return Grade(
            "correct" if _folded(final) == _folded(_spelled(case.expected, options)) else "wrong",
            final,
            contradicts=any(mention.rank == 3 and mention.option != final for mention in standing),
        )


@dataclass(frozen=True, slots=True)
class _Mention:
    """`rank`: 3 is stated as the answer, 2 concludes, 1 is named, 0 is denied. `clause` counts clauses.
    `is_alone`: its sentence says nothing else."""

    option: str
    rank: int
    clause: int
    correction: int
    is_alone: bool = False


_CUE = re.compile(
    rf"{ANSWER.pattern} | \b(?:choose|pick|select|go\ with|opt\ for|choice\ is|option\ is|i'd\ say|"
    rf"i\ would\ say|it\ is|it's)\b"
    r"| (?:我?选择?|应选|故选|是(?!否|不是)|属于)\s*:?",
    re.VERBOSE | re.IGNORECASE,
)
_CONCLUSION = re.compile(
    r"\b(?:so|therefore|thus|hence|finally)\b|所以|因此|因而|于是|故|综上|最终", re.IGNORECASE
)
_IS_ANSWER = re.compile(
    r"^[\s\"'”’)\].*]*(?:\w{1,20} )?(?:is|are|was|would be|seems)? ?(?:the )?(?:\w+ )?(?:correct|"
    r"right|answer|best|true(?! that))\b|"
    r"^[\s\"'”’)\]*]*(?:项|选项)?(?:是|才是|为)?(?:正确|对的?|最好|答案)",
    re.IGNORECASE,
)
_DENIED_AFTER = re.compile(
    r"^[^,;:]{0,30}?(?:\b(?:is|are|was|seems|can|does) ?(?:not|n't|n’t)|\b(?:is|are|"
    r"was) (?:\w+ )?(?:wrong|incorrect|false|out|impossible)\b|"
    r"\b(?:isn't|aren't|wasn't|can't|cannot|doesn't)\b|不对|不正确|不是|错|不符合|不成立|可以?排除|不可能)",
    re.IGNORECASE,
)
_DENIED_BEFORE = re.compile(
    r"(?:\b(?:not|never|neither|nor|without|except|rule[sd]? out|ruling out|eliminat\w+|exclud\w+|"
    r"reject\w*|rather than|instead of|unlike)\b|n't\b|"
    r"不是|并非|不选|不会是|排除|而非|而不是|除了|不属于|(?<![是差分])不|非)[^,;:]{0,20}$",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"[,;:](?!\d)|\bbut\b|\bbecause\b|\bsince\b|\bas\b|而是|但是?|因为|由于",
    re.IGNORECASE,
)
_BECAUSE = re.compile(r"^(?:because|since|as|因为|由于)$", re.IGNORECASE)
_FILLER = re.compile(
    r"(?:[\s\"'“”‘’*`()\[\]{}.<>$_:、-]|\b(?:option|choice|answer|the|is|a|an|it|it's|i|think|would|"
    r"say|sure|of course|so|definitely|probably|"
    r"and|that|assistant)\b|选项?|项|我|认为|觉得|应该|是|的|为|所以|当然)*",
    re.IGNORECASE,
)
_OR = re.compile(r"^[\s\"'“”*]*(?:or|或者?|还是|/)[\s\"'“”*]*$", re.IGNORECASE)


def _mentions(text: str, options: tuple[str, ...], *, has_letters: bool) -> Iterator[_Mention]:
    """Every option that is named, in order; of texts that overlap, the longest."""
    finder = _finder(options, has_letters=has_letters)
    clauses = 0
    for sentence in sentences_of(text):
        found = list(finder.finditer(sentence.text))
        if not found:
            continue
        named = [(match, _option(match, options)) for match in found]
        is_alone = len({option for _, option in named}) == 1 and _is_nothing_else(sentence.text, found)
        if sentence.is_question and not is_alone:
            continue
        joined = any(_OR.match(sentence.text[one.end() : other.start()]) for one, other in pairwise(found))
        marks = list(_CLAUSE.finditer(sentence.text))
        for match, option in named:
            clause, start, end = _clause_of(sentence.text, match, marks)
            rank = _rank(sentence.text, match, start, end)
            yield _Mention(
                option,
                3 if is_alone and rank == 1 else rank,
                clauses if joined else clauses + clause,
                sentence.correction,
                is_alone=is_alone and rank == 1,
            )
        clauses += len(sentence.text)


def _without_lists(mentions: list[_Mention]) -> list[_Mention]:
    """Different options, each alone on its line, repeat the question: none of them is stated as the answer."""
    if len({mention.option for mention in mentions if mention.is_alone}) < 2:
        return mentions
    return [replace(mention, rank=1) if mention.is_alone else mention for mention in mentions]


def _finder(options: tuple[str, ...], *, has_letters: bool) -> re.Pattern[str]:
    """Texts as groups t0, t1, ..., then letters as l0, ...: a letter only where it can be nothing else."""
    texts = sorted(enumerate(options), key=lambda option: -len(option[1]))
    named = [f"(?P<t{place}>{_text(option)})" for place, option in texts]
    if has_letters and not all(len(option) == 1 for option in options):
        named += [
            f"(?P<l{place}>{_letter(ascii_uppercase[place])})" for place in range(min(len(options), 26))
        ]
    return re.compile("|".join(named))


def _text(option: str) -> str:
    if len(option) == 1 and option.isascii() and option.isalpha():
        return _letter(option)
    return f"(?i:{bounded(_folded(option))})"


def _letter(letter: str) -> str:
    """One letter, capital where it could be a word; small after a cue, in brackets, or alone."""
    either = f"[{letter.upper()}{letter.lower()}]"
    return (
        rf"(?<![0-9A-Za-z_'-]){letter.upper()}(?=[.):\]、,;]|\s*$|\s*[-–]\s|['\"”’]|"
        rf"[项选是对错正为不\u4e00-\u9fff]|\s+(?:is|are|was|and|or|because|since|as|seems|but|rather|"
        rf"not|would|can)\b|\s*\n)"
        rf"|(?<=[(\[{{\"'“‘]){either}(?=[)\]}}\"'”’])"
        rf"|(?:(?<=\boption )|(?<=\bOption )|(?<=\bchoice )|(?<=\bChoice )|(?<=选)|(?<=选择)|(?<=选项)|"
        rf"(?<=答案是)|(?<=答案为)|(?<=是)){either}(?![\w'-]|\s[a-z])"
        rf"|(?<=\banswer is ){either}(?=[\s.,;)]*$)|(?<=: ){either}(?=[\s.,;)]*$)|"
        rf"(?<=:){either}(?=[\s.,;)]*$)|\A\s*{either}[\s.)]*\Z"
    )


def _option(match: re.Match[str], options: tuple[str, ...]) -> str:
    return options[int((match.lastgroup or "t0")[1:])]


def _is_nothing_else(text: str, found: list[re.Match[str]]) -> bool:
    """Whether a sentence says only this option: "B", "(B) Paris", "I think it is B"."""
    ends = [0, *(match.end() for match in found)]
    starts = [*(match.start() for match in found), len(text)]
    return all(_FILLER.fullmatch(text, end, start) for end, start in zip(ends, starts, strict=True))


def _clause_of(text: str, match: re.Match[str], marks: list[re.Match[str]]) -> tuple[int, int, int]:
    """(its number, start, end) of the clause around a match, where `marks` part the clauses."""
    marks = [mark for mark in marks if not match.start() <= mark.start() < match.end()]
    before = [mark for mark in marks if mark.end() <= match.start() and mark.group() != ":"]
    after = [mark.start() for mark in marks if mark.start() >= match.end()]
    return len(before), before[-1].end() if before else 0, after[0] if after else len(text)


def _rank(text: str, match: re.Match[str], start: int, end: int) -> int:
    before, after = text[start : match.start()], text[match.end() : end]
    if _DENIED_BEFORE.search(before) or _DENIED_AFTER.match(after):
        return 0
    cues = list(_CUE.finditer(before))
    if cues and len(before) - cues[-1].end() <= 40:
        return 3
    if _IS_ANSWER.match(after):
        return 3
    leads = start == 0 and _FILLER.fullmatch(before) and _FILLER.fullmatch(after)
    if leads and end < len(text):
        return 3
    return 2 if _CONCLUSION.search(text[: match.start()]) else 1


def _spelled(expected: str, options: tuple[str, ...]) -> str:
    """The option that the expected answer names: its text, or its letter where no option is that letter."""
    if _folded(expected) in map(_folded, options) or not re.fullmatch("[A-Za-z]", expected):
        return expected
    place = ascii_uppercase.index(expected.upper())
    return options[place] if place < len(options) else expected


def _folded(text: str) -> str:
    return plain(text).strip()
