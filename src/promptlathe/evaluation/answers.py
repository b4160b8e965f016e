"""What an evaluation asks and what it gets: one `Ask` and one `Row` for each prompt, case and repeat."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from promptlathe.engines.engine import EngineDescription, FinishReason, Sampling
from promptlathe.errors import EngineError
from promptlathe.messages import Message
from promptlathe.prompts import Prompt
from promptlathe.tasks.case import Case
from promptlathe.tasks.grading import Grade

Outcome = Literal["correct", "wrong", "unparsed", "error"]


@dataclass(frozen=True, slots=True)
class Ask:
    """One question as it will be sent. `key` names the response it should get, in the cache and everywhere."""

    prompt: Prompt
    case: Case
    repeat: int
    messages: tuple[Message, ...]
    key: str


@dataclass(frozen=True, slots=True)
class Response:
    """What the model said to one key. `seconds` is how long it took when it was generated."""

    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """One judged answer. Exactly one of `response` and `error` is there; `grade` comes with `response`."""

    prompt: str
    case_id: str
    repeat: int
    key: str
    response: Response | None
    grade: Grade | None
    error: str | None
    is_cached: bool

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
    engine: EngineDescription, messages: tuple[Message, ...], sampling: Sampling, repeat: int
) -> str:
    """SHA-256 (hex) over all that an answer depends on: a cached answer is never used for anything else."""
    content = [
        engine.engine,
        engine.version,
        engine.model_digest,
        engine.settings,
        [message.as_dict() for message in messages],
        asdict(sampling),
        repeat,
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("ascii")).hexdigest()
