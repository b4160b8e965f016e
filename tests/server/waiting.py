"""Waiting for what another process or task brings about."""

import asyncio
from collections.abc import Callable


async def until(is_so: Callable[[], bool], *, timeout_s: float = 30) -> None:
    async with asyncio.timeout(timeout_s):
        while not is_so():  # noqa: ASYNC110 - there is nothing that could tell it
            await asyncio.sleep(0.01)
