"""Server-sent events, and ending work when the client has gone away."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from typing import TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_PING_S = 15.0
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}

T = TypeVar("T")


def event(content: object) -> bytes:
    return b"data: " + json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


class EventStream(Response):
    """Sends what `events` gives, and a comment when that is nothing for a while, until the client goes.

    `close` is called at the end, whatever ends it: closing a generator that has not begun does nothing.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncGenerator[bytes, None],
        close: Callable[[], Awaitable[None]],
        *,
        ping_s: float = _PING_S,
    ) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._events = events
        self._close = close
        self._ping_s = ping_s
        self._sent_at = 0.0

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        head = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        try:
            await send(head)
            await unless_gone(self._send_all(send), receive)
        finally:
            await self._close()

    async def _send_all(self, send: Send) -> None:
        pinging = asyncio.create_task(self._ping(send))
        try:
            async with aclosing(self._events) as events:
                async for data in events:
                    self._sent_at = asyncio.get_running_loop().time()
                    await send({"type": "http.response.body", "body": data, "more_body": True})
        finally:
            pinging.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _ping(self, send: Send) -> None:
        """So that no proxy between takes a silent stream for a dead one."""
        loop = asyncio.get_running_loop()
        self._sent_at = loop.time()
        while True:
            wait_s = self._sent_at + self._ping_s - loop.time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            else:
                self._sent_at = loop.time()
                await send({"type": "http.response.body", "body": b": ping\n\n", "more_body": True})


async def unless_gone(work: Coroutine[object, object, T], receive: Receive) -> T | None:
    """What `work` comes to; None, and `work` cancelled, if the client goes away before."""
    working, gone = asyncio.create_task(work), asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, gone):
            task.cancel()
        await asyncio.gather(working, gone, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
