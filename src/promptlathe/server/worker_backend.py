"""Our own engine as a backend: a worker process, watched, and started again when it dies."""

import asyncio
import contextlib
import itertools
import socket
import subprocess
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace

from promptlathe.errors import BusyError, EngineError, LatheError, NotReadyError
from promptlathe.messages import Message
from promptlathe.models.reference import Model
from promptlathe.server.backend import End, Feature, Generation, Load, Piece, State, TokenPrompt
from promptlathe.server.frames import (
    LENGTH_BYTES,
    Cancel,
    Detokenize,
    NotLoaded,
    Open,
    Ready,
    Results,
    Submit,
    Text,
    Tokenize,
    Tokens,
    ToServer,
    ToWorker,
    as_error,
    length,
    packed,
    read_to_server,
)
from promptlathe.server.supervision import Sleep, Supervision

_SILENCE_S = 120.0
"""A worker that has work and says nothing for so long hangs: no step takes that long."""
_EXIT_S = 2.0

_Result = Piece | End | Tokens | Text | LatheError


@dataclass(slots=True, eq=False)
class _Call:
    """Something asked of the worker that is not over. Once a piece was handed on it cannot be asked again."""

    frame: Submit | Tokenize | Detokenize
    results: "asyncio.Queue[_Result]" = field(default_factory=asyncio.Queue)
    has_begun: bool = False
    was_repeated: bool = False


@dataclass(slots=True)
class WorkerBackend:
    """Serves `model` with OpenVINO. Takes `window` answers at once and lets `queue` more wait."""

    model: Model
    window: int = 64
    queue: int = 256
    kv_cache_gb: int = 1
    on_event: Callable[[str], None] = lambda _: None
    sleep: Sleep = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    silence_s: float = _SILENCE_S
    command: tuple[str, ...] = (sys.executable, "-m", "promptlathe.server.worker")

    engine: str = field(default="openvino", init=False)
    features: frozenset[Feature] = field(
        default=frozenset({"log_probabilities", "constraint", "choice"}), init=False
    )
    load: Load = field(default_factory=Load, init=False)
    _supervision: Supervision = field(init=False)
    _calls: dict[int, _Call] = field(default_factory=dict, init=False)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1), init=False)
    _process: Process | None = field(default=None, init=False)
    _writer: asyncio.StreamWriter | None = field(default=None, init=False)
    _heard: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._supervision = Supervision(self.on_event, self.sleep, self.clock)

    @property
    def context_length(self) -> int | None:
        return self.model.context_length

    @property
    def state(self) -> State:
        return self._supervision.state

    @property
    def pid(self) -> int | None:
        """The worker's process, if there is one now."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        await self._supervision.start(self.model.name, self._live)

    def cut(self) -> None:
        self._supervision.enter("stopping", "stopping")
        self._fail_all(NotReadyError("the server is stopping", hint="ask again when it runs"))

    async def stop(self) -> None:
        self.cut()
        await self._supervision.stop()

    async def stream(self, asked: Generation) -> AsyncGenerator[Piece | End, None]:
        call = self._ask(Submit(next(self._ids), asked))
        try:
            while True:
                result = await call.results.get()
                if isinstance(result, LatheError):
                    raise result
                if isinstance(result, Piece | End):
                    yield result
                if isinstance(result, End):
                    return
        finally:
            if self._calls.pop(call.frame.id, None):
                self._send(Cancel(call.frame.id))

    async def tokenize(self, prompt: tuple[Message, ...] | str) -> TokenPrompt:
        result = await self._result(Tokenize(next(self._ids), prompt))
        return result.token_ids if isinstance(result, Tokens) else ()

    async def detokenize(self, token_ids: TokenPrompt) -> str:
        result = await self._result(Detokenize(next(self._ids), token_ids))
        return result.text if isinstance(result, Text) else ""

    async def _result(self, frame: Tokenize | Detokenize) -> _Result:
        call = self._ask(frame)
        try:
            result = await call.results.get()
        finally:
            self._calls.pop(frame.id, None)
        if isinstance(result, LatheError):
            raise result
        return result

    def _ask(self, frame: Submit | Tokenize | Detokenize) -> _Call:
        """What comes while the model loads waits for it."""
        if self._supervision.phase in ("stopping", "failed"):
            raise NotReadyError(f"the server is {self._supervision.phase}", hint="ask again when it runs")
        if len(self._calls) >= self.window + self.queue:
            raise BusyError(
                f"{len(self._calls)} requests are under way or waiting, and this server takes no more",
                hint="ask again later, or start the server with a larger --max-queue",
            )
        call = _Call(frame)
        self._calls[frame.id] = call
        if self._supervision.phase == "ready":
            self._send(frame)
        return call

    def _send(self, frame: ToWorker) -> None:
        if self._writer and not self._writer.is_closing():
            self._writer.write(packed(frame))

    async def _live(self) -> LatheError:
        """One worker from its start to its end; what ended it."""
        process, reader, writer = await self._started()
        self._process, self._writer, self._heard = process, writer, self.clock()
        watch = asyncio.create_task(self._watch(process))
        try:
            self._send(Open(self.model, self.window, self.kv_cache_gb))
            error = await self._listen(reader)
        finally:
            watch.cancel()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            self._process = self._writer = None
            code = await _ended(process)
        was_ready = self._supervision.phase == "ready"
        error = error or EngineError(f"the engine's process ended unexpectedly ({_how(code)})")
        self._give_up_begun(error, may_wait=was_ready)
        return error

    async def _started(self) -> tuple[Process, asyncio.StreamReader, asyncio.StreamWriter]:
        ours, theirs = socket.socketpair()
        process: Process | None = None
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *self.command,
                    str(theirs.fileno()),
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            return process, *await asyncio.open_connection(sock=ours)
        except BaseException:
            ours.close()  # so that a worker which was on its way ends
            if process:
                await _ended(process)
            raise

    async def _listen(self, reader: asyncio.StreamReader) -> LatheError | None:
        """Until the worker is gone; the error if the model cannot be loaded."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                header = await reader.readexactly(LENGTH_BYTES)
                frame = read_to_server(await reader.readexactly(length(header)))
                self._heard = self.clock()
                if isinstance(frame, NotLoaded):
                    return as_error(frame.error)
                self._take(frame)
        return None

    def _take(self, frame: ToServer) -> None:
        match frame:
            case Ready():
                self._supervision.ready(self.model.name)
                for call in self._calls.values():
                    self._send(call.frame)
            case Results():
                self.load = frame.load
                for number, piece in frame.pieces:
                    if begun := self._calls.get(number):
                        begun.has_begun = True
                        begun.results.put_nowait(piece)
                for number, end in frame.ends:
                    self._finish(number, end)
                for number, failed in frame.failures:
                    self._finish(number, as_error(failed))
            case Tokens() | Text():
                self._finish(frame.id, frame)

    def _finish(self, number: int, result: _Result) -> None:
        if call := self._calls.pop(number, None):
            call.results.put_nowait(result)

    def _give_up_begun(self, error: LatheError, *, may_wait: bool) -> None:
        """What nothing was sent of waits for the next worker, once; the rest has failed."""
        self.load = Load()
        for number, call in list(self._calls.items()):
            if may_wait and not call.has_begun and not call.was_repeated:
                call.was_repeated = True
            elif may_wait:
                self._finish(number, EngineError(f"{error.message}, while it answered", hint="ask again"))
            else:
                self._finish(number, NotReadyError(f"the engine does not start: {error.message}"))

    def _fail_all(self, error: LatheError) -> None:
        for number in list(self._calls):
            self._send(Cancel(number))
            self._finish(number, error)

    async def _watch(self, process: Process) -> None:
        """Kill a worker that hangs; `_live` sees it end."""
        while True:
            await asyncio.sleep(self.silence_s / 10)
            if (
                self._supervision.phase == "ready"
                and self._calls
                and self.clock() - self._heard > self.silence_s
            ):
                self.on_event(f"the engine gave no sign of life for {self.silence_s:g} s: it is ended")
                process.kill()


async def _ended(process: Process) -> int:
    """The process's exit code; one that does not go by itself, now that the socket is closed, is killed."""
    try:
        return await asyncio.wait_for(process.wait(), _EXIT_S)
    except (TimeoutError, asyncio.CancelledError):
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        return await process.wait()


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def with_context(model: Model, context_length: int | None) -> Model:
    """`model`, with a context no longer than this."""
    if context_length is None:
        return model
    return replace(model, context_length=min(context_length, model.context_length or context_length))
