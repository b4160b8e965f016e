"""What sections are worth, where it is known."""

import pytest

from promptlathe.optimization.ablation import ablate
from promptlathe.optimization.ledger import Ledger
from promptlathe.prompts import Prompt, parse
from tests.optimization.conftest import evaluator
from tests.optimization.simulated import cases, simulated
from tests.scripted import skilled

PROMPT = Prompt(
    "p",
    parse(
        "# Role: Judge\n\n## Goals\nsay it\n\n## Rules\nthe clue\n\n## Style\nquite some idle words\n\n## Tone\nHARM\n"
    ),
)


def skill(text: str) -> float:
    return 0.5 + 0.3 * ("clue" in text) - 0.2 * ("HARM" in text)


def ledger(limit: int) -> Ledger:
    return Ledger(simulated(0, skill, agreement=0.5), limit, on_row=lambda _: None)


async def test_a_planted_worth_is_found() -> None:
    made = ledger(3000)
    worths = {worth.section: worth for worth in await ablate(made, PROMPT, cases("select", 400, seed=0))}
    assert set(worths) == {"Role", "Goals", "Rules", "Style", "Tone"}
    truth = {"Role": 0.0, "Goals": 0.0, "Rules": 0.3, "Style": 0.0, "Tone": -0.2}
    for name, worth in worths.items():
        assert worth.comparison.interval.low <= truth[name] <= worth.comparison.interval.high
        assert worth.comparison.cases == 400
    assert next(iter(worths)) == "Rules"
    assert list(worths)[-1] == "Tone"
    assert worths["Style"].tokens == len(["##", "Style", "quite", "some", "idle", "words"])
    assert worths["Tone"].is_idle
    assert not worths["Rules"].is_idle
    assert made.spent == 6 * 400


@pytest.mark.parametrize("limit", [0, 5, 6, 47, 120])
async def test_it_asks_what_the_budget_has_and_all_sections_the_same_cases(limit: int) -> None:
    made = ledger(limit)
    worths = await ablate(made, PROMPT, cases("select", 400, seed=0))
    assert made.spent == limit - limit % 6
    assert {worth.comparison.cases for worth in worths} == ({limit // 6} if limit >= 6 else set())


async def test_only_whole_clusters_are_asked() -> None:
    made = Ledger(evaluator(skilled(lambda _: 0.5)), 6 * 7, on_row=lambda _: None)
    chosen = made.evaluator.task.cases("select", 60)
    worths = await ablate(made, PROMPT, chosen)
    asked = [case for case in chosen if case.id in made.rows("p")]
    others = {case.cluster for case in chosen if case not in asked}
    assert 0 < worths[0].comparison.cases == len(asked) <= 7
    assert others.isdisjoint(case.cluster for case in asked)


async def test_without_sections_or_answers_there_is_nothing_to_say() -> None:
    assert await ablate(ledger(100), Prompt("p", parse("Say it.")), cases("select", 10, seed=0)) == ()
    made = ledger(100)
    asked = cases("select", 10, seed=0)
    made.evaluator.engine._fails_on = {case.question for case in asked}
    assert await ablate(made, PROMPT, asked) == ()


async def test_what_is_known_already_is_not_paid_again() -> None:
    made = ledger(1000)
    asked = cases("select", 50, seed=0)
    await made.ask([(PROMPT, asked)])
    await ablate(made, PROMPT, asked)
    assert made.spent == 6 * 50
