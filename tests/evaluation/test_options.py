"""Options instead of free text: what is asked, what it is worth, and what is kept apart."""

import json
import re
from collections.abc import AsyncGenerator, Iterable
from dataclasses import replace

import pytest

from promptlathe.engines.engine import Failure, Request, Sampling, Scored
from promptlathe.errors import EngineError, TaskError, UsageError
from promptlathe.evaluation.answers import Row
from promptlathe.evaluation.options import AnswerMode, margin
from promptlathe.evaluation.plan import no_prompt
from promptlathe.evaluation.run import Evaluator
from promptlathe.evaluation.schedule import schedule
from promptlathe.prompts import Prompt, parse
from promptlathe.tasks.case import Case
from promptlathe.tasks.decimals import swapped
from promptlathe.tasks.task import get_task
from tests.fakes import ScriptedEngine
from tests.optimization.conftest import Remembered
from tests.scripted import TASK, skilled

DECIMALS = get_task(TASK)
CASES = DECIMALS.cases("select", 40)
EXPERT = Prompt("expert", parse("# Role\nYou compare {{a}} and {{b}}.\n"))
SAMPLING = Sampling(max_tokens=20)


class BiasedEngine(ScriptedEngine):
    """Likes what is named first by 3 nats, and the right option by 1."""

    def __init__(self) -> None:
        super().__init__(skilled(lambda _: 1.0))

    def _scores(self, request: Request) -> Iterable[Scored]:
        right = self._answer(request)
        question = request.messages[-1].content
        first = re.findall(r"-?\d+(?:\.\d+)?", question)[0]
        scores = tuple(-5.0 + 3 * (choice == first) + (choice == right) for choice in request.choices)
        yield Scored(request.id, scores, self._prompt_tokens(request), 0.25)


def evaluator(engine: ScriptedEngine, answer: AnswerMode, **changes: object) -> Evaluator:
    made = Evaluator(DECIMALS, engine, "tiny", Remembered(), SAMPLING, answer)
    return replace(made, **changes)


async def rows_of(
    evaluator: Evaluator, cases: Iterable[Case] = CASES, prompt: Prompt = EXPERT, repeats: int = 1
) -> list[Row]:
    return [row async for row in evaluator.evaluate([prompt], list(cases), repeats=repeats)]


def two_options(cases: Iterable[Case]) -> list[Case]:
    return [case for case in cases if len(case.options) == 2]


async def test_a_choice_is_asked_for_and_taken_as_it_is() -> None:
    engine = ScriptedEngine(skilled(lambda _: 0.5))
    rows = await rows_of(evaluator(engine, "choice"))
    assert {request.messages[-1].content: request.choices for request in engine.requests} == {
        case.question: case.options for case in CASES
    }
    assert {row.outcome for row in rows} == {"correct", "wrong"}
    by_id = {case.id: case for case in CASES}
    for row in rows:
        assert row.grade
        assert row.response
        assert row.grade.answer == row.response.text
        assert row.is_correct == (row.response.text == by_id[row.case_id].expected)


async def test_an_engine_that_does_not_keep_to_the_options_has_failed() -> None:
    rows = await rows_of(evaluator(ScriptedEngine(lambda _: "It is 13.8."), "choice"))
    assert {row.outcome for row in rows} == {"error"}
    assert {row.error for row in rows if row.error and "gave 'It is 13.8.'" in row.error} == {
        row.error for row in rows
    }


async def test_scores_are_asked_in_both_orders_each_once() -> None:
    engine = ScriptedEngine(skilled(lambda _: 1.0))
    rows = await rows_of(evaluator(engine, "score"))
    assert len(rows) == 40
    assert all(row.is_correct for row in rows)
    assert len({row.key for row in rows}) == 20, "a case and its twin are one question"
    assert max(engine.asked.values()) == 1
    assert set(engine.asked) == {case.question for case in CASES}
    for one, other in zip(engine.requests[::2], engine.requests[1::2], strict=True):
        assert one.choices == other.choices
        a, b = one.choices[:2]
        assert other.messages[0].content == f"# Role\nYou compare {b} and {a}.\n".strip()


async def test_the_place_in_the_question_decides_nothing() -> None:
    cases = two_options(CASES)
    rows = await rows_of(evaluator(BiasedEngine(), "score"), cases)
    assert all(row.is_correct for row in rows)
    by_id = {case.id: case for case in cases}
    assert {margin(by_id[row.case_id], row.response.text) for row in rows if row.response} == {1.0}
    one_order = await rows_of(evaluator(BiasedEngine(), "score", task=replace(DECIMALS, swapped=None)), cases)
    share = sum(row.is_correct for row in one_order) / len(one_order)
    assert 0.4 < share < 0.6


def test_the_other_order_is_the_twin_of_the_cluster() -> None:
    for split in ("propose", "select", "sealed"):
        cases = DECIMALS.cases(split, 400)
        for one, twin in zip(cases[::2], cases[1::2], strict=True):
            assert swapped(one) == twin
            assert swapped(twin) == one


async def test_the_response_keeps_what_the_engine_said() -> None:
    engine = ScriptedEngine(skilled(lambda _: 1.0))
    (row, *_) = await rows_of(evaluator(engine, "score"))
    assert row.response
    scores = json.loads(row.response.text)
    case = next(case for case in CASES if case.id == row.case_id)
    assert list(scores) == list(case.options)
    assert {len(values) for values in scores.values()} == {2}
    assert (row.response.completion_tokens, row.response.seconds) == (0, 0.5)
    assert row.response.prompt_tokens > 5


async def test_a_wrong_option_is_named_and_a_draw_is_not_right() -> None:
    wrong = ScriptedEngine(skilled(lambda _: 0.0))
    by_id = {case.id: case for case in CASES}
    for row in await rows_of(evaluator(wrong, "score")):
        assert row.grade
        assert row.grade.verdict == "wrong"
        assert row.grade.answer in set(by_id[row.case_id].options) - {by_id[row.case_id].expected}
    nobody = ScriptedEngine(lambda _: "neither")
    assert {row.outcome for row in await rows_of(evaluator(nobody, "score"))} == {"wrong"}


async def test_one_failed_order_fails_the_case_once() -> None:
    failing = ScriptedEngine(
        skilled(lambda _: 1.0), fails_on={CASES[0].question, CASES[3].question, CASES[2].question}
    )
    rows = await rows_of(evaluator(failing, "score"))
    assert len(rows) == 40
    assert {row.case_id for row in rows if row.error} == {case.id for case in CASES[:4]}


async def test_what_is_known_is_not_asked_again_and_ways_of_answering_are_kept_apart() -> None:
    engine = ScriptedEngine(skilled(lambda _: 1.0))
    asked = []
    recorder = Remembered()
    for answer in ("text", "choice", "score", "text", "choice", "score"):
        await rows_of(evaluator(engine, answer, recorder=recorder))
        asked.append(len(engine.requests))
    assert asked == [40, 80, 120, 120, 120, 120]


def keys(answer: AnswerMode, cases: Iterable[Case] = CASES[:1], **sampling: object) -> set[str]:
    asks = schedule(
        [no_prompt()],
        list(cases),
        engine=ScriptedEngine({}).describe(),
        sampling=replace(SAMPLING, **sampling),
        answer=answer,
        swapped=swapped,
    )
    return {ask.key for ask in asks}


def test_keys_depend_on_the_options_and_scores_on_no_sampling() -> None:
    other = [replace(CASES[0], options=(*CASES[0].options, "none"))]
    for answer in ("choice", "score"):
        assert keys(answer).isdisjoint(keys(answer, other))
    assert keys("score") == keys("score", temperature=1.0, seed=3)
    assert keys("choice").isdisjoint(keys("choice", seed=3))


@pytest.mark.parametrize("answer", ["choice", "score"])
async def test_a_task_without_options_is_refused_before_anything_is_asked(answer: AnswerMode) -> None:
    engine = ScriptedEngine(skilled(lambda _: 1.0))
    for options in [(), ("13.8",), ("a", "b")]:
        open_case = replace(CASES[5], options=options)
        with pytest.raises(TaskError, match=f"no options to choose from in case {CASES[5].id}"):
            await rows_of(evaluator(engine, answer), [*CASES[:5], open_case])
    assert engine.requests == []


@pytest.mark.parametrize(("answer", "said"), [("choice", "hold the model"), ("score", "tell how likely")])
async def test_an_engine_that_cannot_is_refused(answer: AnswerMode, said: str) -> None:
    engine = ScriptedEngine(skilled(lambda _: 1.0), capabilities=("stream",))
    with pytest.raises(UsageError, match=f"engine 'scripted' cannot {said}"):
        await rows_of(evaluator(engine, answer))
    assert (await rows_of(evaluator(engine, "text")))[0].is_correct


class DyingEngine(ScriptedEngine):
    async def score(self, requests: Iterable[Request]) -> AsyncGenerator[Scored | Failure, None]:
        async for output in super().score(requests):
            yield output
            if self.answers == 7:
                raise EngineError("it died")


async def test_what_was_scored_before_the_engine_died_is_kept() -> None:
    engine, recorder = DyingEngine(skilled(lambda _: 1.0)), Remembered()
    with pytest.raises(EngineError, match="it died"):
        await rows_of(evaluator(engine, "score", recorder=recorder))
    rows = await rows_of(evaluator(engine, "score", recorder=recorder))
    assert len(rows) == 40
    assert len(engine.requests) == 7 + 34
