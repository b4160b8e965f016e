"""Many requests on their way at once: read lazily, started in order, their outputs as they come."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable

from promptlathe.engines.concurrency import AdaptiveLimit
from promptlathe.engines.engine import Output, Request
from promptlathe.messages import Message

Emit = Callable[[Output], None]
Answering = Callable[[Request, Emit], Coroutine[None, None, None]]
"""Emits all outputs of one request; what it raises ends them all."""

_LONG_CHARACTERS = 1000
_REMEMBERED = 256


class Prefixes:
    """Which beginnings a server has computed already, so that the first request with a new one can go alone:
    requests that arrive together with a new prefix would each compute it. Short ones are not worth the wait.

    With `is_shared` false, as for servers without a prefix cache, all may go.
    """

    def __init__(self) -> None:
        self.is_shared = True
        self._computed: dict[tuple[Message, ...], None] = {}
        self._computing: set[tuple[Message, ...]] = set()

    def may_start(self, request: Request) -> bool:
        return request.messages[:-1] not in self._computing

    def started(self, request: Request) -> None:
        prefix = request.messages[:-1]
        is_long = sum(len(message.content) for message in prefix) >= _LONG_CHARACTERS
        if self.is_shared and is_long and prefix not in self._computed:
            self._computing.add(prefix)

    def finished(self, request: Request) -> None:
        prefix = request.messages[:-1]
        if prefix in self._computing:
            self._computing.discard(prefix)
            self._computed[prefix] = None
            while len(self._computed) > _REMEMBERED:
                del self._computed[next(iter(self._computed))]


async def outputs_of(
    requests: Iterable[Request], answer: Answering, *, limit: AdaptiveLimit, prefixes: Prefixes
) -> AsyncGenerator[Output, None]:
    """All outputs of all requests. No more are begun than `limit` has places; the next one is read when there
    is room for it. Closing the generator cancels what is under way."""
    outputs: asyncio.Queue[Output | asyncio.Task[None]] = asyncio.Queue()
    flights: set[asyncio.Task[None]] = set()

    def start(request: Request) -> None:
        prefixes.started(request)
        flight = asyncio.create_task(answer(request, outputs.put_nowait))
        flight.add_done_callback(lambda _: prefixes.finished(request))
        flight.add_done_callback(outputs.put_nowait)
        flights.add(flight)

    source = iter(requests)
    following: Request | None = None
    is_exhausted = False
    try:
        while True:
            while len(flights) < limit.places and not is_exhausted:
                following = following or next(source, None)
                is_exhausted = following is None
                if following is None or not prefixes.may_start(following):
                    break
                start(following)
                following = None
            if not flights and outputs.empty():
                return
            output = await outputs.get()
            if isinstance(output, asyncio.Task):
                flights.discard(output)
                output.result()
            else:
                yield output
    finally:
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
