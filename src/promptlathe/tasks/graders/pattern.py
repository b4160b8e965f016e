"""`regex`: a user's pattern, in RE2's syntax: linear in the length of the answer, so that none hangs a run."""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal

import re2
from pydantic import ConfigDict

from promptlathe.errors import TaskError
from promptlathe.tasks.case import Case
from promptlathe.tasks.graders.options import STRICT, configured_name
from promptlathe.tasks.graders.text import Ignored, normalised
from promptlathe.tasks.grading import Grade, unparsed

_MOST_MEMORY = 8 << 20
"""Bytes for the compiled pattern: what needs more is refused when the task is read."""


@dataclass(frozen=True, slots=True)
class RegexGrader:
    """Whether `pattern` is found in the answer, or (`match: full`) is all of it, white space around it aside.

    With a group named `answer`, or else a first group, what it caught the last time must be the expected
    answer, but for what `ignore` names; without any group, a match is right. No match is wrong; with a group,
    unparsed, as there was nothing to compare. `ignore_case` and `dot_all` are the flags i and s;
    `^` and `$` are the ends of lines with (?m) in the pattern. RE2 has no look-around and no back-references.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    pattern: str
    match: Literal["search", "full"] = "search"
    ignore_case: bool = False
    dot_all: bool = False
    ignore: tuple[Ignored, ...] = ()

    def __post_init__(self) -> None:
        compile_pattern(self.pattern, "grader regex: pattern")

    @property
    def name(self) -> str:
        return configured_name("regex", self)

    def grade(self, case: Case, answer: str) -> Grade:
        said = answer.strip()
        if not said:
            return unparsed("empty")
        # A lone surrogate cannot be searched.
        said = said.encode("utf-8", "replace").decode("utf-8")
        pattern = compile_pattern(self.pattern, "", is_case_ignored=self.ignore_case, is_dot_all=self.dot_all)
        if self.match == "full":
            found = [match] if (match := pattern.fullmatch(said)) else []
        else:
            found = list(pattern.finditer(said))
        if not pattern.groups:
            return Grade("correct", case.expected, contradicts=False) if found else _wrong(said, "no match")
        group = "answer" if "answer" in pattern.groupindex else 1
        caught = [match.group(group) for match in found if match.group(group) is not None]
        if not caught:
            return unparsed("no match")
        if normalised(caught[-1], self.ignore) == normalised(case.expected, self.ignore):
            return Grade("correct", case.expected, contradicts=False)
        return _wrong(caught[-1])


@lru_cache(maxsize=256)
def compile_pattern(
    pattern: str, place: str, *, is_case_ignored: bool = False, is_dot_all: bool = False
) -> "re2._Regexp":
    """Raises TaskError, which begins with `place`, for what RE2 does not take."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MOST_MEMORY
    options.case_sensitive = not is_case_ignored
    options.dot_nl = is_dot_all
    try:
        return re2.compile(pattern, options=options)
    except (re2.error, UnicodeEncodeError) as error:
        cause = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else str(error)
        is_beyond = any(mark in pattern for mark in ("(?=", "(?!", "(?<=", "(?<!", "\\1"))
        hint = "look-around and back-references take too long on some answers, and are left out"
        raise TaskError(f"{place}: {cause}", hint=hint if is_beyond else None) from error


def _wrong(said: str, reason: str = "") -> Grade:
    return Grade("wrong", said, contradicts=False, reason=reason)
