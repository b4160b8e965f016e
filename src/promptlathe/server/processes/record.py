"""Which servers run here: a folder with a record and a held lock for each.

<folder>/<name>.json      what the server told of itself, written whole
<folder>/<name>.lock      held by the server while it lives: the system lets go of it however the process ends, and a
                          process id that is used again is never taken for a server
<folder>/<name>.log, .1…  what a detached server says; stays when it has ended
<folder>/.lock            held for a moment by whoever looks at or changes the folder
"""

import platform
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from promptlathe.errors import UnknownNameError, UsageError, WorkspaceError
from promptlathe.models.store import Store

_LONGEST_NAME = 100
_NOT_IN_A_NAME = re.compile(r"[^\w.@-]+")


class ServerRecord(BaseModel):
    """What a server tells of itself; never a key. `digest` is its model's, `grace_s` how long its answers may take to
    finish when it is stopped, `machine` the name of the computer: others may share the folder."""

    model_config = ConfigDict(frozen=True)

    name: str
    model: str
    digest: str
    context_length: int | None
    engine: str
    engine_reason: str
    url: str
    port: int
    pid: int
    machine: str
    started_at: AwareDatetime
    grace_s: float
    has_key: bool
    is_detached: bool


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers whose records lie in `folder`."""

    folder: Path

    @classmethod
    def default(cls) -> "Servers":
        """Beside the models."""
        return cls(Store.default().folder.parent / "servers")

    def log_path(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def lock_path(self, name: str) -> Path:
        return self.folder / f"{name}.lock"

    def running(self) -> list[ServerRecord]:
        """In the order they were started."""
        return [record for record, is_running in self.known() if is_running]

    def known(self) -> list[tuple[ServerRecord, bool]]:
        """Every record, and whether its server lives. What cannot be read is left out."""
        if not self.folder.is_dir():
            return []
        with self._locked():
            records = [record for path in self.folder.glob("*.json") if (record := _read(path))]
            found = [(record, self._is_held(record.name)) for record in records]
        return sorted(found, key=lambda one: one[0].started_at)

    def is_running(self, name: str) -> bool:
        with self._locked():
            return self._is_held(name)

    def find(self, name: str | None) -> ServerRecord:
        """The running server of that name; without a name the only one. Raises UsageError and UnknownNameError."""
        running = {record.name: record for record in self.running()}
        if name is not None and name not in running:
            raise UnknownNameError("running server", name, running)
        if not running:
            raise UsageError("no server is running", hint="start one: lathe serve --detach MODEL")
        if name is None and len(running) > 1:
            raise UsageError(f"{len(running)} servers are running", hint=f"name one: {', '.join(running)}")
        return running[name] if name is not None else next(iter(running.values()))

    def forget(self, name: str) -> None:
        """Remove the record of a server that has ended; the log stays."""
        with self._locked():
            if not self._is_held(name):
                self._remove(name)

    @contextmanager
    def registered(self, record: ServerRecord, *, is_name_fixed: bool) -> Iterator[ServerRecord]:
        """Others find the server for as long as this lasts. Its name gets a number if another has it, unless it is
        fixed: then UsageError. Raises WorkspaceError where the folder cannot be written to."""
        with ExitStack() as held:
            with self._locked():
                name, lock = self._free_name(record.name, is_name_fixed=is_name_fixed)
                held.callback(lock.release)
                named = record.model_copy(update={"name": name})
                beside = self.folder / f"{name}.partial"
                beside.write_text(named.model_dump_json(indent=2) + "\n", encoding="utf-8")
                beside.replace(self._record_path(name))
            try:
                yield named
            finally:
                with self._locked():
                    self._remove(name)

    def _free_name(self, wanted: str, *, is_name_fixed: bool) -> tuple[str, FileLock]:
        wanted = _NOT_IN_A_NAME.sub("-", wanted).strip("-.")[:_LONGEST_NAME] or "server"
        for number in range(1, 1000):
            name = wanted if number == 1 else f"{wanted}-{number}"
            if lock := self._acquired(name):
                return name, lock
            if is_name_fixed:
                raise UsageError(
                    f"a server named {name!r} is running", hint=f"give another --name, or: lathe stop {name}"
                )
        raise UsageError(f"too many servers are named {wanted}", hint="give a --name")

    def _is_held(self, name: str) -> bool:
        if not self.lock_path(name).exists():
            return False
        lock = self._acquired(name)
        if lock:
            lock.release()
        return lock is None

    def _acquired(self, name: str) -> FileLock | None:
        lock = FileLock(self.lock_path(name))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None
        return lock

    def _remove(self, name: str) -> None:
        self._record_path(name).unlink(missing_ok=True)
        self.lock_path(name).unlink(missing_ok=True)

    def _record_path(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(self.folder / ".lock"):
                yield
        except OSError as error:
            raise WorkspaceError(
                f"cannot write to {self.folder}: {error.strerror}",
                hint="check free space and permissions; LATHE_HOME sets another folder",
            ) from None


def this_machine() -> str:
    return platform.node()


def checked_name(name: str) -> str:
    """`name`, if a server may be called so. Raises UsageError."""
    if not name or len(name) > _LONGEST_NAME or name[0] in ".-" or _NOT_IN_A_NAME.search(name):
        raise UsageError(
            f"{name!r} cannot be a server's name", hint="letters, digits and any of . _ - @ after the first"
        )
    return name


def _read(path: Path) -> ServerRecord | None:
    try:
        record = ServerRecord.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    return record if record.name == path.stem else None
