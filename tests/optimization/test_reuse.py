"""Tokens that need not be computed, against a count by hand."""

import pytest

from promptlathe.messages import Message
from promptlathe.optimization.ledger import Ledger
from promptlathe.optimization.reuse import shared_share
from promptlathe.prompts import Prompt, parse
from tests.optimization.simulated import cases, simulated


def messages(*contents: str) -> tuple[Message, ...]:
    roles = ["system", *["user", "assistant"] * len(contents)]
    return tuple(Message(role, content) for role, content in zip(roles, contents, strict=False))


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [
        pytest.param([], ["abcd"], 0.0, id="the first"),
        pytest.param(["abcd", "ef"], ["abcd", "ef"], 1.0, id="the same"),
        pytest.param(["abcd", "ef"], ["abcd", "eg"], 5 / 6, id="another question"),
        pytest.param(["abxx", "ef"], ["abcd", "ef"], 2 / 6, id="nothing counts after the first difference"),
        pytest.param(["x"], ["abcd"], 0.0, id="nothing shared"),
        pytest.param(["ab"], [""], 0.0, id="empty"),
    ],
)
def test_what_two_requests_share(before: list[str], after: list[str], share: float) -> None:
    assert shared_share(messages(*before), messages(*after)) == pytest.approx(share)


async def test_the_share_of_a_search_hangs_on_the_prompt_not_on_the_cache() -> None:
    made = simulated(0, lambda _: 0.5)
    asked = cases("select", 20, seed=0)
    system = " ".join(["word"] * 99)
    shares = []
    for _ in range(2):
        ledger = Ledger(made, 100, on_row=lambda _: None)
        await ledger.ask([(Prompt("long", parse(system)), asked)])
        assert ledger.reuse.prompt_tokens == 20 * 100
        shares.append(ledger.reuse.share)
    assert shares[0] == shares[1]
    assert 0.9 < shares[0] < 0.96  # 19 of 20 requests share all but the end of the question


async def test_prompts_that_differ_late_share_their_beginning() -> None:
    common = " ".join(["word"] * 200)
    asked = cases("select", 5, seed=0)

    async def share(*texts: str) -> float:
        ledger = Ledger(simulated(0, lambda _: 0.5), 100, on_row=lambda _: None)
        await ledger.ask([(Prompt(str(number), parse(text)), asked) for number, text in enumerate(texts)])
        return ledger.reuse.share

    assert await share(f"{common} a", f"{common} b") > await share(f"a {common}", f"b {common}") + 0.05


def test_nothing_asked_is_nothing_shared() -> None:
    assert Ledger(simulated(0, lambda _: 0.5), 1, on_row=lambda _: None).reuse.share == 0.0
