"""What a detached server says, and its engine's process with it, goes to a log that rotates."""

import atexit
import os
import sys
import threading
from contextlib import suppress
from logging import LogRecord, makeLogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path

OLD_LOGS = 2
READY = b"\0"
"""The last byte that a launcher gets from a server that is ready."""

_LOG_BYTES = 10_000_000
_LONGEST_LINE = 65_536
_LAST_WORDS_S = 2.0


class ServerLog:
    """Takes this process's stdout and stderr, and by inheritance those of the processes it starts.

    Until `ready` the launcher, which is what stdout was, gets a copy. A pipe and a thread of this process stand
    between, because what engines written in C++ say passes by Python's logging.
    """

    def __init__(self, path: Path, heading: str, *, max_bytes: int = _LOG_BYTES) -> None:
        """`heading` is a line for the log alone. Raises OSError if `path` cannot be written to."""
        self._file = _PatientHandler(path, maxBytes=max_bytes, backupCount=OLD_LOGS, encoding="utf-8")
        self._write(heading)
        self._launcher: int | None = os.dup(1)
        os.set_blocking(self._launcher, False)
        self._telling = threading.Lock()
        reading, writing = os.pipe()
        _become_output(writing)
        self._reader = threading.Thread(target=self._copy, args=(reading,), daemon=True)
        self._reader.start()
        atexit.register(self._finish)

    def ready(self) -> None:
        """Let the launcher go: the last that it gets is READY."""
        self._tell(READY, is_last=True)

    def _copy(self, reading: int) -> None:
        with os.fdopen(reading, encoding="utf-8", errors="replace") as said:
            for line in iter(lambda: said.readline(_LONGEST_LINE), ""):
                self._write(line.removesuffix("\n"))
                self._tell(line.encode())

    def _write(self, line: str) -> None:
        self._file.emit(makeLogRecord({"msg": line}))

    def _tell(self, data: bytes, *, is_last: bool = False) -> None:
        """A launcher that is gone, or does not read, must not hold up the server."""
        with self._telling:
            if self._launcher is None:
                return
            with suppress(OSError):
                os.write(self._launcher, data)
            if is_last:
                os.close(self._launcher)
                self._launcher = None

    def _finish(self) -> None:
        """The last words are in the pipe still: they are written once nobody holds its other end."""
        _become_output(os.open(os.devnull, os.O_WRONLY))
        self._reader.join(_LAST_WORDS_S)


class _PatientHandler(RotatingFileHandler):
    """A full disk costs lines of the log; complaining about it would write to the log."""

    def handleError(self, record: LogRecord) -> None:  # noqa: N802 - the base class's name
        pass


def _become_output(descriptor: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    for number in (1, 2):
        os.dup2(descriptor, number)
    os.close(descriptor)
