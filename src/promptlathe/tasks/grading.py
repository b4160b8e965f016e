"""What it means to judge an answer. Graders are pure: the same case and answer always give the same grade."""

from dataclasses import dataclass
from typing import Literal, Protocol

from promptlathe.tasks.case import Case

Verdict = Literal["correct", "wrong", "unparsed"]

Reason = str
"""Why an answer could not be read, or what is wrong with it, in a few words; "" where there is nothing to say.
Ours are: empty, refused, cut off, named both (or several), no choice, no number, no JSON, no match, not judged,
and not an option (which is wrong). `cut off` is said only of an answer that visibly ends too early; whether it
met the token limit, the engine knows. A schema or a user's own grader says it in its own words."""


@dataclass(frozen=True, slots=True)
class Grade:
    """`answer` is the final answer as the case spells its options, or as the model wrote it if it is none of
    them; None when unparsed. `contradicts`: something else in the answer says otherwise."""

    verdict: Verdict
    answer: str | None
    contradicts: bool
    reason: Reason = ""


class Grader(Protocol):
    """`name` stands in digests: a grader that judges otherwise, or has other options, needs another."""

    @property
    def name(self) -> str: ...

    def grade(self, case: Case, answer: str) -> Grade:
        """Never raises, whatever the text."""
        ...


def unparsed(reason: Reason) -> Grade:
    return Grade("unparsed", None, contradicts=False, reason=reason)
