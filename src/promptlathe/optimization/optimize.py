"""From a starting prompt to a proven better one, under a hard budget: search on `select`, prove on `sealed`."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Literal

from promptlathe.evaluation.answers import Row, require_an_answer
from promptlathe.optimization.ablation import SectionWorth, ablate
from promptlathe.optimization.candidates import Candidate
from promptlathe.optimization.certificate import Certificate, SelectScore, certify, require_checkable
from promptlathe.optimization.evidence import Evidence
from promptlathe.optimization.ledger import Ledger
from promptlathe.optimization.reuse import Reuse
from promptlathe.optimization.search import LEAST_GAIN, Found, SearchSettings, Strategy
from promptlathe.prompts import Prompt
from promptlathe.statistics.power import cases_needed
from promptlathe.tasks.case import Case, Language
from promptlathe.tasks.task import Task

POWER = 0.95
"""Chance of proving the gain that the search promises, if it is true."""


@dataclass(frozen=True, slots=True)
class Effort:
    """What may be spent: `budget` model calls in all, and cases of each split at most."""

    budget: int = 1500
    propose_cases: int = 100
    select_cases: int = 400
    sealed_cases: int = 400
    least_sealed: int = 100
    seed: int = 0
    languages: tuple[Language, ...] = ("en", "zh")
    settings: SearchSettings = field(default_factory=SearchSettings)

    def cases(self, task: Task, split: Literal["propose", "select"]) -> tuple[Case, ...]:
        count = self.propose_cases if split == "propose" else self.select_cases
        return task.cases(split, count, seed=self.seed, languages=self.languages)

    def sealed_wanted(self, promised: Evidence) -> int:
        """Cases that prove the promised gain with `POWER`; a standard deviation less of it, for the best of many
        promises too much."""
        before = promised.share_before
        after = min(0.999, before + max(promised.mean - promised.sd, LEAST_GAIN))
        needed = cases_needed(min(before, 0.99), after, power=POWER)
        return min(max(self.least_sealed, needed), self.sealed_cases)

    def reserve(self, promised: Evidence, prompts: int) -> int:
        """Calls to keep for the sealed cases of the winner, the start and other `prompts`: a third of the budget
        while nothing is won, then as many as the proof needs, up to half."""
        if promised.mean <= LEAST_GAIN:
            return min(prompts * self.sealed_cases, max(self.budget // 3, prompts * self.least_sealed))
        return min(prompts * self.sealed_wanted(promised), max(self.budget // 2, prompts * self.least_sealed))


@dataclass(frozen=True, slots=True)
class Optimized:
    """Where nothing beat the start, the certificate is of the start itself, and claims no gain."""

    found: Found
    certificate: Certificate
    sealed_rows: tuple[Row, ...]
    sections: tuple[SectionWorth, ...]
    calls: int
    reuse: Reuse


async def optimize(
    ledger: Ledger,
    start: Prompt,
    strategy: Strategy,
    effort: Effort,
    *,
    references: Sequence[Prompt] = (),
    now: Callable[[], datetime],
    on_sealed_read: Callable[[Sequence[Prompt], Sequence[Case]], None] = lambda _, __: None,
) -> Optimized:
    """Find the best prompt that the budget allows, certify it against the start, and see what its sections are
    worth. The `references` answer the sealed cases as well. `strategy` and `ledger` are of this effort;
    `on_sealed_read` is told before sealed cases are used, so that it is logged.

    The same arguments take the same way, so a search that was cut off is gone on with by starting it again: what
    was answered comes from the cache. Raises TaskError for a task that only a judge
    grades, EngineError where every sealed question failed.
    """
    evaluator = ledger.evaluator
    task = evaluator.task
    require_checkable(task)
    select = effort.cases(task, "select")
    beginning = Candidate.start(start)
    found = await strategy.run(beginning)
    best = found.best
    prompts = list({prompt.name: prompt for prompt in (best.prompt, start, *references)}.values())
    count = effort.least_sealed
    if best is not beginning:
        count = effort.sealed_wanted(strategy.evidence(beginning, best))
    sealed = _sealed_cases(task, effort, min(count, ledger.left // len(prompts)))
    on_sealed_read(prompts, sealed)
    await ledger.ask([(prompt, sealed) for prompt in prompts])
    rows = [ledger.rows(prompt.name)[case.id] for prompt in prompts for case in sealed]
    require_an_answer(rows)
    chosen_on = [
        (case, row) for case in select if (row := ledger.rows(best.name).get(case.id)) and row.error is None
    ]
    sections = await ablate(ledger, best.prompt, select)
    certificate = certify(
        task=task,
        cases=sealed,
        seed=effort.seed,
        languages=effort.languages,
        prompts=[best.prompt, start, *(prompt for prompt in prompts if prompt not in (best.prompt, start))],
        rows=rows,
        select=SelectScore(
            correct=tuple(row.is_correct for _, row in chosen_on),
            clusters=tuple(case.cluster for case, _ in chosen_on),
        ),
        engine=evaluator.engine.describe(),
        sampling=evaluator.sampling,
        search=_search_json(found, sections, effort, ledger),
        created_at=now(),
    )
    return Optimized(found, certificate, tuple(rows), sections, ledger.spent, ledger.reuse)


def _search_json(
    found: Found, sections: Sequence[SectionWorth], effort: Effort, ledger: Ledger
) -> dict[str, object]:
    """How the winner was found: what a certificate records, and does not prove."""
    line = [found.best]
    while line[-1].parent:
        line.append(line[-1].parent)
    return {
        "budget": effort.budget,
        "calls": ledger.spent,
        "tokens": asdict(ledger.reuse),
        "candidates": len(found.candidates) - 1,
        "lineage": [candidate.as_json() for candidate in reversed(line)],
        "sections": [worth.as_json() for worth in sections],
    }


def _sealed_cases(task: Task, effort: Effort, count: int) -> tuple[Case, ...]:
    """The first `count` sealed cases, but whole clusters only."""
    cases = task.cases("sealed", effort.sealed_cases, seed=effort.seed, languages=effort.languages)
    inside = {case.cluster for case in cases[:count]} - {case.cluster for case in cases[count:]}
    return tuple(case for case in cases[:count] if case.cluster in inside)
