"""The whole search on a model with known truth: what it finds, what it claims, what it spends."""

from datetime import UTC, datetime

import pytest

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
PLANTED = (*HINTS.rules, *HINTS.output_formats, HINTS.workflow[0])


async def search(seed: int, skill, *, budget: int = 1500, agreement: float = 0.0) -> Optimized:
    evaluator = simulated(seed, skill, agreement=agreement)
    effort = Effort(budget=budget, languages=("en",), seed=seed)
    ledger = Ledger(evaluator, budget, on_row=lambda _: None)
    strategy = race(ledger, effort, [BatteryProposer(), SectionProposer()])
    return await optimize(ledger, START, strategy, effort, now=lambda: NOW)


def proven(result: Optimized) -> bool:
    return result.certificate.claims["is_gain_proven"] is True


@pytest.mark.slow
async def test_a_gain_that_is_not_there_is_certified_in_at_most_alpha_of_500_searches() -> None:
    results = [await search(seed, lambda _: 0.5) for seed in range(500)]
    assert max(result.calls for result in results) <= 1500
    assert sum(map(proven, results)) <= 0.05 * len(results)


@pytest.mark.slow
@pytest.mark.parametrize("agreement", [0.0, 0.4])
async def test_a_planted_gain_of_15_points_is_found_and_certified(agreement: float) -> None:
    found = covered = certified = 0
    for seed in range(200):
        clue = PLANTED[seed % len(PLANTED)]
        result = await search(
            seed, lambda text, clue=clue: 0.65 if clue in text else 0.5, agreement=agreement
        )
        assert result.calls <= 1500
        found += proven(result)
        for comparison in result.certificate.claims["comparisons"]:
            truth = 0.15 if clue in result.certificate.prompts[0].text else 0.0
            certified += 1
            covered += comparison["interval"]["low"] <= truth <= comparison["interval"]["high"]
    assert found >= 0.8 * 200
    assert covered >= 0.92 * certified
