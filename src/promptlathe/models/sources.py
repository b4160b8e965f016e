"""Where models come from: the seam between the store, which keeps files, and whatever fetches them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from promptlathe.models.manifest import Manifest


@dataclass(frozen=True, slots=True)
class PullProgress:
    """How far a pull is. `waiting` means that another process is pulling the same model."""

    stage: Literal["waiting", "connecting", "downloading", "unpacking", "checking"]
    done_bytes: int = 0
    total_bytes: int = 0


OnProgress = Callable[[PullProgress], None]


@dataclass(frozen=True, slots=True)
class Checksum:
    """`git-sha1` is what git calls a blob: of its length and its content. Hubs have it for small files."""

    kind: Literal["sha256", "git-sha1"]
    value: str


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """`path` is where it will lie in the model's folder. Without a checksum only the size is checked."""

    path: str
    size_bytes: int
    checksum: Checksum | None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a pull will bring: known before a byte of it is fetched.

    `name` is the model's in the store, `notes` what the user should know of the choice that was made, one line
    each; for `file`, `origin`, `source` and `has_code` see Manifest.
    """

    name: str
    origin: str
    source: str
    file: str
    files: tuple[PlannedFile, ...]
    license: str | None = None
    has_code: bool = False
    notes: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    @property
    def fingerprint(self) -> str:
        """Changes when any file of it does: what was half fetched goes on only if this is the same."""
        facts = repr([(file.path, file.size_bytes, file.checksum) for file in self.files])
        return hashlib.sha256(facts.encode()).hexdigest()[:12]


class Source(Protocol):
    """Fetches one model. The store holds the lock, checks digests and cleans up."""

    @property
    def is_resumable(self) -> bool:
        """Whether `fetch` goes on with what an earlier one left behind."""
        ...

    def is_met_by(self, name: str, manifest: Manifest) -> bool:
        """Whether the pulled model `name` is the one that this source would fetch. Asks nobody."""
        ...

    def may_replace(self, manifest: Manifest) -> bool:
        """Whether a model of the same name is an earlier state of this one, and not another."""
        ...

    def plan(self) -> Plan:
        """Raises DownloadError, and UnsupportedModelError where there is nothing that can be taken."""
        ...

    def room_bytes(self, plan: Plan, into: Path) -> int:
        """Most disk space that `fetch` takes at any moment, its result included, what is there left out."""
        ...

    def fetch(self, plan: Plan, into: Path, on_progress: OnProgress) -> None:
        """Leave the files of `plan` in the folder `into`, which lies on the store's disk, and nothing else.

        Raises DownloadError or ChecksumError; what is half done in `into` is the store's to keep or remove.
        """
        ...
