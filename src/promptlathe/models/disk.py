"""What can go wrong on the disk that models are written to, as one clear line."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from promptlathe.errors import DownloadError

# EFBIG is what a file-size limit (`ulimit -f`) answers; for the user it is the same thing as a full disk.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_ELSEWHERE = "set LATHE_HOME to a folder on another disk"


def check_room(folder: Path, needed_bytes: int, free_bytes: int) -> None:
    if free_bytes < needed_bytes:
        raise DownloadError(
            f"not enough room in {folder}: {_megabytes(needed_bytes)} needed, {_megabytes(free_bytes)} free",
            hint=f"free some space, or {_ELSEWHERE}",
        )


def disk_full(folder: Path) -> DownloadError:
    return DownloadError(
        f"the disk (or a quota) was full while writing to {folder}; nothing was kept",
        hint=f"free some space, or {_ELSEWHERE}",
    )


@contextmanager
def disk_errors_explained(folder: Path) -> Iterator[None]:
    """OSError from the body becomes DownloadError that says what is wrong with `folder`."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise disk_full(folder) from error
        where = f"{error.filename}: " if error.filename and str(error.filename) != str(folder) else ""
        raise DownloadError(
            f"cannot use the model folder {folder} ({where}{error.strerror})",
            hint=f"check the folder's permissions, or {_ELSEWHERE}",
        ) from error


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
