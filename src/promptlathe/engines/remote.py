"""Any OpenAI-compatible server, over HTTP: as many requests at once as it can use, and no answer lost."""

import asyncio
import hashlib
import itertools
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing

import httpx2
from pydantic import BaseModel, ValidationError

from promptlathe.engines.chat_completions import Completion, Fragment
from promptlathe.engines.concurrency import AdaptiveLimit, Gate
from promptlathe.engines.endpoint import Endpoint
from promptlathe.engines.engine import (
    Answer,
    Capability,
    Delta,
    EngineDescription,
    Failure,
    Output,
    Request,
    Scored,
    require_capability,
)
from promptlathe.engines.exchange import Exchange
from promptlathe.engines.flights import Emit, Prefixes, outputs_of
from promptlathe.engines.patience import Patience
from promptlathe.engines.remote_errors import Fault, fault_of_transport
from promptlathe.engines.served import OnWaiting, Probe, Served
from promptlathe.errors import EngineError, UsageError

_CONNECT_TIMEOUT_S = 10
_TOKENIZING_TIMEOUT_S = 30
_LOST_IN_A_ROW = 16
_TELLING_S = 5
_SHARES_PREFIXES = ("vllm", "sglang", "llamacpp")
_SEEDS = ("vllm", "sglang", "lmdeploy", "llamacpp", "ollama", "openai")


class RemoteEngine:
    """A model behind an OpenAI-compatible API.

    `timeout_s` is for a whole answer, of a streamed one for each piece. The server is asked what it serves at
    the first call of any method, which raises UsageError and EngineError for what is wrong with the endpoint.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        api_key: str | None = None,
        timeout_s: float = 300,
        max_concurrency: int = 256,
        patience: Patience | None = None,
        on_waiting: OnWaiting = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._endpoint = endpoint
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._patience = patience or Patience()
        self._on_waiting = on_waiting
        self._clock = clock
        self._sleep = sleep
        self._limit = AdaptiveLimit(clock, ceiling=max_concurrency)
        self._prefixes = Prefixes()
        self._tls: ssl.SSLContext | None = None
        self._served: Served | None = None
        self._resume_at = clock()
        self._lost_in_a_row = 0

    @property
    def endpoint(self) -> Endpoint:
        return self._endpoint

    def describe(self) -> EngineDescription:
        """See `Engine.describe`. The digest is of the address and of all that the server says of the model."""
        served = self._connect()
        capabilities: set[Capability] = {"stream"}
        if served.server in _SHARES_PREFIXES:
            capabilities.add("prefix_cache")
        if served.server in _SEEDS:
            capabilities.add("seed")
        if served.server != "unknown":
            capabilities.add("choice")
        if served.server == "llamacpp":
            capabilities |= {"constraint", "log_probabilities"}
        return EngineDescription(
            engine="remote",
            version=served.version,
            model=served.model,
            model_digest=hashlib.sha256(f"{self._endpoint.base_url}\n{served.identity}".encode()).hexdigest(),
            settings=(("endpoint", self._endpoint.base_url),),
            capabilities=frozenset(capabilities),
        )

    async def generate(self, requests: Iterable[Request]) -> AsyncGenerator[Output, None]:
        """See `Engine.generate`. Raises EngineError, too, when the server is lost: so many requests in a row have
        failed after all their attempts that the rest need not be asked."""
        served = await asyncio.to_thread(self._connect)
        self._limit.idle()
        self._lost_in_a_row = 0
        gate = Gate(self._limit)
        async with httpx2.AsyncClient(
            headers=self._headers(),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
            timeout=httpx2.Timeout(self._timeout_s, connect=_CONNECT_TIMEOUT_S),
            trust_env=not self._endpoint.is_local,
            verify=self._tls_context(),
        ) as client:
            exchange = Exchange(client, self._endpoint, served, self._timeout_s, self._api_key)

            async def answer(request: Request, emit: Emit) -> None:
                await self._answer(exchange, gate, request, emit)

            flying = outputs_of(requests, answer, limit=self._limit, prefixes=self._prefixes)
            async with aclosing(flying) as outputs:
                async for output in outputs:
                    yield output

    async def score(self, _requests: Iterable[Request]) -> AsyncGenerator[Scored | Failure, None]:
        """See `Engine.score`. Raises UsageError: these APIs tell how likely a text is only once it is written."""
        require_capability(await asyncio.to_thread(self.describe), "score")
        return
        yield  # what makes this a generator

    def tokens(self, text: str) -> int:
        """See `Engine.tokens`. Raises EngineError where the server does not count tokens."""
        served = self._connect()
        if not text:
            return 0
        if served.server == "lmdeploy":
            url, body = f"{self._endpoint.base_url}/encode", {"input": text, "add_bos": False}
        else:
            url = f"{self._endpoint.root_url}/tokenize"
            body = {"model": served.model, "prompt": text, "content": text}
            body |= {"add_special_tokens": False, "add_special": False}
        with self._client() as client:
            try:
                response = client.post(url, json=body)
            except httpx2.RequestError as error:
                raise fault_of_transport(error, self._endpoint).error from error
        try:
            count = _Tokenized.model_validate_json(response.content).tokens_counted
        except ValidationError:
            count = None
        if count is None or not response.is_success:
            raise EngineError(f"{self._endpoint.base_url} does not count tokens")
        return count

    def close(self) -> None:
        """Nothing is held between calls; afterwards the server is asked anew what it serves."""
        self._served = None

    async def _answer(self, exchange: Exchange, gate: Gate, request: Request, emit: Emit) -> None:
        """Asks until there is an answer or no hope. What has been shown of a streamed answer cannot be taken back,
        so that one is not asked for again. Raises EngineError and UsageError where no request has any hope."""
        first_sent = self._clock()
        shown = 0

        def show(fragment: Fragment) -> None:
            nonlocal shown
            shown += 1
            emit(Delta(request.id, *fragment))

        for attempt in itertools.count(1):
            while (pause_s := self._resume_at - self._clock()) > 0:
                await self._sleep(pause_s)
            async with gate:
                sent = self._clock()
                try:
                    completion = await exchange.ask(request, show)
                except Fault as caught:
                    fault = caught
                    if fault.is_overload:
                        self._limit.refused(sent)
                else:
                    self._limit.answered()
                    self._lost_in_a_row = 0
                    emit(self._as_answer(request, completion, sent))
                    return
            if fault.action == "stop":
                raise fault.error
            delay_s = None if shown else self._patience.delay_s(fault, attempt, self._clock() - first_sent)
            if delay_s is None:
                self._count_lost(fault)
                emit(Failure(request.id, fault.error))
                return
            await self._wait(fault, delay_s)

    async def _wait(self, fault: Fault, delay_s: float) -> None:
        """Where the server says how long, all requests wait."""
        if fault.retry_after_s is None and not fault.is_loading:
            await self._sleep(delay_s)
            return
        is_news = self._resume_at <= self._clock()
        self._resume_at = max(self._resume_at, self._clock() + delay_s)
        if is_news and (delay_s >= _TELLING_S or fault.is_loading):
            self._on_waiting(f"{fault.error}; going on in {delay_s:.0f} s")

    def _count_lost(self, fault: Fault) -> None:
        if fault.action == "fail":
            return
        self._lost_in_a_row += 1
        if self._lost_in_a_row >= _LOST_IN_A_ROW:
            raise EngineError(
                f"{self._lost_in_a_row} requests in a row had no answer, the last because {fault.error}",
                hint=fault.error.hint,
            )

    def _as_answer(self, request: Request, completion: Completion, sent: float) -> Answer:
        return Answer(
            request_id=request.id,
            text=completion.text,
            finish_reason=completion.finish_reason,
            prompt_tokens=completion.prompt_tokens,
            completion_tokens=completion.completion_tokens,
            seconds=self._clock() - sent,
            cached_tokens=completion.cached_tokens,
            tokens=completion.tokens,
        )

    def _connect(self) -> Served:
        if self._served is None:
            with self._client() as client:
                self._served = Probe(client, self._endpoint, self._api_key, self._on_waiting).served()
            self._prefixes.is_shared = self._served.server in _SHARES_PREFIXES
        return self._served

    def _client(self) -> httpx2.Client:
        try:
            return httpx2.Client(
                headers=self._headers(),
                timeout=_TOKENIZING_TIMEOUT_S,
                trust_env=not self._endpoint.is_local,
                verify=self._tls_context(),
            )
        except ValueError as error:
            hint = "check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"
            raise UsageError(f"the proxy of the environment cannot be used: {error}", hint=hint) from None

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._api_key}"} if self._api_key else {}

    def _tls_context(self) -> ssl.SSLContext:
        """Made once: reading all certificates takes longer than many an answer."""
        if self._tls is None:
            self._tls = httpx2.create_ssl_context()
        return self._tls


class _Tokenized(BaseModel):
    """vLLM and SGLang: `count`; llama.cpp: `tokens`; LMDeploy: `length`."""

    count: int | None = None
    tokens: list[object] | None = None
    length: int | None = None

    @property
    def tokens_counted(self) -> int | None:
        if self.count is not None:
            return self.count
        return self.length if self.tokens is None else len(self.tokens)
