"""Does `lathe serve` stay as it is? 20,000 mixed requests, then: is its memory back, is anything stuck?

Answers whole and streamed, chats and texts, long and short, several at once; streams that the client cuts, requests
that it gives up; wrong keys, wrong models, wrong bodies; more at once than the server takes. Every request that is not
refused for a reason must come to its whole answer. Exit code 1 if a goal is not met.

    python benchmarks/soak.py
    python benchmarks/soak.py --requests 500
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

sys.path.insert(0, str(Path(__file__).parent))

from serving_endurance import run_main, show_goals
from serving_servers import Server

KEY = "soak-key"
MODEL = "smollm2-135m-instruct"
AT_ONCE = 32
SERVER_OPTIONS = ("--max-batch", "16", "--max-queue", "24")
"""Fewer answers than are asked for at once, as some requests want several: some are told to come again."""
COME_AGAIN, COME_AGAIN_S = "told to come again", 0.5
MOST_GROWTH = 0.05
IDLE_S = 30
WORDS = (
    "one",
    "two",
    "three",
    "red",
    "green",
    "blue",
    "river",
    "stone",
    "bread",
    "水",
    "火",
    "木",
    "金",
    "土",
)
CHAT, TEXT = "/v1/chat/completions", "/v1/completions"


@dataclass(slots=True)
class Soak:
    """`outcomes` counts what became of requests of each kind, `faults` says what should not have happened."""

    client: httpx2.AsyncClient
    model: str
    randomness: random.Random
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    async def run(self, count: int, *, at_once: int = AT_ONCE) -> None:
        """The same requests for the same seed, though not always beside the same others."""
        kinds = [kind for kind, share in KINDS.items() for _ in range(share)]
        left = iter([(self.randomness.choice(kinds), self.randomness.randrange(2**32)) for _ in range(count)])

        async def ask() -> None:
            for kind, seed in left:
                try:
                    outcome = await kind(self, random.Random(seed))
                except (httpx2.HTTPError, AssertionError, ValueError, KeyError) as error:
                    outcome = "fault"
                    self.faults.append(f"{kind.__name__} {seed}: {type(error).__name__}: {error}")
                self.outcomes[f"{kind.__name__}: {outcome}"] += 1
                if outcome == COME_AGAIN:
                    await asyncio.sleep(COME_AGAIN_S)

        await asyncio.gather(*(ask() for _ in range(at_once)))

    async def is_idle(self, *, within_s: float = IDLE_S) -> bool:
        """Whether, nothing being asked, the server soon says that it does nothing."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            values = await self.metrics()
            if values["lathe_batch_size"] == 0 == values["lathe_waiting_requests"]:
                return True
            await asyncio.sleep(0.2)
        return False

    async def metrics(self) -> dict[str, float]:
        text = (await self.client.get("/metrics")).text
        lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in lines}

    def chat(
        self, chance: random.Random, *, words: int = 8, max_tokens: int = 8, **others: object
    ) -> dict[str, object]:
        content = " ".join(chance.choices(WORDS, k=chance.randint(1, words)))
        return {
            "model": self.model, "messages": [{"role": "user", "content": content}], "max_tokens": max_tokens,
            "seed": chance.randrange(1000),
        } | others  # fmt: skip


async def whole_chat(soak: Soak, chance: random.Random) -> str:
    count = chance.choice((1, 1, 1, 3))
    response = await soak.client.post(CHAT, json=soak.chat(chance, max_tokens=chance.randint(1, 24), n=count))
    return _checked_whole(response, count)


async def long_prompt(soak: Soak, chance: random.Random) -> str:
    return _checked_whole(await soak.client.post(CHAT, json=soak.chat(chance, words=600)), 1)


async def long_answer(soak: Soak, chance: random.Random) -> str:
    body = soak.chat(chance, max_tokens=128, ignore_eos=True)
    return _checked_whole(await soak.client.post(CHAT, json=body), 1)


async def whole_text(soak: Soak, chance: random.Random) -> str:
    prompts = [" ".join(chance.choices(WORDS, k=4)) for _ in range(chance.randint(1, 3))]
    body = {"model": soak.model, "prompt": prompts, "max_tokens": chance.randint(1, 8), "temperature": 0}
    return _checked_whole(await soak.client.post(TEXT, json=body), len(prompts))


async def one_of_choices(soak: Soak, chance: random.Random) -> str:
    response = await soak.client.post(CHAT, json=soak.chat(chance, guided_choice=["yes", "no"]))
    outcome = _checked_whole(response, 1)
    if outcome == "answered":
        assert response.json()["choices"][0]["message"]["content"] in ("yes", "no"), response.text
    return outcome


async def whole_stream(soak: Soak, chance: random.Random) -> str:
    body = soak.chat(chance, max_tokens=chance.randint(1, 24), stream=True)
    async with soak.client.stream("POST", CHAT, json=body) as response:
        text = (await response.aread()).decode()
    if response.status_code != 200:
        return _refused(response)
    events = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]", text
    assert json.loads(events[-2])["choices"][0]["finish_reason"] in ("stop", "length"), text
    return "answered"


async def cut_stream(soak: Soak, chance: random.Random) -> str:
    body = soak.chat(chance, max_tokens=200, ignore_eos=True, stream=True)
    left = chance.randint(0, 20)
    async with soak.client.stream("POST", CHAT, json=body) as response:
        if response.status_code != 200:
            await response.aread()
            return _refused(response)
        async for _ in response.aiter_lines():
            left -= 1
            if left <= 0:
                return "cut"
    raise AssertionError("it ended before it was cut")


async def given_up(soak: Soak, chance: random.Random) -> str:
    """A client that goes before it has an answer, perhaps before the server has the request."""
    body = soak.chat(chance, max_tokens=200, ignore_eos=True, n=chance.choice((1, 2)))
    try:
        async with asyncio.timeout(chance.uniform(0, 0.3)):
            return _checked_whole(await soak.client.post(CHAT, json=body), int(str(body["n"])))
    except TimeoutError:
        return "given up"


async def wrong_key(soak: Soak, chance: random.Random) -> str:
    headers = {"Authorization": chance.choice(("Bearer wrong", KEY, "Basic x"))}
    return _is(401, await soak.client.post(CHAT, json=soak.chat(chance), headers=headers))


async def wrong_model(soak: Soak, chance: random.Random) -> str:
    return _is(404, await soak.client.post(CHAT, json=soak.chat(chance, model="gpt-4o")))


async def wrong_body(soak: Soak, chance: random.Random) -> str:
    wrong = chance.choice(({"temperature": 3}, {"n": 0}, {"messages": []}, {"max_tokens": 0}, {"stop": [""]}))
    return _is(400, await soak.client.post(CHAT, json=soak.chat(chance) | wrong))


async def tokens(soak: Soak, chance: random.Random) -> str:
    text = " ".join(chance.choices(WORDS, k=chance.randint(1, 200)))
    response = await soak.client.post("/tokenize", json={"prompt": text})
    if response.status_code != 200:
        return _refused(response)
    back = await soak.client.post("/detokenize", json={"tokens": response.json()["tokens"]})
    if back.status_code != 200:
        return _refused(back)
    assert back.json()["prompt"] == text, (back.text, text)
    return "answered"


KINDS: dict[Callable[[Soak, random.Random], Awaitable[str]], int] = {
    whole_chat: 5, whole_stream: 5, cut_stream: 4, given_up: 3, whole_text: 2, tokens: 2, wrong_key: 2,
    wrong_model: 1, wrong_body: 2, one_of_choices: 1, long_prompt: 1, long_answer: 1,
}  # fmt: skip


def _checked_whole(response: httpx2.Response, count: int) -> str:
    if response.status_code != 200:
        return _refused(response)
    reasons = [choice["finish_reason"] for choice in response.json()["choices"]]
    assert len(reasons) == count, response.text
    assert set(reasons) <= {"stop", "length"}, response.text
    return "answered"


def _refused(response: httpx2.Response) -> str:
    """Only for being one too many, and with the time to come again."""
    _is(429, response)
    assert int(response.headers["Retry-After"]) > 0
    return COME_AGAIN


def _is(status: int, response: httpx2.Response) -> str:
    assert response.status_code == status, f"{response.status_code}: {response.text}"
    assert response.json()["error"]["message"]
    return f"{status}"


def client_of(root: str, key: str = KEY) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        base_url=root, headers={"Authorization": f"Bearer {key}"}, timeout=600,
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=AT_ONCE),
    )  # fmt: skip


async def fill_cache(soak: Soak, server: Server) -> None:
    """Long prompts, none like another, until the cache of prompts takes no more memory."""
    before_mb, now_mb = 0.0, server.memory_mb()
    while now_mb > 1.01 * before_mb:
        bodies = [soak.chat(soak.randomness, words=1000, max_tokens=1) for _ in range(12)]
        await asyncio.gather(*(soak.client.post(CHAT, json=body) for body in bodies))
        before_mb, now_mb = now_mb, server.memory_mb()


async def soak_server(server: Server, requests: int, seed: int) -> bool:
    async with client_of(server.root) as client:
        soak = Soak(client, MODEL, random.Random(seed))
        await fill_cache(soak, server)
        print(f"{server.memory_mb():.0f} MB with the cache full", file=sys.stderr, flush=True)
        await soak.run(max(200, requests // 10))
        await soak.is_idle()
        warm_mb, started = server.memory_mb(), time.monotonic()
        await soak.run(requests)
        is_idle, seconds = await soak.is_idle(), time.monotonic() - started
        restarts = (await soak.metrics())["lathe_engine_restarts"]
    grown = server.memory_mb() / warm_mb - 1
    for name, count in sorted(soak.outcomes.items()):
        print(f"{count:7}  {name}")
    for fault in soak.faults[:20]:
        print(f"fault: {fault}")
    print(
        f"{requests} requests in {seconds:.0f} s; memory {warm_mb:.0f} MB after warming up, {grown:+.1%} at the end"
    )
    return show_goals(
        {
            "every accepted request answered": not soak.faults,
            "nothing running or waiting at the end": is_idle,
            "the engine was never started again": restarts == 0,
            f"memory within {MOST_GROWTH:.0%}": grown <= MOST_GROWTH,
        }
    )


if __name__ == "__main__":
    run_main(__doc__.splitlines()[0], "requests", soak_server, model=MODEL, key=KEY, options=SERVER_OPTIONS)
