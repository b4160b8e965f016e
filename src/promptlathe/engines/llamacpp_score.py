"""How likely given answers are to llama.cpp, which tells the probabilities of no text but its own: so each token of
an answer is forced upon it, one after the other, and what it thinks of it is read. All but one token of each question
are in its cache."""

import asyncio
import itertools
import math
import time
from collections.abc import AsyncGenerator, Iterable

import httpx2

from promptlathe.engines.endpoint import Endpoint
from promptlathe.engines.engine import Failure, Request, Scored
from promptlathe.engines.llamacpp_api import LlamaCppApi
from promptlathe.engines.remote_errors import Fault

_TIMEOUT_S = 600


async def score(
    endpoint: Endpoint, api_key: str, requests: Iterable[Request], *, at_once: int
) -> AsyncGenerator[Scored | Failure, None]:
    """See `Engine.score`."""
    headers = {"Authorization": f"Bearer {api_key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=_TIMEOUT_S, trust_env=False) as client:
        api = LlamaCppApi(client, endpoint, api_key)
        waiting = iter(requests)
        end_token: int | None = None
        while batch := list(itertools.islice(waiting, at_once)):
            if end_token is None:
                end_token = await api.end_token()
            for result in await asyncio.gather(*(_scored(api, request, end_token) for request in batch)):
                yield result


async def _scored(api: LlamaCppApi, request: Request, end_token: int) -> Scored | Failure:
    started = time.monotonic()
    try:
        text = await api.prompt(request.messages)
        prompt = await api.tokens(text, has_beginning=True)
        known: dict[tuple[int, ...], float] = {}
        sums = []
        for choice in request.choices:
            answer = [*await _behind(api, text, prompt, choice), end_token]
            sums.append(
                math.fsum([await _likely(api, prompt, answer[: i + 1], known) for i in range(len(answer))])
            )
    except Fault as fault:
        return Failure(request.id, fault.error)
    return Scored(request.id, tuple(sums), len(prompt), time.monotonic() - started)


async def _behind(api: LlamaCppApi, text: str, prompt: list[int], choice: str) -> list[int]:
    """The tokens of `choice`: of both texts in one where that leaves the prompt's own tokens alone, since a tokenizer
    may treat the beginning of a text differently."""
    whole = await api.tokens(text + choice, has_beginning=True)
    return whole[len(prompt) :] if whole[: len(prompt)] == prompt else await api.tokens(choice)


async def _likely(
    api: LlamaCppApi, prompt: list[int], answer: list[int], known: dict[tuple[int, ...], float]
) -> float:
    """Of the last token of `answer` behind the others; what two choices share is asked once."""
    key = tuple(answer)
    if key not in known:
        known[key] = await api.log_probability([*prompt, *answer[:-1]], answer[-1])
    return known[key]
