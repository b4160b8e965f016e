"""`judge`: another model decides. Here is only what it is told: asking it is the work of `evaluation.judge`."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ConfigDict

from promptlathe.errors import TaskError
from promptlathe.tasks.case import Case
from promptlathe.tasks.graders.options import STRICT, configured_name
from promptlathe.tasks.grading import Grade, unparsed

NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Labelled:
    """An answer that a person has judged, to hold the judge against."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    question: str
    answer: str
    verdict: Literal["correct", "wrong"]
    expected: str = ""


@dataclass(frozen=True, slots=True)
class JudgeGrader:
    """What a judge is asked: whether an answer fulfils `rubric`. `model` is the judge; None is the model that
    answered. `labelled` are answers that a person has judged: the judge's agreement with them is reported.

    A grader is pure and knows no model, so `grade` leaves every answer unparsed, as not judged yet.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    rubric: str
    model: str | None = None
    labelled: tuple[Labelled, ...] = ()

    def __post_init__(self) -> None:
        if not self.rubric.strip():
            raise TaskError("grader judge: rubric: is empty", hint="say what makes an answer right")

    @property
    def name(self) -> str:
        return configured_name("judge", self)

    def grade(self, case: Case, answer: str) -> Grade:  # noqa: ARG002 - the Protocol's arguments
        return unparsed(NOT_JUDGED if answer.strip() else "empty")
