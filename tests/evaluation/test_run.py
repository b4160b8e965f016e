"""Evaluating: what is recorded, what is asked, and what a cached answer may stand for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from promptlathe.engines.engine import EngineDescription, Request, Sampling
from promptlathe.errors import EngineError
from promptlathe.evaluation.answers import Response, Row, response_key
from promptlathe.evaluation.plan import no_prompt
from promptlathe.evaluation.run import Evaluator
from promptlathe.evaluation.schedule import schedule
from promptlathe.evaluation.summary import summarise
from promptlathe.messages import Message
from promptlathe.prompts import Prompt, parse
from promptlathe.tasks.task import get_task
from promptlathe.workspace.database import Database, RunRecorder
from tests.fakes import ScriptedEngine, a_model
from tests.scripted import TASK, skilled

TASKS = get_task(TASK)
CASES = TASKS.cases("select", 12)
SAMPLING = Sampling(max_tokens=20)
EXPERT = Prompt("expert", parse("# Role\nYou compare decimals.\n"))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "lathe.db")
    yield opened
    opened.close()


def evaluator(engine: ScriptedEngine, database: Database, run: str = "run", **changes: object) -> Evaluator:
    if run not in [record.id for record in database.runs()]:
        database.start_run(run, "eval", {})
    made = Evaluator(TASKS, engine, "tiny", RunRecorder(database, run), SAMPLING)
    return replace(made, **changes)


def right() -> ScriptedEngine:
    return ScriptedEngine(skilled(lambda _: 1.0))


async def rows_of(evaluator: Evaluator, *prompts: Prompt, repeats: int = 1) -> list[Row]:
    return [row async for row in evaluator.evaluate(prompts, CASES, repeats=repeats)]


class Watched:
    """A recorder that knows nothing and keeps everything."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def cached(self, keys: Sequence[str]) -> Mapping[str, Response]:
        return dict.fromkeys(keys[:0])

    def record(self, rows: Sequence[Row]) -> None:
        self.rows += rows


async def test_a_row_is_recorded_before_it_is_seen() -> None:
    watched = Watched()
    async for row in Evaluator(TASKS, right(), "tiny", watched, SAMPLING).evaluate([EXPERT], CASES):
        assert row in watched.rows
    assert len(watched.rows) == len(CASES)


async def test_another_run_asks_nothing(database: Database) -> None:
    engine = right()
    first = await rows_of(evaluator(engine, database), EXPERT)
    second = await rows_of(evaluator(engine, database, "other"), EXPERT)
    assert (len(engine.requests), [row.is_cached for row in second]) == (12, [True] * 12)
    assert second == [replace(row, is_cached=True) for row in first]


DESCRIBED = EngineDescription("scripted", "1", "tiny", "0" * 64, (("a", "b"),), frozenset())
ASKED = (Message("system", "Be brief."), Message("user", "Hello"))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(
            lambda: response_key(replace(DESCRIBED, model_digest="1" * 64), ASKED, SAMPLING, 0), id="model"
        ),
        pytest.param(
            lambda: response_key(replace(DESCRIBED, engine="other"), ASKED, SAMPLING, 0), id="engine"
        ),
        pytest.param(lambda: response_key(replace(DESCRIBED, version="2"), ASKED, SAMPLING, 0), id="version"),
        pytest.param(
            lambda: response_key(replace(DESCRIBED, settings=(("a", "c"),)), ASKED, SAMPLING, 0),
            id="settings",
        ),
        pytest.param(lambda: response_key(DESCRIBED, ASKED[1:], SAMPLING, 0), id="messages"),
        pytest.param(
            lambda: response_key(DESCRIBED, (Message("user", "Be brief."), ASKED[1]), SAMPLING, 0), id="role"
        ),
        pytest.param(
            lambda: response_key(DESCRIBED, (ASKED[0], Message("user", "Hello ")), SAMPLING, 0), id="a blank"
        ),
        pytest.param(lambda: response_key(DESCRIBED, ASKED, SAMPLING, 1), id="repeat"),
        *(
            pytest.param(
                lambda change=change: response_key(DESCRIBED, ASKED, replace(SAMPLING, **change), 0),
                id=next(iter(change)),
            )
            for change in (
                {"max_tokens": 21},
                {"temperature": 0.5},
                {"top_p": 0.9},
                {"top_k": 3},
                {"repetition_penalty": 1.1},
                {"stop": ("\n",)},
                {"seed": 1},
            )
        ),
    ],
)
def test_a_cached_answer_stands_for_nothing_else(other: Callable[[], str]) -> None:
    same = response_key(replace(DESCRIBED, capabilities=frozenset({"seed"})), ASKED, SAMPLING, 0)
    assert same == response_key(DESCRIBED, ASKED, SAMPLING, 0) != other()


def test_answers_of_earlier_versions_are_found_again() -> None:
    """What is added to `Sampling` must not change the key of what was asked without it."""
    engine = EngineDescription("openvino", "1", "m", "0" * 64, (), frozenset())
    sampling = Sampling(max_tokens=5, temperature=0.5, stop=("x",))
    key = response_key(engine, (Message("user", "a"),), sampling, 1)
    assert key == "cf0280c7899bd73c93ee9d040c060550a39f4d5b71ad423cae8806f985e114c3"
    later = replace(sampling, min_p=0.1)
    assert response_key(engine, (Message("user", "a"),), later, 1) != key


async def test_the_cache_keeps_models_and_sampling_apart(database: Database) -> None:
    await rows_of(evaluator(right(), database), EXPERT)
    other_model = ScriptedEngine(skilled(lambda _: 1.0), model=replace(a_model(), digest="1" * 64))
    await rows_of(evaluator(other_model, database, "model"), EXPERT)
    other_sampling = right()
    await rows_of(evaluator(other_sampling, database, "sampling", sampling=Sampling(max_tokens=21)), EXPERT)
    assert len(other_model.requests) == len(other_sampling.requests) == 12


async def test_a_run_that_goes_on_with_another_model_does_not_mix_them(database: Database) -> None:
    await rows_of(evaluator(right(), database), EXPERT)
    other = ScriptedEngine(lambda _: "no idea", model=replace(a_model(), digest="1" * 64))
    await rows_of(evaluator(other, database), EXPERT)
    assert {row.outcome for row in database.rows("run")} == {"unparsed"}


async def test_a_failing_request_is_a_row_and_no_wrong_answer(database: Database) -> None:
    engine = ScriptedEngine(skilled(lambda _: 1.0), fails_on={CASES[3].question})
    rows = await rows_of(evaluator(engine, database), EXPERT)
    (failed,) = [row for row in rows if row.error]
    assert (failed.case_id, failed.outcome, failed.grade, failed.response) == (
        CASES[3].id,
        "error",
        None,
        None,
    )
    (summary,) = summarise(
        run_id="run",
        task=TASKS,
        cases=CASES,
        prompts=[EXPERT],
        models=["tiny"],
        rows=database.rows("run"),
        provenance={},
    ).prompts
    assert (summary.total.cases, summary.total.accuracy, summary.wrong, summary.errors) == (11, 1.0, 0, 1)


async def test_only_what_failed_is_asked_again(database: Database) -> None:
    await rows_of(
        evaluator(ScriptedEngine(skilled(lambda _: 1.0), fails_on={CASES[3].question}), database), EXPERT
    )
    healed = right()
    await rows_of(evaluator(healed, database), EXPERT)
    assert healed.asked == {CASES[3].question: 1}
    assert [row.is_cached for row in database.rows("run")] == [False] * 12
    assert {row.outcome for row in database.rows("run")} == {"correct"}


async def test_what_an_engine_answered_before_it_broke_is_kept(database: Database) -> None:
    engine = ScriptedEngine(skilled(lambda _: 1.0), dies_after=5)
    with pytest.raises(EngineError, match="died"):
        await rows_of(evaluator(engine, database), EXPERT)
    assert len(database.rows("run")) == 5
    await rows_of(evaluator(engine, database), EXPERT)
    assert (engine.answers, len(database.rows("run"))) == (12, 12)


async def test_whoever_stops_listening_stops_the_engine(database: Database) -> None:
    engine = right()
    rows = evaluator(engine, database).evaluate([EXPERT], CASES)
    await anext(rows)
    await rows.aclose()
    assert (engine.cancelled, len(database.rows("run"))) == (1, 1)


async def test_equal_questions_are_asked_once(database: Database) -> None:
    engine = right()
    twin = replace(EXPERT, name="twin")
    rows = await rows_of(evaluator(engine, database), EXPERT, twin)
    assert (len(engine.requests), len(rows)) == (12, 24)
    assert sum(row.is_cached for row in rows) == 12
    assert {row.prompt for row in rows} == {"expert", "twin"}


async def test_repeats_are_asked_each_with_its_own_seed(database: Database) -> None:
    engine = right()
    await rows_of(evaluator(engine, database), EXPERT, repeats=3)
    seeds = [request.sampling.seed for request in engine.requests]
    assert sorted(seeds) == sorted([0, 1, 2] * 12)


def test_shared_prefixes_stand_together() -> None:
    late_a = Prompt("a", parse("# Role\nExpert.\n\n# Rules\n- one\n"))
    late_b = Prompt("b", parse("# Role\nExpert.\n\n# Rules\n- two\n"))
    other = Prompt("c", parse("# Goal\nAnother.\n"))
    asks = schedule([late_a, other, no_prompt(), late_b], CASES, engine=right().describe(), sampling=SAMPLING)
    order = list(dict.fromkeys(ask.prompt.name for ask in asks))
    assert [ask.prompt.name for ask in asks] == [name for name in order for _ in CASES]
    assert abs(order.index("a") - order.index("b")) == 1
    assert [ask.case for ask in asks[:12]] == list(CASES)


def test_a_request_carries_the_whole_question() -> None:
    (ask, *_) = schedule([EXPERT], CASES, engine=right().describe(), sampling=SAMPLING)
    assert Request(ask.key, ask.messages).messages[-1] == Message("user", CASES[0].question)
