"""The folder of pulled models: one folder per model, which is there whole or not at all.

<store>/<name>/<file>, manifest.json    a model, renamed into place when all of it was checked
<store>/.<name>@*.partial/              a pull at work, or what one broken off left: the next pull of the same
                                        files goes on with it, any other pull of that name removes it
<store>/.<name>.lock                    held while a model is pulled or removed
<store>/digests.json                    see digest.py
"""

import contextlib
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
from pydantic import ValidationError

from promptlathe.errors import ChecksumError, DownloadError, ModelError, UnknownNameError, UsageError
from promptlathe.models.digest import DigestCache, git_sha1
from promptlathe.models.disk import check_room, disk_errors_explained
from promptlathe.models.manifest import Manifest
from promptlathe.models.sources import OnProgress, Plan, PlannedFile, PullProgress, Source

_MANIFEST = "manifest.json"


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came of a pull. `notes` is what the user should know of how the files were chosen."""

    name: str
    was_here: bool
    notes: tuple[str, ...] = ()


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
        """The model's file or folder. ModelError or ChecksumError if it is not what was pulled."""
        path = self.folder / name / manifest.file
        if not path.exists():
            raise ModelError(f"{path} is gone", hint=_repair(name))
        if self.digests.sha256(path) != manifest.sha256:
            raise ChecksumError(f"{path} was changed since it was pulled", hint=_repair(name))
        return path

    def name_of(self, origin: str) -> str | None:
        """Name of the model that was pulled from `origin`, whole or not."""
        for name in self.names():
            with contextlib.suppress(ModelError):
                manifest = self.manifest(name)
                if manifest and manifest.origin == origin:
                    return name
        return None

    def find(self, source: Source) -> str | None:
        """Name of the model that `source` would fetch, if it is here, whole and unchanged."""
        for name in self.names():
            try:
                manifest = self.manifest(name)
                if manifest and source.is_met_by(name, manifest):
                    self.verified_path(name, manifest)
                    return name
            except ModelError:
                continue
        return None

    def pull(self, source: Source, on_progress: OnProgress) -> Pulled:
        """Have the model here, whole and checked; nothing to do if it is. What was damaged is replaced.

        Safe to interrupt at any point and to run twice at once: the second waits for the first.
        Raises DownloadError, ChecksumError, UnsupportedModelError, UsageError if the name is another model's,
        and leaves what was there before.
        """
        with disk_errors_explained(self.folder):
            if name := self.find(source):
                return Pulled(name, was_here=True)
            on_progress(PullProgress("connecting"))
            plan = source.plan()
            with self._locked(plan.name, on_progress):
                if self.find(source):
                    return Pulled(plan.name, was_here=True)
                self._check_name(source, plan)
                self._fetch(source, plan, on_progress)
            return Pulled(plan.name, was_here=False, notes=plan.notes)

    def remove(self, name: str) -> None:
        """Also what a broken off pull of it left. UnknownNameError if there is neither."""
        if name not in self.names() and not any(self.folder.glob(f".{name}@*.partial")):
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
        name = part.name.rpartition("@")[0]
        try:
            with FileLock(self.folder / f"{name}.lock", timeout=0):
                return False
        except Timeout:
            return True

    def _check_name(self, source: Source, plan: Plan) -> None:
        try:
            manifest = self.manifest(plan.name)
        except ModelError:
            return
        if manifest and not source.may_replace(manifest):
            raise UsageError(
                f"the name {plan.name!r} is taken by a model from {manifest.origin or manifest.source}",
                hint=f"give this one another: --name NAME, or remove that: lathe models rm {plan.name}",
            )

    def _fetch(self, source: Source, plan: Plan, on_progress: OnProgress) -> None:
        with self._partial_folder(plan.name, plan.fingerprint if source.is_resumable else None) as partial:
            fetched = partial / plan.name
            fetched.mkdir(exist_ok=True)
            if source.is_resumable:
                self._take_over(plan, fetched)
            check_room(self.folder, source.room_bytes(plan, fetched), self.free_bytes(self.folder))
            source.fetch(plan, fetched, on_progress)
            self._check(plan, fetched, on_progress)
            self._write_manifest(plan, fetched)
            self._discard(plan.name, partial)
            fetched.replace(self.folder / plan.name)
            self.digests.moved(fetched, self.folder / plan.name)

    def _take_over(self, plan: Plan, fetched: Path) -> None:
        """Files that are here already, in the same model pulled before, are linked and not fetched again."""
        for file in plan.files:
            here, target = self.folder / plan.name / file.path, fetched / file.path
            if here.is_file() and not target.exists() and self._is_right(file, here):
                target.parent.mkdir(exist_ok=True)
                try:
                    os.link(here, target)
                except OSError:  # a file system without links
                    shutil.copyfile(here, target)

    def _check(self, plan: Plan, fetched: Path, on_progress: OnProgress) -> None:
        checked_bytes = 0
        for file in plan.files:
            path = fetched / file.path
            if file.url:
                on_progress(PullProgress("checking", checked_bytes, plan.size_bytes))
            if not self._is_right(file, path):
                digest = self.digests.sha256(path)
                path.unlink()
                expected = f"{file.checksum.value[:12]}…" if file.checksum else f"{file.size_bytes} bytes"
                raise ChecksumError(
                    f"{file.path} from {plan.source} is not the pinned file "
                    f"(SHA-256 {digest[:12]}…, expected {expected})",
                    hint="nothing of it was kept; pull again, or report it if it stays so",
                )
            checked_bytes += file.size_bytes

    def _is_right(self, file: PlannedFile, path: Path) -> bool:
        if path.stat().st_size != file.size_bytes:
            return False
        if file.checksum is None:
            return True
        digest = self.digests.sha256(path) if file.checksum.kind == "sha256" else git_sha1(path)
        return digest == file.checksum.value

    def _write_manifest(self, plan: Plan, folder: Path) -> None:
        manifest = Manifest(
            file=plan.file,
            sha256=self.digests.sha256(folder / plan.file),
            size_bytes=plan.size_bytes,
            source=plan.source,
            pulled_at=self.now(),
            origin=plan.origin,
            license=plan.license,
            has_code=plan.has_code,
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
    def _partial_folder(self, name: str, fingerprint: str | None = None) -> Iterator[Path]:
        """A scratch folder on the store's disk; all others that broken off pulls of this model left are removed.

        With a `fingerprint` it is kept when the pull breaks off, unless the disk is to blame: the next pull of
        the same files finds it. No model name has an `@`, so `qwen2` does not touch those of `qwen2.5`.
        """
        own = self.folder / f".{name}@{fingerprint}.partial"
        for stale in self.folder.glob(f".{name}@*.partial"):
            if stale != own:
                shutil.rmtree(stale, ignore_errors=True)
        if fingerprint:
            own.mkdir(exist_ok=True)
        else:
            own = Path(tempfile.mkdtemp(prefix=f".{name}@", suffix=".partial", dir=self.folder))
        is_kept = False
        try:
            yield own
        except (DownloadError, ChecksumError, KeyboardInterrupt):
            is_kept = fingerprint is not None
            raise
        finally:
            if not is_kept:
                shutil.rmtree(own, ignore_errors=True)

    def _discard(self, name: str, partial: Path) -> None:
        """Take a model away in one step; the scratch folder it goes to is removed after."""
        if (self.folder / name).exists():
            (self.folder / name).replace(partial / "discarded")


def _repair(name: str) -> str:
    return f"run: lathe models rm --yes {name}, then pull it again"
