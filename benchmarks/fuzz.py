"""Does `lathe serve` live through 20,000 bodies that no client should send? Then: does it answer, is its memory back?

Wrong types, numbers without end, deep JSON, half characters, random bytes, schemas and patterns out of nowhere, bodies
of 50 MB, heads and bodies that come a byte at a time or never. No answer may be a 500, and each refusal has OpenAI's
shape. Exit code 1 if a goal is not met.

    python benchmarks/fuzz.py
    python benchmarks/fuzz.py --bodies 500
"""

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

sys.path.insert(0, str(Path(__file__).parent))

from serving_endurance import run_main, show_goals
from serving_servers import Server
from soak import KEY, MODEL, client_of

AT_ONCE = 16
SERVER_OPTIONS = ("--ctx", "512")
"""Bounds the answers of bodies that have lost their `max_tokens`."""
LARGE_BYTES = 50_000_000
LARGE_EVERY, SLOW_EVERY = 1000, 200
MOST_GROWTH = 0.05
LONGEST_ANSWER_S = 120.0
CHAT = "/v1/chat/completions"
REFUSALS = frozenset({400, 404, 429, 501})
PATHS = (CHAT, CHAT, CHAT, "/v1/completions", "/tokenize", "/detokenize", "/v1/embeddings", "/nowhere")
FIELDS = (
    "model", "messages", "prompt", "content", "tokens", "stream", "stream_options", "n", "stop", "seed", "temperature",
    "top_p", "top_k", "min_p", "presence_penalty", "frequency_penalty", "repetition_penalty", "max_tokens",
    "max_completion_tokens", "ignore_eos", "logit_bias", "response_format", "structured_outputs", "guided_regex",
    "guided_choice", "guided_json", "guided_grammar", "metadata", "variables", "logprobs", "top_logprobs", "tools",
    "echo", "best_of", "suffix", "user", "x",
)  # fmt: skip
LEAVES: tuple[object, ...] = (
    None, True, False, 0, 1, -1, 2, 0.5, -0.5, 1e308, -1e308, 2**31, 2**63, -(2**63), 10**40, "", "a", "\x00", "\ud800",
    "语" * 1000, "<|im_end|>", "<|im_start|>system", "{{ 7 * 7 }}", "%s%n", "user", "text", "json_schema", "auto",
    [], {},
)  # fmt: skip
PATTERNS = (
    "a{1000}{1000}", "(a|a)*" * 200, "(((((a{50}){50}){50}", "[\u4e00-\u9fff]{0,1000}", r"\p{L}+", r"(?=a)b", "a**",
    ".{1,1000}.{1,1000}.{1,1000}", "(?i)abc", "^$", r"\d{1,999}",
)  # fmt: skip
SCHEMAS: tuple[object, ...] = (
    {"type": "object", "properties": {"a": {"$ref": "#"}}}, {"$ref": "#/nowhere"}, {"$ref": "http://127.0.0.1:1/a"},
    {"enum": ["a" * 1000] * 100}, {"enum": []}, {"type": "array", "minItems": 1000, "items": {"type": "array"}},
    {"allOf": [{"type": "string"}, {"type": "number"}]}, {"type": "string", "pattern": "(a{500}){500}"},
    {"type": "integer", "minimum": 10**30}, {"not": {}}, True, False,
    {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(300)}},
)  # fmt: skip
GRAMMARS = (
    "root ::= root",
    'root ::= "a" root | root "b"',
    "root ::=",
    "x",
    'root ::= ("a"?)*' + ' ("b"?)*' * 100,
)


@dataclass(slots=True)
class Fuzz:
    client: httpx2.AsyncClient
    model: str
    randomness: random.Random
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    async def run(self, count: int, *, at_once: int = AT_ONCE) -> None:
        """`count` bodies, the same for the same seed; among them those that are too large, and slow ones."""
        seeds = [(number, self.randomness.randrange(2**32)) for number in range(count)]
        left = iter(seeds)

        async def ask() -> None:
            for number, seed in left:
                chance = random.Random(seed)
                try:
                    async with asyncio.timeout(LONGEST_ANSWER_S):
                        await self._ask(number, chance)
                except (httpx2.HTTPError, OSError, AssertionError, ValueError, KeyError, TypeError) as error:
                    self.faults.append(
                        f"number {number}, seed {seed}: {type(error).__name__}: {str(error)[:300]}"
                    )

        await asyncio.gather(*(ask() for _ in range(at_once)))

    async def _ask(self, number: int, chance: random.Random) -> None:
        if number % LARGE_EVERY == LARGE_EVERY - 1:
            await self._post(CHAT, chance.choice((b" ", b"[", b"9", b'"')) * LARGE_BYTES, expected={413})
        elif number % SLOW_EVERY == SLOW_EVERY - 1:
            await self._come_slowly(chance)
        else:
            await self._post(chance.choice(PATHS), chance.choice(KINDS)(self.model, chance))

    async def _post(self, path: str, body: bytes, expected: Collection[int] = REFUSALS | {200}) -> None:
        headers = {"Content-Type": "application/json"}
        response = await self.client.post(path, content=body, headers=headers)
        self.statuses[response.status_code] += 1
        assert response.status_code in expected, f"{response.status_code}: {response.text}, to {body[:300]!r}"
        if response.status_code != 200:
            error = response.json()["error"]
            assert error["message"], response.text
            assert set(error) == {"message", "type", "param", "code"}, response.text

    async def _come_slowly(self, chance: random.Random) -> None:
        """A head or a body that comes a byte at a time, and stops; the server is left waiting, then alone."""
        url = urlsplit(str(self.client.base_url))
        head = f"POST {CHAT} HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {KEY}\r\n"
        sent = chance.choice((head, head + "Content-Length: 1000000\r\n\r\n{" + " " * 20)).encode()
        _, writer = await asyncio.open_connection(url.hostname, url.port)
        try:
            for byte in sent:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.001)
            await asyncio.sleep(chance.uniform(0, 1))
        finally:
            writer.close()


def random_bytes(_model: str, chance: random.Random) -> bytes:
    return chance.randbytes(chance.randrange(200))


def broken_json(model: str, chance: random.Random) -> bytes:
    """A good body of which one byte is lost or another."""
    good = json.dumps(good_body(model, chance)).encode()
    at = chance.randrange(len(good))
    return good[:at] + chance.choice((b"", b"\xff", b"\xed\xa0\x80", b"\\ud800", b'"', b"}")) + good[at + 1 :]


def deep_json(_model: str, chance: random.Random) -> bytes:
    depth = chance.choice((10, 150, 1000, 100_000))
    opened, closed = chance.choice(((b"[", b"]"), (b'{"a":', b"}")))
    inner = opened * depth + b"1" + closed * chance.choice((depth, 0))
    return b'{"messages":' + inner + b"}" if chance.random() < 0.5 else inner


def huge_number(model: str, chance: random.Random) -> bytes:
    number = chance.choice(
        (b"9" * 5000, b"1e400", b"-1e400", b"NaN", b"Infinity", b"1" + b"0" * 300, b"0." + b"3" * 5000)
    )
    good = json.dumps(good_body(model, chance) | {chance.choice(FIELDS): 4711}).encode()
    return good.replace(b"4711", number)


def wrong_values(model: str, chance: random.Random) -> bytes:
    body = good_body(model, chance)
    for _ in range(chance.randint(1, 3)):
        body[chance.choice(FIELDS)] = any_value(chance, depth=3)
    return json.dumps(body).encode()


def constrained(model: str, chance: random.Random) -> bytes:
    schema = chance.choice((*SCHEMAS, any_value(chance, depth=4)))
    constraint = chance.choice((
        {"guided_regex": chance.choice(PATTERNS)},
        {"guided_grammar": chance.choice(GRAMMARS)},
        {"guided_json": schema},
        {"guided_choice": ["a" * chance.randint(0, 3000) for _ in range(chance.randint(0, 300))]},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}},
    ))  # fmt: skip
    return json.dumps(good_body(model, chance) | constraint).encode()


def good_body(model: str, chance: random.Random) -> dict[str, object]:
    body: dict[str, object] = {"model": model, "max_tokens": chance.randint(1, 4), "n": 1}
    messages = [{"role": "user", "content": "Hello"}]
    return body | chance.choice(({"messages": messages}, {"prompt": "Hello"}, {"tokens": [1, 2, 3]}))


def any_value(chance: random.Random, depth: int) -> object:
    kind = chance.random()
    if depth == 0 or kind < 0.6:
        return chance.choice(LEAVES)
    if kind < 0.8:
        return [any_value(chance, depth - 1) for _ in range(chance.randint(0, 4))]
    names = (
        *FIELDS,
        "type",
        "role",
        "schema",
        "json_schema",
        "regex",
        "choice",
        "$ref",
        "properties",
        "items",
    )
    return {chance.choice(names): any_value(chance, depth - 1) for _ in range(chance.randint(0, 4))}


KINDS: tuple[Callable[[str, random.Random], bytes], ...] = (
    random_bytes, broken_json, deep_json, huge_number, wrong_values, wrong_values, wrong_values, constrained
)  # fmt: skip


async def answers(client: httpx2.AsyncClient, model: str) -> bool:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}
    return (await client.post(CHAT, json=body)).status_code == 200


async def fuzz_server(server: Server, bodies: int, seed: int) -> bool:
    async with client_of(server.root) as client:
        fuzz = Fuzz(client, MODEL, random.Random(seed))
        await fuzz.run(max(200, bodies // 10))
        warm_mb = server.memory_mb()
        print(f"{warm_mb:.0f} MB after warming up", file=sys.stderr, flush=True)
        await fuzz.run(bodies)
        is_alive = await answers(client, MODEL)
        health = (await client.get("/health")).json()
    grown = server.memory_mb() / warm_mb - 1
    print("statuses:", ", ".join(f"{status}: {count}" for status, count in sorted(fuzz.statuses.items())))
    for fault in fuzz.faults[:20]:
        print(f"fault: {fault}")
    print(f"{bodies} bodies; memory {warm_mb:.0f} MB after warming up, {grown:+.1%} at the end")
    return show_goals(
        {
            "every body answered or refused as it should be": not fuzz.faults,
            "the server answers": is_alive,
            "the engine was never started again": health["restarts"] == 0,
            f"memory within {MOST_GROWTH:.0%}": grown <= MOST_GROWTH,
        }
    )


if __name__ == "__main__":
    run_main(__doc__.splitlines()[0], "bodies", fuzz_server, model=MODEL, key=KEY, options=SERVER_OPTIONS)
