"""A server's log through its files, and as it grows."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from promptlathe.server.processes.log import OLD_LOGS

_PAUSE_S = 0.2


def last_lines(path: Path, count: int) -> list[str]:
    """Empty where there is no log."""
    return [_text(line) for line in deque(chain.from_iterable(map(_lines, _files(path))), maxlen=count)]


def follow(
    path: Path, count: int, *, is_alive: Callable[[], bool], sleep: Callable[[float], None]
) -> Iterator[str]:
    """The last `count` lines of the log and each that is written from then on, also to the files that take the place
    of the first; ends when its writer is no longer alive and all was read."""
    *old, current = _files(path)
    opened = current.open("rb")
    try:
        yield from map(_text, deque(chain(chain.from_iterable(map(_lines, old)), opened), maxlen=count))
        begun = b""
        while True:
            was_alive, following = is_alive(), _following(path, opened)
            for piece in opened:
                begun += piece
                if begun.endswith(b"\n"):
                    yield _text(begun)
                    begun = b""
            if following:
                opened.close()
                opened = following.open("rb")
            elif was_alive:
                sleep(_PAUSE_S)
            else:
                return
    finally:
        opened.close()


def _files(path: Path) -> list[Path]:
    """Those that there are, the oldest first."""
    old = (path.with_name(f"{path.name}.{number}") for number in range(OLD_LOGS, 0, -1))
    return [one for one in (*old, path) if one.is_file()]


def _following(path: Path, opened: BinaryIO) -> Path | None:
    """The file that goes on where `opened` ends; None if it is the newest, or while files are being renamed."""
    files = _files(path)
    try:
        here = [os.path.samestat(one.stat(), os.fstat(opened.fileno())) for one in files]
    except FileNotFoundError:
        return None
    newer = files[here.index(True) + 1 :] if True in here else files
    return newer[0] if newer else None


def _lines(file: Path) -> Iterator[bytes]:
    with suppress(FileNotFoundError), file.open("rb") as opened:
        yield from opened


def _text(line: bytes) -> str:
    return line.decode("utf-8", errors="replace").removesuffix("\n")
