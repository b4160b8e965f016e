"""How the servers of this machine are: asked of themselves, and of the operating system."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import httpx2
import psutil
from pydantic import BaseModel, ValidationError

from promptlathe.server.backend import Phase
from promptlathe.server.processes.ending import family
from promptlathe.server.processes.record import ServerRecord, Servers

ServerState = Phase | Literal["silent", "gone", "elsewhere"]
"""`silent`: the process lives and does not answer. `gone`: it ended without a word. `elsewhere`: it lives on another
machine, or in another container, that has the same folder."""

_HEALTH_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """`memory_bytes` is of the server and its engine; `running` and `waiting` are answers. None: not known."""

    record: ServerRecord
    state: ServerState
    detail: str
    uptime_s: float
    memory_bytes: int | None = None
    running: int | None = None
    waiting: int | None = None


class _Health(BaseModel):
    state: Phase
    detail: str
    running: int
    waiting: int


def statuses(
    servers: Servers, known: Sequence[tuple[ServerRecord, bool]], now: datetime
) -> list[ServerStatus]:
    """One for each record, which comes with whether its server lives; all are asked at once."""
    with ThreadPoolExecutor(max_workers=max(1, len(known))) as threads:
        return list(threads.map(lambda one: _status(servers, one[0], one[1], now), known))


def status_of(servers: Servers, record: ServerRecord, now: datetime) -> ServerStatus:
    """Of a server that was running a moment ago."""
    return _status(servers, record, True, now)


def _status(servers: Servers, record: ServerRecord, is_running: bool, now: datetime) -> ServerStatus:
    uptime_s = max(0.0, (now - record.started_at).total_seconds())
    members = family(record, servers) if is_running else []
    if not members:
        if is_running and servers.is_running(record.name):
            return ServerStatus(record, "elsewhere", f"it runs on {record.machine}", uptime_s)
        return ServerStatus(record, "gone", "it ended without a word", uptime_s)
    memory_bytes = _memory_bytes(members)
    try:
        # No proxy of the environment: the address is this machine's.
        reply = httpx2.get(f"{record.url}/health", timeout=_HEALTH_TIMEOUT_S, trust_env=False)
        health = _Health.model_validate_json(reply.content)
    except httpx2.ConnectError:
        # A server listens from before its record is written until it is told to stop.
        return ServerStatus(record, "stopping", "it takes no more requests", uptime_s, memory_bytes)
    except (httpx2.HTTPError, ValidationError):
        return ServerStatus(record, "silent", "it does not answer", uptime_s, memory_bytes)
    return ServerStatus(
        record, health.state, health.detail, uptime_s, memory_bytes, health.running, health.waiting
    )


def _memory_bytes(processes: Sequence[psutil.Process]) -> int | None:
    """Memory in use by all of them; what they share is counted more than once."""
    sizes = []
    for process in processes:
        with suppress(psutil.Error):
            sizes.append(process.memory_info().rss)
    return sum(sizes) or None
