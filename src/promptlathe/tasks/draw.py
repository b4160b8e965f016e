"""Pseudo-random choices that are the same on every machine and in every version of Python."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


class Draw:
    """A stream of choices made from SHA-256 of its key and a counter.

    `random.Random` promises the same stream across versions for `random()` alone; cases are pinned byte for
    byte, so they are drawn from a hash. The modulo's bias is below 2**-50 for the small ranges used here.
    """

    def __init__(self, *key: str | int) -> None:
        self._key = "/".join(map(str, key))
        self._count = 0

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        digest = hashlib.sha256(f"{self._key}/{self._count}".encode()).digest()
        self._count += 1
        return low + int.from_bytes(digest[:8], "big") % (high - low + 1)

    def pick(self, items: Sequence[Item]) -> Item:
        return items[self.between(0, len(items) - 1)]
