"""What server and worker say to each other: JSON, each message after its length in four bytes.

Not pickle: what crosses from one process to another is data, whoever wrote it.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from promptlathe.errors import (
    ContextLengthError,
    EngineError,
    InputError,
    LatheError,
    ModelError,
    UnsupportedModelError,
)
from promptlathe.messages import Message
from promptlathe.models.reference import Model
from promptlathe.server.backend import End, Generation, Load, Piece, TokenPrompt

_LENGTH = struct.Struct("<I")
LENGTH_BYTES = _LENGTH.size


@dataclass(frozen=True, slots=True)
class Open:
    """The first message to a worker: load this. `window` answers are computed at once at most."""

    model: Model
    window: int
    kv_cache_gb: int
    kind: Literal["open"] = "open"


@dataclass(frozen=True, slots=True)
class Submit:
    id: int
    asked: Generation
    kind: Literal["submit"] = "submit"


@dataclass(frozen=True, slots=True)
class Cancel:
    id: int
    kind: Literal["cancel"] = "cancel"


@dataclass(frozen=True, slots=True)
class Tokenize:
    id: int
    prompt: tuple[Message, ...] | str
    kind: Literal["tokenize"] = "tokenize"


@dataclass(frozen=True, slots=True)
class Detokenize:
    id: int
    token_ids: TokenPrompt
    kind: Literal["detokenize"] = "detokenize"


@dataclass(frozen=True, slots=True)
class Failed:
    """An expected error: `code` is its class's."""

    code: str
    message: str
    hint: str | None


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded."""

    context_length: int | None
    kind: Literal["ready"] = "ready"


@dataclass(frozen=True, slots=True)
class NotLoaded:
    error: Failed
    kind: Literal["not_loaded"] = "not_loaded"


@dataclass(frozen=True, slots=True)
class Results:
    """All that one step brought, and how busy the worker is. Also sent now and then as a sign of life."""

    load: Load
    pieces: list[tuple[int, Piece]] = field(default_factory=list)
    ends: list[tuple[int, End]] = field(default_factory=list)
    failures: list[tuple[int, Failed]] = field(default_factory=list)
    kind: Literal["results"] = "results"


@dataclass(frozen=True, slots=True)
class Tokens:
    id: int
    token_ids: TokenPrompt
    kind: Literal["tokens"] = "tokens"


@dataclass(frozen=True, slots=True)
class Text:
    id: int
    text: str
    kind: Literal["text"] = "text"


ToWorker = Open | Submit | Cancel | Tokenize | Detokenize
ToServer = Ready | NotLoaded | Results | Tokens | Text

_TO_WORKER: TypeAdapter[ToWorker] = TypeAdapter(Annotated[ToWorker, Field(discriminator="kind")])
_TO_SERVER: TypeAdapter[ToServer] = TypeAdapter(Annotated[ToServer, Field(discriminator="kind")])


def packed(frame: ToWorker | ToServer) -> bytes:
    adapter: TypeAdapter[ToWorker] | TypeAdapter[ToServer]
    adapter = _TO_WORKER if isinstance(frame, ToWorker) else _TO_SERVER
    body = adapter.dump_json(frame)  # type: ignore[arg-type]
    return _LENGTH.pack(len(body)) + body


def length(header: bytes) -> int:
    size: int = _LENGTH.unpack(header)[0]
    return size


def read_to_server(body: bytes) -> ToServer:
    return _TO_SERVER.validate_json(body)


def take_to_worker(received: bytearray) -> Iterator[ToWorker]:
    """The whole messages at the beginning of `received`, which loses them."""
    while len(received) >= LENGTH_BYTES:
        end = LENGTH_BYTES + length(bytes(received[:LENGTH_BYTES]))
        if len(received) < end:
            return
        body = bytes(received[LENGTH_BYTES:end])
        del received[:end]
        yield _TO_WORKER.validate_json(body)


_ERRORS: dict[str, type[LatheError]] = {
    error.code: error
    for error in (ContextLengthError, InputError, ModelError, UnsupportedModelError, EngineError)
}


def as_failed(error: LatheError) -> Failed:
    return Failed(error.code, error.message, error.hint)


def as_error(failed: Failed) -> LatheError:
    return _ERRORS.get(failed.code, EngineError)(failed.message, hint=failed.hint)
