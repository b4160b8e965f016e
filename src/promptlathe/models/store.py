"""The folder of pulled models: one folder per model, which is there whole or not at all.

<store>/<name>/<file>, manifest.json    a model, renamed into place when all of it was checked
<store>/.<name>@*.partial/              a pull at work, or what a killed one left: the next pull removes it
<store>/.<name>.lock                    held while a model is pulled or removed
<store>/digests.json                    see digest.py
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_data_path
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from promptlathe.errors import ChecksumError, ModelError, UnknownNameError
from promptlathe.models.catalog import CatalogEntry
from promptlathe.models.digest import DigestCache
from promptlathe.models.disk import check_room, disk_errors_explained
from promptlathe.models.sources import OnProgress, PullProgress, source_of

_MANIFEST = "manifest.json"


class Manifest(BaseModel):
    """What lies beside a pulled file: where it came from and what it must be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str = Field(pattern=r"^[^/\\]+$")
    sha256: str
    size_bytes: int
    source: str
    pulled_at: AwareDatetime


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Store:
    folder: Path
    free_bytes: Callable[[Path], int] = _free_bytes
    now: Callable[[], datetime] = _now

    @classmethod
    def default(cls) -> "Store":
        """`$LATHE_HOME/models`, or the user's data folder."""
        home = os.path.expanduser(os.environ.get("LATHE_HOME", ""))  # noqa: PTH111 - see reference.py
        return cls((Path(home).absolute() if home else user_data_path("promptlathe")) / "models")

    @property
    def digests(self) -> DigestCache:
        return DigestCache(self.folder / "digests.json")

    def names(self) -> list[str]:
        """Names of the pulled models."""
        return sorted(
            path.parent.name
            for path in self.folder.glob(f"*/{_MANIFEST}")
            if not path.parent.name.startswith(".")
        )

    def manifest(self, name: str) -> Manifest | None:
        """None if `name` is not here; ModelError if its manifest is damaged."""
        if name not in self.names():
            return None
        path = self.folder / name / _MANIFEST
        try:
            return Manifest.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise ModelError(f"the pulled model {name!r} is damaged: {path}", hint=_repair(name)) from error

    def verified_path(self, name: str, manifest: Manifest) -> Path:
        """The model's file. ModelError or ChecksumError if it is not what was pulled."""
        path = self.folder / name / manifest.file
        if not path.is_file():
            raise ModelError(f"{path} is gone", hint=_repair(name))
        if self.digests.sha256(path) != manifest.sha256:
            raise ChecksumError(f"{path} was changed since it was pulled", hint=_repair(name))
        return path

    def has(self, entry: CatalogEntry) -> bool:
        """Whether `entry` is here, whole and unchanged."""
        try:
            manifest = self.manifest(entry.name)
            if manifest is None or manifest.sha256 != entry.sha256:
                return False
            self.verified_path(entry.name, manifest)
        except ModelError:
            return False
        return True

    def pull(self, entry: CatalogEntry, on_progress: OnProgress) -> None:
        """Have `entry` here, whole and checked; nothing to do if it is. What was damaged is replaced.

        Safe to interrupt at any point and to run twice at once: the second waits for the first.
        Raises DownloadError or ChecksumError and leaves what was there before.
        """
        with disk_errors_explained(self.folder):
            if self.has(entry):
                return
            with self._locked(entry.name, on_progress):
                if not self.has(entry):
                    self._fetch(entry, on_progress)

    def remove(self, name: str) -> None:
        """UnknownNameError if it is not here."""
        if name not in self.names():
            raise UnknownNameError("pulled model", name, self.names())
        with (
            disk_errors_explained(self.folder),
            self._locked(name, lambda _: None),
            self._partial_folder(name) as partial,
        ):
            self._discard(name, partial)

    def stale_parts(self) -> list[str]:
        """Names of the scratch folders that no running pull holds."""
        return sorted(part.name for part in self.folder.glob(".*.partial") if not self._is_pulling(part))

    def _is_pulling(self, part: Path) -> bool:
        name = part.name.removesuffix(".partial").rpartition(".")[0]
        try:
            with FileLock(self.folder / f"{name}.lock", timeout=0):
                return False
        except Timeout:
            return True

    def _fetch(self, entry: CatalogEntry, on_progress: OnProgress) -> None:
        source = source_of(entry)
        with self._partial_folder(entry.name) as partial:
            check_room(self.folder, source.room_bytes(entry), self.free_bytes(self.folder))
            fetched = partial / entry.name
            fetched.mkdir()
            source.fetch(entry, fetched, on_progress)
            self._check(fetched / entry.file, entry)
            self._write_manifest(fetched, entry)
            self._discard(entry.name, partial)
            fetched.replace(self.folder / entry.name)

    def _check(self, path: Path, entry: CatalogEntry) -> None:
        digest = self.digests.sha256(path)
        if digest != entry.sha256:
            raise ChecksumError(
                f"{entry.file} from {entry.origin} is not the pinned file "
                f"(SHA-256 {digest[:12]}…, expected {entry.sha256[:12]}…)",
                hint="nothing was kept; pull again, or report it if it stays so",
            )

    def _write_manifest(self, folder: Path, entry: CatalogEntry) -> None:
        manifest = Manifest(
            file=entry.file,
            sha256=entry.sha256,
            size_bytes=entry.size_bytes,
            source=str(entry.origin),
            pulled_at=self.now(),
        )
        (folder / _MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")

    @contextmanager
    def _locked(self, name: str, on_progress: OnProgress) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / f".{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_progress(PullProgress("waiting"))
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _partial_folder(self, name: str) -> Iterator[Path]:
        """A scratch folder on the store's disk; those that killed pulls left are removed first.

        No model name has an `@`, so those of `qwen2` are not mistaken for those of `qwen2.5`.
        """
        for stale in self.folder.glob(f".{name}@*.partial"):
            shutil.rmtree(stale, ignore_errors=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{name}@", suffix=".partial", dir=self.folder))
        try:
            yield partial
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _discard(self, name: str, partial: Path) -> None:
        """Take a model away in one step; the scratch folder it goes to is removed after."""
        if (self.folder / name).exists():
            (self.folder / name).replace(partial / "discarded")


def _repair(name: str) -> str:
    return f"run: lathe models rm --yes {name}, then pull it again"
