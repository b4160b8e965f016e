"""The ledger: every answer is asked for once, and never one more than the budget holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlathe.errors import UsageError
from promptlathe.optimization.ledger import Ledger
from promptlathe.prompts import Prompt, parse
from tests.optimization.conftest import START
from tests.optimization.simulated import cases, simulated

PROMPTS = [Prompt(f"p{number}", parse(f"Prompt {number}.")) for number in range(3)]
CASES = cases("select", 12, seed=0)


def made(limit: int) -> Ledger:
    return Ledger(simulated(0, lambda _: 0.5), limit, on_row=lambda _: None)


def asked(ledger: Ledger) -> int:
    return len(ledger.evaluator.engine.requests)


async def test_what_is_known_is_not_asked_again() -> None:
    ledger = made(30)
    assert await ledger.ask([(START, CASES[:8])])
    assert ledger.cost([(START, CASES[:10])]) == 2
    assert await ledger.ask([(START, CASES[:10])])
    assert await ledger.ask([(START, CASES[:10])])
    assert (ledger.spent, ledger.left, asked(ledger)) == (10, 20, 10)
    assert list(ledger.rows("start")) == [case.id for case in CASES[:10]]
    assert ledger.rows("nobody") == {}


async def test_what_the_budget_does_not_hold_is_not_begun() -> None:
    ledger = made(10)
    assert await ledger.ask([(START, CASES[:8])])
    assert not await ledger.ask([(PROMPTS[0], CASES[:2]), (PROMPTS[1], CASES[:1])])
    assert (ledger.spent, asked(ledger)) == (8, 8)
    assert await ledger.ask([(PROMPTS[0], CASES[:2])])
    assert (ledger.left, asked(ledger)) == (0, 10)


async def test_a_cached_answer_and_a_failed_one_count_like_any_other() -> None:
    first, evaluator = made(20), simulated(0, lambda _: 0.5)
    evaluator.engine._fails_on = {CASES[0].question}
    ledger = Ledger(evaluator, 20, on_row=lambda _: None)
    assert await ledger.ask([(START, CASES[:5])])
    assert ledger.spent == 5
    assert ledger.rows("start")[CASES[0].id].error
    again = Ledger(evaluator, 20, on_row=lambda _: None)
    assert await again.ask([(START, CASES[1:5])])
    assert (again.spent, len(evaluator.engine.requests)) == (4, 5)
    assert first.spent == 0


async def test_calls_made_elsewhere_are_paid_from_the_same_budget() -> None:
    ledger = made(3)
    assert ledger.pay(2)
    assert not ledger.pay(2)
    assert ledger.left == 1
    assert not await ledger.ask([(START, CASES[:2])])


async def test_every_row_is_told_once() -> None:
    told = []
    ledger = Ledger(simulated(0, lambda _: 0.5), 50, on_row=told.append)
    await ledger.ask([(prompt, CASES[:4]) for prompt in PROMPTS])
    await ledger.ask([(prompt, CASES[:5]) for prompt in PROMPTS])
    assert len({(row.prompt, row.case_id) for row in told}) == len(told) == 15


def test_a_negative_budget_is_refused() -> None:
    with pytest.raises(UsageError, match="a budget of -1 calls cannot be"):
        made(-1)


@given(st.integers(0, 40), st.lists(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12)), max_size=3)))
async def test_never_one_call_over(limit: int, works: list[list[tuple[int, int]]]) -> None:
    ledger = made(limit)
    for work in works:
        wanted = {(PROMPTS[which].name, case.id) for which, count in work for case in CASES[:count]}
        known = {(prompt.name, case_id) for prompt in PROMPTS for case_id in ledger.rows(prompt.name)}
        before = ledger.spent
        is_done = await ledger.ask([(PROMPTS[which], CASES[:count]) for which, count in work])
        assert is_done == (before + len(wanted - known) <= limit)
        assert ledger.spent == asked(ledger) <= limit
        assert ledger.spent - before == (len(wanted - known) if is_done else 0)
