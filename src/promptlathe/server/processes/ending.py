"""Ending servers: asked first, killed if that does not help, and never one that is not ours."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import psutil

from promptlathe.errors import EngineError
from promptlathe.server.processes.record import ServerRecord, Servers, this_machine

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
    members = family(record.pid)
    if not members:
        raise EngineError(
            f"{record.name} does not run on this machine but on {record.machine}"
            if record.machine != this_machine()
            else f"{record.name} runs where this process does not see it: in another container?",
            hint=f"stop it there: lathe stop {record.name}",
        )
    deadline = begun + (record.grace_s + _MARGIN_S if patience_s is None else patience_s)
    how: Literal["ended", "killed"] = "ended"
    try:
        members[0].terminate()
        while servers.is_running(record.name):
            if clock() >= deadline:
                members = list({*members, *family(record.pid)})
                how = "killed"
                break
            sleep(_PAUSE_S)
        end_all(members, patience_s=0 if how == "killed" else _KILLED_S, sleep=sleep)
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied:
        raise EngineError(f"{record.name} is another user's: process {record.pid}") from None
    if servers.is_running(record.name):
        raise EngineError(f"{record.name} cannot be ended: process {record.pid} survives being killed")
    servers.forget(record.name)
    return Ending(how, clock() - begun)


def family(pid: int) -> list[psutil.Process]:
    """The process and all that it started, itself first; empty if it is gone."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def end_all(
    processes: Sequence[psutil.Process],
    *,
    patience_s: float = 0.0,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait for them to end; those that do not are killed. An id that was given to another process is left alone."""
    for process in _alive_after(processes, patience_s, sleep):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _alive_after(processes, _KILLED_S, sleep)


def _alive_after(
    processes: Sequence[psutil.Process], patience_s: float, sleep: Callable[[float], None]
) -> list[psutil.Process]:
    """Those that live still; at once if none does."""
    alive = [one for one in processes if _is_alive(one)]
    for _ in range(round(patience_s / _PAUSE_S)):
        if not alive:
            break
        sleep(_PAUSE_S)
        alive = [one for one in alive if _is_alive(one)]
    return alive


def _is_alive(process: psutil.Process) -> bool:
    """A process that nobody waited for has ended all the same."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
