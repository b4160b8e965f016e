"""An answer as sentences of tokens: the same for Chinese and English, full and half width, LaTeX, Markdown.

Everything here takes time linear in the length of the answer.
"""

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from promptlathe.tasks.answer_words import PHRASES

_LONGEST_SENTENCE = 200
"""In tokens. A longer run without a full stop is read in pieces, which bounds what matching it can cost."""

_LONGEST_NUMBER = 40
"""In characters. A longer run of digits is noise, not a number."""

_PIECE = re.compile(
    r"""
    (?P<number>
        (?<![\d.])                                  # not inside another number
        (?:(?<![0-9a-z)])[+-])?                     # a sign, not a minus between two numbers
        (?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|(?<!\w)\.\d+)
        (?!\.?\d)                                   # 13.11.0 is a version, not a number
    )
    | \d[\d.]* | [a-z]+(?:'[a-z]+)? | \\[a-z]+ | -{1,2}> | ={1,2}> | [<>!=]= | \n | \S
    """,
    re.VERBOSE,
)
_TAG = re.compile(r"</?[a-z|][^<>\n]{0,60}>")
_LIST_MARKER = re.compile(r"^ *(?:[-*•#>]+ +)*(?:\(?\d{1,2}(?:[)、]|\.(?= +\S|[^\d\s.])) *)?", re.MULTILINE)
_EMPHASIS = re.compile(r"(?<![\s\d])\*+|\*+(?![\s\d*])|(?<!\S)\*+(?=\d)|(?<=\d)\*+(?!\S)")
"""Asterisks, but not those that multiply."""

_REWRITTEN = (
    ("\N{MINUS SIGN}", "-"),
    ("\N{EN DASH}", "-"),
    ("\N{RIGHT SINGLE QUOTATION MARK}", "'"),
    ("{,}", ","),
    ("\\boxed", " answer: "),
    ("<answer>", " answer: "),
)
_SPOKEN_MINUS = re.compile(r"(?:\bnegative |负)(?=\d)")
_SPOKEN_POINT = re.compile(r"(?<=\d)点(?=\d)")


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written, without thousands separators and plus sign; "first" or "second" for a reference.

    `is_last`: nothing but a full stop follows it in the whole answer, so it may have been cut off.
    """

    text: str
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Sentence:
    """`kinds` has one letter per token (see `answer_words`); `numbers` are those of its `n`, in order."""

    kinds: str
    numbers: tuple[Number, ...]
    is_question: bool = False

    def part(self, start: int, end: int | None = None) -> "Sentence":
        """The tokens from `start` up to `end`, with their numbers."""
        first = self.kinds[:start].count("n")
        kinds = self.kinds[start:end]
        return Sentence(kinds, self.numbers[first : first + kinds.count("n")], self.is_question)

    def without(self, pattern: str) -> "Sentence":
        """What is left when every match of `pattern` in `kinds` is taken out."""
        kinds, numbers = "", self.numbers[:0]
        start = 0
        for match in re.finditer(pattern + "|$", self.kinds):
            kept = self.part(start, match.start())
            kinds, numbers = kinds + kept.kinds, numbers + kept.numbers
            start = match.end()
        return Sentence(kinds, numbers, self.is_question)


def sentences(answer: str) -> Iterator[Sentence]:
    """The sentences of an answer in order, empty ones left out."""
    kinds: list[str] = []
    numbers: list[Number] = []
    for kind, number in [*_tokens(plain(answer)), (".", None)]:
        if number is not None:
            numbers.append(number)
        if kind not in ".?":
            kinds.append(kind)
        if kinds and (kind in ".?" or len(kinds) == _LONGEST_SENTENCE):
            yield Sentence("".join(kinds), tuple(numbers), is_question=kind == "?")
            kinds, numbers = [], []


def plain(answer: str, *, is_case_kept: bool = False) -> str:
    """Lower case, half width, one space at most, no markup, and nothing of what was only thought."""
    text = unicodedata.normalize("NFKC", html.unescape(answer))
    if not is_case_kept:
        text = text.casefold()
    before, thought, after = text.rpartition("</think>")
    text = after if thought else before + after.partition("<think>")[0]
    for written, meant in _REWRITTEN:
        text = text.replace(written, meant)
    text = re.sub(r"[^\S\n]+", " ", _EMPHASIS.sub("", _TAG.sub(" ", text)))
    text = re.sub(r"\.{2,}", ". ", text)
    text = _SPOKEN_POINT.sub(".", _SPOKEN_MINUS.sub("-", text))
    return _LIST_MARKER.sub("", text)


def _tokens(text: str) -> Iterator[tuple[str, Number | None]]:
    """(kind, its number if it is one), the longest known phrase at each place."""
    pieces = [(piece.group(), piece.lastgroup == "number") for piece in _PIECE.finditer(text)]
    words = [word for word, _ in pieces]
    end = len(words)
    while end and words[end - 1] in ".\n":
        end -= 1
    place = 0
    while place < len(words):
        word, is_number = pieces[place]
        if is_number and len(word) <= _LONGEST_NUMBER:
            yield "n", Number(word.replace(",", "").lstrip("+"), is_last=place == end - 1)
            place += 1
            continue
        lengths = range(_LONGEST_PHRASE.get(word, 0), 0, -1)
        length = next((length for length in lengths if tuple(words[place : place + length]) in _KINDS), 0)
        kind = _KINDS[tuple(words[place : place + length])] if length else _kind_of_unknown(word)
        if kind in _REFERENCES:
            yield "n", Number(_REFERENCES[kind])
        elif kind:
            yield kind, None
        place += max(length, 1)


def _kind_of_unknown(word: str) -> str:
    if word.endswith("n't"):
        return "!"
    return "w" if word[0].isalnum() else ""


def _pieces(phrase: str) -> tuple[str, ...]:
    return tuple(piece.group() for piece in _PIECE.finditer(phrase))


_KINDS = {_pieces(phrase): kind for kind, phrases in PHRASES.items() for phrase in phrases}
_LONGEST_PHRASE: dict[str, int] = {}
"""By its first word, in words."""
for _phrase in _KINDS:
    _LONGEST_PHRASE[_phrase[0]] = max(len(_phrase), _LONGEST_PHRASE.get(_phrase[0], 0))
_REFERENCES = {"1": "first", "2": "second"}
