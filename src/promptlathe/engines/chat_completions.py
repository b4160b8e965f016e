"""OpenAI's chat completions on the wire: what is sent for a request, and what comes back, whole or in pieces."""

import builtins
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import BaseModel, Field, ValidationError

from promptlathe.engines.choices import holding, sampling_of_choice
from promptlathe.engines.constraints import constraining
from promptlathe.engines.endpoint import ServerKind
from promptlathe.engines.engine import FinishReason, Request, Sampling, ScoredToken

_FINISHED: dict[str, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "stop": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "eos": "stop",
}

_ALL_TOKENS = 65_536
"""Further than any answer goes back; llama.cpp keeps as many for each request."""


class NotACompletion(ValueError):  # noqa: N818 - the caller says what it means
    """Half of one, an error object, or something else."""


class WithheldAnswer(ValueError):  # noqa: N818 - a complete response in which the model did not answer
    """The server ended the answer itself: a content filter, an abort, a tool call."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A finished answer. Token counts are 0 where the server does not count."""

    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    tokens: tuple[ScoredToken, ...] = ()


def request_body(request: Request, model: str, server: ServerKind) -> dict[str, object]:
    """The JSON of a request. All that changes the answer is in it, so that no default of the server's does."""
    sampling = sampling_of_choice(request, server) if request.choices else request.sampling
    body: dict[str, object] = {
        "model": model,
        "messages": [message.as_dict() for message in request.messages],
        "max_completion_tokens" if server == "openai" else "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
    }
    if sampling.temperature > 0:
        body["seed"] = sampling.seed
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if request.choices:
        body |= holding(request.choices, server)
    elif request.is_streamed:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if request.constraint:
        body |= constraining(request.constraint, server)
    if request.has_log_probabilities:
        body |= {"logprobs": True, "top_logprobs": 1}  # llama.cpp takes 0 for no probabilities at all
    return body | _beyond_openai(sampling, server)


def _beyond_openai(sampling: Sampling, server: ServerKind) -> dict[str, object]:
    """What OpenAI has no field for: always said to servers with defaults of their own (vLLM takes them from the
    model's generation_config.json, llama.cpp has top_k 40), to others only where it is wanted."""
    match server:
        case "vllm" | "sglang":
            top_k = sampling.top_k or -1
            return {"top_k": top_k, "min_p": 0.0, "repetition_penalty": sampling.repetition_penalty}
        case "lmdeploy":
            return {"top_k": sampling.top_k, "min_p": 0.0, "repetition_penalty": sampling.repetition_penalty}
        case "llamacpp":
            return _for_llamacpp(sampling)
    wanted: dict[str, object] = {}
    if sampling.top_k:
        wanted["top_k"] = sampling.top_k
    if sampling.repetition_penalty != 1:
        wanted["repetition_penalty"] = sampling.repetition_penalty
    return wanted


def _for_llamacpp(sampling: Sampling) -> dict[str, object]:
    """Its seeds have 32 bits, of which the last stands for none; its penalties look back 64 tokens by default."""
    said: dict[str, object] = {
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "repeat_penalty": sampling.repetition_penalty,
    }
    if sampling.temperature > 0:
        said["seed"] = sampling.seed % (2**32 - 1)
    if sampling.presence_penalty or sampling.frequency_penalty or sampling.repetition_penalty != 1:
        said["repeat_last_n"] = _ALL_TOKENS
        said["presence_penalty"] = sampling.presence_penalty
        said["frequency_penalty"] = sampling.frequency_penalty
    if sampling.ignore_eos:
        said["ignore_eos"] = True
    return said


class _Text(BaseModel):
    content: str | None = None


class _Likely(BaseModel):
    bytes: list[int] | None = None
    token: str = ""
    logprob: float

    @property
    def data(self) -> builtins.bytes:
        return self.token.encode() if self.bytes is None else builtins.bytes(self.bytes)


class _LikelyToken(_Likely):
    top_logprobs: list[_Likely] = []


class _LogProbabilities(BaseModel):
    """As chat completions have them; llama.cpp's text completions, too."""

    content: list[_LikelyToken] | None = None

    @property
    def tokens(self) -> tuple[ScoredToken, ...]:
        """Without the one that ends the answer, which is no text."""
        return tuple(
            ScoredToken(
                one.data, one.logprob, tuple((other.data, other.logprob) for other in one.top_logprobs)
            )
            for one in self.content or []
            if one.data
        )


class _Choice(BaseModel):
    """Of a chat completion, which has a message, or of a text completion, which has a text."""

    message: _Text | None = None
    text: str | None = None
    finish_reason: str | None = None
    logprobs: _LogProbabilities | None = None


class _CachedTokens(BaseModel):
    cached_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _CachedTokens | None = None

    @property
    def cached_tokens(self) -> int:
        return (self.prompt_tokens_details and self.prompt_tokens_details.cached_tokens) or 0


class _Response(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


def read_completion(body: bytes) -> Completion:
    """The answer in a response that came whole. Raises NotACompletion and WithheldAnswer."""
    try:
        response = _Response.model_validate_json(body)
    except ValidationError as error:
        raise NotACompletion(str(error)) from None
    choice, usage = response.choices[0], response.usage or _Usage()
    if choice.message is None and choice.text is None:
        raise NotACompletion("its choice has neither a message nor a text")
    return Completion(
        text=(choice.message.content if choice.message else choice.text) or "",
        finish_reason=_finish_reason(choice.finish_reason or "stop"),
        prompt_tokens=usage.prompt_tokens or 0,
        completion_tokens=usage.completion_tokens or 0,
        cached_tokens=usage.cached_tokens,
        tokens=choice.logprobs.tokens if choice.logprobs else (),
    )


class Fragment(NamedTuple):
    """What an event of a stream adds to an answer."""

    text: str
    tokens: tuple[ScoredToken, ...] = ()


class _PieceChoice(BaseModel):
    delta: _Text = _Text()
    text: str | None = None
    finish_reason: str | None = None
    logprobs: _LogProbabilities | None = None


class _Piece(BaseModel):
    """One event of a stream. `choices` may be empty, as in the one that brings the usage, but not missing."""

    choices: list[_PieceChoice]
    usage: _Usage | None = None


@dataclass(slots=True)
class StreamedCompletion:
    """An answer that comes in pieces."""

    pieces: list[str] = field(default_factory=list)
    tokens: list[ScoredToken] = field(default_factory=list)
    finish_reason: str | None = None
    is_done: bool = False
    _usage: _Usage = field(default_factory=_Usage)

    def add(self, data: str) -> Fragment:
        """Take one event's data in; what is new. Raises NotACompletion."""
        if data.strip() == "[DONE]":
            self.is_done = True
            return Fragment("")
        try:
            piece = _Piece.model_validate_json(data)
        except ValidationError as error:
            raise NotACompletion(str(error)) from None
        self._usage = piece.usage or self._usage
        if not piece.choices:
            return Fragment("")
        choice = piece.choices[0]
        self.finish_reason = choice.finish_reason or self.finish_reason
        text = choice.delta.content or choice.text or ""
        if text:
            self.pieces.append(text)
        tokens = choice.logprobs.tokens if choice.logprobs else ()
        self.tokens += tokens
        return Fragment(text, tokens)

    def completion(self) -> Completion:
        """The answer, once the stream has ended. Raises NotACompletion for a stream that was cut off: it had
        neither a finish reason nor `[DONE]`; and WithheldAnswer.

        A piece is counted as a token where the server does not count.
        """
        if not self.is_done and self.finish_reason is None:
            raise NotACompletion("the stream ended in the middle")
        return Completion(
            text="".join(self.pieces),
            finish_reason=_finish_reason(self.finish_reason or "stop"),
            prompt_tokens=self._usage.prompt_tokens or 0,
            completion_tokens=self._usage.completion_tokens or len(self.pieces),
            cached_tokens=self._usage.cached_tokens,
            tokens=tuple(self.tokens),
        )


def _finish_reason(said: str) -> FinishReason:
    if said not in _FINISHED:
        raise WithheldAnswer(f"the server ended the answer with {said!r}")
    return _FINISHED[said]
