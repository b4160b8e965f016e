"""Fetches files over HTTP in parallel ranges: goes on after a cut, a stall and a kill, and trusts no size.

Why not a library: `huggingface_hub` 2.4 throws a half fetched file away, checks no digest over plain HTTP, has
no parallel ranges there, and its own protocol (Xet) goes past a mirror in HF_ENDPOINT; ModelScope's brings a
cache and network stack of its own. These few lines serve both hubs and every mirror alike.
"""

import contextlib
import queue
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import httpx2

from promptlathe.errors import ChecksumError
from promptlathe.models.partial_file import PartialFile

CONNECTIONS = 4
ATTEMPTS = 5
BACKOFF_S = 0.5
LONGEST_WAIT_S = 60.0
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_REPORT_S = 0.1
_PARTING_S = 2.0

Failure = httpx2.Response | httpx2.HTTPError


@dataclass(frozen=True, slots=True)
class Download:
    """`explain` turns a response that is no file, or a connection lost for good, into the user's error."""

    url: str
    file: PartialFile
    explain: Callable[[Failure], Exception]


class _NoRangesError(Exception):
    """The server sent a whole file where a part of it was asked for."""


def fetch_all(client: httpx2.Client, downloads: Sequence[Download], on_bytes: Callable[[int], None]) -> None:
    """Fill all files. `on_bytes` gets the number of bytes that are there, in this thread, now and then.

    Raises what `explain` gives, ChecksumError if a file has another size than was said, OSError from the disk.
    What was fetched stays in the PartialFiles, also when this raises and when the process is killed.
    """
    try:
        pieces = [(one, start, stop) for one in downloads for start, stop in one.file.missing()]
        _Transfer(client, pieces).run(on_bytes, sum(one.file.done_bytes for one in downloads))
    except _NoRangesError:
        whole = [(one, 0, one.file.size_bytes) for one in downloads if one.file.missing()]
        done_bytes = sum(one.file.size_bytes for one in downloads) - sum(stop for _, _, stop in whole)
        _Transfer(client, whole).run(on_bytes, done_bytes)


class _Transfer:
    """Threads take pieces (a download, its first byte, the byte behind its last) until none is left or one fails.

    They are daemons, so that Ctrl-C need not wait long for a server that says nothing.
    """

    def __init__(self, client: httpx2.Client, pieces: Sequence[tuple[Download, int, int]]) -> None:
        self._client = client
        self._pieces = queue.SimpleQueue[tuple[Download, int, int]]()
        self._ended = queue.SimpleQueue[Exception | None]()
        self._received = queue.SimpleQueue[int]()
        self._stop = threading.Event()
        self._count = len(pieces)
        for piece in pieces:
            self._pieces.put(piece)

    def run(self, on_bytes: Callable[[int], None], done_bytes: int) -> None:
        threads = [
            threading.Thread(target=self._work, daemon=True) for _ in range(min(CONNECTIONS, self._count))
        ]
        for thread in threads:
            thread.start()
        left = self._count
        try:
            while left:
                with contextlib.suppress(queue.Empty):
                    failure = self._ended.get(timeout=_REPORT_S)
                    if failure is not None:
                        raise failure
                    left -= 1
                done_bytes += self._newly_received()
                on_bytes(done_bytes)
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(_PARTING_S / len(threads))

    def _newly_received(self) -> int:
        count = 0
        with contextlib.suppress(queue.Empty):
            while True:
                count += self._received.get_nowait()
        return count

    def _work(self) -> None:
        with contextlib.suppress(queue.Empty):
            while not self._stop.is_set():
                try:
                    self._fetch(*self._pieces.get_nowait())
                except queue.Empty:
                    raise
                except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
                    self._ended.put(error)
                    return
                self._ended.put(None)

    def _fetch(self, download: Download, start: int, stop: int) -> None:
        """One piece, with as many requests as it takes while any of them brings something."""
        position, attempts = start, 0
        while not self._stop.is_set():
            before, wait_s = position, 0.0
            failure: Failure
            try:
                headers = {"Range": f"bytes={position}-{stop - 1}"}
                with self._client.stream("GET", download.url, headers=headers) as response:
                    failure = response
                    if response.is_success:
                        for end in self._receive(response, download, start, position, stop):
                            position = end
                        failure = httpx2.RemoteProtocolError(
                            "the answer ended early", request=response.request
                        )
                    elif response.status_code in BUSY:
                        wait_s = asked_wait_s(response)
                    elif response.status_code == 416:
                        raise _changed(download.file, "fewer")
                    else:
                        raise download.explain(response)
            except httpx2.RequestError as error:
                failure = error
            if position >= stop:
                return
            attempts = 1 if position > before else attempts + 1
            if attempts == ATTEMPTS:
                raise download.explain(failure)
            self._stop.wait(max(wait_s, BACKOFF_S * 2 ** (attempts - 1)))

    def _receive(
        self, response: httpx2.Response, download: Download, start: int, position: int, stop: int
    ) -> Iterator[int]:
        """Write what comes to the file; yields the position behind each chunk. It ends early if told to stop."""
        file = download.file
        if response.status_code == 206:
            _check_range(response, file, position)
        elif start > 0 or stop < file.size_bytes:
            raise _NoRangesError
        else:
            position = start
            length = response.headers.get("Content-Length", "")
            if length.isdecimal() and int(length) != file.size_bytes:
                raise _changed(file, length)
        for chunk in response.iter_raw():
            if position + len(chunk) > stop:
                raise _changed(file, f"more than {file.size_bytes} bytes")
            file.write(position, chunk)
            position += len(chunk)
            file.note(start, position)
            self._received.put(len(chunk))
            yield position
            if self._stop.is_set():
                return


def asked_wait_s(response: httpx2.Response) -> float:
    """Seconds of Retry-After, within reason; 0 where it is not there or a date."""
    asked = response.headers.get("Retry-After", "")
    return min(float(asked), LONGEST_WAIT_S) if asked.isdecimal() else 0.0


def _check_range(response: httpx2.Response, file: PartialFile, position: int) -> None:
    said = response.headers.get("Content-Range", "")
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", said)
    if not found or (int(found[1]), int(found[2])) != (position, file.size_bytes):
        raise _changed(file, f"{said or 'a part without Content-Range'!r}")


def _changed(file: PartialFile, got: str) -> ChecksumError:
    return ChecksumError(
        f"{file.target.name} changed on the server while it was fetched: {file.size_bytes} bytes were said, got {got}",
        hint="nothing of it was kept; pull again",
    )
