"""Everything that decides a run, in a form that can be stored and gone on with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, ValidationError

from promptlathe.engines.engine import Sampling
from promptlathe.errors import InputError, UnknownNameError
from promptlathe.evaluation.answers import Subject
from promptlathe.evaluation.options import AnswerMode
from promptlathe.prompts import Prompt, parse, read_prompt, write_prompt
from promptlathe.tasks.case import Case, Language, Split
from promptlathe.tasks.task import FindTask, Task, get_task

NO_PROMPT = "none"
"""The reserved name of the empty prompt: no system message at all."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One evaluation: these prompts on these models (the first ones are what the others are compared with),
    on these cases.

    `models` are as the user called them, so that a later resume finds them again; none is there twice.
    """

    task: str
    split: Split
    count: int
    seed: int
    languages: tuple[Language, ...]
    prompts: tuple[Prompt, ...]
    models: tuple[str, ...]
    engine: str
    sampling: Sampling
    repeats: int = 1
    answer: AnswerMode = "text"
    find_task: FindTask = field(default=get_task, compare=False, repr=False)
    """Where `task` is looked up: a workspace knows more of them."""
    made: dict[tuple[object, ...], tuple[Case, ...]] = field(default_factory=dict, compare=False, repr=False)
    """The cases, once they are made: a large run's take seconds."""

    def load_task(self) -> Task:
        return self.find_task(self.task)

    def cases(self) -> tuple[Case, ...]:
        key = (self.task, self.split, self.count, self.seed, self.languages)
        if key not in self.made:
            task = self.load_task()
            self.made[key] = task.cases(self.split, self.count, seed=self.seed, languages=self.languages)
        return self.made[key]

    def subjects(self, prompts: Sequence[str] = (), models: Sequence[str] = ()) -> list[Subject]:
        """What is measured, model by model; of these prompts and models alone, and in their order, where any
        are named. Raises UnknownNameError for one that the plan does not have."""
        own_prompts = [prompt.name for prompt in self.prompts]
        for kind, given, known in (("prompt", prompts, own_prompts), ("model", models, self.models)):
            for name in given:
                if name not in known:
                    raise UnknownNameError(kind, name, known)
        return [
            Subject(prompt, model) for model in models or self.models for prompt in prompts or own_prompts
        ]

    def as_json(self) -> dict[str, object]:
        stored = _Stored(
            prompts=[StoredPrompt.of(prompt) for prompt in self.prompts],
            **{name: getattr(self, name) for name in _SHARED_FIELDS},
        )
        return stored.model_dump(mode="json")

    @classmethod
    def from_json(cls, spec: Mapping[str, object], find_task: FindTask = get_task) -> "Plan":
        """The inverse of `as_json`. Raises InputError for anything else."""
        try:
            stored = _Stored.model_validate(spec)
        except ValidationError as error:
            raise InputError(
                "this run was stored by another version of lathe, and cannot be read", hint="start a new run"
            ) from error
        prompts = tuple(prompt.read() for prompt in stored.prompts)
        return cls(
            prompts=prompts, find_task=find_task, **{name: getattr(stored, name) for name in _SHARED_FIELDS}
        )


class StoredPrompt(BaseModel):
    """A prompt as a file inside JSON."""

    model_config = ConfigDict(extra="forbid")

    name: str
    text: str

    @classmethod
    def of(cls, prompt: Prompt) -> "StoredPrompt":
        return cls(name=prompt.name, text=write_prompt(prompt))

    def read(self) -> Prompt:
        return read_prompt(self.text, name=self.name)


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid")

    task: str
    split: Split
    count: int
    seed: int
    languages: tuple[Language, ...]
    models: tuple[str, ...]
    engine: str
    sampling: Sampling
    repeats: int
    answer: AnswerMode = "text"
    prompts: list[StoredPrompt]


_SHARED_FIELDS = [name for name in _Stored.model_fields if name != "prompts"]


def no_prompt() -> Prompt:
    return Prompt(NO_PROMPT, parse(""))
