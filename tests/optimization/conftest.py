"""Races and certificates without a database: answers scripted, cases real."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import pytest

from promptlathe.engines.engine import Sampling
from promptlathe.evaluation.answers import Response, Row
from promptlathe.evaluation.plan import no_prompt
from promptlathe.evaluation.run import Evaluator
from promptlathe.optimization.prove import Effort, Proof, Prover
from promptlathe.prompts import Prompt, parse
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


def prompt(name: str, words: int = 1) -> Prompt:
    return Prompt(name, parse(f"{name} {'word ' * words}"))


START = prompt("start")
GOOD, BETTER, BAD = prompt("good"), prompt("better"), prompt("bad")


def evaluator(script: Script, **options: object) -> Evaluator:
    engine = ScriptedEngine(script, **options)
    return Evaluator(get_task(TASK), engine, "scripted", Remembered(), Sampling(max_tokens=20))


Prove = Callable[..., Proof]


@pytest.fixture(scope="session")
def prove() -> Callable[..., Proof]:
    """prove(start's skill, good's skill) -> what the Prover makes of it."""

    async def made(
        start: float, good: float, *, select: int = 160, sealed: int = 80, reads: list | None = None
    ) -> Proof:
        def skill(system: str) -> float:
            return {"start": start, "good": good}.get(system.partition(" ")[0], 0.3)

        prover = Prover(
            evaluator(skilled(skill)),
            Effort(select, sealed),
            now=lambda: datetime(2026, 5, 1, tzinfo=UTC),
            on_row=lambda _: None,
            on_standings=lambda _: None,
            on_sealed_read=lambda prompts, cases: (reads if reads is not None else []).append(
                (prompts, cases)
            ),
        )
        return await prover.prove(START, [GOOD], [no_prompt()])

    return made
