"""When a request that failed is sent again."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from promptlathe.engines.remote_errors import Fault

_SHORTEST_S = 0.05


@dataclass(frozen=True, slots=True)
class Patience:
    """Exponential backoff with jitter: half a second, doubled with each attempt, half of it drawn by lot.

    What is broken gets `attempts`; what asks for time (429, a model that loads) gets all of `total_s`, which
    also bounds the waiting that a server asks for. `draw` gives numbers in [0, 1).
    """

    attempts: int = 5
    total_s: float = 600
    first_s: float = 0.5
    longest_s: float = 30
    draw: Callable[[], float] = random.random

    def delay_s(self, fault: Fault, attempt: int, spent_s: float) -> float | None:
        """How long to wait before the next attempt; None where there is to be none.

        `attempt` counts from 1, `spent_s` is the time since the first one was sent. A Retry-After is kept to,
        and at most a tenth longer, so that not all come back at once.
        """
        if fault.action in ("fail", "stop") or (fault.action == "retry" and attempt >= self.attempts):
            return None
        if fault.retry_after_s is not None:
            delay_s = max(_SHORTEST_S, fault.retry_after_s * (1 + self.draw() / 10))
        else:
            full = min(self.first_s * 2 ** min(attempt - 1, 20), self.longest_s)
            delay_s = full * (1 + self.draw()) / 2
        return delay_s if spent_s + delay_s <= self.total_s else None
