"""Races and certificates without a database: answers scripted, cases real."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import pytest

from promptlathe.engines.engine import Sampling
from promptlathe.evaluation.answers import Response, Row
from promptlathe.evaluation.plan import no_prompt
from promptlathe.evaluation.run import Evaluator
from promptlathe.optimization.given import GivenProposer
from promptlathe.optimization.ledger import Ledger
from promptlathe.optimization.optimize import Effort, Optimized, optimize
from promptlathe.optimization.search import Proposer, Search
from promptlathe.prompts import Prompt, parse
from promptlathe.tasks.case import Case
from promptlathe.tasks.task import get_task
from tests.fakes import Script, ScriptedEngine
from tests.scripted import TASK, skilled


class Remembered:
    """A recorder in memory."""

    def __init__(self) -> None:
        self.responses: dict[str, Response] = {}

    def cached(self, keys: Sequence[str]) -> Mapping[str, Response]:
        return {key: self.responses[key] for key in keys if key in self.responses}

    def record(self, rows: Sequence[Row]) -> None:
        self.responses |= {row.key: row.response for row in rows if row.response}

    def remember(self, key: str, response: Response) -> None:
        self.responses[key] = response


def prompt(name: str, words: int = 1) -> Prompt:
    return Prompt(name, parse(f"{name} {'word ' * words}"))


START = prompt("start")
GOOD = prompt("good")


def evaluator(script: Script, **options: object) -> Evaluator:
    engine = ScriptedEngine(script, **options)
    return Evaluator(get_task(TASK), engine, "scripted", Remembered(), Sampling(max_tokens=20))


def race(ledger: Ledger, effort: Effort, proposers: Sequence[Proposer], *, prompts: int = 2) -> Search:
    """The strategy `race` of this effort, as `make_strategy` sets it up."""
    task = ledger.evaluator.task
    return Search(
        ledger,
        select=effort.cases(task, "select"),
        propose=effort.cases(task, "propose"),
        proposers=proposers,
        settings=effort.settings,
        reserve=lambda promised: effort.reserve(promised, prompts),
    )


Prove = Callable[..., Optimized]


@pytest.fixture(scope="session")
def prove() -> Prove:
    """prove(start's skill, good's skill) -> what `optimize` makes of it."""

    async def made(start: float, good: float, *, sealed: int = 80, reads: list | None = None) -> Optimized:
        def skill(system: str) -> float:
            return {"start": start, "good": good}.get(system.partition(" ")[0], 0.3)

        def read(prompts: Sequence[Prompt], cases: Sequence[Case]) -> None:
            if reads is not None:
                reads.append((prompts, cases))

        effort = Effort(budget=700, select_cases=160, sealed_cases=sealed, least_sealed=sealed)
        ledger = Ledger(evaluator(skilled(skill)), effort.budget, on_row=lambda _: None)
        return await optimize(
            ledger,
            START,
            race(ledger, effort, [GivenProposer([GOOD])], prompts=3),
            effort,
            references=[no_prompt()],
            now=lambda: datetime(2026, 5, 1, tzinfo=UTC),
            on_sealed_read=read,
        )

    return made
