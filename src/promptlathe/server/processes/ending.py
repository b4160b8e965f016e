"""Ending servers: asked first, killed if that does not help, and never one that is not ours."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from promptlathe.errors import EngineError
from promptlathe.server.processes.record import ServerRecord, Servers

_PAUSE_S = 0.1
_MARGIN_S = 10.0
"""What a server may take beyond its grace: to cut answers, and to end its engine."""
_KILLED_S = 5.0


@dataclass(frozen=True, slots=True)
class Ending:
    """`ended`: by itself, or `killed` because it did not."""

    how: Literal["ended", "killed"]
    seconds: float


def end(
    record: ServerRecord,
    servers: Servers,
    *,
    patience_s: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Ending:
    """Stop a server and its engine. It lets answers finish as long as it was told when it was started, or for
    `patience_s`; after that it is killed with all that it started. Raises EngineError if it cannot be."""
    begun = clock()

    def has_ended() -> bool:
        return not servers.is_running(record.name)

    members = family(record, servers)
    if not members and not has_ended():
        raise EngineError(
            f"{record.name} cannot be reached from here: process {record.pid} of {record.machine}",
            hint="stop it where it was started: on that machine, in that container, as that user",
        )
    for server in members[:1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            server.terminate()
    how: Literal["ended", "killed"] = "ended"
    if not until(has_ended, record.grace_s + _MARGIN_S if patience_s is None else patience_s, clock, sleep):
        how, members = "killed", [*{*members, *family(record, servers)}]
    end_all(members, 0 if how == "killed" else _KILLED_S)
    if not until(has_ended, _KILLED_S, clock, sleep):
        raise EngineError(f"{record.name} cannot be ended: process {record.pid} survives being killed")
    servers.forget(record.name)
    return Ending(how, clock() - begun)


def until(
    is_so: Callable[[], bool],
    timeout_s: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Whether it became so in time."""
    deadline = clock() + timeout_s
    while not is_so():
        if clock() >= deadline:
            return False
        sleep(_PAUSE_S)
    return True


def family(record: ServerRecord, servers: Servers) -> list[psutil.Process]:
    """The server's process and all that it started, itself first; empty if it is not to be seen from here.

    That a process has the recorded number is not enough: another machine or container that shares the folder numbers
    its own. The one that has the server's lock open is it.
    """
    lock = servers.lock_path(record.name).resolve()
    try:
        process = psutil.Process(record.pid)
        return tree(process.pid) if any(Path(one.path) == lock for one in process.open_files()) else []
    except psutil.Error:
        return []


def tree(pid: int) -> list[psutil.Process]:
    """The process and all that it started, itself first; empty if it is gone."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def end_all(processes: Sequence[psutil.Process], patience_s: float) -> None:
    """Wait for them to end; those that do not are killed. An id that was given to another process is left alone."""
    if not until(lambda: not any(map(_is_alive, processes)), patience_s):
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        until(lambda: not any(map(_is_alive, processes)), _KILLED_S)


def _is_alive(process: psutil.Process) -> bool:
    """A process that nobody waited for has ended all the same."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
