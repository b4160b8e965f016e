"""Candidates against a starting prompt, in blocks of cases, dropping those that cannot win any more."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from promptlathe.evaluation.answers import Row
from promptlathe.evaluation.run import Evaluator
from promptlathe.prompts import Prompt
from promptlathe.statistics.anytime import PairedRace
from promptlathe.statistics.paired import net_flips
from promptlathe.tasks.case import Case

State = Literal["racing", "dropped", "won", "start"]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one prompt stands: `correct` of `cases` answered, flips and e-value against the starting prompt."""

    name: str
    state: State
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
class RaceResult:
    """`winner` is the starting prompt's name if nothing beat it. `calls` counts answers, cached ones too."""

    start: str
    winner: str
    standings: tuple[Standing, ...]
    calls: int


class Race:
    """One race. The evidence against the start is an e-process, valid at any stopping time; dropping a candidate
    never adds a false winner, so it may go by the leader, who is chosen by the same data."""

    def __init__(
        self,
        evaluator: Evaluator,
        start: Prompt,
        candidates: Sequence[Prompt],
        *,
        alpha: float = 0.05,
        on_row: Callable[[Row], None],
        on_standings: Callable[[Sequence[Standing]], None],
    ) -> None:
        self._evaluator = evaluator
        self._prompts = {prompt.name: prompt for prompt in (start, *candidates)}
        self._start = start.name
        self._alpha = alpha
        self._on_row = on_row
        self._on_standings = on_standings
        self._rows: dict[str, dict[str, Row]] = {name: {} for name in self._prompts}
        self._dropped: set[str] = set()
        self._seen: list[Case] = []

    async def run(self, cases: Sequence[Case], *, block: int) -> RaceResult:
        """Race over `cases`, `block` clusters at a time, until none is left to decide on.

        The winner is the candidate with the most right answers among those whose e-value against the start
        reaches candidates / alpha; of equals, the one with fewer prompt tokens.
        """
        for part in _blocks(cases, block):
            racing = [self._prompts[name] for name in self._prompts if name not in self._dropped]
            async with aclosing(self._evaluator.evaluate(racing, part)) as rows:
                async for row in rows:
                    self._rows[row.prompt][row.case_id] = row
                    self._on_row(row)
            self._seen += part
            self._drop(remaining=len(cases) - len(self._seen))
            self._on_standings(self.standings())
            candidates_left = len(self._prompts) - 1 - len(self._dropped)
            if candidates_left == 0 or (candidates_left == 1 and self._winners()):
                break
        winner = self._best(self._winners() or [self._start])
        calls = sum(len(rows) for rows in self._rows.values())
        return RaceResult(self._start, winner, self.standings(winner), calls)

    def standings(self, winner: str = "") -> tuple[Standing, ...]:
        """All prompts, the best first."""
        made = [self._standing(name, winner) for name in self._prompts]
        return tuple(sorted(made, key=lambda standing: (-standing.accuracy, standing.prompt_tokens)))

    def _drop(self, *, remaining: int) -> None:
        """Drop whoever cannot beat the start any more, or is beaten by the leader."""
        leader = self._best([name for name in self._prompts if name not in self._dropped])
        for name in self._prompts:
            if name in (self._start, leader) or name in self._dropped:
                continue
            against_start = self._against(self._start, name, remaining)
            against_leader = self._against(leader, name, remaining)
            if against_start.verdict in ("worse", "hopeless") or against_leader.verdict == "worse":
                self._dropped.add(name)

    def _winners(self) -> list[str]:
        return [
            name
            for name in self._prompts
            if name not in self._dropped
            and name != self._start
            and self._against(self._start, name, 0).verdict == "better"
        ]

    def _best(self, names: Iterable[str]) -> str:
        return min(names, key=lambda name: (-self._correct(name), self._prompt_tokens(name)))

    def _against(self, before: str, after: str, remaining: int) -> PairedRace:
        """`after` against `before`, counted in clusters over the cases both have answered."""
        was, became = self._rows[before], self._rows[after]
        both = [
            case
            for case in self._seen
            if case.id in was and case.id in became and not (was[case.id].error or became[case.id].error)
        ]
        clusters = [case.cluster for case in both]
        fixed, broken = (0, 0)
        if both:
            fixed, broken = net_flips(
                [was[case.id].is_correct for case in both],
                [became[case.id].is_correct for case in both],
                clusters,
            )
        seen = len(set(clusters))
        left = round(remaining * seen / len(both)) if both else remaining
        return PairedRace(fixed, broken, seen, left, self._alpha, len(self._prompts) - 1)

    def _standing(self, name: str, winner: str) -> Standing:
        race = self._against(self._start, name, 0)
        state: State = "dropped" if name in self._dropped else "racing"
        if name == self._start:
            state = "start"
        elif name == winner:
            state = "won"
        return Standing(
            name=name,
            state=state,
            cases=sum(row.error is None for row in self._rows[name].values()),
            correct=self._correct(name),
            fixed=race.fixed,
            broken=race.broken,
            e_value=race.e_value,
            prompt_tokens=self._prompt_tokens(name),
        )

    def _correct(self, name: str) -> int:
        return sum(row.is_correct for row in self._rows[name].values())

    def _prompt_tokens(self, name: str) -> float:
        counts = [row.response.prompt_tokens for row in self._rows[name].values() if row.response]
        return sum(counts) / len(counts) if counts else 0.0


def _blocks(cases: Sequence[Case], clusters: int) -> Iterable[list[Case]]:
    """Whole clusters, `clusters` at a time: an e-value over half a cluster would not be valid."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.cluster, []).append(case)
    waiting = iter(groups.values())
    while part := list(islice(waiting, clusters)):
        yield [case for group in part for case in group]
