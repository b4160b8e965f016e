"""OpenVINO GenAI in this process: continuous batching with a prefix cache, on any CPU."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from dataclasses import replace
from importlib.metadata import version

from promptlathe.engines.admission import Candidate
from promptlathe.engines.choices import sampling_of_choice
from promptlathe.engines.engine import EngineDescription, Failure, Output, Request, Scored
from promptlathe.engines.openvino_batch import Batch
from promptlathe.engines.openvino_pipeline import Pipeline, settings
from promptlathe.engines.openvino_score import score
from promptlathe.engines.tokenizer import count_tokens
from promptlathe.errors import EngineError
from promptlathe.models.reference import Model


class OpenVinoEngine:
    """One model on the CPU. Answers do not depend on what else is in the batch (see `Batch`).

    `window` requests are in the batch at most; `kv_cache_gb` is memory for the prefix cache, in GB.
    """

    def __init__(self, model: Model, *, window: int = 128, kv_cache_gb: int = 1) -> None:
        self._model = model
        self._window = window
        self._kv_cache_gb = kv_cache_gb
        self._loaded: Pipeline | None = None
        self._turn = asyncio.Lock()
        self._loading = threading.Lock()

    def describe(self) -> EngineDescription:
        return EngineDescription(
            engine="openvino",
            version=version("openvino-genai"),
            model=self._model.name,
            model_digest=self._model.digest,
            settings=settings(self._model),
            capabilities=frozenset(
                {"prefix_cache", "stream", "seed", "choice", "score", "constraint", "log_probabilities"}
            ),
        )

    async def generate(self, requests: Iterable[Request]) -> AsyncGenerator[Output, None]:
        """See `Engine.generate`. One call at a time: a second one waits until the first is through."""
        async with self._turn:
            batch = Batch(await asyncio.to_thread(self._load))
            failures: list[Output] = []
            source = _candidates(batch.pipeline, requests, failures)
            try:
                while True:
                    failures += batch.admit(source)
                    for failure in failures:
                        yield failure
                    failures.clear()
                    if batch.is_empty:
                        return
                    for output in batch.step():
                        yield output
                    await asyncio.sleep(0)
            finally:
                batch.close()

    async def score(self, requests: Iterable[Request]) -> AsyncGenerator[Scored | Failure, None]:
        """See `Engine.score`. What the prefix cache stands in the way of is asked again with an empty one."""
        async with self._turn:
            waiting = requests
            while True:
                is_empty, results = self._loaded is None, 0
                blocked: list[Request] = []
                async with aclosing(score(await asyncio.to_thread(self._load), waiting, blocked)) as outputs:
                    async for output in outputs:
                        results += 1
                        yield output
                if is_empty and not results:
                    for request in blocked:
                        yield Failure(request.id, EngineError("one choice goes on from the end of another"))
                    return
                if not blocked:
                    return
                waiting, self._loaded = blocked, None

    def tokens(self, text: str) -> int:
        return count_tokens(self._load().tokenizer, text)

    def close(self) -> None:
        self._loaded = None

    def _load(self) -> Pipeline:
        """Locked, because a call that was cancelled while it loaded leaves its thread loading."""
        with self._loading:
            if self._loaded is None:
                self._loaded = Pipeline(self._model, window=self._window, kv_cache_gb=self._kv_cache_gb)
            return self._loaded


def _candidates(
    pipeline: Pipeline, requests: Iterable[Request], failures: list[Output]
) -> Iterator[Candidate[Request]]:
    """Requests as token ids; those that cannot fit the context become failures instead."""
    for given in requests:
        request = replace(given, sampling=sampling_of_choice(given)) if given.choices else given
        text = pipeline.prompt(request.messages)
        token_ids = pipeline.encode(text)
        error = pipeline.too_long(text, token_ids, request.sampling.max_tokens)
        if error is not None:
            failures.append(Failure(request.id, error))
        else:
            yield pipeline.admission.candidate(request, token_ids)
