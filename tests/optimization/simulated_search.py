"""A whole search on the model with known truth, and what is to hold of many of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from promptlathe.optimization.ledger import Ledger
from promptlathe.optimization.operators import BatteryProposer, SectionProposer
from promptlathe.optimization.optimize import Effort, Optimized, optimize
from promptlathe.prompts import Prompt, parse
from tests.optimization.conftest import race
from tests.optimization.simulated import HINTS, simulated

START = Prompt(
    "start",
    parse("# Role: Judge\n\n## Goals\n- Say yes or no.\n\n## Workflow\n1. Read.\n2. Think.\n3. Answer.\n"),
)
NOW = datetime(2026, 5, 1, tzinfo=UTC)
BUDGET = 1500
SHARE_RIGHT, GAIN = 0.5, 0.15
CLUES = (*HINTS.rules, *HINTS.output_formats, HINTS.workflow[0])
"""What the proposers may hit upon, and the planted gain hangs on."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was certified; `truth` is the winner's real gain, which `covered` of the certificate's `intervals` hold."""

    calls: int
    is_proven: bool
    truth: float
    intervals: int
    covered: int

    @property
    def is_found(self) -> bool:
        return self.is_proven and self.truth > 0

    @property
    def is_false(self) -> bool:
        return self.is_proven and self.truth == 0


async def search(
    seed: int, skill: Callable[[str], float], *, budget: int = BUDGET, agreement: float = 0.0
) -> Optimized:
    evaluator = simulated(seed, skill, agreement=agreement)
    effort = Effort(budget=budget, languages=("en",), seed=seed)
    ledger = Ledger(evaluator, budget, on_row=lambda _: None)
    strategy = race(ledger, effort, [BatteryProposer(), SectionProposer()])
    return await optimize(ledger, START, strategy, effort, now=lambda: NOW)


async def outcome(seed: int, gain: float, *, agreement: float = 0.0) -> Outcome:
    """Of a search where prompts that have a certain clue are right by `gain` more often, and nothing else counts."""
    clue = CLUES[seed % len(CLUES)]
    skill = {True: SHARE_RIGHT + gain, False: SHARE_RIGHT}
    made = await search(seed, lambda text: skill[clue in text], agreement=agreement)
    certificate = made.certificate
    truth = gain if clue in certificate.prompts[0].text else 0.0
    comparisons = certificate.claims["comparisons"]
    intervals = [one["interval"] for one in comparisons] if isinstance(comparisons, list) else []
    covered = sum(interval["low"] <= truth <= interval["high"] for interval in intervals)
    return Outcome(made.calls, certificate.claims["is_gain_proven"] is True, truth, len(intervals), covered)


def coverage(outcomes: Sequence[Outcome]) -> tuple[int, int]:
    """Of how many intervals how many hold the truth: (covered, intervals)."""
    return sum(one.covered for one in outcomes), sum(one.intervals for one in outcomes)
