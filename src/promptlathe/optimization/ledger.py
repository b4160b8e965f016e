"""Every answer of a search, each asked for once, and never one more than the budget allows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing

from promptlathe.errors import UsageError
from promptlathe.evaluation.answers import Row
from promptlathe.evaluation.run import Evaluator
from promptlathe.evaluation.schedule import schedule
from promptlathe.optimization.reuse import Reuse
from promptlathe.prompts import Prompt
from promptlathe.tasks.case import Case

Work = Sequence[tuple[Prompt, Sequence[Case]]]
"""Prompts, each with the cases it is to answer."""


class Ledger:
    """`limit` is in model calls. An answer that the response cache knew counts like any other, so that a search
    takes the same way whatever was answered before; a failed request counts, too."""

    def __init__(self, evaluator: Evaluator, limit: int, *, on_row: Callable[[Row], None]) -> None:
        if limit < 0:
            raise UsageError(f"a budget of {limit} calls cannot be", hint="give 0 or more")
        self.evaluator = evaluator
        self.limit = limit
        self.spent = 0
        self.reuse = Reuse()
        self._on_row = on_row
        self._rows: dict[str, dict[str, Row]] = {}

    @property
    def left(self) -> int:
        return self.limit - self.spent

    def rows(self, prompt: str) -> Mapping[str, Row]:
        """What the prompt of that name has answered, by case id."""
        return self._rows.get(prompt, {})

    def cost(self, work: Work) -> int:
        """Calls that `ask` would make: what is known costs nothing."""
        return sum(len(cases) for _, cases in self._missing(work))

    def pay(self, calls: int) -> bool:
        """Take calls that are made elsewhere (a proposer's) out of the budget; False if it has too few left."""
        if calls > self.left:
            return False
        self.spent += calls
        return True

    async def ask(self, work: Work) -> bool:
        """Get the answers that are missing; False, and nothing asked, if the budget does not hold them all."""
        missing = self._missing(work)
        if not self.pay(sum(len(cases) for _, cases in missing)):
            return False
        for cases, prompts in _alike(missing):
            async with aclosing(self.evaluator.evaluate(prompts, cases)) as rows:
                async for row in rows:
                    self._rows.setdefault(row.prompt, {})[row.case_id] = row
                    self._on_row(row)
            self._count_reuse(prompts, cases)
        return True

    def _count_reuse(self, prompts: Sequence[Prompt], cases: Sequence[Case]) -> None:
        evaluator = self.evaluator
        asks = schedule(prompts, cases, engine=evaluator.engine.describe(), sampling=evaluator.sampling)
        self.reuse = self.reuse.and_also(asks, self._rows)

    def _missing(self, work: Work) -> list[tuple[Prompt, tuple[Case, ...]]]:
        """Each prompt once, with the cases that it has not answered yet, each once."""
        missing: dict[str, tuple[Prompt, dict[str, Case]]] = {}
        for prompt, cases in work:
            known = self.rows(prompt.name)
            unknown = {case.id: case for case in cases if case.id not in known}
            missing.setdefault(prompt.name, (prompt, {}))[1].update(unknown)
        return [(prompt, tuple(cases.values())) for prompt, cases in missing.values()]


def _alike(
    work: Iterable[tuple[Prompt, tuple[Case, ...]]],
) -> Iterable[tuple[tuple[Case, ...], list[Prompt]]]:
    """Prompts that miss the same cases go together: they are one batch for the engine."""
    batches: dict[tuple[str, ...], tuple[tuple[Case, ...], list[Prompt]]] = {}
    for prompt, cases in work:
        if cases:
            batches.setdefault(tuple(case.id for case in cases), (cases, []))[1].append(prompt)
    return batches.values()
