"""Another program's OpenAI-style server as a backend: kept alive, and asked by the client that evaluations use."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Protocol

import httpx2

from promptlathe.engines.chat_completions import Fragment, request_body
from promptlathe.engines.choices import sampling_of_choice
from promptlathe.engines.endpoint import Endpoint, ServerKind
from promptlathe.engines.engine import Request, ScoredToken
from promptlathe.engines.exchange import Exchange
from promptlathe.engines.remote_errors import Fault
from promptlathe.engines.served import Served
from promptlathe.errors import (
    BusyError,
    ContextLengthError,
    EngineError,
    InputError,
    LatheError,
    NotReadyError,
)
from promptlathe.messages import Message
from promptlathe.server.backend import End, Feature, Generation, Load, Piece, State, Token, TokenPrompt
from promptlathe.server.supervision import Sleep, Supervision

_TIMEOUT_S = 3600.0
_DEATH_S = 2.0
"""How long a process may take from closing its connections to being gone."""
_TEMPLATE_BYTES = 512
"""More than a chat template adds to a message."""
_LEAST_LOG_PROBABILITY = -9999.0

_Result = Piece | End | LatheError
_Results = asyncio.Queue[_Result | None]
"""Of one answer. After the last there is None."""


class Upstream(Protocol):
    """A program with a server in it, and what one has otherwise than another. For one start: then another is made.

    `start`, `wait` and `stop` block; `stop` may be called while another thread is in one of them.
    """

    @property
    def engine(self) -> str: ...

    @property
    def kind(self) -> ServerKind: ...

    @property
    def features(self) -> frozenset[Feature]: ...

    @property
    def api_key(self) -> str: ...

    @property
    def slots(self) -> int:
        """Answers that it computes at once; known for certain once it has started, as `context_length`."""
        ...

    @property
    def context_length(self) -> int | None: ...

    def start(self) -> Endpoint:
        """Returns once the model answers. Raises the error that keeps it from loading."""
        ...

    def wait(self) -> EngineError:
        """Until it is gone; how it ended."""
        ...

    def stop(self) -> None: ...

    async def tokenize(
        self, client: httpx2.AsyncClient, endpoint: Endpoint, prompt: tuple[Message, ...] | str
    ) -> list[int]:
        """Raises Fault."""
        ...

    async def detokenize(self, client: httpx2.AsyncClient, endpoint: Endpoint, token_ids: TokenPrompt) -> str:
        """Raises Fault, and InputError for what is no token."""
        ...


class _Lost(Exception):  # noqa: N818 - the process is gone: whether that is an error depends on what was sent
    pass


@dataclass(frozen=True, slots=True)
class _Line:
    """To a program that runs. `places` lets in as many at once as it computes: the others wait here, where they hold
    none of its threads."""

    upstream: Upstream
    exchange: Exchange
    places: asyncio.Semaphore
    is_cut: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def client(self) -> httpx2.AsyncClient:
        return self.exchange.client

    @property
    def endpoint(self) -> Endpoint:
        return self.exchange.endpoint


@dataclass(slots=True)
class UpstreamBackend:
    """Serves the model `name` with what `make` makes. Lets `queue` requests wait."""

    name: str
    make: Callable[[], Upstream]
    queue: int = 256
    on_event: Callable[[str], None] = lambda _: None
    sleep: Sleep = asyncio.sleep
    clock: Callable[[], float] = time.monotonic

    _upstream: Upstream = field(init=False)
    _supervision: Supervision = field(init=False)
    _line: _Line | None = field(default=None, init=False)
    _may_go_on: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _clients: AsyncExitStack = field(default_factory=AsyncExitStack, init=False)
    _calls: list[_Results] = field(default_factory=list, init=False)
    _running: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._upstream = self.make()
        self._supervision = Supervision(self.on_event, self.sleep, self.clock)

    @property
    def engine(self) -> str:
        return self._upstream.engine

    @property
    def features(self) -> frozenset[Feature]:
        return self._upstream.features

    @property
    def context_length(self) -> int | None:
        return self._upstream.context_length

    @property
    def state(self) -> State:
        return self._supervision.state

    @property
    def load(self) -> Load:
        return Load(self._running, len(self._calls) - self._running)

    async def start(self) -> None:
        await self._supervision.start(self.name, self._live)

    def cut(self) -> None:
        self._supervision.enter("stopping", "stopping")
        self._may_go_on.set()
        for results in self._calls:
            results.put_nowait(self._not_ready())

    async def stop(self) -> None:
        self.cut()
        await self._supervision.stop()
        await self._clients.aclose()

    async def stream(self, asked: Generation) -> AsyncGenerator[Piece | End, None]:
        if self._supervision.phase in ("stopping", "failed"):
            raise self._not_ready()
        if len(self._calls) >= self._upstream.slots + self.queue:
            raise BusyError(
                f"{len(self._calls)} requests are under way or waiting, and this server takes no more",
                hint="ask again later, or start the server with a larger --max-queue",
            )
        results: _Results = asyncio.Queue()
        self._calls.append(results)
        answering = asyncio.create_task(self._answer(asked, results))
        answering.add_done_callback(lambda _: results.put_nowait(None))
        try:
            while True:
                result = await results.get()
                if result is None:
                    answering.result()
                    return
                if isinstance(result, LatheError):
                    raise result
                yield result
                if isinstance(result, End):
                    return
        finally:
            self._calls.remove(results)
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)

    async def tokenize(self, prompt: tuple[Message, ...] | str) -> TokenPrompt:
        line = await self._open_line()
        try:
            return tuple(await line.upstream.tokenize(line.client, line.endpoint, prompt))
        except Fault as fault:
            raise self._failed(fault) from None

    async def detokenize(self, token_ids: TokenPrompt) -> str:
        line = await self._open_line()
        try:
            return await line.upstream.detokenize(line.client, line.endpoint, token_ids)
        except Fault as fault:
            raise self._failed(fault) from None

    async def _live(self) -> LatheError:
        """One process from its start to its end; what ended it."""
        upstream = self._upstream = self.make()
        try:
            endpoint = await asyncio.to_thread(upstream.start)
            self._line = await self._connected(upstream, endpoint)
            self._supervision.ready(self.name)
            self._may_go_on.set()
            return await asyncio.to_thread(upstream.wait)
        except LatheError as error:
            return error
        finally:
            self._may_go_on.clear()
            if self._line:
                self._line.is_cut.set()
            self._line = None
            upstream.stop()

    async def _connected(self, upstream: Upstream, endpoint: Endpoint) -> _Line:
        """Its client is closed with the backend: until then answers of a process that died may still use it."""
        client = await self._clients.enter_async_context(
            httpx2.AsyncClient(
                headers={"Authorization": f"Bearer {upstream.api_key}"},
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
                timeout=_TIMEOUT_S,
                trust_env=False,
            )
        )
        served = Served(endpoint.model or self.name, upstream.kind, "", "")
        exchange = Exchange(client, endpoint, served, _TIMEOUT_S, upstream.api_key)
        return _Line(upstream, exchange, asyncio.Semaphore(upstream.slots))

    async def _open_line(self) -> _Line:
        """What comes while the model loads waits for it. Raises NotReadyError."""
        while self._line is None:
            if self._supervision.phase in ("stopping", "failed"):
                raise self._not_ready()
            await self._may_go_on.wait()
        return self._line

    def _not_ready(self) -> NotReadyError:
        return NotReadyError(f"the server is {self._supervision.phase}", hint="ask again when it runs")

    async def _answer(self, asked: Generation, results: _Results) -> None:
        """All of an answer into `results`. Where the process dies before anything of it came, it is asked for once
        more."""
        begun = self.clock()
        first_s: float | None = None  # of a whole answer this is when all of it comes

        def show(fragment: Fragment) -> None:
            nonlocal first_s
            first_s = self.clock() - begun if first_s is None else first_s
            results.put_nowait(Piece(fragment.text, _tokens(fragment.tokens, asked.top_log_probabilities)))

        try:
            for attempt in (1, 2):
                try:
                    end = await self._ask(asked, show)
                    results.put_nowait(replace(end, first_token_s=first_s if asked.is_streamed else None))
                    return
                except _Lost as lost:
                    if first_s is not None or attempt == 2:
                        raise EngineError(f"{lost}, while it answered", hint="ask again") from None
        except LatheError as error:
            results.put_nowait(error)

    async def _ask(self, asked: Generation, show: Callable[[Fragment], None]) -> End:
        """Raises _Lost and LatheError."""
        line = await self._open_line()
        async with line.places:
            self._running += 1
            try:
                await self._check_length(line, asked)
                request = _request(asked)
                path = "chat/completions" if request.messages else "completions"
                completion = await line.exchange.send(path, _body(asked, request, line), request, show)
            except Fault as fault:
                if await self._is_gone(line, fault):
                    raise _Lost(f"{self.engine} ended unexpectedly") from None
                raise self._failed(fault, asked) from None
            finally:
                self._running -= 1
        if not asked.is_streamed:
            show(Fragment(completion.text, completion.tokens))
        return End(
            completion.finish_reason,
            completion.prompt_tokens,
            completion.completion_tokens,
            completion.cached_tokens,
        )

    async def _check_length(self, line: _Line, asked: Generation) -> None:
        """Counts only where it might be too long: a token is a byte at least. Raises ContextLengthError."""
        limit = line.upstream.context_length
        wanted = sampling_of_choice(_request(asked)).max_tokens if asked.choices else asked.max_tokens or 1
        if asked.prompt == "":
            raise InputError("the prompt is empty")
        if limit is None or _most_tokens(asked.prompt) + wanted <= limit:
            return
        counted = _own_tokens(asked.prompt)
        if counted is None:
            text = asked.prompt if isinstance(asked.prompt, str) else _messages(asked.prompt)
            counted = len(await line.upstream.tokenize(line.client, line.endpoint, text))
        if counted + wanted > limit:
            raise ContextLengthError.of(self.name, limit, prompt_tokens=counted, max_tokens=wanted)

    async def _is_gone(self, line: _Line, fault: Fault) -> bool:
        if fault.said or fault.action == "fail":
            return False
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(line.is_cut.wait(), _DEATH_S)
        return line.is_cut.is_set()

    def _failed(self, fault: Fault, asked: Generation | None = None) -> LatheError:
        """What an upstream's error means to our clients, who know nothing of its address."""
        if isinstance(fault.error, ContextLengthError):
            return ContextLengthError(f"too long for {self.name}: {fault.said}", hint=fault.error.hint)
        if isinstance(fault.error, InputError):
            return fault.error
        if fault.action != "fail":
            return EngineError(f"{self.engine} failed: {fault.said or 'it gave no answer'}", hint="ask again")
        if asked and asked.constraint:
            what = asked.constraint.kind.replace("_", " ")
            return InputError(f"the {what} cannot be used: {fault.said}")
        return InputError(fault.said or fault.error.message)


def _messages(prompt: tuple[Message, ...] | TokenPrompt) -> tuple[Message, ...]:
    return tuple(one for one in prompt if isinstance(one, Message))


def _own_tokens(prompt: tuple[Message, ...] | str | TokenPrompt) -> int | None:
    """How many token ids it is, if it is token ids."""
    return None if isinstance(prompt, str) or _messages(prompt) else len(prompt)


def _most_tokens(prompt: tuple[Message, ...] | str | TokenPrompt) -> int:
    if isinstance(prompt, str):
        return len(prompt.encode()) + 1
    messages = _messages(prompt)
    return sum(len(one.content.encode()) + _TEMPLATE_BYTES for one in messages) if messages else len(prompt)


def _request(asked: Generation) -> Request:
    return Request(
        "",
        () if isinstance(asked.prompt, str) else _messages(asked.prompt),
        asked.sampling if asked.max_tokens is None else replace(asked.sampling, max_tokens=asked.max_tokens),
        asked.is_streamed,
        asked.choices,
        asked.constraint,
        asked.has_log_probabilities,
    )


def _body(asked: Generation, request: Request, line: _Line) -> dict[str, object]:
    """The body of a chat completion, or of a text completion where the prompt is no conversation."""
    body = request_body(request, line.exchange.served.model, line.upstream.kind)
    if asked.max_tokens is None and not asked.choices:
        del body["max_tokens"]
    top = max(1, asked.top_log_probabilities)
    if asked.has_log_probabilities:
        body["top_logprobs"] = top
    if not request.messages:
        del body["messages"]
        body["prompt"] = asked.prompt
        if asked.has_log_probabilities:
            body["logprobs"] = top
    return body


def _tokens(tokens: tuple[ScoredToken, ...], top: int) -> tuple[Token, ...]:
    return tuple(
        Token(
            token.data.decode("latin-1"),
            max(token.log_probability, _LEAST_LOG_PROBABILITY),
            tuple(
                (data.decode("latin-1"), max(number, _LEAST_LOG_PROBABILITY))
                for data, number in token.top[:top]
            ),
        )
        for token in tokens
    )
