"""Admission against a simulated engine that breaks the way real ones do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from promptlathe.engines import admission as admission_module
from promptlathe.engines.admission import Admission, Candidate, TokenIds, block_keys

BLOCK = 3
Tokens = tuple[int, ...]


def ids(tokens: Sequence[int]) -> TokenIds:
    return np.array(tokens, dtype=np.int64)


@dataclass(frozen=True)
class Ask:
    """A prompt and what a model will answer; each phase takes that many turns of the simulation."""

    prompt: Tokens
    answer: Tokens
    prefill_turns: int
    is_cancelled: bool = False


@dataclass(eq=False)
class Running:
    candidate: Candidate[Ask]
    generated: int = 0
    prefill_left: int = 0
    computes: set[Tokens] = field(default_factory=set)
    extends: set[Tokens] = field(default_factory=set)

    @property
    def ask(self) -> Ask:
        return self.candidate.item

    @property
    def computed(self) -> Tokens:
        """Tokens in the cache: the prompt, and all generated but the last."""
        return (*self.ask.prompt, *self.ask.answer[: max(self.generated - 1, 0)])


def blocks_of(tokens: Tokens) -> set[Tokens]:
    """Every full block, as all tokens up to its end."""
    return {tokens[:end] for end in range(BLOCK, len(tokens) + 1, BLOCK)}


def goes_on_from(prompt: Tokens, tail: Tokens) -> bool:
    return len(tail) % BLOCK != 0 and len(prompt) > len(tail) and prompt[: len(tail)] == tail


class SimulatedEngine:
    """A block cache that asserts, at every start, what spoils answers or wastes work in a real one."""

    def __init__(self, asks: Sequence[Ask], window: int) -> None:
        self.admission: Admission[Ask] = Admission(block_size=BLOCK, window=window)
        self.window = window
        self.asks = list(asks)
        self.source = iter([self.admission.candidate(ask, ids(ask.prompt)) for ask in self.asks])
        self.blocks: set[Tokens] = set()
        self.tails: set[Tokens] = set()
        self.running: list[Running] = []
        self.started: list[Ask] = []

    def run(self) -> None:
        while True:
            self.start()
            if not self.running:
                return
            self.turn()

    def start(self) -> None:
        for candidate in self.admission.admit(self.source):
            self._check(candidate.item)
            prompt = candidate.item.prompt
            computes = blocks_of(prompt) - self.blocks
            extends = {tail for tail in self.tails if goes_on_from(prompt, tail)}
            flight = Running(candidate, 0, candidate.item.prefill_turns, computes, extends)
            self.running.append(flight)
            self.started.append(candidate.item)
            assert self.admission.running == len(self.running) <= self.window

    def turn(self) -> None:
        for flight in list(self.running):
            if flight.prefill_left:
                flight.prefill_left -= 1
                if flight.ask.is_cancelled and not flight.prefill_left:
                    self._finish(flight)
                continue
            if not flight.generated:
                self.admission.first_token(flight.candidate)
                self.blocks |= blocks_of(flight.ask.prompt)
                flight.computes = set()
            flight.generated += 1
            if flight.generated >= len(flight.ask.answer):
                self._finish(flight)

    def _finish(self, flight: Running) -> None:
        self.running.remove(flight)
        self.admission.finished(flight.candidate, ids(flight.ask.answer[: flight.generated]))
        if len(flight.computed) % BLOCK:
            self.tails.add(flight.computed)

    def _check(self, ask: Ask) -> None:
        for other in self.running:
            new = blocks_of(ask.prompt) - self.blocks
            shared = new & other.computes
            assert not shared, f"{shared} computed twice at once"
            assert not goes_on_from(ask.prompt, other.ask.prompt), "extends a growing tail"
            both = {tail for tail in other.extends if goes_on_from(ask.prompt, tail)}
            assert not both, f"two in flight extend {both}"


tokens = st.lists(st.integers(0, 1), max_size=11).map(tuple)
answers = st.lists(st.integers(0, 1), min_size=1, max_size=7).map(tuple)
asks = st.builds(Ask, tokens, answers, st.integers(0, 3), st.booleans())
rounds = st.lists(st.tuples(asks, st.integers(1, 3)), max_size=20).map(
    lambda drawn: [ask for ask, count in drawn for _ in range(count)]
)


@settings(max_examples=300, deadline=None)
@given(rounds, st.integers(1, 6))
@example([Ask((0, 0), (1,), 1)] * 3 + [Ask((0, 0, 1), (1,), 1), Ask((0, 0, 0, 1), (0,), 2)], 4)
def test_nothing_is_spoilt_computed_twice_or_left_waiting(drawn: list[Ask], window: int) -> None:
    engine = SimulatedEngine(drawn, window)
    engine.run()
    assert sorted(map(id, engine.started)) == sorted(map(id, drawn))


def run(*drawn: Ask, window: int = 8) -> SimulatedEngine:
    engine = SimulatedEngine(drawn, window)
    engine.run()
    return engine


def starts_together(*drawn: Ask, before: Sequence[Ask] = (), window: int = 8) -> list[int]:
    """Which of `drawn` start at once in an engine that has finished `before`."""
    engine = run(*before, window=window)
    engine.source = iter([engine.admission.candidate(ask, ids(ask.prompt)) for ask in drawn])
    engine.start()
    return [drawn.index(flight.ask) for flight in engine.running]


A, B = 10, 20
"""Ends of prompts that differ; 0 and 1 are the shared part."""


def prompt(*tokens: int) -> Ask:
    return Ask(tokens, (5,), 1)


@pytest.mark.parametrize(
    ("before", "drawn", "started"),
    [
        pytest.param([], [prompt(0, 1, 0, A), prompt(0, 1, 0, B)], [0], id="a new prefix is computed once"),
        pytest.param(
            [prompt(0, 1, 0)], [prompt(0, 1, 0, A), prompt(0, 1, 0, B)], [0, 1], id="a known prefix is shared"
        ),
        pytest.param([], [prompt(0, A), prompt(0, B)], [0, 1], id="less than a block is no prefix"),
        pytest.param(
            [prompt(0, 1)], [prompt(0, 1, A), prompt(0, 1, B)], [0], id="one at a time goes on from a tail"
        ),
        pytest.param([], [prompt(0), prompt(0, A)], [0], id="nothing goes on from what still grows"),
        pytest.param(
            [prompt(0, 1)],
            [prompt(0, 1, A), prompt(0, 1, B), prompt(1, A), prompt(1, B)],
            [0, 2, 3],
            id="what waits holds up nothing else",
        ),
    ],
)
def test_who_may_start_together(before: list[Ask], drawn: list[Ask], started: list[int]) -> None:
    assert starts_together(*drawn, before=before) == started


def test_identical_prompts_run_side_by_side() -> None:
    same = [Ask((0, 1), (5, 6), 1) for _ in range(4)]
    engine = SimulatedEngine(same, 8)
    engine.start()
    assert engine.admission.running == 4
    long = [Ask((0, 1, 0, 1), (5, 6), 1) for _ in range(4)]
    engine = SimulatedEngine(long, 8)
    engine.start()
    assert engine.admission.running == 1
    for _ in range(2):
        engine.turn()
    engine.start()
    assert engine.admission.running == 4


@given(st.lists(st.integers(2, 1000), unique=True, max_size=30), st.integers(1, 5))
def test_order_is_kept_where_nothing_is_shared(firsts: list[int], window: int) -> None:
    drawn = [prompt(first, 0, 0, 0) for first in firsts]
    assert run(*drawn, window=window).started == drawn


def test_those_that_waited_keep_their_order_and_go_first() -> None:
    drawn = [prompt(0, 1, 0, number) for number in range(A, A + 6)]
    others = [prompt(number) for number in range(30, 34)]
    engine = run(*drawn, *others, window=3)
    assert [ask for ask in engine.started if ask in drawn] == drawn
    assert engine.started.index(drawn[1]) < engine.started.index(others[-1])


def test_the_source_is_read_no_further_than_two_windows() -> None:
    read = 0

    def source() -> Iterator[Candidate[Ask]]:
        nonlocal read
        for number in range(100):
            read += 1
            ask = prompt(0, 1, 0, number)
            yield admission.candidate(ask, ids(ask.prompt))

    admission: Admission[Ask] = Admission(block_size=BLOCK, window=4)
    assert len(list(admission.admit(source()))) == 1
    assert read == 1 + 4


def test_a_given_up_batch_leaves_nothing_that_waits() -> None:
    engine = SimulatedEngine([prompt(0, 1, 0, number) for number in range(A, A + 5)], 4)
    engine.start()
    engine._finish(engine.running[0])
    engine.admission.forget_waiting()
    assert list(engine.admission.admit(iter(()))) == []


def test_a_prefix_given_up_half_way_is_computed_by_one_other() -> None:
    engine = SimulatedEngine([Ask((0, 1, 0, A), (5,), 1, is_cancelled=True), *[prompt(0, 1, 0, B)] * 3], 4)
    engine.start()
    engine.turn()
    engine.start()
    assert engine.admission.running == 1


def test_what_it_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission_module, "_REMEMBERED", 10)
    drawn = [Ask((number, 1, 0, number), (5, 6), 0) for number in range(200)]
    engine = run(*drawn)
    sizes = [
        len(engine.admission._computed._members),
        len(engine.admission._finished_tails._members),
        len(engine.admission._finished_rests._counts),
    ]
    assert sizes == [10, 10, 10]
    assert not any(
        [
            engine.admission._growing_rests._counts,
            engine.admission._held_tails,
            engine.admission._computing,
            engine.admission._running,
            engine.admission._waiting,
        ]
    )


@given(tokens, tokens)
def test_keys_are_equal_exactly_where_the_blocks_are(left: Tokens, right: Tokens) -> None:
    left_keys, right_keys = block_keys(ids(left), BLOCK), block_keys(ids(right), BLOCK)
    assert len(left_keys) == 1 + len(left) // BLOCK
    for index, (one, other) in enumerate(zip(left_keys, right_keys, strict=False)):
        assert (one == other) == (left[: index * BLOCK] == right[: index * BLOCK])


@pytest.mark.parametrize(
    ("before", "other", "joins"),
    [
        pytest.param([], prompt(0, 1, 0, B), True, id="the same new block, side by side"),
        pytest.param([prompt(0, 1, 0)], prompt(0, 1, 0, B), True, id="a known block"),
        pytest.param([prompt(0, 1, 0, 1)], prompt(0, 1, 0, 1, B), False, id="a tail of what is finished"),
        pytest.param([], prompt(0, 1, 0, A, B), False, id="a tail that still grows"),
    ],
)
def test_what_may_join_the_one_that_just_started(before: list[Ask], other: Ask, joins: bool) -> None:
    engine = run(*before)
    engine.source = iter([engine.admission.candidate(prompt(0, 1, 0, A), ids((0, 1, 0, A)))])
    (first,) = engine.admission.admit(engine.source)
    second = engine.admission.candidate(other, ids(other.prompt))
    assert engine.admission.join(second) == joins
    assert engine.admission.running == 1 + joins
    for candidate in (first, second)[: 1 + joins]:
        engine.admission.first_token(candidate)
        engine.admission.finished(candidate, ids((5,)))
    assert engine.admission.running == 0
    late = engine.admission.candidate(prompt(0, 1, 0, 7), ids((0, 1, 0, 7)))
    assert list(engine.admission.admit(iter([late]))) == [late], "nothing is left to wait for"
