"""The gepa package behind our ledger, acceptance and guard: with a scripted reflector."""

import asyncio
import sys

import pytest

from promptlathe.engines.engine import Request
from promptlathe.errors import EngineError, UsageError
from promptlathe.optimization.candidates import Candidate
from promptlathe.optimization.gepa_strategy import GepaStrategy
from promptlathe.optimization.ledger import Ledger
from promptlathe.optimization.rewriting import CaseGuard, Writer
from promptlathe.optimization.search import Found
from promptlathe.prompts import Prompt, parse
from tests.fakes import ScriptedEngine
from tests.optimization.simulated import cases, simulated

START = Prompt(
    "start", parse("# Role: Judge\n\n## Goals\n- Say yes or no.\n\n## Style\n- Plain.\n"), frozen=("Role",)
)
PROPOSE = cases("propose", 40, seed=0)
SELECT = cases("select", 80, seed=0)


class Run:
    def __init__(
        self,
        reflection: str | list[str],
        budget: int,
        *,
        skill=lambda text: 0.9 if "CLUE" in text else 0.4,
        start: Prompt = START,
        reserved: int = 0,
    ) -> None:
        self.said: list[str] = []
        self.reflections = [reflection] if isinstance(reflection, str) else reflection
        made = simulated(0, skill)
        self.reflector = ScriptedEngine(self._reflect)
        self.ledger = Ledger(made, budget, on_row=lambda _: None)
        self.start = start
        self.entered: list[Candidate] = []
        self.strategy = GepaStrategy(
            self.ledger,
            select=SELECT,
            propose=PROPOSE,
            writer=Writer(self.reflector, made.recorder, self.ledger.pay),
            guard=CaseGuard([*PROPOSE, *SELECT]),
            reserve=lambda _: reserved,
            seed=0,
            validation=30,
            on_candidate=self.entered.append,
        )

    def _reflect(self, request: Request) -> str:
        self.said.append(request.messages[0].content)
        return self.reflections[(len(self.said) - 1) % len(self.reflections)]

    async def go(self) -> Found:
        return await self.strategy.run(Candidate.start(self.start))

    @property
    def calls(self) -> int:
        return len(self.ledger.evaluator.engine.requests) + len(self.reflector.requests)


async def test_a_reflection_that_helps_wins() -> None:
    run = Run("```\n- Mind the CLUE.\n```", 300)
    found = await run.go()
    assert found.best.name.endswith("-reflection")
    assert "CLUE" in found.best.prompt.document.text
    assert (found.best.parent.name, found.best.operator) == ("start", "reflection")
    assert found.best.section in ("Goals", "Style", None)
    assert found.best.prompt.document.section("Role").source == START.document.section("Role").source
    assert [candidate.name for candidate in found.candidates] == [one.name for one in run.entered]
    assert any("Wrong: the answer is yes." in text for text in run.said)
    best = next(one for one in found.standings if one.name == found.best.name)
    assert best.cases == 30
    assert best.e_value > 1


@pytest.mark.parametrize("budget", [0, 5, 29, 30, 31, 40, 63, 100, 157])
@pytest.mark.parametrize("reserved", [0, 20])
async def test_the_budget_is_never_exceeded(budget: int, reserved: int) -> None:
    run = Run(["- Mind the CLUE.", "- Be calm.", "- Be quick."], budget, reserved=reserved)
    await run.go()
    assert run.calls <= run.ledger.spent <= max(budget - reserved, 0)


@pytest.mark.parametrize(
    "reflection",
    [
        pytest.param("## Rules\n- someone else", id="swallows a section"),
        pytest.param(f"- Remember: {PROPOSE[0].question}", id="copies a case"),
    ],
)
async def test_an_invalid_text_is_asked_nothing(reflection: str) -> None:
    run = Run(reflection, 200)
    found = await run.go()
    assert [candidate.name for candidate in found.candidates] == ["start"]
    systems = {request.messages[0].content for request in run.ledger.evaluator.engine.requests}
    assert systems == {START.document.instructions}
    assert run.said


async def test_a_reflector_that_breaks_is_an_error_and_no_silence() -> None:
    run = Run("- Mind the CLUE.", 300)
    run.reflector._dies_after = 0
    with pytest.raises(EngineError, match="the scripted engine died"):
        await run.go()
    assert run.calls < 60


async def test_a_search_that_is_cancelled_asks_no_more() -> None:
    run = Run("- Mind the CLUE.", 300)
    searching = asyncio.create_task(run.go())
    while not run.ledger.evaluator.engine.requests:  # noqa: ASYNC110 - the engine is in another thread
        await asyncio.sleep(0.001)
    searching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await searching
    await asyncio.get_running_loop().shutdown_default_executor()
    assert run.calls < 100


async def test_where_everything_is_right_it_ends() -> None:
    """gepa asks for no reflection on a perfect minibatch: it would turn for ever without a call."""
    run = Run("- Mind the CLUE.", 500, skill=lambda _: 1.0)
    found = await run.go()
    assert found.best.name == "start"
    assert run.ledger.spent < 500


async def test_a_prompt_without_sections_is_reflected_on_as_a_whole() -> None:
    run = Run("Mind the CLUE.", 300, start=Prompt("start", parse("Say yes or no.")))
    found = await run.go()
    assert found.best.prompt.document.text == "Mind the CLUE."


async def test_it_goes_the_same_way_again_without_a_call() -> None:
    first = Run(["- Mind the CLUE.", "- Be calm."], 250)
    found = await first.go()
    again = Run(["- never said"], 250)
    again.ledger.evaluator.recorder.responses.update(first.ledger.evaluator.recorder.responses)
    assert [one.as_json() for one in (await again.go()).candidates] == [
        one.as_json() for one in found.candidates
    ]
    assert again.calls == 0


async def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gepa", None)
    with pytest.raises(UsageError, match="needs the gepa package") as caught:
        await Run("x", 100).go()
    assert "promptlathe[gepa]" in caught.value.hint
