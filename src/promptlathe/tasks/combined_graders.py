"""Graders made of others: all of several, not one, and each case its own."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from promptlathe.errors import TaskError
from promptlathe.source_files import Value, typed
from promptlathe.tasks.case import Case
from promptlathe.tasks.graders.judge import JudgeGrader
from promptlathe.tasks.grading import Grade, Grader, Verdict

MakeGrader = Callable[[Mapping[str, object]], Grader]


@dataclass(frozen=True, slots=True)
class AllGraders:
    """Correct where all say so, wrong where one says so, else unparsed. The answer is the first one's."""

    graders: tuple[Grader, ...]

    @property
    def name(self) -> str:
        return " and ".join(grader.name for grader in self.graders)

    def grade(self, case: Case, answer: str) -> Grade:
        grades = [grader.grade(case, answer) for grader in self.graders]
        order: tuple[Verdict, ...] = ("wrong", "unparsed", "correct")
        return min(grades, key=lambda grade: order.index(grade.verdict))


@dataclass(frozen=True, slots=True)
class NotGrader:
    """Wrong where the other says correct; anything else, unreadable answers too, is correct."""

    grader: Grader

    @property
    def name(self) -> str:
        return f"not {self.grader.name}"

    def grade(self, case: Case, answer: str) -> Grade:
        if not answer.strip():
            return Grade("unparsed", None, contradicts=False, reason="empty")
        is_match = self.grader.grade(case, answer).verdict == "correct"
        return Grade("wrong" if is_match else "correct", answer.strip(), contradicts=False)


@dataclass(frozen=True, slots=True)
class GradersByCase:
    """Some cases, by their id, are judged in a way of their own. None of the graders is a judge."""

    default: Grader
    by_case: Mapping[str, Grader]

    @property
    def name(self) -> str:
        own = "\n".join(f"{case_id} {grader.name}" for case_id, grader in sorted(self.by_case.items()))
        return f"{self.default.name}, by case {hashlib.sha256(own.encode()).hexdigest()[:16]}"

    def grade(self, case: Case, answer: str) -> Grade:
        return self.by_case.get(case.id, self.default).grade(case, answer)


def read_grader(block: Value, make: MakeGrader) -> Grader:
    """A grader's name; a block with `type`; `not:` before one; or a list of them that all must agree.

    Raises TaskError, without the place, for what is none of these.
    """
    if isinstance(block, str):
        return make({"type": str(block)})
    if isinstance(block, list) and block:
        return AllGraders(tuple(read_pure_grader(item, make) for item in block))
    if isinstance(block, dict) and set(block) == {"not"}:
        return NotGrader(read_pure_grader(block["not"], make))
    if isinstance(block, dict) and "type" in block:
        return make({key: typed(value) for key, value in block.items() if value is not None})
    raise TaskError("a grader is a name, or a block with `type`", hint="grader: exact")


def read_pure_grader(block: Value, make: MakeGrader) -> Grader:
    """A judge's verdict comes later, from a model: nothing can be combined with it here."""
    grader = read_grader(block, make)
    if isinstance(grader, JudgeGrader):
        raise TaskError("a judge cannot be combined with another grader", hint="give it a task of its own")
    return grader


def needs_expected(block: Value) -> bool:
    """Whether a grader so described compares answers with the case's expected one."""
    if isinstance(block, list):
        return any(needs_expected(item) for item in block)
    if isinstance(block, dict):
        if "not" in block:
            return needs_expected(block["not"])
        if block.get("type") == "regex":
            pattern = str(block.get("pattern"))
            return without_groups(pattern) != pattern
        return block.get("type") not in _FREE and not {"all", "any", "none"} & set(block)
    return block not in _FREE


_FREE = ("regex", "json", "python", "judge")
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<group>\(\?P?<(?![=!])\w+>|\((?!\?))|.", re.DOTALL)
"""The parts of a pattern, as far as needed to tell a group from a bracket that is meant as such."""


def without_groups(pattern: str) -> str:
    """With groups that only group: what a group catches would be compared with the expected answer."""
    return _TOKEN.sub(lambda part: "(?:" if part["group"] else part[0], pattern)
