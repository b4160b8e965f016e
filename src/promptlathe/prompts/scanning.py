"""Finds the places in a text where a section could begin. Which of them do is decided in `reading`."""

import bisect
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markdown_it import MarkdownIt

from promptlathe.prompts.document import LayoutKind
from promptlathe.prompts.sections import CanonicalName, canonical_name, is_numbered

# Blocks only, and no HTML blocks or link definitions: in a prompt `<Rules>` and `[slot]: …` are plain words.
_MARKDOWN = MarkdownIt("commonmark").disable(["html_block", "reference", "inline", "text_join"])

_LABEL = (
    r"(?P<mark>[*_]{1,3})(?P<inside>[^:：\n]{1,60}?)[:：][ \t]{0,4}(?P=mark)"
    r"|(?P<around>[*_]{0,3})(?P<name>[^:：\n]{1,60}?)(?P=around)[ \t]{0,4}[:：](?!//)"
)
# A number 1 is apart, because only that begins a list below a line of text.
_ALIKE = re.compile(r"(?P<marks>[ ]*(?:[-*+] |1[.)] )?)(?:(?P<number>\d{1,9})(?P<stop>[.)] ))?(?=[^\W\d_])")
_HASHES = re.compile(r"^[ ]{0,3}(?P<hashes>[#＃]{1,6})[ \t]*", re.MULTILINE)
_TOP_HEADING = re.compile(r"^#{1,6}(?![^ \t\n])", re.MULTILINE)
# What can be, or hold, code or a heading that `_TOP_HEADING` does not find: a fence, text far in, `---`, ` #`.
_AWKWARD = re.compile(
    r"```|~~~|^ {1,3}#|^ {4}|^[ >\d.)+*=-]*\t|[ >.)+*-] {5}|^[ >]*(?:-[ -]*|=[ =]*)$", re.MULTILINE
)
_LINE_MARKER: dict[LayoutKind, str] = {
    "bullet": r" ?[-*+•·][ \t]++",
    "flat": r" ?(?P<number>\d{1,2})[.、)．](?!\d)[ \t]*+",
    "plain": r" ?+(?=[^\s])",
}
_LABELLED_LINE = {
    kind: re.compile(f"^{marker}(?:{_LABEL})", re.MULTILINE) for kind, marker in _LINE_MARKER.items()
}
_HEADING_LABEL = re.compile(_LABEL)
_FENCE = re.compile(r"^(?P<before>[ \t>\d.)+*-]*)(?P<mark>`{3,}|~{3,})(?P<rest>.*)", re.MULTILINE)


class Candidate(NamedTuple):
    """A line that could begin a section: offsets of the line, and of the end of its name and colon."""

    start: int
    end: int
    line: int
    """From 0."""
    level: int
    written: str
    canonical: CanonicalName | None
    number: int | None = None
    """The 4 of `4.Goals:`."""

    @property
    def is_numbered(self) -> bool:
        return is_numbered(self.written)


class Scan:
    """The lines of a text, and which of them are code. A byte order mark in front is skipped."""

    def __init__(self, text: str) -> None:
        self.text = text
        offset = 1 if text.startswith("\ufeff") else 0
        # The line ends that the Markdown library knows, so that its line numbers are ours.
        ends = [match.end() for match in re.finditer(r"\r\n?|\n", text)]
        self.starts = [offset, *ends]
        self.stops = [*ends, len(text)]
        # As long as the text, with `\n` for every line end, so that patterns see the same lines.
        self._flat = text.replace("\r\n", " \n").replace("\r", "\n").replace("\ufeff", "\n", offset)
        self._is_code = bytearray(len(self.starts))
        self._take_out_fences()
        self._headings: list[tuple[int, int, bool]] = []
        self._labels: dict[LayoutKind, list[Candidate]] = {}
        shown, skipped = self._parts()
        lines = [*self._telling_lines(shown), len(self.starts)]
        for token in _MARKDOWN.parse("\n".join(map(self._flat_line, lines[:-1]))):
            if token.map is None:
                continue
            first, stop = lines[token.map[0]], lines[token.map[1]]
            if token.type in ("fence", "code_block"):
                self._mark_code(first, stop)
            elif token.type == "heading_open" and token.level == 0:
                is_setext = token.markup in ("=", "-")
                is_one_line = token.map[1] - token.map[0] == 2
                if not self._is_code[first] and (not is_setext or is_one_line):
                    self._headings.append((first, int(token.tag[1]), is_setext))
        for number, level in skipped:
            if not self._is_code[number]:
                self._headings.append((number, level, False))

    def _mark_code(self, first: int, stop: int) -> None:
        stop = min(stop, len(self._is_code))
        self._is_code[first:stop] = b"\1" * (stop - first)

    def _take_out_fences(self) -> None:
        """Puts an empty heading in the place of fenced code, if all fences stand at the margin.

        Such a fence ends all that is open, as a heading does. One further in may be part of a list or quote: then
        the Markdown library must say what is code.
        """
        fences: list[tuple[int, int]] = []
        opening: re.Match[str] | None = None
        for fence in _FENCE.finditer(self._flat):
            if opening:
                is_closing = fence["mark"].startswith(opening["mark"]) and not fence["rest"].strip(" \t")
                if is_closing and fence["before"] in ("", " ", "  ", "   "):
                    fences.append((opening.start(), fence.end()))
                    opening = None
            elif fence["before"]:
                return
            elif not ("`" in fence["mark"] and "`" in fence["rest"]):
                opening = fence
        if opening:
            fences.append((opening.start(), len(self._flat)))
        parts, at = [], 0
        for start, end in fences:
            parts += [self._flat[at:start], "#", "\n" * (end - start - 1)]
            self._mark_code(self.line_at(start), self.line_at(end) + 1)
            at = end
        self._flat = "".join([*parts, self._flat[at:]])

    def _parts(self) -> tuple[list[int], list[tuple[int, int]]]:
        """Numbers of the lines that Markdown must see, and the headings (with their levels) that it need not.

        A heading that is not indented ends all that is open but a fence. So the lines between two of them can be
        left out if none is code, a fence or a heading; and of the headings that then follow one another, the first
        says whether all are headings or all are in a fence. The library takes most of the time for a long text.
        """
        headings = [match.span() for match in _TOP_HEADING.finditer(self._flat)]
        starts = [start for start, _ in headings]
        awkward = set(self._parts_with(_AWKWARD, starts))
        bounds = [0, *map(self.line_at, starts), len(self.starts)]
        shown: list[int] = []
        skipped: list[tuple[int, int]] = []
        for part, (first, stop) in enumerate(itertools.pairwise(bounds)):
            if part in awkward:
                shown += range(first, stop)
            elif part and part - 1 in awkward:
                shown.append(first)
            elif part:
                skipped.append((first, headings[part - 1][1] - starts[part - 1]))
        return shown, skipped

    def _parts_with(self, pattern: re.Pattern[str], starts: Sequence[int]) -> Iterator[int]:
        """Numbers of the parts between these starts, from 0 for what is before the first, that hold the pattern."""
        match = pattern.search(self._flat)
        while match:
            part = bisect.bisect_right(starts, match.start())
            yield part
            match = pattern.search(self._flat, starts[part]) if part < len(starts) else None

    def _telling_lines(self, shown: Sequence[int]) -> list[int]:
        """Of many lines alike, such as items of one list, the first two and the last tell all: each begins with
        the same marks and then a letter, so what is open after one of them is open after all.
        """
        kept: list[int] = []
        before, count = None, 0
        for number in shown:
            match = _ALIKE.match(self.text, self.starts[number])
            alike = (match["marks"], len(match["number"] or ""), match["stop"]) if match else None
            count = count + 1 if alike and alike == before else 1
            before = alike
            if count > 3:
                kept.pop()
            kept.append(number)
        return kept

    def line(self, number: int) -> str:
        """The line without its end."""
        return self.text[self.starts[number] : self.stops[number]].rstrip("\r\n")

    def _flat_line(self, number: int) -> str:
        return self._flat[self.starts[number] : self.stops[number]].strip("\n")

    def line_at(self, offset: int) -> int:
        return bisect.bisect_right(self.starts, offset) - 1

    def headings(self) -> list[Candidate]:
        """Markdown headings outside lists and quotes, and known names behind hashes that it does not take."""
        found = {number: (level, is_setext) for number, level, is_setext in self._headings}
        candidates = [self._heading(number, *found[number]) for number in found]
        for match in _HASHES.finditer(self._flat):
            number = self.line_at(match.start())
            if number not in found and not self._is_code[number]:
                candidate = self._heading(number, len(match["hashes"]), is_setext=False)
                candidates.append(candidate if candidate and candidate.canonical else None)
        return sorted(filter(None, candidates), key=lambda candidate: candidate.start)

    def labels(self, kind: LayoutKind) -> list[Candidate]:
        """Lines of the form marker, name, colon: `- Goals: …`, `4.Goals: …` or `Goals: …`."""
        if kind not in self._labels:
            self._labels[kind] = self._find_labels(kind)
        return self._labels[kind]

    def _find_labels(self, kind: LayoutKind) -> list[Candidate]:
        found = []
        for label in _LABELLED_LINE[kind].finditer(self._flat):
            number = self.line_at(label.start())
            if not self._is_code[number]:
                written = _written(label)
                count = int(label["number"]) if kind == "flat" else None
                found.append(Candidate(*label.span(), number, 1, written, canonical_name(written), count))
        return found

    def _heading(self, number: int, level: int, is_setext: bool) -> Candidate | None:
        """None if there is no name, or if `Name` over `---` is no known name: then it is text over a rule."""
        start, line = self.starts[number], self.line(number)
        hashes = None if is_setext else _HASHES.match(line)
        begin = hashes.end() if hashes else 0
        label = None if is_setext else _HEADING_LABEL.match(line, begin)
        if label:
            written, end = _written(label), start + label.end()
        else:
            written, end = line[begin:].rstrip("# \t").strip(" \t*_"), start + len(line.rstrip())
        canonical = canonical_name(written)
        if is_setext:
            end = self.starts[number + 1] + len(self.line(number + 1))
        if not written or (is_setext and not canonical):
            return None
        return Candidate(start, end, number, level, written, canonical)


def _written(label: re.Match[str]) -> str:
    return (label["inside"] or label["name"]).strip(" \t*_")
