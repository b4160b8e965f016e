"""A load on an OpenAI-compatible server: streamed chats, so many at once, and what each waited."""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import quantiles

import httpx2
from serving_servers import Server

NEW_TOKENS = 32
Messages = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Load:
    """`first_token_s` are the waits for the first text; `cpu_s` is the server's."""

    requests: int
    seconds: float
    tokens: int
    first_token_s: tuple[float, ...]
    cpu_s: float

    @property
    def per_s(self) -> float:
        return self.requests / self.seconds

    @property
    def tokens_per_s(self) -> float:
        return self.tokens / self.seconds

    def first_token_ms(self, percent: int) -> float:
        waits = self.first_token_s
        return 1000 * (
            quantiles(waits, n=100, method="inclusive")[percent - 1] if len(waits) > 1 else waits[0]
        )


async def put_load(server: Server, model: str, chats: Sequence[Messages], at_once: int) -> Load:
    """Each of `chats` answered with NEW_TOKENS tokens, whatever the model says; raises RuntimeError if one is not."""
    limits = httpx2.Limits(
        max_connections=at_once, max_keepalive_connections=0
    )  # llama.cpp closes them unasked
    async with httpx2.AsyncClient(base_url=server.root, timeout=3600, limits=limits) as client:
        left = iter(chats)
        cpu_s, started = server.cpu_s(), time.perf_counter()
        waits = await asyncio.gather(*(_asker(client, model, left) for _ in range(at_once)))
        seconds = time.perf_counter() - started
    first_token_s = tuple(wait for own in waits for wait in own)
    return Load(len(chats), seconds, NEW_TOKENS * len(chats), first_token_s, server.cpu_s() - cpu_s)


async def _asker(client: httpx2.AsyncClient, model: str, left: Iterator[Messages]) -> list[float]:
    return [await _ask(client, model, messages) for messages in left]


async def _ask(client: httpx2.AsyncClient, model: str, messages: Messages) -> float:
    """Seconds to the first text."""
    body = {
        "model": model,
        "messages": messages,
        "max_tokens": NEW_TOKENS,
        "temperature": 0,
        "ignore_eos": True,
        "cache_prompt": True,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    started, first, tokens = time.perf_counter(), 0.0, 0
    async with client.stream("POST", "/v1/chat/completions", json=body) as response:
        if response.status_code != 200:
            raise RuntimeError(f"{response.status_code}: {(await response.aread()).decode()}")
        async for line in response.aiter_lines():
            if not line.startswith("data: {"):
                continue
            chunk = json.loads(line.removeprefix("data: "))
            if not first and any(choice["delta"].get("content") for choice in chunk["choices"]):
                first = time.perf_counter() - started
            tokens = (chunk.get("usage") or {}).get("completion_tokens", tokens)
    if tokens != NEW_TOKENS:
        raise RuntimeError(f"{tokens} new tokens instead of {NEW_TOKENS}")
    return first
