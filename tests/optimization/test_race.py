"""The race: finds the best, drops the hopeless, and does not find a winner among equals."""

import random
from collections.abc import Callable, Mapping

from promptlathe.optimization.race import Race, RaceResult, Standing
from promptlathe.prompts import Prompt
from promptlathe.tasks.case import Case
from promptlathe.tasks.task import get_task
from tests.fakes import Script
from tests.optimization.conftest import BAD, BETTER, GOOD, START, evaluator, prompt
from tests.scripted import TASK, cases_by_question, skilled, system_message

CASES = get_task(TASK).cases("select", 320)


def by_name(**skills: float) -> Script:
    return skilled(lambda system: skills[system.partition(" ")[0]])


async def race(
    script: Script,
    *candidates: Prompt,
    cases: tuple[Case, ...] = CASES,
    block: int = 20,
    seen: Callable[[list[Standing]], None] = lambda _: None,
    **options: object,
) -> RaceResult:
    made = Race(
        evaluator(script, **options),
        START,
        candidates,
        on_row=lambda _: None,
        on_standings=lambda standings: seen(list(standings)),
    )
    return await made.run(cases, block=block)


def standings(result: RaceResult) -> Mapping[str, Standing]:
    return {standing.name: standing for standing in result.standings}


async def test_the_best_wins_and_the_hopeless_are_dropped_early() -> None:
    script = by_name(start=0.5, good=0.7, better=0.9, bad=0.2)
    result = await race(script, GOOD, BETTER, BAD)
    found = standings(result)
    assert (result.start, result.winner) == ("start", "better")
    assert {name: made.state for name, made in found.items()} == {
        "better": "won",
        "good": "dropped",
        "start": "start",
        "bad": "dropped",
    }
    assert found["bad"].cases < 100
    assert found["better"].e_value >= 3 / 0.05
    assert result.calls == sum(made.cases for made in found.values()) < 4 * len(CASES)
    assert [made.accuracy for made in result.standings] == sorted(
        (made.accuracy for made in result.standings), reverse=True
    )


async def test_a_single_clear_winner_ends_the_race() -> None:
    result = await race(by_name(start=0.1, good=0.95), GOOD)
    assert (result.winner, standings(result)["good"].cases) == ("good", 40)


async def test_without_a_winner_the_start_stays() -> None:
    result = await race(by_name(start=0.8, good=0.4, bad=0.1), GOOD, BAD)
    assert result.winner == "start"
    assert "won" not in {made.state for made in result.standings}
    # Once nobody is left who could win, nothing more is asked.
    assert standings(result)["start"].cases < 160


async def test_of_equals_the_one_with_fewer_tokens_wins() -> None:
    right = skilled(lambda system: 0.2 if system.startswith("start") else 1.0)
    for candidates in ([prompt("a", 9), prompt("b", 3)], [prompt("b", 3), prompt("a", 9)]):
        assert (await race(right, *candidates, cases=CASES[:80])).winner == "b"


async def test_errors_are_not_wrong_answers() -> None:
    failing = {case.question for case in CASES[:80:4]}
    result = await race(by_name(start=1.0, good=1.0), GOOD, cases=CASES[:80], fails_on=failing)
    found = standings(result)["start"]
    assert found.cases == found.correct
    assert result.calls == 2 * found.cases * 4 / 3


async def test_blocks_hold_whole_clusters() -> None:
    shuffled = random.Random(1).sample(CASES[:80], 80)  # noqa: S311
    counts: list[int] = []

    def seen(made: list[Standing]) -> None:
        counts.append(max(standing.cases for standing in made))

    script = by_name(start=0.5, good=0.5)
    await race(script, GOOD, cases=tuple(shuffled), block=7, seen=seen)
    assert counts == sorted({*range(14, 80, 14), 80})[: len(counts)]
    # An odd end: the last case's partner is not there, and its cluster is one of one.
    counts.clear()
    await race(script, GOOD, cases=CASES[:5], block=2, seen=seen)
    assert counts == [4, 5][: len(counts)]


async def test_equal_prompts_are_rarely_called_better() -> None:
    """300 races of three prompts that are as good as the start: right or wrong is drawn by pair, so that the
    two orders of a pair stand or fall together, the worst that clusters can do."""
    draws = random.Random(11)  # noqa: S311
    candidates = [prompt("a"), prompt("b"), prompt("c")]
    false_winners = 0
    for _ in range(RACES):
        is_right: dict[tuple[str, str], bool] = {}

        def answer(request: object, is_right: dict[tuple[str, str], bool] = is_right) -> str:
            case = cases_by_question()[request.messages[-1].content]
            key = (system_message(request), case.cluster)
            if is_right.setdefault(key, draws.random() < 0.5):
                return case.expected
            return next(option for option in case.options if option != case.expected)

        result = await race(answer, *candidates, cases=CASES[:40], block=5)
        false_winners += result.winner != "start"
    assert false_winners <= 0.05 * RACES


RACES = 300
