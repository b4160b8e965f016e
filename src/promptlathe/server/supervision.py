"""Keeping a back-end's process alive: where it stands, and another one when it dies."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from promptlathe.errors import LatheError
from promptlathe.server.backend import Phase, State

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_STEADY_S = 60.0
"""A process that lived so long died of something new: the pauses begin anew."""


class Sleep(Protocol):
    async def __call__(self, delay: float, /) -> None: ...


Live = Callable[[], Awaitable[LatheError]]
"""One process from its start to its end; what ended it. It says `ready` in between."""


@dataclass(slots=True)
class Supervision:
    """Where a back-end stands. `clock` is in seconds."""

    on_event: Callable[[str], None]
    sleep: Sleep
    clock: Callable[[], float]
    phase: Phase = "loading"
    _detail: str = "not started"
    _since: float = 0.0
    _restarts: int = 0
    _supervisor: "asyncio.Task[None] | None" = field(default=None, init=False)
    _first: "asyncio.Future[None] | None" = field(default=None, init=False)

    @property
    def state(self) -> State:
        return State(self.phase, self._detail, self.clock() - self._since, self._restarts)

    async def start(self, name: str, live: Live) -> None:
        """Returns when the first process is ready. Raises what ended it, if it never was."""
        self.enter("loading", f"loading {name}")
        self._first = asyncio.get_running_loop().create_future()
        self._supervisor = asyncio.create_task(self._supervise(self._first, live))
        await self._first

    def ready(self, name: str) -> None:
        self.enter("ready", f"{name} answers")
        if self._first and not self._first.done():
            self._first.set_result(None)

    def enter(self, phase: Phase, detail: str) -> None:
        self.phase, self._detail, self._since = phase, detail, self.clock()

    async def stop(self) -> None:
        """Cancels `live`. May be called in any state, and twice."""
        if self._supervisor:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor
            self._supervisor = None

    async def _supervise(self, first: "asyncio.Future[None]", live: Live) -> None:
        """A process after the other; how long to wait between two doubles while they do not last."""
        pause_s = _FIRST_PAUSE_S
        while True:
            begun = self.clock()
            error = await live()
            if not first.done():
                self.enter("failed", str(error))
                first.set_exception(error)
                return
            if self.clock() - begun >= _STEADY_S:
                pause_s = _FIRST_PAUSE_S
            self._restarts += 1
            self.enter("restarting", f"{error}; starting again in {pause_s:g} s")
            self.on_event(self._detail)
            await self.sleep(pause_s * random.uniform(0.9, 1.1))  # noqa: S311 - no secret
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
