"""The strategy `gepa`: the reflective search of the `gepa` package (Agrawal et al. 2025, arXiv 2507.19457) on a
prompt's sections, behind our own ledger, acceptance and final test.

gepa's own cache, resume file and call budget are not used: its cache mixes data sets, its state file is a pickle,
its budget is exceeded by up to a batch.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from promptlathe.errors import PromptError, UsageError
from promptlathe.evaluation.answers import Row
from promptlathe.optimization.candidates import Candidate
from promptlathe.optimization.evidence import Evidence, weigh
from promptlathe.optimization.ledger import Ledger
from promptlathe.optimization.operators import keeps_frozen
from promptlathe.optimization.rewriting import CaseGuard, Writer
from promptlathe.optimization.search import Found, Standing, standing
from promptlathe.prompts import Prompt, parse
from promptlathe.tasks.case import Case

if TYPE_CHECKING:
    from gepa.core.adapter import EvaluationBatch

MINIBATCH = 10
"""gepa accepts a child by a minibatch: of 3 cases, its default, a useless child passes a third of the time."""
NET_FIXES = 2
WHOLE = "prompt"
"""The one component of a prompt without sections."""

Result = TypeVar("Result")


class _SpentError(Exception):
    """Ends gepa's loop: the budget has no calls left for what it wants to do next."""


class GepaStrategy:
    """gepa runs in a thread of its own, and asks our event loop for answers.

    `validation` cases of `select` are what it keeps its Pareto front on: every accepted child answers them all.
    """

    propose_new_texts = None
    """gepa's own way of asking for a new text; without this name every reflection fails, and it goes on."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        select: Sequence[Case],
        propose: Sequence[Case],
        writer: Writer,
        guard: CaseGuard,
        reserve: Callable[[Evidence], int],
        seed: int,
        validation: int = 60,
        on_candidate: Callable[[Candidate], None] = lambda _: None,
        on_standings: Callable[[Sequence[Standing]], None] = lambda _: None,
    ) -> None:
        self._ledger = ledger
        self._validation = list(select[:validation])
        self._propose = list(propose)
        self._writer = writer
        self._guard = guard
        self._reserve = reserve
        self._seed = seed
        self._on_candidate = on_candidate
        self._on_standings = on_standings
        self._candidates: dict[str, Candidate] = {}
        self._failure: BaseException | None = None
        self._idle = 0
        self._seen_spent = 0

    async def run(self, start: Candidate) -> Found:
        """See `Strategy.run`. Raises UsageError where the package is missing."""
        gepa = _package()
        self._start = start
        self._loop = asyncio.get_running_loop()
        self._enter(start)
        components = _components(start.prompt)

        def search() -> None:
            gepa.optimize(
                seed_candidate=components,
                trainset=self._propose,
                valset=self._validation,
                adapter=self,
                reflection_lm=self._reflect,
                reflection_minibatch_size=MINIBATCH,
                acceptance_criterion=_NetFixes(),
                stop_callbacks=lambda _: self._is_over(),
                cache_evaluation=False,
                logger=_Silent(),
                seed=self._seed,
            )

        try:
            with suppress(_SpentError):
                await asyncio.to_thread(search)
        except asyncio.CancelledError as error:
            self._failure = error  # the thread goes on to its next question, and is to end there
            raise
        if self._failure:
            raise self._failure
        candidates = list(self._candidates.values())
        weighed = {candidate: self.evidence(start, candidate) for candidate in candidates[1:]}
        best = max(weighed, key=lambda candidate: weighed[candidate].mean, default=start)
        is_likely = best is not start and weighed[best].mean > max(0.0, 0.8 * weighed[best].sd)
        standings = tuple(
            standing(candidate, self.evidence(start, candidate), self._ledger, self._validation)
            for candidate in candidates
        )
        self._on_standings(standings)
        return Found(best if is_likely else start, tuple(candidates), standings, "budget")

    def evidence(self, before: Candidate, after: Candidate) -> Evidence:
        """See `Strategy.evidence`."""
        rows = self._ledger.rows(before.name), self._ledger.rows(after.name)
        return weigh(self._validation, *rows)

    def evaluate(
        self, batch: list[Case], candidate: dict[str, str], capture_traces: bool = False
    ) -> "EvaluationBatch[Row | None, Row | None]":
        """gepa's door for answers; a candidate that is no prompt of ours scores 0 without a call."""
        from gepa.core.adapter import EvaluationBatch

        made = self._candidate(candidate)
        if made is None:
            nothing: list[Row | None] = [None] * len(batch)
            return EvaluationBatch(nothing, [0.0] * len(batch), nothing if capture_traces else None)
        work = [(made.prompt, batch)]
        if self._ledger.cost(work) > self._spendable() or not self._await(self._ledger.ask(work)):
            raise _SpentError
        known = self._ledger.rows(made.name)
        rows: list[Row | None] = [known[case.id] for case in batch]
        scores = [float(bool(row and row.is_correct)) for row in rows]
        return EvaluationBatch(rows, scores, rows if capture_traces else None)

    def make_reflective_dataset(
        self,
        candidate: dict[str, str],  # noqa: ARG002 - gepa names its arguments
        eval_batch: "EvaluationBatch[Row | None, Row | None]",
        components_to_update: list[str],
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """gepa's door for what a section is to learn from: questions, answers, what was right."""
        by_id = {case.id: case for case in (*self._propose, *self._validation)}
        records = []
        for row in eval_batch.trajectories or []:
            if row and row.response:
                case = by_id[row.case_id]
                feedback = "Right." if row.is_correct else f"Wrong: the answer is {case.expected}."
                records.append(
                    {
                        "Inputs": case.question,
                        "Generated Outputs": row.response.text,
                        "Feedback": feedback,
                    }
                )
        return dict.fromkeys(components_to_update, records)

    def _candidate(self, components: Mapping[str, str]) -> Candidate | None:
        """The candidate that these sections make, as it was entered; None for what cannot be a prompt."""
        before = self._start.prompt
        changed = [name for name, text in _components(before).items() if components.get(name) != text]
        if not changed:
            return self._start
        try:
            document = before.document
            for name in changed:
                text = components[name]
                if self._guard.copied(text):
                    return None
                document = parse(text) if name == WHOLE else document.with_section(name, text)
        except PromptError:
            return None
        prompt = replace(before, document=document)
        if not keeps_frozen(before, prompt):
            return None
        if prompt.digest not in self._candidates:
            named = replace(prompt, name=f"g{len(self._candidates)}-reflection")
            section = changed[0] if len(changed) == 1 else None
            reason = f"reflection changed {', '.join(changed)}"
            self._enter(Candidate(named, self._start, "reflection", section, reason))
        return self._candidates[prompt.digest]

    def _enter(self, candidate: Candidate) -> None:
        self._candidates[candidate.prompt.digest] = candidate
        self._on_candidate(candidate)

    def _reflect(self, prompt: str) -> str:
        """gepa's language model. What it says is untrusted: `_candidate` judges it."""
        if self._spendable() < 1:
            raise _SpentError
        answer = self._await(self._writer.ask(prompt))
        if answer is None:
            raise _SpentError
        return answer

    def _spendable(self) -> int:
        return self._ledger.left - self._reserve(weigh((), {}, {}))

    def _is_over(self) -> bool:
        """Asked by gepa before each round. Rounds without a call (it asks for no reflection on a minibatch that
        is all right) are over once they have gone through all `propose` cases twice."""
        spent = self._ledger.spent
        self._idle = self._idle + 1 if spent == self._seen_spent else 0
        self._seen_spent = spent
        is_idle = self._idle * MINIBATCH > 2 * len(self._propose)
        return self._failure is not None or is_idle or self._spendable() < MINIBATCH

    def _await(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Raises what `work` raises, and keeps it: gepa goes on where a reflection fails."""
        if self._failure:
            work.close()
            raise _SpentError
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        except BaseException as error:
            self._failure = error
            raise


class _NetFixes:
    """Our acceptance of a child: at least two more of the minibatch fixed than broken."""

    def should_accept(self, proposal: Any, state: object) -> bool:  # noqa: ARG002
        before, after = proposal.subsample_scores_before or [], proposal.subsample_scores_after or []
        return bool(sum(after) - sum(before) >= NET_FIXES)


class _Silent:
    def log(self, message: str) -> None:
        """gepa's own log says nothing that the lineage does not."""


def _components(prompt: Prompt) -> dict[str, str]:
    """The sections that may change, each once, by name."""
    sections = prompt.document.sections
    names = [section.name for section in sections]
    found = {
        section.name: section.body
        for section in sections
        if section.name not in prompt.frozen and names.count(section.name) == 1 and section.body
    }
    return found or {WHOLE: prompt.document.instructions or "Answer the question."}


def _package() -> Any:
    try:
        import gepa
    except ImportError as error:
        raise UsageError(
            "the strategy gepa needs the gepa package", hint="pip install 'promptlathe[gepa]'"
        ) from error
    return gepa
