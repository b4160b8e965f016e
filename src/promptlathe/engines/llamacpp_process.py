"""llama.cpp's own server in a process of ours: started, watched, ended."""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
from collections import deque
from dataclasses import asdict

from promptlathe.engines.choose import require_package
from promptlathe.engines.endpoint import Endpoint
from promptlathe.engines.llamacpp_server import ServerSettings
from promptlathe.errors import EngineError, LatheError, ModelError, UnsupportedModelError, UsageError
from promptlathe.models.gguf import GgufHeader, read_gguf_header
from promptlathe.models.reference import Model

DEFAULT_SLOTS = 4
"""Each slot computes a shared prompt for itself: more of them take longer to begin than they save."""
_THREADS_VARIABLE = "LATHE_THREADS"
_LOG_LINES = 200
_LISTENING_S = 5
_CACHE_SHARE = 0.5
"""Of the memory that is free, what the cache may take."""
_LEAST_CONTEXT = 4096
_ERROR = re.compile(r"^(?:[\d.]+ E +(?:\w+: )?|error: )(.*)", re.MULTILINE)
_NO_MEMORY = re.compile(r"bad_alloc|(failed|unable) to alloc\w*", re.IGNORECASE)
_COMMAND = (sys.executable, "-m", "promptlathe.engines.llamacpp_server")


class LlamaCppProcess:
    """One model, served on the loopback under a key that nobody else has. For one start: then make another.

    `slots` and `context_length`, which is each slot's, are what is wanted until it has started, then what it has.
    """

    def __init__(
        self,
        model: Model,
        *,
        slots: int = DEFAULT_SLOTS,
        command: tuple[str, ...] = _COMMAND,
    ) -> None:
        self.model = model
        self.slots = slots
        self.context_length = model.context_length or _LEAST_CONTEXT
        self.api_key = secrets.token_urlsafe(24)
        self._command = command
        self._process: subprocess.Popen[str] | None = None
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._listener: threading.Thread | None = None
        self._starting = threading.Lock()
        self._is_stopped = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> Endpoint:
        """Returns once the model answers. Raises UsageError without the extra, UnsupportedModelError and ModelError
        for a model that cannot be loaded."""
        require_package("llamacpp")
        self._fit(_header(self.model))
        settings = ServerSettings(
            str(self.model.path), self.model.name, self.api_key, self.slots, self.context_length, threads()
        )
        process = self._spawned()
        assert process.stdin is not None  # noqa: S101 - a pipe was asked for
        assert process.stdout is not None  # noqa: S101
        try:
            process.stdin.write(json.dumps(asdict(settings)) + "\n")
            process.stdin.flush()
            reply = process.stdout.readline()
        except BrokenPipeError:
            reply = ""
        if not reply:
            error = self._why_not_loaded(process.wait())
            self.stop()
            raise error
        return Endpoint(f"{json.loads(reply)['url']}/v1", self.model.name)

    def wait(self) -> EngineError:
        """Until the process is gone; how it ended."""
        code = self._process.wait() if self._process else 0
        return EngineError(f"llama.cpp ended unexpectedly ({_how(code)})", hint=self._last_words())

    def stop(self) -> None:
        """May be called in any state, and twice, and while another thread starts it or waits. It has nothing to save,
        so it need not be asked."""
        with self._starting:
            self._is_stopped = True
        if self._process:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    pipe.close()

    def _spawned(self) -> subprocess.Popen[str]:
        """Raises EngineError if it was stopped before."""
        with self._starting:
            if self._is_stopped:
                raise EngineError("llama.cpp was stopped while it started")
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._listener = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
            self._listener.start()
            return self._process

    def _listen(self, process: subprocess.Popen[str]) -> None:
        """Keep the end of what it says: in the long run it says a lot."""
        if process.stderr:
            with process.stderr as lines:
                self._log.extend(lines)

    def _why_not_loaded(self, code: int) -> LatheError:
        log, path = self._read_log(), self.model.path
        if _NO_MEMORY.search(log) or code == -signal.SIGKILL:
            return ModelError(
                f"there is not enough memory for {path} with {self.slots} answers at once of up to "
                f"{self.context_length} tokens",
                hint="give a shorter --ctx, a smaller --max-batch, or a smaller quantization of the model",
            )
        found = _ERROR.search(log)
        reason = found[1].removeprefix("error loading model: ") if found else f"it ended with {_how(code)}"
        return UnsupportedModelError(
            f"llama.cpp cannot load {path}: {reason}",
            hint="check the file with `lathe models show`; a newer xllamacpp may know its architecture",
        )

    def _last_words(self) -> str | None:
        found = _ERROR.findall(self._read_log())
        return f"its last words: {found[-1][:200]}" if found else None

    def _read_log(self) -> str:
        """All that the process, which is gone, said at the end."""
        if self._listener:
            self._listener.join(_LISTENING_S)
        return "".join(self._log)

    def _fit(self, header: GgufHeader) -> None:
        """As many of the slots wanted, with as much of the context, as there is memory for."""
        import psutil

        free_bytes = int(psutil.virtual_memory().available * _CACHE_SHARE)
        tokens = free_bytes // cache_bytes_per_token(header)
        self.context_length = min(self.context_length, max(tokens, _LEAST_CONTEXT))
        self.slots = min(self.slots, max(1, tokens // self.context_length))


def threads() -> int:
    """As many as this process may use cores; fewer where LATHE_THREADS says so. Raises UsageError.

    llama.cpp's threads wait for each other by spinning: where other programs want the cores, too, each thread too
    many costs more than it brings.
    """
    given = os.environ.get(_THREADS_VARIABLE, "").strip()
    if not given:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not re.fullmatch(r"[1-9]\d{0,3}", given):
        raise UsageError(f"{_THREADS_VARIABLE} is a number of threads, not {given!r}")
    return int(given)


def cache_bytes_per_token(header: GgufHeader) -> int:
    """Of the KV cache in 16 bits: a key and a value for each layer and each head that has its own."""

    def number(name: str, default: int) -> int:
        found = header.metadata.get(f"{header.architecture}.{name}")
        return found if isinstance(found, int) and found > 0 else default

    heads = number("attention.head_count", 1)
    head_size = number("embedding_length", 1) // heads
    sizes = number("attention.key_length", head_size) + number("attention.value_length", head_size)
    return max(1, number("block_count", 1) * number("attention.head_count_kv", heads) * sizes * 2)


def _header(model: Model) -> GgufHeader:
    """llama.cpp ends its whole process on some files that are damaged: ours is read first."""
    if model.format != "gguf":
        raise UnsupportedModelError(
            f"{model.path} is not a GGUF file, and llama.cpp reads nothing else", hint="leave --engine out"
        )
    try:
        return read_gguf_header(model.path)
    except OSError as error:
        raise ModelError(
            f"cannot read {model.path}: {error.strerror}", hint="was it moved or removed?"
        ) from error


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
