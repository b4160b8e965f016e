"""Graders by the block that a task file gives: so far `exact` and `contains`."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from promptlathe.errors import TaskError, UnknownNameError
from promptlathe.tasks.case import Case
from promptlathe.tasks.grading import Grade, Grader


@dataclass(frozen=True, slots=True)
class _TextGrader:
    """Compares texts without regard to case, width, surrounding white space and closing punctuation."""

    name: str
    is_part_enough: bool

    def grade(self, case: Case, answer: str) -> Grade:
        said, expected = _normal(answer), _normal(case.expected)
        if not said:
            return Grade("unparsed", None, contradicts=False, reason="empty")
        is_right = expected in said if self.is_part_enough else expected == said
        return Grade("correct" if is_right else "wrong", answer.strip(), contradicts=False)


def make_grader(
    options: Mapping[str, object],
    *,
    allow_python: Path | None = None,  # noqa: ARG001
) -> Grader:
    """The grader that a `grader:` block describes. Raises TaskError for one that cannot be."""
    kind = str(options.get("type"))
    known = ("exact", "contains")
    if kind not in known:
        raise TaskError(f"no grader {kind!r}", hint=UnknownNameError("grader", kind, known).hint)
    for key in options:
        if key != "type":
            raise TaskError(f"unknown key {key!r}", hint=UnknownNameError("key", key, ["type"]).hint)
    return _TextGrader(kind, is_part_enough=kind == "contains")


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip(" \t\r\n.!。\"'")
