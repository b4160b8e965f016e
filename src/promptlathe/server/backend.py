"""The contract between the HTTP side and whatever computes answers behind it."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol

from promptlathe.engines.engine import Constraint, FinishReason, Sampling
from promptlathe.messages import Message

Phase = Literal["loading", "ready", "restarting", "stopping", "failed"]
Feature = Literal["log_probabilities", "top_log_probabilities", "constraint", "choice"]

TokenPrompt = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Generation:
    """What is asked. `prompt` is a conversation, or text or token ids that go on as they are.

    `max_tokens` None: as many as the context has room for; it stands over `sampling.max_tokens`. Of `choices` and
    `constraint` at most one is given: see `engines.engine.Request`.
    """

    prompt: tuple[Message, ...] | str | TokenPrompt
    sampling: Sampling
    max_tokens: int | None = None
    is_streamed: bool = False
    choices: tuple[str, ...] = ()
    constraint: Constraint | None = None
    has_log_probabilities: bool = False
    top_log_probabilities: int = 0


@dataclass(frozen=True, slots=True)
class Token:
    """A token of an answer. `data` are its bytes, as characters below 256; `top` the likeliest in its place."""

    data: str
    log_probability: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """New text of an answer, and its tokens if their probabilities were asked for."""

    text: str
    tokens: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    """The last of every answer. `first_token_s` is the wait for the first token, if it is known."""

    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    first_token_s: float | None = None


@dataclass(frozen=True, slots=True)
class State:
    """Where a backend stands: `detail` is a line for people, `seconds` how long it has been there."""

    phase: Phase
    detail: str
    seconds: float
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class Load:
    """What it is doing: answers under way and waiting, and how much of the prompt cache is in use (0 to 1)."""

    running: int = 0
    waiting: int = 0
    cache_usage: float = 0.0


class Backend(Protocol):
    """A model that is served. `start` returns once it answers; from then on it looks after itself."""

    @property
    def engine(self) -> str:
        """The engine's name."""
        ...

    @property
    def context_length(self) -> int | None:
        """Tokens of prompt and answer together; None while unknown."""
        ...

    @property
    def features(self) -> frozenset[Feature]:
        """What it can do besides plain answers."""
        ...

    @property
    def state(self) -> State: ...

    @property
    def load(self) -> Load: ...

    async def start(self) -> None:
        """Raises the error that keeps the model from loading."""
        ...

    def cut(self) -> None:
        """End every answer under way with NotReadyError, and take no more."""
        ...

    async def stop(self) -> None:
        """Cut, and give everything back. May be called in any state, and twice."""
        ...

    def stream(self, asked: Generation) -> AsyncGenerator[Piece | End, None]:
        """Pieces of the answer (one, unless `is_streamed`), then its `End`. Closing it cancels the answer.

        Raises BusyError, NotReadyError, EngineError, and InputError for what cannot be asked.
        """
        ...

    async def tokenize(self, prompt: tuple[Message, ...] | str) -> TokenPrompt:
        """Raises NotReadyError and EngineError."""
        ...

    async def detokenize(self, token_ids: TokenPrompt) -> str:
        """Raises NotReadyError, EngineError, and InputError for what is no token."""
        ...
