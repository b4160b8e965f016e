"""What the rules look at: a prompt, its text without code, and what it will be used for."""

import bisect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from promptlathe.errors import PromptError
from promptlathe.prompts.document import PromptDocument, Section
from promptlathe.prompts.file import Prompt
from promptlathe.prompts.findings import Edit, edit_between
from promptlathe.prompts.sections import Language

_FENCE = re.compile(
    r"^[ \t]*(?:[-*+][ \t]+|\d{1,3}[.)][ \t]+)?(?P<mark>`{3,}|~{3,})(?P<rest>.*)", re.MULTILINE
)
_MOST_CHARACTERS_READ = 60_000
_CODE_SPAN = re.compile(r"(?<!`)(`{1,2})(?!`)[^`\r\n]{1,400}(?<!`)\1(?!`)")
_LINE_END = re.compile(r"\r\n?|\n")
_IN_LINE = re.compile(r"[^\r\n]+")


@dataclass(frozen=True, slots=True)
class KnownCase:
    """A case that a prompt must not give away. `question` as a user asks it, `answer` as it is expected."""

    question: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class LintOptions:
    """`is_api`: called by programs, so that nobody is there to be greeted. `count` counts tokens as the model
    that will be used does; without it they are estimated, and the message says so. `ignored` are rules' codes."""

    is_api: bool = True
    cases: tuple[KnownCase, ...] = ()
    count: Callable[[str], int] | None = None
    max_tokens: int = 1500
    max_depth: int = 3
    ignored: frozenset[str] = frozenset()


class Line(NamedTuple):
    """`text` without its end; `is_code` inside, or on the edge of, fenced code."""

    text: str
    start: int
    is_code: bool

    @property
    def end(self) -> int:
        return self.start + len(self.text)


class FencedCode(NamedTuple):
    """From the beginning of its first line to `end`, that of its last one; `mark` is what opens it."""

    start: int
    end: int
    mark: str
    is_closed: bool


class LintSource:
    """Offsets are those of the document's text; `file_offset` is where it begins in the file."""

    def __init__(self, prompt: Prompt, options: LintOptions) -> None:
        self.prompt = prompt
        self.options = options
        self.document: PromptDocument = prompt.document
        self.text = prompt.document.text
        self.file_offset = len(prompt.front_matter)
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(self.text))]
        self._section_starts = [section.start for section in prompt.document.sections]
        self._characters_to_read = _MOST_CHARACTERS_READ

    @cached_property
    def language(self) -> Language:
        """The one that the instructions are mostly in: names of sections may well be English in both."""
        chinese = sum(map(len, re.findall(r"[\u4e00-\u9fff]+", self.masked)))
        latin = len(re.findall(r"[A-Za-z]{2,}", self.masked))
        return "zh" if chinese > 1.5 * latin else "en"  # a Chinese word has about 1.5 characters

    @cached_property
    def code(self) -> tuple[FencedCode, ...]:
        return tuple(self._fenced_code())

    @cached_property
    def unfenced(self) -> str:
        """The text with a `\\n` for every `\\r` and every character of fenced code, so that offsets stay."""
        return "".join(
            "\n" * len(part) if is_code else part.replace("\r", "\n") for part, is_code in self._parts()
        )

    @cached_property
    def masked(self) -> str:
        """The text with a space for every character of code, so that offsets stay."""
        return "".join(
            (_IN_LINE if is_code else _CODE_SPAN).sub(_spaces, part) for part, is_code in self._parts()
        )

    def line_at(self, offset: int) -> int:
        """Number of the line that an offset is on, from 0."""
        return bisect.bisect_right(self._starts, offset) - 1

    def line_span(self, offset: int) -> tuple[int, int]:
        """Where the line that an offset is on begins and, without its line end, ends."""
        return self._span(self.line_at(offset))

    def masked_line(self, offset: int) -> str:
        """The line that an offset is on, without code."""
        start, end = self.line_span(offset)
        return self.masked[start:end]

    def lines_from(self, number: int) -> Iterator[Line]:
        """That line and all after it; behind the last line end is none."""
        for at in range(number, len(self._starts)):
            start, end = self._span(at)
            if start < len(self.text):
                before = bisect.bisect_right(self.code, start, key=lambda code: code.start)
                is_code = before > 0 and start < self.code[before - 1].end
                yield Line(self.text[start:end], start, is_code)

    def lines_with(self, pattern: re.Pattern[str]) -> Iterator[tuple[int, int]]:
        """Where the lines begin and end that, without code, hold the pattern."""
        match = pattern.search(self.masked)
        while match:
            start, end = self.line_span(match.start())
            yield start, end
            match = pattern.search(self.masked, end)

    def sections_with(self, pattern: re.Pattern[str]) -> Iterator[Section]:
        """The sections whose content, without code, holds the pattern."""
        for section in self.document.sections:
            if pattern.search(self.masked, *_content_span(section)):
                yield section

    def section_at(self, offset: int) -> str | None:
        """The canonical name of the section that an offset is in; None in the preamble and in unknown ones."""
        at = bisect.bisect_right(self._section_starts, offset)
        return self.document.sections[at - 1].canonical if at else None

    def masked_content(self, section: Section) -> tuple[str, int]:
        """A section's content without code, and its offset."""
        start, end = _content_span(section)
        return self.masked[start:end], start

    def masked_lines(self, section: Section) -> Iterator[tuple[str, int]]:
        for match in _IN_LINE.finditer(self.masked, *_content_span(section)):
            text = match[0]
            if not text.isspace():
                yield text, match.start()

    def edits_to(self, change: Callable[[PromptDocument], PromptDocument]) -> tuple[Edit, ...]:
        """The edit that does what `change` does to the document; none if the document refuses it.

        The changed document is read to be sure, so only the first of many findings get an edit: mending those
        makes room for the next. A text that no model could hold gets none.
        """
        self._characters_to_read -= len(self.text)
        if self._characters_to_read < 0:
            return ()
        try:
            changed = change(self.document).text
        except PromptError:
            return ()
        return (edit_between(self.text, changed),) if changed != self.text else ()

    def _span(self, number: int) -> tuple[int, int]:
        start = self._starts[number]
        stop = self._starts[number + 1] if number + 1 < len(self._starts) else len(self.text)
        return start, start + len(self.text[start:stop].rstrip("\r\n"))

    def _fenced_code(self) -> Iterator[FencedCode]:
        opening: re.Match[str] | None = None
        for fence in _FENCE.finditer(self.text.replace("\r", "\n")):
            if opening is None:
                if not ("`" in fence["mark"] and "`" in fence["rest"]):
                    opening = fence
            elif fence["mark"].startswith(opening["mark"]) and not fence["rest"].strip():
                yield FencedCode(opening.start(), fence.end(), opening["mark"], is_closed=True)
                opening = None
        if opening:
            yield FencedCode(opening.start(), len(self.text), opening["mark"], is_closed=False)

    def _parts(self) -> Iterator[tuple[str, bool]]:
        """The text in pieces, and whether they are fenced code."""
        at = 0
        for code in self.code:
            yield self.text[at : code.start], False
            yield self.text[code.start : code.end], True
            at = code.end
        yield self.text[at:], False


def _content_span(section: Section) -> tuple[int, int]:
    start = section.start + len(section.header)
    return start, start + len(section.content)


def _spaces(match: re.Match[str]) -> str:
    return " " * len(match[0])
