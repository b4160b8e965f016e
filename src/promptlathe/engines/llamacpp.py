"""llama.cpp: any GGUF, also of architectures that OpenVINO does not read. Its own server, asked over the loopback."""

import asyncio
import threading
import weakref
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from importlib.metadata import version

from promptlathe.engines.engine import EngineDescription, Failure, Output, Request, Scored
from promptlathe.engines.llamacpp_process import DEFAULT_SLOTS, LlamaCppProcess
from promptlathe.engines.llamacpp_score import score
from promptlathe.engines.patience import Patience
from promptlathe.engines.remote import RemoteEngine
from promptlathe.models.reference import Model

_TIMEOUT_S = 3600.0


class LlamaCppEngine:
    """One model in a process of its own, which ends with ours. `slots` answers are computed at once."""

    def __init__(self, model: Model, *, slots: int = DEFAULT_SLOTS) -> None:
        self._model = model
        self._slots = slots
        self._loading = threading.Lock()
        self._loaded: tuple[LlamaCppProcess, RemoteEngine] | None = None

    def describe(self) -> EngineDescription:
        return EngineDescription(
            engine="llamacpp",
            version=version("xllamacpp"),
            model=self._model.name,
            model_digest=self._model.digest,
            settings=(("kv_cache_precision", "f16"), ("slots", str(self._slots))),
            capabilities=frozenset(
                {"prefix_cache", "stream", "seed", "choice", "score", "constraint", "log_probabilities"}
            ),
        )

    async def generate(self, requests: Iterable[Request]) -> AsyncGenerator[Output, None]:
        """See `Engine.generate`."""
        process, remote = await asyncio.to_thread(self._load)
        async with aclosing(remote.generate(requests)) as outputs:
            async for output in outputs:
                if isinstance(output, Failure) and not process.is_running:
                    raise process.wait()
                yield output

    async def score(self, requests: Iterable[Request]) -> AsyncGenerator[Scored | Failure, None]:
        """See `Engine.score`."""
        process, remote = await asyncio.to_thread(self._load)
        scores = score(remote.endpoint, process.api_key, requests, at_once=process.slots)
        async with aclosing(scores) as outputs:
            async for output in outputs:
                if isinstance(output, Failure) and not process.is_running:
                    raise process.wait()
                yield output

    def tokens(self, text: str) -> int:
        return self._load()[1].tokens(text)

    def close(self) -> None:
        with self._loading:
            if self._loaded:
                self._loaded[0].stop()
            self._loaded = None

    def _load(self) -> tuple[LlamaCppProcess, RemoteEngine]:
        """Locked, because a call that was cancelled while it loaded leaves its thread loading. A process that died is
        replaced by another."""
        with self._loading:
            if self._loaded and not self._loaded[0].is_running:
                self._loaded[0].stop()
                self._loaded = None
            if self._loaded is None:
                process = LlamaCppProcess(self._model, slots=self._slots)
                endpoint = process.start()
                weakref.finalize(self, process.stop)
                remote = RemoteEngine(
                    endpoint,
                    api_key=process.api_key,
                    timeout_s=_TIMEOUT_S,
                    max_concurrency=process.slots,
                    patience=Patience(attempts=2),
                )
                self._loaded = process, remote
            return self._loaded
