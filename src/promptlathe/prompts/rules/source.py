"""What the rules look at: a prompt, its text without code, and what it will be used for."""

import bisect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from promptlathe.errors import PromptError
from promptlathe.prompts.document import PromptDocument, Section
from promptlathe.prompts.file import Prompt
from promptlathe.prompts.findings import Edit, edit_between
from promptlathe.prompts.sections import Language

_FENCE = re.compile(r"[ \t]*(?:[-*+][ \t]+|\d{1,3}[.)][ \t]+)?(?P<mark>`{3,}|~{3,})(?P<rest>.*)")
_MOST_CHARACTERS_READ = 60_000
_CODE_SPAN = re.compile(r"(?<!`)(`{1,2})(?!`)[^`\n]{1,400}(?<!`)\1(?!`)")


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


@dataclass(frozen=True, slots=True)
class Line:
    """`text` without its end; `is_code` inside, or on the edge of, fenced code."""

    text: str
    start: int
    is_code: bool

    @property
    def end(self) -> int:
        return self.start + len(self.text)


class LintSource:
    """Offsets are those of the document's text; `file_offset` is where it begins in the file."""

    def __init__(self, prompt: Prompt, options: LintOptions) -> None:
        self.prompt = prompt
        self.options = options
        self.document: PromptDocument = prompt.document
        self.text = prompt.document.text
        self.file_offset = len(prompt.front_matter)
        self.unclosed_fence: tuple[Line, str] | None = None
        self._characters_to_read = _MOST_CHARACTERS_READ

    @cached_property
    def language(self) -> Language:
        """The one that the instructions are mostly in: names of sections may well be English in both."""
        chinese = len(re.findall(r"[\u4e00-\u9fff]", self.masked))
        latin = len(re.findall(r"[A-Za-z]{2,}", self.masked))
        return "zh" if chinese > 1.5 * latin else "en"  # a Chinese word has about 1.5 characters

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        return tuple(self._read_lines())

    @cached_property
    def masked(self) -> str:
        """The text with a space for every character of code, so that offsets stay."""
        parts, position = [], 0
        for line in self.lines:
            if line.is_code:
                shown = " " * len(line.text)
            elif "`" in line.text:
                shown = _CODE_SPAN.sub(lambda match: " " * len(match[0]), line.text)
            else:
                continue
            parts.append(self.text[position : line.start])
            parts.append(shown)
            position = line.end
        parts.append(self.text[position:])
        return "".join(parts)

    def masked_line(self, offset: int) -> Line:
        """The line that an offset is on, without code."""
        line = self.lines[bisect.bisect_right(self.lines, offset, key=lambda line: line.start) - 1]
        return replace(line, text=self.masked[line.start : line.end])

    def lines_with(self, marks: Iterable[str], text: str) -> Iterator[Line]:
        """The lines that hold one of `marks` in `text`, which is the document's in its length and line ends."""
        starts = [line.start for line in self.lines]
        found: set[int] = set()
        for mark in marks:
            at = text.find(mark)
            while at >= 0:
                number = bisect.bisect_right(starts, at) - 1
                found.add(number)
                at = text.find(mark, self.lines[number].end)
        return (self.lines[number] for number in sorted(found))

    def section_at(self, offset: int) -> str | None:
        """The canonical name of the section that an offset is in; None in the preamble and in unknown ones."""
        sections = self.document.sections
        at = bisect.bisect_right(sections, offset, key=lambda section: section.start)
        return sections[at - 1].canonical if at else None

    def masked_content(self, section: Section) -> tuple[str, int]:
        """A section's content without code, and its offset."""
        start = section.start + len(section.header)
        return self.masked[start : start + len(section.content)], start

    def masked_lines(self, section: Section) -> Iterator[tuple[str, int]]:
        content, start = self.masked_content(section)
        for match in re.finditer(r"[^\r\n]+", content):
            if match[0].strip():
                yield match[0], start + match.start()

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

    def _read_lines(self) -> Iterator[Line]:
        opening: tuple[Line, str] | None = None
        for match in re.finditer(r"[^\r\n]*(?:\r\n?|\n|\Z)", self.text):
            text = match[0].rstrip("\r\n")
            fence = _FENCE.match(text) if "`" in text or "~" in text else None
            line = Line(text, match.start(), opening is not None or fence is not None)
            if opening and fence and fence["mark"].startswith(opening[1]) and not fence["rest"].strip():
                opening = None
            elif not opening and fence and not ("`" in fence["mark"] and "`" in fence["rest"]):
                opening = (line, fence["mark"])
            elif not opening and fence:
                line = Line(text, match.start(), is_code=False)
            if match[0]:
                yield line
        self.unclosed_fence = opening
