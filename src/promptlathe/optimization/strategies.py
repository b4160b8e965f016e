"""Strategies by name, set up from a plan."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from promptlathe.engines.engine import Engine
from promptlathe.optimization.candidates import Candidate
from promptlathe.optimization.gepa_strategy import GepaStrategy
from promptlathe.optimization.given import GivenProposer
from promptlathe.optimization.ledger import Ledger
from promptlathe.optimization.operators import BatteryProposer, SectionProposer
from promptlathe.optimization.rewriting import CaseGuard, RewriteProposer, Writer
from promptlathe.optimization.search import Proposer, Search, Standing, Strategy
from promptlathe.optimization.search_plan import SearchPlan


@dataclass(frozen=True, slots=True)
class Observer:
    """Is told what happens in a search, as it happens. `on_refused`: a section, and why its rewrite is not used."""

    on_candidate: Callable[[Candidate], None] = lambda _: None
    on_standings: Callable[[Sequence[Standing]], None] = lambda _: None
    on_refused: Callable[[str, str], None] = lambda _, __: None


def make_strategy(plan: SearchPlan, ledger: Ledger, rewriter: Engine | None, observer: Observer) -> Strategy:
    """The plan's strategy. `rewriter` is the model that writes; without it, `race` does without, and `gepa` lets
    the model that is prompted reflect."""
    effort, evaluator = plan.effort, ledger.evaluator
    task, prompts = evaluator.task, 2 + len(plan.references)
    select, propose = effort.cases(task, "select"), effort.cases(task, "propose")
    writer = Writer(rewriter or evaluator.engine, evaluator.recorder, ledger.pay)

    def guard() -> CaseGuard:
        sealed = task.cases("sealed", effort.sealed_cases, seed=effort.seed, languages=effort.languages)
        return CaseGuard([*propose, *select, *sealed])

    if plan.strategy == "gepa":
        return GepaStrategy(
            ledger,
            select=select,
            propose=propose,
            writer=writer,
            guard=guard(),
            reserve=lambda promised: effort.reserve(promised, prompts),
            seed=effort.seed,
            on_candidate=observer.on_candidate,
            on_standings=observer.on_standings,
        )
    proposers: list[Proposer] = [GivenProposer(plan.candidates), BatteryProposer(), SectionProposer()]
    if rewriter:
        proposers.insert(0, RewriteProposer(writer, guard(), on_refused=observer.on_refused))
    return Search(
        ledger,
        select=select,
        propose=propose,
        proposers=proposers,
        settings=effort.settings,
        reserve=lambda promised: effort.reserve(promised, prompts),
        on_candidate=observer.on_candidate,
        on_standings=observer.on_standings,
    )
