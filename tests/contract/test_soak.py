"""benchmarks/soak.py and fuzz.py in small: mixed requests and bodies out of nowhere leave a server as it was."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from benchmarks import fuzz, soak
from benchmarks.fuzz import Fuzz
from benchmarks.serving_servers import Server, lathe_server
from benchmarks.soak import Soak
from tests.contract.conftest import KEY, Served
from tests.contract.differences import MISSING

pytestmark = pytest.mark.model


def test_mixed_requests(served: Served) -> None:
    async def ask() -> Soak:
        async with soak.client_of(served.root, KEY) as client:
            soaked = Soak(client, served.model, random.Random(1))
            await soaked.run(50)
            assert await soaked.is_idle()
            return soaked

    soaked = asyncio.run(ask())
    assert soaked.faults == []
    assert {"cut_stream: cut", "given_up: given up", "wrong_key: 401"} <= set(soaked.outcomes)
    assert soaked.outcomes["whole_stream: answered"]


def test_a_stream_that_is_cut_last_of_all_is_not_counted_on(served: Served) -> None:
    async def ask() -> None:
        async with soak.client_of(served.root, KEY) as client:
            soaked = Soak(client, served.model, random.Random(1))
            assert await soak.cut_stream(soaked, random.Random(1)) == "cut"
            assert await soaked.is_idle(within_s=10)

    asyncio.run(ask())


@pytest.mark.parametrize("is_cut", [False, True])
def test_what_waits_for_an_answer_goes_on_after_its_end(served: Served, is_cut: bool) -> None:
    """A prompt that goes on from one which is being answered waits for it, and there is nothing else to do then."""
    first = {"model": served.model, "prompt": f"apple {is_cut}", "max_tokens": 60, "ignore_eos": True}

    async def ask() -> int:
        async with soak.client_of(served.root, KEY) as client:
            async with client.stream("POST", soak.TEXT, json=first | {"stream": True}) as response:
                lines = response.aiter_lines()
                await anext(lines)
                second = {"model": served.model, "prompt": f"apple {is_cut} pear", "max_tokens": 2}
                waiting = asyncio.create_task(client.post(soak.TEXT, json=second))
                async for _ in lines:
                    if (
                        is_cut
                        and (await Soak(client, "", random.Random()).metrics())["lathe_waiting_requests"]
                    ):
                        break
            return (await asyncio.wait_for(waiting, 30)).status_code

    assert asyncio.run(ask()) == 200


def test_bodies_out_of_nowhere(served: Served) -> None:
    async def ask() -> Fuzz:
        async with soak.client_of(served.root, KEY) as client:
            fuzzed = Fuzz(client, served.model, random.Random(1))
            await fuzzed.run(150)
            assert await fuzz.answers(client, served.model)
            return fuzzed

    fuzzed = asyncio.run(ask())
    assert fuzzed.faults == []
    assert fuzzed.statuses[200] > 5
    assert fuzzed.statuses[400] > 50


def test_millions_of_answers_are_refused(served: Served) -> None:
    async def ask() -> tuple[int, str]:
        async with soak.client_of(served.root, KEY) as client:
            body = {"model": served.model, "prompt": ["a"] * 1_000_000, "n": 128}
            response = await client.post(soak.TEXT, json=body)
            return response.status_code, response.json()["error"]["param"]

    assert asyncio.run(ask()) == (400, "prompt")


@pytest.mark.slow
@pytest.mark.parametrize("engine", list(MISSING))
@pytest.mark.parametrize(
    ("trial", "options"),
    [(soak.soak_server, soak.SERVER_OPTIONS), (fuzz.fuzz_server, fuzz.SERVER_OPTIONS)],
    ids=["soak", "fuzz"],
)
def test_memory_comes_back(
    engine: str, trial: Callable[[Server, int, int], Awaitable[bool]], options: tuple[str, ...]
) -> None:
    with lathe_server(soak.MODEL, "--engine", engine, *options, api_key=soak.KEY) as server:
        assert asyncio.run(trial(server, 1500, 1))  # type: ignore[arg-type]
