"""OpenVINO GenAI in this process: continuous batching with a prefix cache, on any CPU."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from promptlathe.engines.admission import Candidate
from promptlathe.engines.choices import sampling_of_choice
from promptlathe.engines.engine import (
    Answer,
    Delta,
    EngineDescription,
    Failure,
    FinishReason,
    Output,
    Request,
    Sampling,
    Scored,
)
from promptlathe.engines.openvino_choice import constrain
from promptlathe.engines.openvino_pipeline import Flight, Pipeline, settings
from promptlathe.engines.openvino_score import score
from promptlathe.engines.tokenizer import count_tokens
from promptlathe.errors import EngineError
from promptlathe.models.reference import Model

if TYPE_CHECKING:
    import openvino_genai

_COMPANION_TOKENS = 512
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(slots=True, eq=False)
class _Asked:
    """A request in the batch, and how much of its answer was shown."""

    flight: Flight
    shown: str = ""

    @property
    def request(self) -> Request:
        return self.flight.candidate.item


class OpenVinoEngine:
    """One model on the CPU. Answers do not depend on what else is in the batch (see `_keep_company`).

    `window` requests are in the batch at most; `kv_cache_gb` is memory for the prefix cache, in GB.
    """

    def __init__(self, model: Model, *, window: int = 128, kv_cache_gb: int = 1) -> None:
        self._model = model
        self._window = window
        self._kv_cache_gb = kv_cache_gb
        self._loaded: Pipeline | None = None
        self._turn = asyncio.Lock()
        self._loading = threading.Lock()
        self._companion: openvino_genai.GenerationHandle | None = None

    def describe(self) -> EngineDescription:
        return EngineDescription(
            engine="openvino",
            version=version("openvino-genai"),
            model=self._model.name,
            model_digest=self._model.digest,
            settings=settings(self._model),
            capabilities=frozenset({"prefix_cache", "stream", "seed", "choice", "score"}),
        )

    async def generate(self, requests: Iterable[Request]) -> AsyncGenerator[Output, None]:
        """See `Engine.generate`. One call at a time: a second one waits until the first is through."""
        async with self._turn:
            pipeline = await asyncio.to_thread(self._load)
            failures: list[Failure] = []
            source = _candidates(pipeline, requests, failures)
            asked: list[_Asked] = []
            try:
                while True:
                    asked.extend(
                        _start(pipeline, candidate) for candidate in pipeline.admission.admit(source)
                    )
                    for failure in failures:
                        yield failure
                    failures.clear()
                    if not asked:
                        return
                    self._keep_company(pipeline, len(asked))
                    pipeline.step()
                    for one in list(asked):
                        for output in _read(pipeline, one):
                            if not isinstance(output, Delta):
                                asked.remove(one)
                            yield output
                    await asyncio.sleep(0)
            finally:
                self._dismiss_companion()
                pipeline.abandon(one.flight for one in asked)

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

    def _keep_company(self, pipeline: Pipeline, flights: int) -> None:
        """Never let the batch be one single token.

        For a batch of one, OpenVINO takes another matrix kernel, which rounds otherwise: measured, 37 % of the
        greedy answers to the same questions differed between alone and together. From two on, every batch gave
        bit-equal answers. So a lone request decodes beside a companion nobody reads. Its prompt (two end tokens)
        starts no real prompt, so they share no block.
        """
        from openvino_genai import GenerationStatus

        if flights > 1:
            self._dismiss_companion()
        elif self._companion is None or self._companion.get_status() != GenerationStatus.RUNNING:
            config = pipeline.config(Sampling(max_tokens=_COMPANION_TOKENS))
            config.ignore_eos = True
            self._companion = pipeline.add(np.full(2, pipeline.end_token, dtype=np.int64), config)

    def _dismiss_companion(self) -> None:
        if self._companion is not None:
            self._companion.cancel()
            self._companion = None


def _candidates(
    pipeline: Pipeline, requests: Iterable[Request], failures: list[Failure]
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


def _start(pipeline: Pipeline, candidate: Candidate[Request]) -> _Asked:
    request = candidate.item
    config = pipeline.config(request.sampling)
    if request.choices:
        constrain(config, request.choices)
    return _Asked(pipeline.start(candidate, config))


def _read(pipeline: Pipeline, asked: _Asked) -> Iterator[Output]:
    """What the last step brought for one request."""
    request, flight = asked.request, asked.flight
    pipeline.read(flight)
    if flight.error:
        yield Failure(request.id, flight.error)
        return
    if request.is_streamed and flight.token_ids:
        yield from _new_text(asked, _decode(pipeline, asked))
    if not flight.is_over:
        return
    yield Answer(
        request_id=request.id,
        text=_decode(pipeline, asked),
        finish_reason=_finish_reason(flight.reason),
        prompt_tokens=len(flight.candidate.token_ids),
        completion_tokens=len(flight.token_ids),
        seconds=flight.seconds,
    )


def _decode(pipeline: Pipeline, asked: _Asked) -> str:
    """The text so far, cut at a stop string; an unfinished text never ends in half a character.

    The handle itself keeps back tokens that may become a stop string.
    """
    text = pipeline.decode(asked.flight.token_ids)
    ends = [end for stop in asked.request.sampling.stop if (end := text.find(stop)) >= 0]
    if ends:
        return text[: min(ends)]
    return text if asked.flight.is_over else text.rstrip(_REPLACEMENT)


def _new_text(asked: _Asked, text: str) -> Iterator[Delta]:
    if len(text) > len(asked.shown):
        yield Delta(asked.request.id, text[len(asked.shown) :])
        asked.shown = text


def _finish_reason(reason: "openvino_genai.GenerationFinishReason | None") -> FinishReason:
    from openvino_genai import GenerationFinishReason

    return "length" if reason == GenerationFinishReason.LENGTH else "stop"
