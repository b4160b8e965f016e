"""llama.cpp as an engine: a model that OpenVINO does not read, in a process of its own."""

import math
import os
import re
import signal
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from promptlathe.engines.constraints import constraining
from promptlathe.engines.engine import (
    Answer,
    Constraint,
    Delta,
    Failure,
    Output,
    Request,
    Sampling,
    Scored,
)
from promptlathe.engines.llamacpp import LlamaCppEngine
from promptlathe.engines.openvino import OpenVinoEngine
from promptlathe.errors import ContextLengthError, EngineError, UnsupportedModelError
from promptlathe.messages import Message
from promptlathe.models.reference import Model


@pytest.fixture
async def engine(tiny_internlm2: Model, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LlamaCppEngine]:
    monkeypatch.setenv("LATHE_THREADS", "1")
    made = LlamaCppEngine(tiny_internlm2)
    yield made
    made.close()


def ask(text: str, *, max_tokens: int = 8, **options: object) -> Request:
    return replace(Request(text, (Message("user", text),), Sampling(max_tokens=max_tokens)), **options)


async def outputs(engine: LlamaCppEngine, *requests: Request) -> list[Output]:
    return [output async for output in engine.generate(requests)]


async def answer(engine: LlamaCppEngine, request: Request) -> Answer:
    (output,) = await outputs(engine, request)
    assert isinstance(output, Answer), output
    return output


def test_what_it_is_is_known_before_it_is_loaded(engine: LlamaCppEngine, tiny_internlm2: Model) -> None:
    described = engine.describe()
    assert (described.engine, described.model) == ("llamacpp", "tiny-internlm2")
    assert described.model_digest == tiny_internlm2.digest
    assert re.match(r"20\d\d\.", described.version)
    assert ("slots", "4") in described.settings


async def test_openvino_does_not_read_this_model(tiny_internlm2: Model) -> None:
    with pytest.raises(UnsupportedModelError, match="OpenVINO does not read internlm2 models from GGUF"):
        [output async for output in OpenVinoEngine(tiny_internlm2).generate([ask("Hi")])]


async def test_every_question_has_its_answer(engine: LlamaCppEngine) -> None:
    questions = [f"Which is larger, {n}.8 or {n}.11?" for n in range(6)]
    found = await outputs(engine, *map(ask, questions))
    assert {output.request_id for output in found} == set(questions)
    for output in found:
        assert isinstance(output, Answer)
        assert output.prompt_tokens > 40
        assert (output.finish_reason == "length") == (output.completion_tokens == 8)


async def test_a_stream_adds_up_to_the_answer(engine: LlamaCppEngine) -> None:
    held = Constraint("regex", "[a-z]{9}")
    request = ask("Hi", is_streamed=True, has_log_probabilities=True, constraint=held)
    *deltas, end = await outputs(engine, request)
    assert isinstance(end, Answer)
    assert len(deltas) > 3
    assert all(isinstance(delta, Delta) for delta in deltas)
    assert "".join(delta.text for delta in deltas if isinstance(delta, Delta)) == end.text
    assert end.tokens == tuple(
        token for delta in deltas if isinstance(delta, Delta) for token in delta.tokens
    )
    whole = await answer(engine, replace(request, is_streamed=False))
    assert (whole.text, whole.prompt_tokens) == (end.text, end.prompt_tokens)
    assert whole.cached_tokens > 0
    assert b"".join(token.data for token in whole.tokens).decode() == whole.text


@pytest.mark.parametrize(
    "pattern",
    [
        r"\d{2}\.\d", r"^(yes|no)$", r"(a|bc)*?d", r"[^\W\d_]{2,3}|_", r"\D\S?", r"你[一-龥]😀", r'"\\\]-', r"x\.y\n",
        r"(?P<sign>[+-])?[1-9]\d*", r"\w\s\W", r"a{0}b", "",
    ],
)  # fmt: skip
async def test_an_answer_matches_its_pattern(engine: LlamaCppEngine, pattern: str) -> None:
    request = ask("Hi", max_tokens=60, constraint=Constraint("regex", pattern))
    if pattern.startswith("[^\\W"):
        with pytest.raises(AssertionError, match="a negated class inside a set"):
            await answer(engine, request)
        return
    found = await answer(engine, request)
    assert re.fullmatch(pattern, found.text, re.ASCII), found.text


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        (Constraint("grammar", 'root ::= "13.8" | "13.11"'), ("13.8", "13.11")),
        (Constraint("json_schema", '{"enum": ["13.8", "13.11"]}'), ('"13.8"', '"13.11"')),
        (Constraint("json_schema", '{"type": "boolean"}'), ("true", "false")),
    ],
)
async def test_a_grammar_and_a_schema(
    engine: LlamaCppEngine, constraint: Constraint, expected: tuple[str, ...]
) -> None:
    found = await answer(engine, ask("Hi", max_tokens=30, constraint=constraint))
    assert found.text.strip() in expected


def test_any_json_at_all() -> None:
    """llama.cpp passes over a schema that is no object."""
    assert constraining(Constraint("json_schema", "true"), "llamacpp") == {"json_schema": {}}


@pytest.mark.parametrize(
    ("constraint", "said"),
    [
        (Constraint("regex", r"\bfoo\b"), "the regex cannot be used: word boundary"),
        (Constraint("json_schema", "{"), "the json schema cannot be used: it is not JSON"),
        (Constraint("json_schema", "false"), "the json schema cannot be used: nothing matches it"),
        (Constraint("grammar", "root ::= ["), "failed to parse grammar"),
    ],
)
async def test_a_constraint_that_cannot_be_used_fails_alone(
    engine: LlamaCppEngine, constraint: Constraint, said: str
) -> None:
    found = await outputs(engine, ask("bad", constraint=constraint), ask("good"))
    by_id = {output.request_id: output for output in found}
    assert isinstance(by_id["good"], Answer)
    assert isinstance(failure := by_id["bad"], Failure)
    assert said in failure.error.message


@pytest.mark.parametrize("choices", [("13.8", "13.11"), ("相等", 'say "no" \\'), (" 13.8",)])
async def test_the_answer_is_one_of_the_choices(engine: LlamaCppEngine, choices: tuple[str, ...]) -> None:
    found = await answer(engine, ask("Which?", max_tokens=1, choices=choices))
    assert found.text in choices


async def test_a_score_is_what_the_answer_would_have_had(engine: LlamaCppEngine) -> None:
    """Of its tokens, as an answer that is held to it tells them, and of the end."""
    choices = ("13.8", "13.11", "13.1")
    (scored,) = [one async for one in engine.score([ask("Which?", choices=choices)])]
    assert isinstance(scored, Scored)
    assert all(number < 0 for number in scored.log_likelihoods)
    for choice, found in zip(choices, scored.log_likelihoods, strict=True):
        held = await answer(engine, ask("Which?", choices=(choice,), has_log_probabilities=True))
        without_end = math.fsum(token.log_probability for token in held.tokens)
        assert -30 < found - without_end < 0
        (alone,) = [one async for one in engine.score([ask("Which?", choices=(choice,))])]
        assert isinstance(alone, Scored)
        assert math.isclose(alone.log_likelihoods[0], found, abs_tol=0.01)


async def test_the_probabilities_of_what_can_come_next_add_up(engine: LlamaCppEngine) -> None:
    """Of one byte with an end: together less than of all texts, and each in proportion to its own token."""
    letters = tuple("abcdefgh")
    (scored,) = [one async for one in engine.score([ask("Which?", choices=letters)])]
    assert isinstance(scored, Scored)
    assert 0 < math.fsum(map(math.exp, scored.log_likelihoods)) < 1
    assert len(set(scored.log_likelihoods)) == len(letters)


async def test_a_seed_repeats_a_draw(engine: LlamaCppEngine) -> None:
    async def drawn(seed: int) -> str:
        sampling = Sampling(max_tokens=8, temperature=1.5, seed=seed)
        held = Constraint("regex", "[a-z]{8}")
        return (await answer(engine, ask("Hi", sampling=sampling, constraint=held))).text

    await drawn(7)
    big = 7 + (2**32 - 1) * 5
    assert await drawn(7) == await drawn(7) == await drawn(big) != await drawn(8)


async def test_a_prompt_that_is_too_long(engine: LlamaCppEngine) -> None:
    (found,) = await outputs(engine, ask("x" * 5000))
    assert isinstance(found, Failure)
    assert isinstance(found.error, ContextLengthError)


def test_tokens_are_counted(engine: LlamaCppEngine) -> None:
    assert engine.tokens("") == 0
    assert engine.tokens("13.8 和") > engine.tokens("13.8") > 0


async def test_a_process_that_dies_is_one_error_and_then_another_process(engine: LlamaCppEngine) -> None:
    found: list[Output] = []

    async def read() -> None:
        async for output in engine.generate(ask(str(n), max_tokens=2) for n in range(50)):
            found.append(output)
            if len(found) == 3:
                os.kill(engine_pid(engine), signal.SIGKILL)

    with pytest.raises(EngineError, match=r"llama.cpp ended unexpectedly \(signal 9\)"):
        await read()
    assert len(found) < 50
    assert isinstance(await answer(engine, ask("again")), Answer)


async def test_what_is_closed_is_gone_and_may_be_used_again(engine: LlamaCppEngine) -> None:
    await answer(engine, ask("Hi"))
    pid = engine_pid(engine)
    engine.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert await answer(engine, ask("Hi"))


def engine_pid(engine: LlamaCppEngine) -> int:
    assert engine._loaded is not None
    pid = engine._loaded[0].pid
    assert pid is not None
    return pid
