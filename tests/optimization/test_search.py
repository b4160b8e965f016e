"""The search on a model with known truth: the best wins, the hopeless starve, and it always goes the same way."""

from collections.abc import Mapping, Sequence

import pytest

from promptlathe.evaluation.run import Evaluator
from promptlathe.optimization.candidates import Candidate, Proposal
from promptlathe.optimization.given import GivenProposer
from promptlathe.optimization.ledger import Ledger
from promptlathe.optimization.operators import BatteryProposer, SectionProposer
from promptlathe.optimization.search import Found, Proposer, Search, SearchSettings, Situation, Standing
from promptlathe.prompts import Prompt, parse
from tests.optimization.conftest import evaluator
from tests.optimization.simulated import HINTS, simulated
from tests.scripted import skilled

START = Prompt("start", parse("# Role: Judge\n\n## Goals\n- Say yes or no.\n"))


def prompt(name: str, words: int = 1) -> Prompt:
    return Prompt(name, parse(" ".join([name] * words)))


def skill_of(skills: Mapping[str, float]):
    """By the first word of the system message; a prompt that is not named is right half of the time."""
    return lambda system: skills.get((system.split() or [""])[0], 0.5)


class Run:
    """One search, and what was seen of it."""

    def __init__(
        self, made: Evaluator, proposers: Sequence[Proposer], budget: int, *, reserved: int = 0, **sizes: int
    ) -> None:
        self.rows = []
        self.entered: list[Candidate] = []
        self.standings: list[Sequence[Standing]] = []
        self.ledger = Ledger(made, budget, on_row=self.rows.append)
        self.search = Search(
            self.ledger,
            select=made.task.cases("select", 400),
            propose=made.task.cases("propose", 40),
            proposers=proposers,
            settings=SearchSettings(**sizes),
            reserve=lambda _: reserved,
            on_candidate=self.entered.append,
            on_standings=self.standings.append,
        )

    async def go(self) -> Found:
        return await self.search.run(Candidate.start(START))

    def asked(self, name: str) -> int:
        return sum(row.prompt == name and row.case_id.startswith("select") for row in self.rows)


RIVALS = [prompt(name) for name in ("awful", "equal", "best", "bad")]
SKILLS = {"awful": 0.0, "bad": 0.3, "equal": 0.5, "best": 0.75}


@pytest.mark.parametrize("seed", range(5))
async def test_the_best_wins_and_the_hopeless_starve(seed: int) -> None:
    run = Run(simulated(seed, skill_of(SKILLS)), [GivenProposer(RIVALS)], 800)
    found = await run.go()
    assert found.best.name == "best"
    assert run.asked("awful") <= 20 < run.asked("best")
    assert run.asked("bad") <= 60
    assert found.standings[0].name == "best"
    (best,) = [standing for standing in found.standings if standing.name == "best"]
    assert best.cases == run.asked("best")
    assert best.correct == sum(
        row.is_correct for row in run.rows if row.prompt == "best" and row.case_id[0] == "s"
    )
    assert best.e_value > 1
    assert best.accuracy == best.correct / best.cases
    assert [candidate.name for candidate in found.candidates] == ["start", *(rival.name for rival in RIVALS)]


async def test_where_nothing_is_better_the_start_stays() -> None:
    rivals = [prompt(name) for name in ("awful", "bad")]
    run = Run(simulated(1, skill_of(SKILLS)), [GivenProposer(rivals)], 800)
    found = await run.go()
    assert (found.best.name, found.ending) == ("start", "ideas")
    assert run.ledger.spent < 400


async def test_without_ideas_it_ends_at_once() -> None:
    found = await Run(simulated(0, lambda _: 0.5), [], 500).go()
    assert (found.best.name, found.ending, len(found.candidates)) == ("start", "ideas", 1)


@pytest.mark.parametrize(
    ("budget", "reserved"), [(0, 0), (19, 0), (60, 0), (61, 0), (137, 40), (300, 100), (300, 300), (300, 900)]
)
async def test_what_is_reserved_is_never_touched(budget: int, reserved: int) -> None:
    run = Run(simulated(0, skill_of(SKILLS)), [GivenProposer(RIVALS)], budget, reserved=reserved)
    found = await run.go()
    assert run.ledger.spent <= max(budget - reserved, 0)
    assert run.ledger.spent == len(run.ledger.evaluator.engine.requests)
    if budget - reserved >= 60:  # what failures are looked for on, and a block for the start and a rival
        assert run.asked("start") >= run.asked("awful") == 20
    assert found.ending in ("budget", "ideas")


async def test_it_goes_the_same_way_again_and_from_the_cache_without_a_call() -> None:
    made = simulated(3, lambda text: 0.8 if HINTS.rules[2] in text else 0.5)
    runs = [Run(made, [BatteryProposer(), SectionProposer()], 900) for _ in range(2)]
    first, asked = await runs[0].go(), len(made.engine.requests)
    second = await runs[1].go()
    assert asked == len(made.engine.requests) > 0
    assert [one.as_json() for one in first.candidates] == [one.as_json() for one in second.candidates]
    assert (first.standings, first.ending) == (second.standings, second.ending)
    assert runs[0].standings == runs[1].standings
    assert sorted(row.key for row in runs[0].rows) == sorted(row.key for row in runs[1].rows)


async def test_a_gain_over_two_generations_is_a_lineage() -> None:
    """The format line and a rule help, each for itself: the winner has both, one after the other."""
    line, rule = HINTS.output_formats[1], HINTS.rules[3]
    made = simulated(5, lambda text: 0.35 + 0.3 * (line in text) + 0.3 * (rule in text))
    run = Run(made, [SectionProposer()], 4000, first_rivals=16, rivals=12)
    found = await run.go()
    assert line in found.best.prompt.document.text
    assert rule in found.best.prompt.document.text
    steps, candidate = [], found.best
    while candidate.parent:
        steps.append(candidate)
        candidate = candidate.parent
    assert len(steps) >= 2
    assert candidate.prompt is START
    for step in steps:
        entry = step.as_json()
        assert entry["parent"] == step.parent.name
        assert step.reason
        assert {change["section"] for change in entry["sections"]} == {step.section}
        assert any(text.startswith(("+", "-")) for change in entry["sections"] for text in change["lines"])


async def test_a_prompt_is_tried_once_whoever_proposes_it() -> None:
    twice = [GivenProposer([prompt("best"), prompt("best")]), GivenProposer([prompt("best")])]
    run = Run(simulated(0, skill_of(SKILLS)), twice, 600)
    await run.go()
    assert [candidate.name for candidate in run.entered] == ["start", "best"]


async def test_two_prompts_of_one_name_are_told_apart() -> None:
    run = Run(simulated(0, lambda _: 0.5), [GivenProposer([prompt("start"), prompt("start", 2)])], 300)
    await run.go()
    names = [candidate.name for candidate in run.entered]
    assert names == ["start", "c1-start", "c2-start"]


async def test_blocks_hold_whole_clusters() -> None:
    made = evaluator(skilled(lambda system: 0.9 if "best" in system else 0.4))
    run = Run(made, [GivenProposer(RIVALS)], 500)
    await run.go()
    cluster_of = {case.id: case.cluster for case in made.task.cases("select", 400)}
    whole = [list(cluster_of.values()).count(name) for name in cluster_of.values()]
    assert max(whole) > 1
    for name in ("start", "best", "awful"):
        clusters = [cluster_of[case_id] for case_id in run.ledger.rows(name) if case_id in cluster_of]
        assert clusters
        assert all(clusters.count(one) == list(cluster_of.values()).count(one) for one in clusters)


async def test_proposers_see_how_the_incumbent_fails_and_no_select_case() -> None:
    seen: list[Situation] = []

    class Looking:
        async def propose(self, situation: Situation, count: int) -> Sequence[Proposal]:  # noqa: ARG002
            seen.append(situation)
            return ()

    run = Run(simulated(0, lambda _: 0.5), [Looking()], 500, failure_cases=10)
    await run.go()
    (situation,) = seen
    assert situation.incumbent.name == "start"
    assert 0 < len(situation.failed) < 10
    assert all(said == "no" and case.split == "propose" for case, said in situation.failed)
    assert {case.split for case in situation.propose} == {"propose"}
    assert situation.tried == {START.digest}


async def test_of_prompts_that_score_the_same_the_shorter_wins() -> None:
    """Both are always right: the text decides nothing but the tokens."""
    long, short = prompt("long", 60), prompt("short", 2)
    made = simulated(0, skill_of({"long": 1.0, "short": 1.0, "#": 0.2}))
    for order in ([long, short], [short, long]):
        found = await Run(made, [GivenProposer(order)], 2000).go()
        assert found.best.name == "short"


async def test_a_shorter_prompt_that_scores_clearly_worse_does_not_win() -> None:
    long, short = prompt("long", 60), prompt("short", 2)
    made = simulated(0, skill_of({"long": 0.95, "short": 0.6, "#": 0.2}))
    for order in ([long, short], [short, long]):
        assert (await Run(made, [GivenProposer(order)], 2000).go()).best.name == "long"
