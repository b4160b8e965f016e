"""How many requests a server gets at once: more as long as that makes it faster, fewer when it says no."""

import asyncio
from collections import deque
from collections.abc import Callable

_FIRST = 8
_WORTHWHILE = 0.1
_HOLD_ROUNDS = 16
_STEP = 4


class AdaptiveLimit:
    """Finds the concurrency that a server can use, by trying.

    A round is as many answers as there are places. After each, the rate is compared with that of the last
    accepted limit: while doubling the places brings a tenth more answers per second (a smaller step in
    proportion), it goes on, otherwise it goes back and looks again 16 rounds later. A refusal (429, a timeout)
    halves the places, and from then on they grow by a quarter, never past `ceiling`. `clock` is in seconds.
    """

    def __init__(self, clock: Callable[[], float], *, ceiling: int = 256) -> None:
        self._clock = clock
        self._ceiling = ceiling
        self._accepted = min(_FIRST, ceiling)
        self._accepted_rate = 0.0
        self._is_doubling = True
        self._rounds_to_hold = 0
        self._places, self._changed_at = self._accepted, clock()
        self._start_round(self._places)

    @property
    def places(self) -> int:
        return self._places

    def answered(self) -> None:
        """An answer has come."""
        self._answers += 1
        elapsed_s = self._clock() - self._round_started
        if self._answers >= self._places and elapsed_s > 0:
            self._end_round(self._answers / elapsed_s)

    def refused(self, sent_at: float) -> None:
        """The server had too much to do for a request that was sent at that time.

        What was sent before the last change says nothing about the present limit.
        """
        if sent_at < self._changed_at:
            return
        self._is_doubling = False
        self._accepted, self._accepted_rate = max(1, self._places // 2), 0.0
        self._rounds_to_hold = 2
        self._start_round(self._accepted)

    def idle(self) -> None:
        """There was a pause: the round that it fell into cannot be measured."""
        self._start_round(self._places)

    def _end_round(self, rate: float) -> None:
        if self._places > self._accepted:
            wanted = 1 + _WORTHWHILE * (self._places / self._accepted - 1)
            if rate < self._accepted_rate * wanted:
                self._rounds_to_hold = _HOLD_ROUNDS
                self._start_round(self._accepted)
                return
        elif self._rounds_to_hold > 0:
            self._accepted_rate = rate
            self._rounds_to_hold -= 1
            self._start_round(self._places)
            return
        self._accepted, self._accepted_rate = self._places, rate
        self._start_round(self._grown())

    def _grown(self) -> int:
        step = self._accepted if self._is_doubling else max(1, self._accepted // _STEP)
        return min(self._accepted + step, self._ceiling)

    def _start_round(self, places: int) -> None:
        self._answers = 0
        self._round_started = self._clock()
        if places != self._places:
            self._places, self._changed_at = places, self._round_started


class Gate:
    """Lets as many in at once as the limit has places; the rest waits in line. For one event loop."""

    def __init__(self, limit: AdaptiveLimit) -> None:
        self._limit = limit
        self._inside = 0
        self._line: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        if self._line or self._inside >= self._limit.places:
            turn = asyncio.get_running_loop().create_future()
            self._line.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._leave()
                raise
        else:
            self._inside += 1

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        self._inside -= 1
        while self._line and self._inside < self._limit.places:
            turn = self._line.popleft()
            if not turn.done():
                self._inside += 1
                turn.set_result(None)
