"""What a linter says: a finding with its place in the file, and the edits that would mend it."""

import bisect
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from promptlathe.prompts.sections import Language

Severity = Literal["error", "warning", "note"]

_LINE_END = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class Edit:
    """Puts `replacement` in the place of `text[start:end]` of the file."""

    start: int
    end: int
    replacement: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding. `code` never changes its meaning; `name` says it in words; `summary` explains it."""

    code: str
    name: str
    severity: Severity
    summary_en: str
    summary_zh: str

    def summary(self, language: Language) -> str:
        return self.summary_zh if language == "zh" else self.summary_en


@dataclass(frozen=True, slots=True)
class Finding:
    """`start` and `end` are offsets in the file's text, front matter counted; `edits` is empty without a fix."""

    rule: Rule
    message_en: str
    message_zh: str
    start: int
    end: int
    edits: tuple[Edit, ...] = ()

    @property
    def severity(self) -> Severity:
        return self.rule.severity

    def message(self, language: Language) -> str:
        return self.message_zh if language == "zh" else self.message_en


class Lines:
    """Offsets of a text as lines and columns, both from 1, in characters (code points).

    A byte order mark is no character: editors do not show it.
    """

    def __init__(self, text: str) -> None:
        self._starts = [int(text.startswith("\ufeff")), *(match.end() for match in _LINE_END.finditer(text))]

    def position(self, offset: int) -> tuple[int, int]:
        offset = max(offset, self._starts[0])
        line = bisect.bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


def edit_between(old: str, new: str, offset: int = 0) -> Edit:
    """The one replacement that makes `new` of `old`; `offset` is where `old` begins in the file."""
    start = _common_length(zip(old, new, strict=False))
    rest = min(len(old), len(new)) - start
    tail = min(rest, _common_length(zip(reversed(old), reversed(new), strict=False)))
    return Edit(offset + start, offset + len(old) - tail, new[start : len(new) - tail])


def apply_edits(text: str, findings: Iterable[Finding]) -> tuple[str, tuple[Finding, ...]]:
    """The text with the fixes made that do not touch one another, and the findings they belong to.

    All edits of a finding are made or none. What is left over is made by applying again after a new lint.
    """
    chosen: list[Edit] = []
    taken: list[tuple[int, int]] = []
    mended = []
    for finding in findings:
        spans = [(edit.start, edit.end) for edit in finding.edits]
        if finding.edits and not any(_is_touching(span, taken) for span in spans):
            for span in spans:
                bisect.insort(taken, span)
            chosen += finding.edits
            mended.append(finding)
    parts, position = [], 0
    for edit in sorted(chosen, key=_start):
        parts += [text[position : edit.start], edit.replacement]
        position = edit.end
    return "".join([*parts, text[position:]]), tuple(mended)


def _start(edit: Edit) -> int:
    return edit.start


def _is_touching(span: tuple[int, int], taken: list[tuple[int, int]]) -> bool:
    """Whether a span overlaps, or stands directly beside, one of those taken, which are sorted and disjoint."""
    at = bisect.bisect_left(taken, span)
    return any(span[0] <= other[1] and other[0] <= span[1] for other in taken[max(0, at - 1) : at + 1])


def _common_length(pairs: Iterable[tuple[str, str]]) -> int:
    length = 0
    for one, other in pairs:
        if one != other:
            break
        length += 1
    return length
