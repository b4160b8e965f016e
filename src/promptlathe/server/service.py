"""What all routes share: the model's names, what a request asks of the backend, answers with their measurements."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TypeVar

from promptlathe.engines.engine import Constraint, Sampling
from promptlathe.errors import ContextLengthError, InputError, LatheError, UnknownNameError
from promptlathe.messages import Message
from promptlathe.prompts import Sampling as AuthorSampling
from promptlathe.server.backend import Backend, End, Generation, Piece, Token
from promptlathe.server.constraints import read_constraint
from promptlathe.server.errors import ApiError
from promptlathe.server.metrics import Metrics
from promptlathe.server.prompt_models import PromptModels
from promptlathe.server.schemas import (
    ChatCompletionRequest,
    ChatMessage,
    CompletionRequest,
    Sampled,
    unsupported_field,
)

_log = logging.getLogger(__name__)
_GREEDY_BELOW = 0.01
"""A temperature so low draws the likeliest token anyway, and dividing by it overflows."""
_MOST_NOTED, _NOTED_CHARACTERS = 1000, 80
_MOST_ANSWERS = 2048
"""To one request. A body of 10 MB has room for millions of prompts, each of which would be answered `n` times."""

T = TypeVar("T", int, float)
Answer = tuple[str, tuple[Token, ...], End]


@dataclass(slots=True)
class Service:
    """`name` is what clients call the model."""

    name: str
    backend: Backend
    prompts: PromptModels | None = None
    metrics: Metrics = field(default_factory=Metrics)
    started: int = field(default_factory=lambda: int(time.time()))
    _noted: set[str] = field(default_factory=set)

    def model_ids(self) -> list[str]:
        return [self.name, *(f"{self.name}@{prompt}" for prompt in self._prompt_names())]

    def prompt_of(self, model: str) -> str | None:
        """The prompt that a model's name asks for. Raises ApiError for a name that is not served."""
        if model == self.name:
            return None
        name, _, prompt = model.partition("@")
        if name == self.name and prompt in self._prompt_names():
            return prompt
        unknown = UnknownNameError("model", model, self.model_ids())
        served = ", ".join(self.model_ids()[:12])
        raise ApiError(
            f"{unknown.message}; this server has: {served}", status=404, code="model_not_found", param="model"
        )

    def chat(self, request: ChatCompletionRequest) -> list[Generation]:
        """One generation for each of `n`. Raises ApiError."""
        self._check(request)
        messages = as_messages(request.messages)
        prompt, author = self.prompt_of(request.model), None
        if prompt is not None and self.prompts:
            variables = {name: str(value) for name, value in (request.variables or {}).items()}
            given = (request.metadata or {}) | variables
            messages, author = self.prompts.apply(prompt, messages, given)
        if request.top_logprobs:
            self._require_top("top_logprobs")
        if request.top_logprobs is not None and not request.logprobs:
            raise ApiError("top_logprobs needs logprobs to be true", param="top_logprobs")
        wanted = request.max_completion_tokens or request.max_tokens
        return self._repeated(
            request,
            Generation(
                messages,
                _sampling(request, author),
                wanted or (author.max_tokens if author else None),
                has_log_probabilities=bool(request.logprobs),
                top_log_probabilities=request.top_logprobs or 0,
            ),
        )

    def completion(self, request: CompletionRequest) -> list[Generation]:
        """One generation for each prompt and each of `n`, in this order. Raises ApiError."""
        self._check(request)
        if self.prompt_of(request.model) is not None:
            raise ApiError("a model with a prompt answers chats only", param="model")
        if request.logprobs:
            self._require_top("logprobs")
        prompts = prompts_of(request)
        if len(prompts) * (request.n or 1) > _MOST_ANSWERS:
            raise ApiError(f"asks for more than {_MOST_ANSWERS} answers", param="prompt")
        return [
            generation
            for prompt in prompts
            for generation in self._repeated(
                request,
                Generation(
                    prompt,
                    _sampling(request, None),
                    request.max_tokens or _COMPLETION_TOKENS,
                    has_log_probabilities=request.logprobs is not None,
                    top_log_probabilities=request.logprobs or 0,
                ),
            )
        ]

    async def stream(
        self, generations: Sequence[Generation]
    ) -> AsyncGenerator[tuple[int, Piece | End], None]:
        """Pieces of all answers as they come, each with its generation's number. Raises LatheError."""
        async with aclosing(_side_by_side([self._measured(one) for one in generations])) as results:
            async for result in results:
                yield result

    async def answers(self, generations: Sequence[Generation]) -> list[Answer]:
        """All answers, whole, in order. Raises LatheError."""
        texts: list[list[str]] = [[] for _ in generations]
        tokens: list[list[Token]] = [[] for _ in generations]
        ends: dict[int, End] = {}
        async with aclosing(self.stream(generations)) as results:
            async for index, result in results:
                if isinstance(result, End):
                    ends[index] = result
                else:
                    texts[index].append(result.text)
                    tokens[index] += result.tokens
        return [("".join(texts[i]), tuple(tokens[i]), ends[i]) for i in range(len(generations))]

    async def _measured(self, asked: Generation) -> AsyncGenerator[Piece | End, None]:
        begun = time.monotonic()
        try:
            async with aclosing(self.backend.stream(asked)) as results:
                async for result in results:
                    if isinstance(result, End):
                        self.metrics.count_answer(result, time.monotonic() - begun)
                    yield result
        except ContextLengthError as error:
            param = "messages" if asked.prompt and isinstance(asked.prompt[0], Message) else "prompt"
            raise ApiError(error.message, code=error.code, param=param) from None
        except InputError as error:
            raise ApiError(error.message, code=error.code) from None

    def _repeated(self, request: Sampled, generation: Generation) -> list[Generation]:
        asked = read_constraint(request)
        if asked is not None:
            self._require_constraint(asked)
        seed = generation.sampling.seed
        return [
            replace(
                generation,
                sampling=replace(generation.sampling, seed=(seed + number) % 2**63),
                is_streamed=bool(request.stream),
                constraint=asked if isinstance(asked, Constraint) else None,
                choices=asked if isinstance(asked, tuple) else (),
            )
            for number in range(request.n or 1)
        ]

    def _require_constraint(self, asked: "Constraint | tuple[str, ...]") -> None:
        if ("constraint" if isinstance(asked, Constraint) else "choice") not in self.backend.features:
            raise self._cannot("hold answers to a constraint", "response_format")

    def _require_top(self, param: str) -> None:
        if "top_log_probabilities" not in self.backend.features:
            raise self._cannot("tell the probabilities of tokens it did not choose; ask for 0", param)

    def _cannot(self, what: str, param: str) -> ApiError:
        return ApiError(f"engine {self.backend.engine} cannot {what}", code="unsupported", param=param)

    def _check(self, request: Sampled) -> None:
        if param := unsupported_field(request):
            raise ApiError(f"{param} is not supported by this server", code="unsupported", param=param)
        if request.stream_options and not request.stream:
            raise ApiError("stream_options needs stream to be true", param="stream_options")
        for name in {name[:_NOTED_CHARACTERS] for name in request.model_extra or ()} - self._noted:
            if len(self._noted) < _MOST_NOTED:
                self._noted.add(name)
                _log.info("a client sends a field that has no effect here: %r", name)

    def _prompt_names(self) -> list[str]:
        return self.prompts.names() if self.prompts else []


_COMPLETION_TOKENS = 16
"""What OpenAI's text completions take where nothing is said."""


def as_messages(given: Sequence[ChatMessage]) -> tuple[Message, ...]:
    return tuple(Message("system" if one.role == "developer" else one.role, one.text) for one in given)


def prompts_of(request: CompletionRequest) -> list[str | tuple[int, ...]]:
    prompt = request.prompt
    if isinstance(prompt, str):
        return [prompt]
    if isinstance(prompt[0], int):
        return [tuple(one for one in prompt if isinstance(one, int))]
    return [one if isinstance(one, str) else tuple(one) for one in prompt if not isinstance(one, int)]


def _sampling(request: Sampled, author: AuthorSampling | None) -> Sampling:
    """What the client says, else what the prompt's author says, else OpenAI's defaults. Under a prompt the default is
    greedy, as it was measured."""
    own = author or AuthorSampling()
    default = Sampling()
    temperature = _first(request.temperature, own.temperature, 0.0 if author else 1.0)
    top_k = _first(request.top_k, own.top_k, 0)
    return Sampling(
        temperature=0.0 if temperature < _GREEDY_BELOW else temperature,
        top_p=_first(request.top_p, own.top_p, 1.0),
        top_k=max(0, top_k),
        min_p=_first(request.min_p, None, 0.0),
        presence_penalty=_first(request.presence_penalty, None, 0.0),
        frequency_penalty=_first(request.frequency_penalty, None, 0.0),
        repetition_penalty=_first(request.repetition_penalty, None, default.repetition_penalty),
        stop=request.stops,
        seed=_first(request.seed, own.seed, secrets.randbits(31)) % 2**63,
        ignore_eos=bool(request.ignore_eos),
    )


def _first(given: T | None, other: T | None, default: T) -> T:
    return given if given is not None else other if other is not None else default


async def _side_by_side(
    streams: Sequence[AsyncGenerator[Piece | End, None]],
) -> AsyncGenerator[tuple[int, Piece | End], None]:
    """What all of them give, as it comes. The first error ends all."""
    if len(streams) == 1:
        async with aclosing(streams[0]) as only:
            async for piece in only:
                yield 0, piece
        return
    results: asyncio.Queue[tuple[int, Piece | End | LatheError]] = asyncio.Queue()

    async def pass_on(index: int, stream: AsyncGenerator[Piece | End, None]) -> None:
        try:
            async with aclosing(stream) as own:
                async for piece in own:
                    results.put_nowait((index, piece))
        except LatheError as error:
            results.put_nowait((index, error))

    tasks = [asyncio.create_task(pass_on(*numbered)) for numbered in enumerate(streams)]
    try:
        left = len(tasks)
        while left:
            index, result = await results.get()
            if isinstance(result, LatheError):
                raise result
            left -= isinstance(result, End)
            yield index, result
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def usage(ends: Mapping[int, End], prompts: int, per_prompt: int) -> dict[str, object]:
    """OpenAI's count of tokens; a prompt that was answered several times counts once."""
    firsts = [ends[index * per_prompt] for index in range(prompts) if index * per_prompt in ends]
    asked = sum(end.prompt_tokens for end in firsts)
    answered = sum(end.completion_tokens for end in ends.values())
    return {
        "prompt_tokens": asked,
        "completion_tokens": answered,
        "total_tokens": asked + answered,
        "prompt_tokens_details": {"cached_tokens": sum(end.cached_tokens for end in firsts)},
    }
