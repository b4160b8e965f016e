"""The adaptive limit, against servers whose speed is known, on a clock of their own."""

import asyncio
import heapq
import itertools
import random
from collections.abc import Callable

import pytest

from promptlathe.engines.concurrency import AdaptiveLimit, Gate


class Simulated:
    """A server that works on `slots` requests at once, one second each (with `jitter`, up to so much more or
    less), and refuses what is beyond `admits`. A refused request is sent again. `history` has the places after
    each answer."""

    def __init__(self, *, slots: int, admits: int = 10**6, jitter: float = 0.1, ceiling: int = 256) -> None:
        self.now = 0.0
        self.slots, self.admits = slots, admits
        self.limit = AdaptiveLimit(lambda: self.now, ceiling=ceiling)
        self.history: list[int] = []
        self.refusals = 0
        self._jitter = jitter
        self._random = random.Random(1)
        self._free_at = [0.0] * slots
        self._ending: list[tuple[float, int]] = []
        self._serial = itertools.count()

    def run(self, answers: int) -> float:
        """Answers per second over all."""
        start = self.now
        for _ in range(answers):
            while len(self._ending) < self.limit.places:
                if len(self._ending) >= self.admits:
                    self.refusals += 1
                    self.limit.refused(self.now)
                    self.now += 0.001
                else:
                    self._send()
            self.now = heapq.heappop(self._ending)[0]
            self.limit.answered()
            self.history.append(self.limit.places)
        return answers / (self.now - start)

    def _send(self) -> None:
        begins = max(self.now, heapq.heappop(self._free_at))
        ends = begins + 1 + self._random.uniform(-self._jitter, self._jitter)
        heapq.heappush(self._free_at, ends)
        heapq.heappush(self._ending, (ends, next(self._serial)))


@pytest.mark.parametrize("slots", [1, 4, 16, 64, 200])
def test_it_uses_the_whole_server_without_drowning_it(slots: int) -> None:
    server = Simulated(slots=slots)
    server.run(30 * slots + 100)
    server.history.clear()
    rate = server.run(60 * slots)
    assert rate > 0.9 * slots
    usual = sorted(server.history)[len(server.history) // 2]
    assert slots <= max(usual, 8) <= max(2.5 * slots, 16)


def test_a_fast_server_gets_many_within_a_few_hundred_answers() -> None:
    server = Simulated(slots=1000)
    server.run(300)
    assert server.limit.places >= 64


def test_the_ceiling_is_never_passed() -> None:
    server = Simulated(slots=1000, ceiling=20)
    server.run(2000)
    assert max(server.history) == 20
    assert AdaptiveLimit(lambda: 0.0, ceiling=3).places == 3


def test_a_server_that_refuses_is_asked_just_below_what_it_takes() -> None:
    server = Simulated(slots=100, admits=20)
    rate = server.run(4000)
    assert rate > 12
    assert server.refusals < 200
    assert min(server.history) >= 5


def test_many_refusals_of_what_was_sent_together_count_once() -> None:
    now = [0.0]
    limit = AdaptiveLimit(lambda: now[0])
    now[0] = 1.0
    for _ in range(8):
        limit.refused(sent_at=0.5)
    assert limit.places == 4
    now[0] = 2.0
    limit.refused(sent_at=1.5)
    assert limit.places == 2
    for now[0] in (3.0, 4.0, 5.0):
        limit.refused(sent_at=now[0])
    assert limit.places == 1


def test_a_pause_is_no_slowness() -> None:
    server = Simulated(slots=1000)
    for _ in range(6):
        server.run(200)
        server.now += 1000
        server.limit.idle()
    assert server.limit.places >= 64


async def test_the_gate_lets_in_as_many_as_there_are_places() -> None:
    now = [0.0]
    limit = AdaptiveLimit(lambda: now[0])
    gate = Gate(limit)
    inside, most = 0, 0

    async def enter(then: Callable[[], None] = lambda: None) -> None:
        nonlocal inside, most
        async with gate:
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            then()
            inside -= 1

    await asyncio.gather(*(enter() for _ in range(50)))
    assert (most, inside) == (8, 0)
    now[0], most = 1.0, 0
    limit.refused(1.0)
    await asyncio.gather(*(enter() for _ in range(50)))
    assert most == 4


async def test_who_gives_up_in_the_line_takes_no_place() -> None:
    gate = Gate(AdaptiveLimit(lambda: 0.0, ceiling=1))
    entered: asyncio.Queue[str] = asyncio.Queue()
    may_leave = asyncio.Event()

    async def enter(name: str) -> None:
        async with gate:
            entered.put_nowait(name)
            await may_leave.wait()

    a, b, c, d = (asyncio.create_task(enter(name)) for name in "abcd")
    assert await entered.get() == "a"
    b.cancel()  # in the line
    a.cancel()  # inside
    assert await entered.get() == "c"
    c.cancel()
    await asyncio.gather(a, b, c, return_exceptions=True)
    assert await entered.get() == "d"
    may_leave.set()
    await asyncio.wait_for(asyncio.gather(d, enter("e")), 10)
    assert entered.get_nowait() == "e"


async def test_who_is_let_in_and_cancelled_at_once_leaves_the_place_to_the_next() -> None:
    gate = Gate(AdaptiveLimit(lambda: 0.0, ceiling=1))

    async def enter() -> None:
        async with gate:
            await asyncio.sleep(0)

    async with gate:
        waiting = asyncio.create_task(enter())
        await asyncio.sleep(0)
    waiting.cancel()  # its turn has come, but it has not run yet
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.wait_for(enter(), 10)
