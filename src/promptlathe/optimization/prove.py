"""The whole way from a starting prompt to a certificate: race on `select`, then prove on `sealed`."""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from promptlathe.evaluation.answers import Row, require_an_answer
from promptlathe.evaluation.run import Evaluator
from promptlathe.optimization.certificate import Certificate, SelectScore, certify, require_checkable
from promptlathe.optimization.race import Race, RaceResult, Standing
from promptlathe.prompts import Prompt
from promptlathe.tasks.case import Case, Language


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to spend: cases to choose on, cases to prove on, clusters in a block of the race."""

    select_cases: int = 160
    sealed_cases: int = 400
    block_clusters: int = 20
    seed: int = 0
    languages: tuple[Language, ...] = ("en", "zh")


@dataclass(frozen=True, slots=True)
class Proof:
    race: RaceResult
    certificate: Certificate
    sealed_rows: tuple[Row, ...]


class Prover:
    """`on_row` sees every answer, `on_standings` the race after each block, `on_sealed_read` the moment before
    sealed cases are used, with the prompts they are used on, so that it can be logged."""

    def __init__(
        self,
        evaluator: Evaluator,
        effort: Effort,
        *,
        now: Callable[[], datetime],
        on_row: Callable[[Row], None],
        on_standings: Callable[[Sequence[Standing]], None],
        on_sealed_read: Callable[[Sequence[Prompt], Sequence[Case]], None],
    ) -> None:
        self._evaluator = evaluator
        self._effort = effort
        self._now = now
        self._on_row = on_row
        self._on_standings = on_standings
        self._on_sealed_read = on_sealed_read

    async def prove(
        self, start: Prompt, candidates: Sequence[Prompt], references: Sequence[Prompt] = ()
    ) -> Proof:
        """Find the best of `candidates` and certify it against `start` and the `references`.

        If none wins the race, the start itself is measured on the sealed cases, and no gain is claimed.
        Raises EngineError where every sealed question failed, and TaskError, before anything is asked, for a
        task that only a judge grades.
        """
        effort, task = self._effort, self._evaluator.task
        require_checkable(task)
        select = task.cases("select", effort.select_cases, seed=effort.seed, languages=effort.languages)
        chosen_on: dict[str, dict[str, bool]] = {}

        def on_row(row: Row) -> None:
            if row.error is None:
                chosen_on.setdefault(row.prompt, {})[row.case_id] = row.is_correct
            self._on_row(row)

        race = Race(self._evaluator, start, candidates, on_row=on_row, on_standings=self._on_standings)
        result = await race.run(select, block=effort.block_clusters)
        winner = next(prompt for prompt in (start, *candidates) if prompt.name == result.winner)
        prompts = list({prompt.name: prompt for prompt in (winner, start, *references)}.values())
        sealed = task.cases("sealed", effort.sealed_cases, seed=effort.seed, languages=effort.languages)
        self._on_sealed_read(prompts, sealed)
        rows = []
        async with aclosing(self._evaluator.evaluate(prompts, sealed)) as found:
            async for row in found:
                rows.append(row)
                self._on_row(row)
        require_an_answer(rows)
        right = chosen_on.get(winner.name, {})
        seen = [case for case in select if case.id in right]
        certificate = certify(
            task=task,
            cases=sealed,
            seed=effort.seed,
            languages=effort.languages,
            prompts=[winner, start, *(prompt for prompt in prompts if prompt not in (winner, start))],
            rows=rows,
            select=SelectScore(
                correct=tuple(right[case.id] for case in seen),
                clusters=tuple(case.cluster for case in seen),
            ),
            engine=self._evaluator.engine.describe(),
            sampling=self._evaluator.sampling,
            created_at=self._now(),
        )
        return Proof(result, certificate, tuple(rows))
