"""OpenVINO GenAI in this process: continuous batching with a prefix cache, on any CPU."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from promptlathe.engines.admission import Admission, Candidate, TokenIds
from promptlathe.engines.engine import (
    Answer,
    Delta,
    EngineDescription,
    Failure,
    FinishReason,
    Output,
    Request,
    Sampling,
)
from promptlathe.engines.tokenizer import count_tokens
from promptlathe.errors import (
    ContextLengthError,
    EngineError,
    LatheError,
    ModelError,
    UnsupportedModelError,
)
from promptlathe.models.gguf import read_gguf_header
from promptlathe.models.reference import Model

if TYPE_CHECKING:
    import openvino_genai

READABLE_GGUF_ARCHITECTURES = frozenset({"llama", "qwen2", "qwen3"})
_BLOCK_SIZE = 32
_MAX_BATCHED_TOKENS = 4096
_COMPANION_TOKENS = 512
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class _Loaded(NamedTuple):
    pipeline: "openvino_genai.ContinuousBatchingPipeline"
    tokenizer: "openvino_genai.Tokenizer"
    admission: Admission[Request]


@dataclass(slots=True)
class _Flight:
    """A request in the batch and what it has produced so far."""

    candidate: Candidate[Request]
    handle: "openvino_genai.GenerationHandle"
    started: float
    token_ids: list[int] = field(default_factory=list)
    shown: str = ""


class OpenVinoEngine:
    """One model on the CPU. Answers do not depend on what else is in the batch (see `_keep_company`).

    `window` requests are in the batch at most; `kv_cache_gb` is memory for the prefix cache, in GB.
    """

    def __init__(self, model: Model, *, window: int = 128, kv_cache_gb: int = 1) -> None:
        self._model = model
        self._window = window
        self._kv_cache_gb = kv_cache_gb
        self._loaded: _Loaded | None = None
        self._turn = asyncio.Lock()
        self._loading = threading.Lock()
        self._companion: openvino_genai.GenerationHandle | None = None
        self._serial = 0

    def describe(self) -> EngineDescription:
        return EngineDescription(
            engine="openvino",
            version=version("openvino-genai"),
            model=self._model.name,
            model_digest=self._model.digest,
            settings=(("kv_cache_precision", _kv_cache_precision()),),
            capabilities=frozenset({"prefix_cache", "stream", "seed"}),
        )

    async def generate(self, requests: Iterable[Request]) -> AsyncGenerator[Output, None]:
        """See `Engine.generate`. One call at a time: a second one waits until the first is through."""
        async with self._turn:
            loaded = await asyncio.to_thread(self._load)
            failures: list[Failure] = []
            source = self._candidates(loaded, requests, failures)
            flights: list[_Flight] = []
            try:
                while True:
                    admitted = loaded.admission.admit(source)
                    flights.extend(self._start(loaded, candidate) for candidate in admitted)
                    for failure in failures:
                        yield failure
                    failures.clear()
                    if not flights:
                        return
                    self._keep_company(loaded, len(flights))
                    _step(loaded)
                    for flight in list(flights):
                        for output in self._read(loaded, flight):
                            if not isinstance(output, Delta):
                                flights.remove(flight)
                            yield output
                    await asyncio.sleep(0)
            finally:
                self._abandon(loaded, flights)

    def tokens(self, text: str) -> int:
        return count_tokens(self._load().tokenizer, text)

    def close(self) -> None:
        self._loaded = None

    def _load(self) -> _Loaded:
        """Locked, because a call that was cancelled while it loaded leaves its thread loading."""
        with self._loading:
            if self._loaded is None:
                self._loaded = _load(self._model, window=self._window, kv_cache_gb=self._kv_cache_gb)
            return self._loaded

    def _candidates(
        self, loaded: _Loaded, requests: Iterable[Request], failures: list[Failure]
    ) -> Iterator[Candidate[Request]]:
        """Requests as token ids; those that cannot fit the context become failures instead."""
        for request in requests:
            messages = [message.as_dict() for message in request.messages]
            text = loaded.tokenizer.apply_chat_template(messages, add_generation_prompt=True)
            token_ids = _encode(loaded.tokenizer, text)
            needed, limit = len(token_ids) + request.sampling.max_tokens, self._model.context_length
            if limit and needed > limit:
                counted = count_tokens(loaded.tokenizer, text)
                error = ContextLengthError(
                    f"the prompt has {counted} tokens and may answer with {request.sampling.max_tokens}: "
                    f"{self._model.name} holds {limit} in all",
                    hint="shorten the prompt, give fewer examples, or lower max tokens",
                )
                failures.append(Failure(request.id, error))
            else:
                yield loaded.admission.candidate(request, token_ids)

    def _start(self, loaded: _Loaded, candidate: Candidate[Request]) -> _Flight:
        config = _generation_config(loaded.tokenizer, candidate.item.sampling)
        return _Flight(candidate, self._add(loaded, candidate.token_ids, config), time.monotonic())

    def _add(
        self, loaded: _Loaded, token_ids: TokenIds, config: "openvino_genai.GenerationConfig"
    ) -> "openvino_genai.GenerationHandle":
        from openvino import Tensor

        self._serial += 1
        return loaded.pipeline.add_request(self._serial, Tensor(token_ids[np.newaxis, :].copy()), config)

    def _keep_company(self, loaded: _Loaded, flights: int) -> None:
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
            end = loaded.tokenizer.get_eos_token_id()
            config = _generation_config(loaded.tokenizer, Sampling(max_tokens=_COMPANION_TOKENS))
            config.ignore_eos = True
            self._companion = self._add(loaded, np.array([end, end], dtype=np.int64), config)

    def _dismiss_companion(self) -> None:
        if self._companion is not None:
            self._companion.cancel()
            self._companion = None

    def _read(self, loaded: _Loaded, flight: _Flight) -> Iterator[Output]:
        """What the last step brought for one request."""
        from openvino_genai import GenerationFinishReason, GenerationStatus

        request = flight.candidate.item
        reason = GenerationFinishReason.NONE
        while flight.handle.can_read():
            if not flight.token_ids:
                loaded.admission.first_token(flight.candidate)
            (output,) = flight.handle.read().values()
            flight.token_ids += output.generated_ids
            reason = output.finish_reason
        if reason == GenerationFinishReason.NONE:
            if flight.handle.get_status() == GenerationStatus.IGNORED:
                loaded.admission.finished(flight.candidate, np.empty(0, dtype=np.int64))
                yield Failure(request.id, _out_of_cache(len(flight.candidate.token_ids), self._kv_cache_gb))
            elif request.is_streamed and flight.token_ids:
                yield from _new_text(flight, _decode(loaded, flight, is_finished=False))
            return
        loaded.admission.finished(flight.candidate, np.array(flight.token_ids, dtype=np.int64))
        text = _decode(loaded, flight, is_finished=True)
        if request.is_streamed:
            yield from _new_text(flight, text)
        yield Answer(
            request_id=request.id,
            text=text,
            finish_reason=_finish_reason(reason),
            prompt_tokens=len(flight.candidate.token_ids),
            completion_tokens=len(flight.token_ids),
            seconds=time.monotonic() - flight.started,
        )

    def _abandon(self, loaded: _Loaded, flights: list[_Flight]) -> None:
        """Leave the pipeline empty, whatever ended the batch: done, cancelled or broken."""
        self._dismiss_companion()
        for flight in flights:
            while (
                flight.handle.can_read()
            ):  # computed tokens that nobody has read are in the cache all the same
                (output,) = flight.handle.read().values()
                flight.token_ids += output.generated_ids
            flight.handle.cancel()
            loaded.admission.finished(flight.candidate, np.array(flight.token_ids, dtype=np.int64))
        loaded.admission.forget_waiting()
        while loaded.pipeline.has_non_finished_requests():
            loaded.pipeline.step()


def _load(model: Model, *, window: int, kv_cache_gb: int) -> _Loaded:
    import openvino_genai

    if model.format == "gguf" and model.architecture not in READABLE_GGUF_ARCHITECTURES:
        raise UnsupportedModelError(
            f"{model.path}: OpenVINO does not read {model.architecture} models from GGUF",
            hint=f"it reads {', '.join(sorted(READABLE_GGUF_ARCHITECTURES))}; or give an OpenVINO folder",
        )
    _check_file(model)
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.enable_prefix_caching = True
    scheduler.cache_size = kv_cache_gb
    scheduler.max_num_seqs = window + 1
    scheduler.max_num_batched_tokens = _MAX_BATCHED_TOKENS
    precision = _kv_cache_precision()
    properties = {} if precision == "default" else {"KV_CACHE_PRECISION": precision}
    try:
        pipeline = openvino_genai.ContinuousBatchingPipeline(str(model.path), scheduler, "CPU", properties)
    except (RuntimeError, IndexError, ValueError) as error:
        raise UnsupportedModelError(
            f"OpenVINO cannot load {model.path}: {_last_line(error)}",
            hint="check the file with `lathe models show`; pull it again if it is damaged",
        ) from error
    return _Loaded(pipeline, pipeline.get_tokenizer(), Admission(block_size=_BLOCK_SIZE, window=window))


def _check_file(model: Model) -> None:
    """OpenVINO's reader ends the whole process on a GGUF file that is cut short."""
    try:
        if model.format == "gguf":
            read_gguf_header(model.path)
        else:
            model.path.stat()
    except OSError as error:
        raise ModelError(
            f"cannot read {model.path}: {error.strerror}", hint="was it moved or removed?"
        ) from error


def _kv_cache_precision() -> str:
    """bf16 where the CPU has it: measured a quarter faster than the engine's own default of u8, and exact."""
    from openvino import Core

    has_bf16 = "BF16" in Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if has_bf16 else "default"


def _generation_config(
    tokenizer: "openvino_genai.Tokenizer", sampling: Sampling
) -> "openvino_genai.GenerationConfig":
    from openvino_genai import GenerationConfig

    config = GenerationConfig()
    config.apply_chat_template = False
    config.eos_token_id = tokenizer.get_eos_token_id()
    config.max_new_tokens = sampling.max_tokens
    config.repetition_penalty = sampling.repetition_penalty
    config.stop_strings = set(sampling.stop)
    # Otherwise the tokens of a stop string are computed and kept in the cache, but not reported; and one that
    # begins inside a token is not cut there. `_decode` does it.
    config.include_stop_str_in_output = True
    config.do_sample = sampling.temperature > 0
    if config.do_sample:
        config.temperature = sampling.temperature
        config.top_p = sampling.top_p
        config.rng_seed = sampling.seed
        if sampling.top_k:
            config.top_k = sampling.top_k
    return config


def _step(loaded: _Loaded) -> None:
    try:
        loaded.pipeline.step()
    except RuntimeError as error:
        raise EngineError(f"OpenVINO failed while generating: {_last_line(error)}") from error


def _encode(tokenizer: "openvino_genai.Tokenizer", text: str) -> TokenIds:
    token_ids: TokenIds = tokenizer.encode(text, add_special_tokens=False).input_ids.data[0].copy()
    return token_ids


def _decode(loaded: _Loaded, flight: _Flight, *, is_finished: bool) -> str:
    """The text so far, cut at a stop string; an unfinished text never ends in half a character.

    The handle itself keeps back tokens that may become a stop string.
    """
    text: str = loaded.tokenizer.decode(flight.token_ids)
    stops = flight.candidate.item.sampling.stop
    ends = [end for stop in stops if (end := text.find(stop)) >= 0]
    if ends:
        return text[: min(ends)]
    return text if is_finished else text.rstrip(_REPLACEMENT)


def _new_text(flight: _Flight, text: str) -> Iterator[Delta]:
    if len(text) > len(flight.shown):
        yield Delta(flight.candidate.item.id, text[len(flight.shown) :])
        flight.shown = text


def _finish_reason(reason: "openvino_genai.GenerationFinishReason") -> FinishReason:
    from openvino_genai import GenerationFinishReason

    return "length" if reason == GenerationFinishReason.LENGTH else "stop"


def _out_of_cache(prompt_tokens: int, kv_cache_gb: int) -> LatheError:
    return EngineError(
        f"a prompt of {prompt_tokens} tokens does not fit the prefix cache of {kv_cache_gb} GB",
        hint="give the engine more memory, or shorten the prompt",
    )


def _last_line(error: Exception) -> str:
    """OpenVINO's messages end with what matters; the lines before name its source files."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
