"""When a request may join the running batch of an engine whose prefix cache shares blocks of tokens.

Two facts about such engines decide speed and correctness (seen on OpenVINO GenAI 2026.4, kept by tests):

1. A prefix can be shared only once its blocks are computed. Requests that bring the same new prefix at the same
   time compute it once *each*. So the first to come computes it, and the others wait for its first token.
2. A sequence that ends inside a block leaves that partial block, its *tail*, findable. Requests that extend one
   tail side by side write into the same memory: their answers are spoilt, and so are the full blocks that stay
   cached for later ones. So at most one request at a time may extend a tail, and none while the sequence that
   owns it still grows. (Identical prompts are no extension: the engine computes their last token anew.)

Nothing here knows what tokens mean or how an engine is called.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

TokenIds = npt.NDArray[np.int64]
"""Token ids of one sequence, shape (length,)."""

BlockKey = bytes
"""Digest of all tokens from the start of a sequence to the end of one of its blocks."""


class Tail(NamedTuple):
    """Where a sequence ends: the key of its full blocks, and the bytes of the tokens after them."""

    blocks: BlockKey
    rest: bytes


_REMEMBERED = 65_536
"""How many blocks and tails to remember. More than a cache holds is harmless: at worst a prefix is computed twice."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Candidate(Generic[T]):
    """A request on its way into the batch; `item` is the caller's own."""

    item: T
    token_ids: TokenIds
    keys: tuple[BlockKey, ...]
    """`keys[i]` names the first i blocks, `keys[0]` the empty start: full blocks + 1 of them."""


def block_keys(token_ids: TokenIds, block_size: int) -> tuple[BlockKey, ...]:
    """Chained digests: two sequences have their first i blocks in common exactly if their `keys[i]` are equal."""
    keys = [b""]
    for start in range(0, len(token_ids) - block_size + 1, block_size):
        block = token_ids[start : start + block_size].tobytes()
        keys.append(blake2b(keys[-1] + block, digest_size=16).digest())
    return tuple(keys)


class Admission(Generic[T]):
    """Feeds one engine, in the order given except where waiting buys a shared prefix.

    `window` bounds the requests in the batch.
    The caller reports back `first_token` and `finished` for everything that `admit` gave out.
    """

    def __init__(self, *, block_size: int, window: int) -> None:
        self._block_size = block_size
        self._window = window
        self._computed: _Recent[BlockKey] = _Recent(_REMEMBERED)
        self._finished_tails: _Recent[Tail] = _Recent(_REMEMBERED)
        self._finished_rests = _Rests()
        self._growing_rests = _Rests()
        self._held_tails: set[Tail] = set()
        self._computing: dict[BlockKey, Candidate[T]] = {}
        self._running: dict[int, frozenset[Tail]] = {}
        self._waiting: list[Candidate[T]] = []

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def waiting(self) -> int:
        """How many were held back; with nothing running, the next `admit` gives some of them out."""
        return len(self._waiting)

    def candidate(self, item: T, token_ids: TokenIds) -> Candidate[T]:
        return Candidate(item, token_ids, block_keys(token_ids, self._block_size))

    def admit(self, source: Iterator[Candidate[T]]) -> Iterator[Candidate[T]]:
        """Give out what may start now: first those that waited, then new ones, at most a window of each."""
        waiting, self._waiting = self._waiting, []
        for candidate in waiting:
            if self.running < self._window and self._may_start(candidate):
                yield self._start(candidate)
            else:
                self._waiting.append(candidate)
        while self.running < self._window and len(self._waiting) < self._window:
            following = next(source, None)
            if following is None:
                return
            if self._may_start(following):
                yield self._start(following)
            else:
                self._waiting.append(following)

    def join(self, candidate: Candidate[T]) -> bool:
        """Start `candidate` beside one that `admit` gave out just now, before the next step, though both compute
        the same blocks; False, and nothing done, if it goes on from a tail, which it may not do side by side."""
        if any(self._extended(candidate, self._growing_rests)) or any(
            self._extended(candidate, self._finished_rests)
        ):
            return False
        self._start(candidate)
        return True

    def first_token(self, candidate: Candidate[T]) -> None:
        """The prompt of `candidate` is computed: whoever shares blocks with it may come."""
        self._computes_no_more(candidate)
        for key in candidate.keys[1:]:
            self._computed.add(key)

    def finished(self, candidate: Candidate[T], generated: TokenIds) -> None:
        """`candidate` left the batch, having generated these tokens (the last of which is never computed).

        With none generated it was given up before its prompt was computed: the next to come computes it.
        """
        self._computes_no_more(candidate)
        self._held_tails -= self._running.pop(id(candidate))
        self._growing_rests.remove(self._tail(candidate.token_ids, candidate.keys))
        sequence = np.concatenate([candidate.token_ids, generated[:-1]])
        tail = self._tail(sequence, block_keys(sequence, self._block_size))
        if tail.rest and tail not in self._finished_tails:
            self._finished_rests.add(tail)
            forgotten = self._finished_tails.add(tail)
            if forgotten is not None:
                self._finished_rests.remove(forgotten)

    def cached_tokens(self, candidate: Candidate[T]) -> int:
        """How many of the prompt's tokens stand in computed blocks, as far as this knows."""
        missing = next(
            (index for index, key in enumerate(candidate.keys[1:]) if key not in self._computed),
            len(candidate.keys) - 1,
        )
        return missing * self._block_size

    def withdraw(self, is_unwanted: Callable[[T], bool]) -> bool:
        """Forget those that wait for a place and are unwanted; whether there were any."""
        kept = [candidate for candidate in self._waiting if not is_unwanted(candidate.item)]
        found = len(kept) < len(self._waiting)
        self._waiting = kept
        return found

    def forget_waiting(self) -> None:
        """The batch was given up: what waited for a place will not come."""
        self._waiting = []

    def _may_start(self, candidate: Candidate[T]) -> bool:
        missing = next((key for key in candidate.keys[1:] if key not in self._computed), None)
        if missing is not None and missing in self._computing:
            return False
        if any(self._extended(candidate, self._growing_rests)):
            return False
        return self._held_tails.isdisjoint(self._extended(candidate, self._finished_rests))

    def _computes_no_more(self, candidate: Candidate[T]) -> None:
        for key in candidate.keys[1:]:
            if self._computing.get(key) is candidate:
                del self._computing[key]

    def _start(self, candidate: Candidate[T]) -> Candidate[T]:
        held = frozenset(self._extended(candidate, self._finished_rests))
        self._held_tails |= held
        self._running[id(candidate)] = held
        self._growing_rests.add(self._tail(candidate.token_ids, candidate.keys))
        for key in candidate.keys[1:]:
            if key not in self._computed:
                self._computing.setdefault(key, candidate)
        return candidate

    def _tail(self, token_ids: TokenIds, keys: tuple[BlockKey, ...]) -> Tail:
        return Tail(keys[-1], token_ids[(len(keys) - 1) * self._block_size :].tobytes())

    def _extended(self, candidate: Candidate[T], rests: "_Rests") -> Iterator[Tail]:
        """Those of the tails that this prompt goes on from (an equal sequence does not go on)."""
        for index, key in enumerate(candidate.keys):
            known = rests.after(key)
            if known:
                own = candidate.token_ids[index * self._block_size :].tobytes()
                yield from (
                    Tail(key, rest) for rest in known if own.startswith(rest) and len(own) > len(rest)
                )


class _Rests:
    """A multiset of tails, looked up by their full blocks."""

    def __init__(self) -> None:
        self._counts: dict[BlockKey, Counter[bytes]] = {}

    def after(self, blocks: BlockKey) -> Iterable[bytes]:
        return self._counts.get(blocks, ())

    def add(self, tail: Tail) -> None:
        self._counts.setdefault(tail.blocks, Counter())[tail.rest] += 1

    def remove(self, tail: Tail) -> None:
        rests = self._counts[tail.blocks]
        rests[tail.rest] -= 1
        if not rests[tail.rest]:
            del rests[tail.rest]
        if not rests:
            del self._counts[tail.blocks]


H = TypeVar("H", bound=Hashable)


class _Recent(Generic[H]):
    """A set of the most recently added `capacity` members, as an engine's own cache forgets the stalest."""

    def __init__(self, capacity: int) -> None:
        self._members: OrderedDict[H, None] = OrderedDict()
        self._capacity = capacity

    def __contains__(self, member: H) -> bool:
        return member in self._members

    def add(self, member: H) -> H | None:
        """Add `member`, or make it fresh again; returns the member forgotten for it, if any."""
        self._members[member] = None
        self._members.move_to_end(member)
        return self._members.popitem(last=False)[0] if len(self._members) > self._capacity else None
