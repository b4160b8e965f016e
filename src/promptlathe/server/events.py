"""A stream that has begun: what is wrong at once is an error response, what goes wrong later an event."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from promptlathe.errors import LatheError
from promptlathe.server.backend import End, Piece
from promptlathe.server.errors import error_body
from promptlathe.server.streaming import DONE, event

_PATIENCE_S = 10.0
"""How long the head of a stream waits for its first piece, so that an error still has a status of its own."""

Result = tuple[int, Piece | End]


@dataclass(slots=True)
class Answering:
    """`stream` of which the first result was waited for."""

    stream: AsyncGenerator[Result, None]
    first: "asyncio.Task[Result]"

    @classmethod
    async def begin(cls, stream: AsyncGenerator[Result, None]) -> "Answering":
        """Raises LatheError if the stream fails at once."""
        first = asyncio.ensure_future(_first(stream))
        try:
            await asyncio.wait({first}, timeout=_PATIENCE_S)
            if first.done():
                first.result()
        except BaseException:
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            await stream.aclose()
            raise
        return cls(stream, first)

    async def results(self) -> AsyncGenerator[Result, None]:
        yield await self.first
        async for result in self.stream:
            yield result

    async def close(self) -> None:
        self.first.cancel()
        await asyncio.gather(self.first, return_exceptions=True)
        await self.stream.aclose()


async def _first(stream: AsyncGenerator[Result, None]) -> Result:
    return await anext(stream)


async def with_errors(events: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """`events`; an error on the way is the last of them, in the shape it has everywhere."""
    try:
        async with aclosing(events):
            async for data in events:
                yield data
    except LatheError as error:
        yield event(error_body(error))
        yield DONE
