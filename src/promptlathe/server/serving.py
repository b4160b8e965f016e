"""Serving HTTP: the port, the loop, a clean end."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from promptlathe.server.backend import Backend

_HEAD_S = 20.0
_KEEP_ALIVE_S = 75
_AFTER_CUT_S = 5


async def serve(
    app: ASGIApp,
    backend: Backend,
    loading: "asyncio.Task[None]",
    bound: socket.socket,
    *,
    grace_s: float,
    on_ready: Callable[[], None],
    has_access_log: bool,
) -> None:
    """Until a signal: then answers under way have `grace_s` to finish. `/health` answers while the model loads, which
    `loading`, the backend's start, tells the end of.

    Raises the error that keeps the model from loading.
    """
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=has_access_log,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )
    server = _Server(config, backend, grace_s)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        await asyncio.wait({serving, loading}, return_when=asyncio.FIRST_COMPLETED)
        if loading.done() and not loading.exception():
            on_ready()
        else:
            server.should_exit = True
        await serving
        if loading.done():
            loading.result()
    finally:
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)
        await backend.stop()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, backend: Backend, grace_s: float) -> None:
        super().__init__(config)
        self._backend = backend
        self._grace_s = grace_s

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A signal ends the server, not the program that it is part of."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        for one in signals:
            loop.add_signal_handler(one, self.handle_exit, one, None)
        try:
            yield
        finally:
            for one in signals:
                loop.remove_signal_handler(one)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answers that take longer than the grace are cut by the backend, so that clients get an error, not a
        broken connection."""
        cutting = asyncio.get_running_loop().call_later(self._grace_s, self._backend.cut)
        self.config.timeout_graceful_shutdown = int(self._grace_s) + _AFTER_CUT_S
        try:
            await super().shutdown(sockets)
        finally:
            cutting.cancel()


class _Protocol(H11Protocol):
    """Closes connections on which no whole request head came in time: else they could be held open for ever."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline:
            self._deadline.cancel()
        super().connection_lost(exc)

    def _watch(self) -> None:
        is_waiting = self.cycle is None or self.cycle.response_complete
        if is_waiting and self._deadline is None:
            self._deadline = self.loop.call_later(_HEAD_S, self._close)
        elif not is_waiting and self._deadline:
            self._deadline.cancel()
            self._deadline = None

    def _close(self) -> None:
        self.transport.close()
