"""OpenVINO GenAI's continuous batching: loading a model into it, putting requests in, taking tokens out."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from promptlathe.engines.admission import Admission, Candidate, TokenIds
from promptlathe.engines.choose import READABLE_GGUF_ARCHITECTURES
from promptlathe.engines.engine import Request, Sampling
from promptlathe.engines.openvino_saved import SavedModel
from promptlathe.engines.tokenizer import count_tokens, encode_pieces
from promptlathe.errors import ContextLengthError, EngineError, ModelError, UnsupportedModelError
from promptlathe.messages import Message
from promptlathe.models.gguf import read_gguf_header
from promptlathe.models.reference import Model

if TYPE_CHECKING:
    import openvino_genai

_BLOCK_SIZE = 32
_MAX_BATCHED_TOKENS = 4096
_DRAIN_STEPS = 100
_UNKNOWN_CONTEXT = 4096


@dataclass(slots=True, eq=False)
class Flight:
    """A request in the batch, and what has come of it so far.

    `token_ids` begin with the prompt where the engine was told to echo it. `log_probabilities` are those of its
    last tokens: of all that were computed, where they were asked for.
    """

    candidate: Candidate[Request]
    handle: "openvino_genai.GenerationHandle"
    is_echoed: bool
    started: float
    cached_tokens: int = 0
    first_token_s: float | None = None
    token_ids: list[int] = field(default_factory=list)
    log_probabilities: list[float] = field(default_factory=list)
    reason: "openvino_genai.GenerationFinishReason | None" = None
    """Why it finished; None while it goes on, and where there is an `error`."""
    error: EngineError | None = None

    @property
    def is_over(self) -> bool:
        return self.reason is not None or self.error is not None

    @property
    def generated(self) -> TokenIds:
        """The tokens behind the prompt."""
        own = self.token_ids[len(self.candidate.token_ids) :] if self.is_echoed else self.token_ids
        return np.array(own, dtype=np.int64)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started


class Pipeline:
    """A loaded model with its cache of prompts' beginnings. `admission` says who may come when."""

    def __init__(self, model: Model, *, window: int, kv_cache_gb: int) -> None:
        """Raises ModelError, and UnsupportedModelError for what OpenVINO cannot read."""
        self._model = model
        self._kv_cache_gb = kv_cache_gb
        self._serial = 0
        self._batch = _load(model, window=window, kv_cache_gb=kv_cache_gb)
        self.tokenizer: openvino_genai.Tokenizer = self._batch.get_tokenizer()
        self._vocabulary: dict[int, bytes] = {}
        self.admission: Admission[Request] = Admission(block_size=_BLOCK_SIZE, window=window)

    @property
    def end_token(self) -> int:
        return int(self.tokenizer.get_eos_token_id())

    def prompt(self, messages: Iterable[Message]) -> str:
        """The messages as the model's chat template writes them, up to where the answer begins."""
        text: str = self.tokenizer.apply_chat_template(
            [message.as_dict() for message in messages], add_generation_prompt=True
        )
        return text

    def encode(self, text: str) -> TokenIds:
        token_ids: TokenIds = self.tokenizer.encode(text, add_special_tokens=False).input_ids.data[0].copy()
        return token_ids

    def encode_whole(self, text: str) -> list[int]:
        """As `encode`, for a text of any length: see `encode_pieces`."""
        return encode_pieces(self.tokenizer, text)

    def decode(self, token_ids: Iterable[int]) -> str:
        text: str = self.tokenizer.decode(list(token_ids))
        return text

    def decode_all(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        """As `decode`, in one call: it costs 0.2 ms however much there is to decode."""
        if self._decodes_together:
            texts: list[str] = self.tokenizer.decode([list(sequence) for sequence in sequences])
            return texts
        return [self.decode(sequence) for sequence in sequences]

    @cached_property
    def _decodes_together(self) -> bool:
        """A tokenizer fills shorter sequences up, and one whose filling is not a special token would show it."""
        long, short = self.encode("one two three four").tolist(), self.encode("one").tolist()
        return list(self.tokenizer.decode([short, long])) == [self.decode(short), self.decode(long)]

    def token_bytes(self, token_id: int) -> bytes:
        """What this token stands for in a text; a special token's name for one of those."""
        if not self._vocabulary:
            self._vocabulary = {number: data for data, number in self.tokenizer.get_vocab().items()}
        return self._vocabulary.get(token_id, b"")

    @cached_property
    def vocabulary_size(self) -> int:
        return len(self.tokenizer.get_vocab())

    def cache_usage(self) -> float:
        """How much of the memory for prompts' beginnings is in use, 0 to 1."""
        return float(self._batch.get_metrics().cache_usage) / 100

    def room(self, token_ids: TokenIds) -> int:
        """How many new tokens fit behind this prompt, 1 if none does."""
        limit = self._model.context_length or _UNKNOWN_CONTEXT
        return max(1, limit - len(token_ids))

    def config(self, sampling: Sampling) -> "openvino_genai.GenerationConfig":
        from openvino_genai import GenerationConfig

        config = GenerationConfig()
        config.apply_chat_template = False
        config.eos_token_id = self.end_token
        config.max_new_tokens = sampling.max_tokens
        config.repetition_penalty = sampling.repetition_penalty
        config.presence_penalty = sampling.presence_penalty
        config.frequency_penalty = sampling.frequency_penalty
        config.ignore_eos = sampling.ignore_eos
        config.stop_strings = set(sampling.stop)
        # Otherwise the tokens of a stop string are computed and kept in the cache, but not reported; and one that
        # begins inside a token is not cut there. The caller does it.
        config.include_stop_str_in_output = True
        config.do_sample = sampling.temperature > 0
        if config.do_sample:
            config.temperature = sampling.temperature
            config.top_p = sampling.top_p
            config.min_p = sampling.min_p
            config.rng_seed = sampling.seed
            if sampling.top_k:
                config.top_k = sampling.top_k
        return config

    def too_long(self, text: str, token_ids: TokenIds, max_tokens: int) -> ContextLengthError | None:
        """What is wrong, if this prompt and so many new tokens do not fit the model."""
        limit = self._model.context_length
        if not limit or len(token_ids) + max_tokens <= limit:
            return None
        counted = count_tokens(self.tokenizer, text)
        return ContextLengthError.of(self._model.name, limit, prompt_tokens=counted, max_tokens=max_tokens)

    def add(
        self, token_ids: TokenIds, config: "openvino_genai.GenerationConfig"
    ) -> "openvino_genai.GenerationHandle":
        from openvino import Tensor

        self._serial += 1
        return self._batch.add_request(self._serial, Tensor(token_ids[np.newaxis, :].copy()), config)

    def start(self, candidate: Candidate[Request], config: "openvino_genai.GenerationConfig") -> Flight:
        """Put an admitted candidate into the batch."""
        cached = self.admission.cached_tokens(candidate)
        handle = self.add(candidate.token_ids, config)
        return Flight(candidate, handle, config.echo, time.monotonic(), cached)

    def step(self) -> None:
        """Compute the next token of everything in the batch.

        Raises EngineError; then the pipeline takes no further step until everything in it is cancelled.
        """
        try:
            self._batch.step()
        except UnicodeDecodeError as error:
            # The message of an error, cut inside a character: it cannot become the exception that it is of.
            said = RuntimeError(error.object.decode(errors="replace"))
            raise EngineError(f"OpenVINO failed while generating: {last_line(said)}") from error
        except RuntimeError as error:
            raise EngineError(f"OpenVINO failed while generating: {last_line(error)}") from error

    def read(self, flight: Flight) -> None:
        """Take what the last step brought; if that is all, `flight` is over, and out of the batch."""
        from openvino_genai import GenerationFinishReason, GenerationStatus

        for output in _outputs(flight):
            if not flight.token_ids:
                self.admission.first_token(flight.candidate)
                flight.first_token_s = flight.seconds
            flight.token_ids += output.generated_ids
            flight.log_probabilities += output.generated_log_probs
            if output.finish_reason != GenerationFinishReason.NONE:
                flight.reason = output.finish_reason
        if flight.reason is None and flight.handle.get_status() == GenerationStatus.IGNORED:
            flight.error = EngineError(
                f"a prompt of {len(flight.candidate.token_ids)} tokens does not fit the prefix cache of "
                f"{self._kv_cache_gb} GB",
                hint="give the engine more memory, or shorten the prompt",
            )
        if flight.is_over:
            self.admission.finished(flight.candidate, flight.generated)

    def leave(self, flight: Flight) -> None:
        """What was cancelled is out of the batch: to be said after the next step, which frees its memory."""
        # Computed tokens that nobody has read are in the cache all the same.
        for output in _outputs(flight):
            flight.token_ids += output.generated_ids
        self.admission.finished(flight.candidate, flight.generated)

    def abandon(self, flights: Iterable[Flight]) -> None:
        """Leave the batch empty, whatever ended it: done, cancelled or broken."""
        for flight in [flight for flight in flights if not flight.is_over]:
            flight.handle.cancel()
            self.leave(flight)
        self.admission.forget_waiting()
        self.drain()

    def drain(self) -> None:
        """Step until what was cancelled is gone. Raises EngineError if something else is in the batch."""
        for _ in range(_DRAIN_STEPS):
            if not self._batch.has_non_finished_requests():
                return
            self.step()
        raise EngineError("OpenVINO does not let go of cancelled requests")


def _outputs(flight: Flight) -> "Iterator[openvino_genai.GenerationOutput]":
    while flight.handle.can_read():
        yield from flight.handle.read().values()


def prepare(model: Model) -> bool:
    """Write the form of a pulled model that OpenVINO loads fastest, where there is to be one: whether it did.

    Else the first load does it, and takes as much longer. Raises ModelError and UnsupportedModelError.
    """
    saved = SavedModel.of(model, _tensor_types(model)) if model.format == "gguf" else None
    if saved is None or saved.is_there:
        return False
    _load(model, window=1, kv_cache_gb=1)
    return True


def _load(model: Model, *, window: int, kv_cache_gb: int) -> "openvino_genai.ContinuousBatchingPipeline":
    import openvino_genai

    if model.format == "safetensors":
        raise UnsupportedModelError(
            f"{model.path}: OpenVINO does not read safetensors",
            hint="pull a GGUF of the model, or convert it: optimum-cli export openvino --model FOLDER OUT",
        )
    if model.format == "gguf" and model.architecture not in READABLE_GGUF_ARCHITECTURES:
        raise UnsupportedModelError(
            f"{model.path}: OpenVINO does not read {model.architecture} models from GGUF",
            hint=f"it reads {', '.join(sorted(READABLE_GGUF_ARCHITECTURES))}; or give an OpenVINO folder",
        )
    tensor_types = _tensor_types(model)
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.enable_prefix_caching = True
    scheduler.cache_size = kv_cache_gb
    scheduler.max_num_seqs = window + 1
    scheduler.max_num_batched_tokens = _MAX_BATCHED_TOKENS
    try:
        return _open(model, tensor_types, scheduler)
    except (RuntimeError, IndexError, ValueError) as error:
        raise UnsupportedModelError(
            f"OpenVINO cannot load {model.path}: {last_line(error)}",
            hint="check the file with `lathe models show`; pull it again if it is damaged",
        ) from error


def _open(
    model: Model, tensor_types: frozenset[int], scheduler: "openvino_genai.SchedulerConfig"
) -> "openvino_genai.ContinuousBatchingPipeline":
    from openvino_genai import ContinuousBatchingPipeline

    saved = SavedModel.of(model, tensor_types) if model.format == "gguf" else None
    if saved is None:
        return ContinuousBatchingPipeline(str(model.path), scheduler, "CPU", _properties())
    if saved.is_there:
        try:
            return ContinuousBatchingPipeline(str(saved.folder), scheduler, "CPU", _properties())
        except (RuntimeError, ValueError):
            saved.remove()  # damaged: it is made anew
    with saved.being_made() as path:
        saving = {"enable_save_ov_model": path is not None}
        return ContinuousBatchingPipeline(
            str(path or model.path), scheduler, "CPU", _properties() | saving, saving
        )


def _tensor_types(model: Model) -> frozenset[int]:
    """Of a GGUF file, checked: OpenVINO's reader ends the whole process on one that is cut short."""
    try:
        if model.format == "gguf":
            return read_gguf_header(model.path).tensor_types
        model.path.stat()
        return frozenset()
    except OSError as error:
        raise ModelError(
            f"cannot read {model.path}: {error.strerror}", hint="was it moved or removed?"
        ) from error


def settings(model: Model) -> tuple[tuple[str, str], ...]:
    """What answers depend on besides the model, for `EngineDescription`."""
    precision = ("kv_cache_precision", kv_cache_precision())
    return (precision, ("inexact_weights", "q8_0")) if model.format == "gguf" else (precision,)


def kv_cache_precision() -> str:
    """bf16 where the CPU has it: measured a quarter faster than the engine's own default of u8, and exact."""
    from openvino import Core

    has_bf16 = "BF16" in Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if has_bf16 else "default"


def _properties() -> dict[str, object]:
    precision = kv_cache_precision()
    return {} if precision == "default" else {"KV_CACHE_PRECISION": precision}


def last_line(error: Exception) -> str:
    """OpenVINO's messages end with what matters; the lines before name its source files."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
