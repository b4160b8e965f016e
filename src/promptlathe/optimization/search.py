"""The search: propose, race, go on from the winner, until the budget or the ideas run out.

One race is one incumbent and its rivals. The calls go where they may change the decision: after a first block for
everybody, the next one always goes to the rivals that may be the best by far enough (mean + 1.5 standard
deviations, a Bayesian upper confidence bound: Kaufmann, Cappé and Garivier 2012). A rival takes the incumbent's place
when its e-value reaches rivals / alpha; the e-process may be looked at after every block. Whatever a race
decides is only a choice: the claim is made by the sealed cases.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Literal, Protocol

from promptlathe.optimization.candidates import Candidate, Proposal
from promptlathe.optimization.evidence import Evidence, weigh
from promptlathe.optimization.ledger import Ledger
from promptlathe.tasks.case import Case
from promptlathe.tasks.task import Task

DEVIATIONS = 1.5
LEAST_GAIN = 0.02
"""A rival that may not even be 2 points better is not worth another block."""
AT_ONCE = 2

Ending = Literal["budget", "ideas", "cases"]
"""Why a search ended: calls spent; nothing left that may be better; every rival has answered every case."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a proposer may look at. `tried` are digests of prompts that need not be proposed again.

    `propose` cases may be shown to a model and put into prompts; `failed` are those of them that the incumbent
    got wrong, with what it said.
    """

    task: Task
    incumbent: Candidate
    propose: Sequence[Case]
    failed: Sequence[tuple[Case, str]]
    tried: frozenset[str]


class Proposer(Protocol):
    """Where candidates come from."""

    async def propose(self, situation: Situation, count: int) -> Sequence[Proposal]:
        """At most `count` new prompts, the most promising first; none when it has no ideas left."""
        ...


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Sizes of a search. At least `block_cases` are asked at a time, `first_rivals` and `rivals` race in the first and
    in every later generation; `alpha` is the chance of a wrong change of the incumbent, per race."""

    block_cases: int = 20
    first_rivals: int = 10
    rivals: int = 6
    alpha: float = 0.2
    failure_cases: int = 20


@dataclass(frozen=True, slots=True)
class Standing:
    """One prompt of a race, as it stands: against the incumbent of that race."""

    name: str
    cases: int
    correct: int
    fixed: int
    broken: int
    e_value: float
    prompt_tokens: float

    @property
    def accuracy(self) -> float:
        return self.correct / self.cases if self.cases else 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """`best` is the start itself where nothing is likely to be better. `candidates` is the lineage, in order."""

    best: Candidate
    candidates: tuple[Candidate, ...]
    standings: tuple[Standing, ...]
    ending: Ending


class Strategy(Protocol):
    """A way of looking for a better prompt. Its ledger holds the budget."""

    async def run(self, start: Candidate) -> Found:
        """Until the budget or the ideas run out. The same strategy on the same cases takes the same way."""
        ...

    def evidence(self, before: Candidate, after: Candidate) -> Evidence:
        """`after` against `before` on all select cases that both have answered."""
        ...


class Search:
    """The strategy `race`. `on_candidate` and `on_standings` are told what happens, as it happens."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        select: Sequence[Case],
        propose: Sequence[Case],
        proposers: Sequence[Proposer],
        settings: SearchSettings = SearchSettings(),
        reserve: Callable[[Evidence], int] = lambda _: 0,
        on_candidate: Callable[[Candidate], None] = lambda _: None,
        on_standings: Callable[[Sequence[Standing]], None] = lambda _: None,
    ) -> None:
        """`reserve` tells how many calls to leave for what comes after, from the evidence for the incumbent
        against the start."""
        self._ledger = ledger
        self._blocks = list(_blocks(select, settings.block_cases))
        self._propose = propose
        self._proposers = proposers
        self._settings = settings
        self._reserve = reserve
        self._on_candidate = on_candidate
        self._on_standings = on_standings
        self._candidates: list[Candidate] = []
        self._reached: dict[str, int] = {}
        self._weighed: dict[tuple[str, str, int], Evidence] = {}

    async def run(self, start: Candidate) -> Found:
        self._enter(start)
        incumbent, rivals = start, list[Candidate]()
        while True:
            count = self._settings.rivals if incumbent.parent else self._settings.first_rivals
            fresh = await self._new(incumbent, count)
            rivals = [rival for rival in rivals if self._is_promising(incumbent, rival)] + fresh
            ending, winner = await self._race(incumbent, rivals)
            if winner:
                rivals = [rival for rival in rivals if rival is not winner]
                incumbent = winner
            elif ending or not fresh:
                best = self._likely_best(incumbent, rivals)
                return Found(best, tuple(self._candidates), self._standings(start), ending or "ideas")

    def evidence(self, before: Candidate, after: Candidate) -> Evidence:
        """See `Strategy.evidence`."""
        blocks = min(self._reached[before.name], self._reached[after.name])
        key = (before.name, after.name, blocks)
        if key not in self._weighed:
            cases = [case for block in self._blocks[:blocks] for case in block]
            rows = (self._ledger.rows(before.name), self._ledger.rows(after.name))
            self._weighed[key] = weigh(cases, *rows)
        return self._weighed[key]

    async def _race(
        self, incumbent: Candidate, rivals: Sequence[Candidate]
    ) -> tuple[Ending | None, Candidate | None]:
        """Until a rival has won (no ending), or none is worth another block (neither), or nothing is left."""
        newcomers = [rival for rival in rivals if not self._reached[rival.name]]
        if not await self._extend(incumbent, newcomers):
            return "budget", None
        while True:
            self._on_standings(self._standings(incumbent))
            weighed = {rival: self.evidence(incumbent, rival) for rival in rivals}
            if winner := self._winner(weighed):
                return None, winner
            promising = sorted(
                (rival for rival in rivals if self._is_promising(incumbent, rival)),
                key=lambda rival: -weighed[rival].upper(DEVIATIONS),
            )
            if not promising:
                return None, None
            open_ones = [rival for rival in promising if self._reached[rival.name] < len(self._blocks)]
            if not open_ones:
                return "cases", None
            if not await self._extend(incumbent, open_ones[:AT_ONCE]):
                return "budget", None

    async def _extend(self, incumbent: Candidate, rivals: Sequence[Candidate]) -> bool:
        """One more block for each of `rivals`, and for the incumbent where it has not been there yet."""
        reach = {rival.name: self._reached[rival.name] + 1 for rival in rivals}
        reach[incumbent.name] = max([self._reached[incumbent.name], *reach.values()])
        work = [
            (candidate.prompt, [case for block in self._blocks[: reach[candidate.name]] for case in block])
            for candidate in (incumbent, *rivals)
        ]
        if self._ledger.cost(work) > self._spendable(incumbent):
            return False
        await self._ledger.ask(work)
        self._reached |= reach
        return True

    def _winner(self, weighed: dict[Candidate, Evidence]) -> Candidate | None:
        needed = math.log(max(len(weighed), 1) / self._settings.alpha)
        shown = [rival for rival, evidence in weighed.items() if evidence.log_e_value >= needed]
        return self._best(shown, weighed)

    def _is_promising(self, incumbent: Candidate, rival: Candidate) -> bool:
        return self.evidence(incumbent, rival).upper(DEVIATIONS) > LEAST_GAIN

    def _likely_best(self, incumbent: Candidate, rivals: Sequence[Candidate]) -> Candidate:
        """The rival that is likelier than not to be better by enough, if there is one: the budget is at its end,
        and the sealed cases judge. A winner may give way to a shorter rival that is as good; the start, which
        nothing was shown to beat, stays."""
        weighed = {rival: self.evidence(incumbent, rival) for rival in rivals}
        likely = [rival for rival, found in weighed.items() if found.mean > max(LEAST_GAIN, 0.8 * found.sd)]
        best = self._best(likely, weighed) or incumbent
        if best is incumbent and incumbent.parent:
            return self._shortest_equal(incumbent, [incumbent, *rivals])
        return best

    def _best(self, rivals: Sequence[Candidate], weighed: dict[Candidate, Evidence]) -> Candidate | None:
        best = max(rivals, key=lambda rival: weighed[rival].mean, default=None)
        return self._shortest_equal(best, rivals) if best else None

    def _shortest_equal(self, best: Candidate, candidates: Sequence[Candidate]) -> Candidate:
        """The shortest of those that `best` is not likely to beat by enough, on at least half of its cases."""
        known = self._standing(best, best).cases
        equal = [
            candidate
            for candidate in candidates
            if (found := self.evidence(candidate, best)).mean <= LEAST_GAIN and 2 * found.cases >= known
        ]
        return min([best, *equal], key=lambda candidate: self._standing(candidate, best).prompt_tokens)

    async def _new(self, incumbent: Candidate, count: int) -> list[Candidate]:
        """Up to `count` candidates, the proposers taking turns; no more than a first block can be paid for."""
        fresh: list[Candidate] = []
        situation = await self._situation(incumbent)
        waiting = [list(await proposer.propose(situation, count)) for proposer in self._proposers]
        affordable = self._affordable(incumbent)
        while any(waiting) and len(fresh) < min(count, affordable):
            for proposals in waiting:
                if proposals and len(fresh) < min(count, affordable):
                    proposal = proposals.pop(0)
                    if proposal.prompt.digest not in self._tried:
                        fresh.append(self._enter(self._named(incumbent, proposal)))
        return fresh

    def _affordable(self, incumbent: Candidate) -> int:
        """How many rivals can be given their first block."""
        if not self._blocks:
            return 0
        first = self._blocks[0]
        own = self._ledger.cost([(incumbent.prompt, first)])
        return max(self._spendable(incumbent) - own, 0) // len(first)

    async def _situation(self, incumbent: Candidate) -> Situation:
        """Shows the incumbent some `propose` cases, so that proposers see how it fails."""
        looked_at = list(islice(self._propose, self._settings.failure_cases))
        work = [(incumbent.prompt, looked_at)]
        failed: list[tuple[Case, str]] = []
        if self._ledger.cost(work) <= self._spendable(incumbent):
            await self._ledger.ask(work)
            rows = self._ledger.rows(incumbent.name)
            failed = [
                (case, row.response.text)
                for case in looked_at
                if (row := rows.get(case.id)) and row.response and not row.is_correct
            ]
        return Situation(self._ledger.evaluator.task, incumbent, self._propose, failed, self._tried)

    def _spendable(self, incumbent: Candidate) -> int:
        return self._ledger.left - self._reserve(self.evidence(self._candidates[0], incumbent))

    @property
    def _tried(self) -> frozenset[str]:
        return frozenset(candidate.prompt.digest for candidate in self._candidates)

    def _named(self, parent: Candidate, proposal: Proposal) -> Candidate:
        """A whole prompt keeps its name; a change is named by its number."""
        name = proposal.operator
        if proposal.section or name in self._reached:
            name = f"c{len(self._candidates)}-{name}"
        prompt = replace(proposal.prompt, name=name)
        return Candidate(prompt, parent, proposal.operator, proposal.section, proposal.reason)

    def _enter(self, candidate: Candidate) -> Candidate:
        self._candidates.append(candidate)
        self._reached[candidate.name] = 0
        self._on_candidate(candidate)
        return candidate

    def _standings(self, against: Candidate) -> tuple[Standing, ...]:
        """All prompts so far, the best first."""
        made = [self._standing(candidate, against) for candidate in self._candidates]
        return tuple(sorted(made, key=lambda standing: (-standing.accuracy, standing.prompt_tokens)))

    def _standing(self, candidate: Candidate, against: Candidate) -> Standing:
        cases = [case for block in self._blocks for case in block]
        return standing(candidate, self.evidence(against, candidate), self._ledger, cases)


def standing(candidate: Candidate, evidence: Evidence, ledger: Ledger, cases: Sequence[Case]) -> Standing:
    """How `candidate` stands on the `cases` it has answered; `evidence` is against whom it is compared with."""
    known = ledger.rows(candidate.name)
    rows = [known[case.id] for case in cases if case.id in known]
    tokens = [row.response.prompt_tokens for row in rows if row.response]
    return Standing(
        name=candidate.name,
        cases=len(tokens),
        correct=sum(row.is_correct for row in rows),
        fixed=evidence.fixed,
        broken=evidence.broken,
        e_value=math.exp(min(evidence.log_e_value, 700.0)),
        prompt_tokens=sum(tokens) / len(tokens) if tokens else 0.0,
    )


def _blocks(cases: Sequence[Case], size: int) -> Sequence[Sequence[Case]]:
    """Whole clusters, `size` cases or a few more at a time: an e-value over half a cluster would not be valid."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.cluster, []).append(case)
    blocks: list[list[Case]] = [[]]
    for group in groups.values():
        if len(blocks[-1]) >= size:
            blocks.append([])
        blocks[-1] += group
    return [block for block in blocks if block]


def standings_json(standings: Sequence[Standing]) -> list[dict[str, object]]:
    return [asdict(standing) for standing in standings]
