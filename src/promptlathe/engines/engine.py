"""The contract between promptlathe and any program that turns messages into answers."""

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from promptlathe.errors import LatheError, UsageError
from promptlathe.messages import Message

FinishReason = Literal["stop", "length"]
Capability = Literal["prefix_cache", "stream", "seed", "choice", "score", "constraint", "log_probabilities"]
ConstraintKind = Literal["regex", "json_schema", "grammar"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen. The default is greedy: the same messages give the same answer.

    `max_tokens` counts new tokens. `seed`, `top_p`, `top_k` and `min_p` matter only when `temperature` is above 0.
    With `ignore_eos` the model cannot end its answer: it always has `max_tokens` tokens.
    """

    max_tokens: int = 64
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int = 0
    min_p: float = 0.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    ignore_eos: bool = False


@dataclass(frozen=True, slots=True)
class Constraint:
    """What an answer must match from its first to its last character: a regular expression, a JSON schema (as JSON
    text), or a grammar in llama.cpp's notation (GBNF)."""

    kind: ConstraintKind
    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """One question to the model. `id` is the caller's and comes back on every output.

    With `is_streamed`, pieces of the answer arrive as `Delta`s before the `Answer`.
    With `choices` (capability `choice`) the answer is exactly one of these texts: the model picks token by
    token among what can still become one; `max_tokens` and `stop` do not count.
    With a `constraint` (capability of that name) only tokens pass that keep the answer matching.
    With `has_log_probabilities` (capability `log_probabilities`) outputs say how likely each token was.
    """

    id: str
    messages: tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)
    is_streamed: bool = False
    choices: tuple[str, ...] = ()
    constraint: Constraint | None = None
    has_log_probabilities: bool = False


class ScoredToken(NamedTuple):
    """A token of an answer: its bytes, which may be part of a character, and the natural logarithm of the
    probability that the model gave it, whatever temperature it was drawn at. `top`: the likeliest in its place, where
    they were asked for."""

    data: bytes
    log_probability: float
    top: tuple[tuple[bytes, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Delta:
    """New text of an answer that is not finished. The deltas of a request add up to its `Answer.text`.

    `tokens` are those since the last delta, if their probabilities were asked for.
    """

    request_id: str
    text: str
    tokens: tuple[ScoredToken, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer. `seconds` runs from admission to the last token, other requests' work included;
    `first_token_s` to the first, if the engine knows. `cached_tokens` of the prompt were computed before.
    `tokens` are all of the answer's, if their probabilities were asked for, without the one that ends it.
    """

    request_id: str
    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    first_token_s: float | None = None
    cached_tokens: int = 0
    tokens: tuple[ScoredToken, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that has no answer: a result like any other, so that one bad case does not end a run.

    It is final: where a failure may pass, the engine, which knows its cause, has asked again with backoff
    before. (A local engine fails a request for what it is, too long for one: asking again changes nothing.)
    """

    request_id: str
    error: LatheError


Output = Delta | Answer | Failure


@dataclass(frozen=True, slots=True)
class Scored:
    """How likely each of a request's `choices` is, in their order: the natural logarithm of the probability that
    the answer is this text and ends there. Without the end, 13.1 would always be likelier than 13.11.

    A text counts as the tokens that the model's tokenizer makes of it, as it does in prompts.
    """

    request_id: str
    log_likelihoods: tuple[float, ...]
    prompt_tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class EngineDescription:
    """What an answer depends on besides the request. Everything but `capabilities` is part of a cache key."""

    engine: str
    version: str
    model: str
    model_digest: str
    settings: tuple[tuple[str, str], ...]
    capabilities: frozenset[Capability]


class Engine(Protocol):
    """A model that answers. Cheap to make: the model is loaded at the first call that needs it."""

    def describe(self) -> EngineDescription:
        """What it is and can do, without loading the model."""
        ...

    def generate(self, requests: Iterable[Request]) -> AsyncGenerator[Output, None]:
        """Answer all requests, each output as soon as it exists, in any order.

        `requests` is read lazily, no further ahead than the engine can use: a batch is the normal case, one
        chat is a batch of one. Requests that share a prefix should come one after the other. Every request
        gets exactly one `Answer` or `Failure`. Closing the iterator cancels what is still running. Raises
        `ModelError` if the model cannot be loaded, `EngineError` if the engine itself breaks.
        """
        ...

    def score(self, requests: Iterable[Request]) -> AsyncGenerator[Scored | Failure, None]:
        """How likely the `choices` of each request are (capability `score`); nothing is generated.

        Like `generate` in all else. Sampling does not count: these are the model's own probabilities.
        """
        ...

    def tokens(self, text: str) -> int:
        """How many tokens `text` is for this model, special tokens of the chat template not counted."""
        ...

    def close(self) -> None:
        """Give the memory back. Afterwards the engine may be used again: it loads anew."""
        ...


def require_capability(description: EngineDescription, capability: Capability) -> None:
    """Raises UsageError where an engine does not declare what is wanted of it."""
    if capability not in description.capabilities:
        raise UsageError(
            f"engine {description.engine!r} cannot {_CAPABILITY_MEANS[capability]}",
            hint=f"it has: {', '.join(sorted(description.capabilities)) or 'no extra capability'}; "
            "choose another with --engine, or ask for free text",
        )


_CAPABILITY_MEANS: dict[Capability, str] = {
    "prefix_cache": "share the beginnings of prompts",
    "stream": "stream answers",
    "seed": "repeat what it drew",
    "choice": "hold the model to given answers (choice)",
    "score": "tell how likely given answers are (score)",
    "constraint": "hold answers to a regular expression, a schema or a grammar (constraint)",
    "log_probabilities": "tell how likely each token was (log_probabilities)",
}
