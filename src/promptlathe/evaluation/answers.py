"""What an evaluation asks and what it gets: one `Ask` and one `Row` for each prompt, model, case and repeat."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple

from promptlathe.engines.engine import Answer, EngineDescription, FinishReason, Sampling
from promptlathe.errors import EngineError
from promptlathe.messages import Message
from promptlathe.prompts import Prompt
from promptlathe.tasks.case import Case
from promptlathe.tasks.grading import Grade

Outcome = Literal["correct", "wrong", "unparsed", "error"]


class Subject(NamedTuple):
    """What is measured: one prompt on one model, each by its name within the run."""

    prompt: str
    model: str


def label(subject: Subject, models: Sequence[str]) -> str:
    """What a subject is called in a run of these models: `prompt`, and `model@prompt` where there are several."""
    return f"{subject.model}@{subject.prompt}" if len(models) > 1 else subject.prompt


@dataclass(frozen=True, slots=True)
class Ask:
    """One question as it will be sent. `key` names the response it should get, in the cache and everywhere.

    `orders` are the messages, of each order of the options that counts: one, or two where options are scored.
    """

    prompt: Prompt
    case: Case
    repeat: int
    orders: tuple[tuple[Message, ...], ...]
    sampling: Sampling
    key: str

    @property
    def messages(self) -> tuple[Message, ...]:
        return self.orders[0]


@dataclass(frozen=True, slots=True)
class Response:
    """What the model said to one key. `seconds` is how long it took when it was generated."""

    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    seconds: float

    @classmethod
    def of(cls, answer: Answer) -> "Response":
        return cls(
            text=answer.text,
            finish_reason=answer.finish_reason,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            seconds=answer.seconds,
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One judged answer. Exactly one of `response` and `error` is there; `grade` comes with `response`.

    `model` is what the model is called within the run: results are told apart by `subject`.
    """

    prompt: str
    model: str
    case_id: str
    repeat: int
    key: str
    response: Response | None
    grade: Grade | None
    error: str | None
    is_cached: bool

    @property
    def subject(self) -> Subject:
        return Subject(self.prompt, self.model)

    @property
    def outcome(self) -> Outcome:
        return self.grade.verdict if self.grade else "error"

    @property
    def is_correct(self) -> bool:
        return self.outcome == "correct"


def require_an_answer(rows: Sequence[Row]) -> None:
    """Raises EngineError where every single request failed: that is no result, and each failed alike."""
    if rows and all(row.error is not None for row in rows):
        raise EngineError(f"no question was answered: {rows[0].error}")


def response_key(
    engine: EngineDescription,
    messages: tuple[Message, ...],
    sampling: Sampling,
    repeat: int,
    choices: tuple[str, ...] = (),
) -> str:
    """SHA-256 (hex) over all that an answer depends on: a cached answer is never used for anything else."""
    held_to = [{"choices": choices}] if choices else []
    return _key(engine, messages, _sampling_key(sampling), repeat, *held_to)


def _sampling_key(sampling: Sampling) -> dict[str, object]:
    """What was added to `Sampling` after answers were stored counts only where it is used."""
    default = Sampling()
    return {
        name: value
        for name, value in asdict(sampling).items()
        if name not in _LATER_SAMPLING or value != getattr(default, name)
    }


def score_key(
    engine: EngineDescription, orders: Sequence[tuple[Message, ...]], choices: Sequence[str]
) -> str:
    """The same for scores, which know no sampling. Case and twin, which ask in the other order, have one key."""
    first, *others = sorted(orders, key=lambda messages: [message.content for message in messages])
    return _key(
        engine, first, "score", [[message.as_dict() for message in one] for one in others], sorted(choices)
    )


_LATER_SAMPLING = frozenset({"min_p", "presence_penalty", "frequency_penalty", "ignore_eos"})


def _key(engine: EngineDescription, messages: tuple[Message, ...], *more: object) -> str:
    content = [
        engine.engine,
        engine.version,
        engine.model_digest,
        engine.settings,
        [message.as_dict() for message in messages],
        *more,
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("ascii")).hexdigest()
