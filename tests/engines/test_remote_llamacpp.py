"""Interoperability with a real server: llama.cpp's, with the embedded model."""

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from promptlathe.engines.endpoint import read_endpoint
from promptlathe.engines.engine import Answer, Delta, Failure, Request, Sampling
from promptlathe.engines.remote import RemoteEngine
from promptlathe.engines.tokenizer import token_counter
from promptlathe.errors import EngineError, UnknownNameError
from promptlathe.messages import Message
from promptlathe.models.reference import Model

pytestmark = [pytest.mark.slow, pytest.mark.model]
KEY = "sk-llama"


@pytest.fixture(scope="module")
def url(embedded_model: Model) -> Iterator[str]:
    xllamacpp = pytest.importorskip("xllamacpp", reason="needs xllamacpp: pip install 'promptlathe[bench]'")
    settings = xllamacpp.CommonParams()
    settings.model.path = str(embedded_model.path)
    settings.n_parallel = 4
    settings.n_ctx = 4 * 1024
    settings.kv_unified = False
    settings.cpuparams.n_threads = os.cpu_count()
    settings.hostnames = ["127.0.0.1"]
    settings.port = 0
    settings.api_keys = [KEY]
    settings.verbosity = 0
    server = xllamacpp.Server(settings)
    yield f"{server.listening_address}/v1"
    del server


@pytest.fixture
def engine(url: str) -> RemoteEngine:
    return engine_at(url)


def engine_at(url: str, api_key: str | None = KEY) -> RemoteEngine:
    endpoint = read_endpoint(url)
    assert endpoint is not None
    return RemoteEngine(endpoint, api_key=api_key, timeout_s=120)


def ask(text: str, *, is_streamed: bool = False, max_tokens: int = 12) -> Request:
    messages = (Message("system", "Answer in one short sentence."), Message("user", text))
    return Request(text, messages, Sampling(max_tokens=max_tokens), is_streamed=is_streamed)


async def test_it_answers_and_counts(engine: RemoteEngine) -> None:
    questions = [f"Which is larger, {n}.8 or {n}.11?" for n in range(12)]
    answers = [output async for output in engine.generate(ask(question) for question in questions)]
    assert {answer.request_id for answer in answers} == set(questions)
    for answer in answers:
        assert isinstance(answer, Answer)
        assert answer.text
        assert answer.prompt_tokens > 20
        assert (answer.finish_reason == "length") == (answer.completion_tokens == 12)
        assert 0 < answer.completion_tokens <= 12


async def test_it_streams_the_same_answer(engine: RemoteEngine) -> None:
    *deltas, answer = [
        output async for output in engine.generate([ask("Tell me of the sea.", is_streamed=True)])
    ]
    (whole,) = [output async for output in engine.generate([ask("Tell me of the sea.")])]
    assert isinstance(answer, Answer)
    assert len(deltas) > 3
    assert "".join(delta.text for delta in deltas if isinstance(delta, Delta)) == answer.text == whole.text
    counted = (answer.prompt_tokens, answer.completion_tokens, answer.finish_reason)
    assert counted == (whole.prompt_tokens, whole.completion_tokens, whole.finish_reason)


async def test_a_prompt_that_is_too_long_is_told_as_that(engine: RemoteEngine) -> None:
    (output,) = [output async for output in engine.generate([ask("word " * 3000)])]
    assert isinstance(output, Failure)
    assert output.error.message.startswith("too long for the served model: ")


def test_it_tells_what_it_is(engine: RemoteEngine, url: str, embedded_model: Model) -> None:
    described = engine.describe()
    assert described.version.startswith("llamacpp ")
    assert len(described.version) > len("llamacpp ")
    offered = {"stream", "seed", "prefix_cache", "choice", "constraint", "log_probabilities"}
    assert described.capabilities == offered
    assert described.settings == (("endpoint", url),)
    for text in ("13.8 is larger than 13.11", "哪个更大？"):
        assert engine.tokens(text) == token_counter(embedded_model)(text)
    with pytest.raises(UnknownNameError) as caught:
        engine_at(f"{url}#nothing").describe()
    assert described.model in (caught.value.hint or "")


@pytest.mark.parametrize(
    "choices",
    [
        ("13.1", "13.11"),
        ("相等", "13.8"),
        ('say "no" \\ [x] (y)*\n.', "|"),
        (" 13.8", " 13.11"),
        ("😀", "tab\there"),
    ],
)
async def test_the_answer_is_one_of_the_choices_to_the_letter(
    engine: RemoteEngine, choices: tuple[str, ...]
) -> None:
    for held in [(choice,) for choice in choices] + [choices]:
        request = replace(ask("Which one?", max_tokens=1), choices=held)
        (answer,) = [output async for output in engine.generate([request])]
        assert isinstance(answer, Answer), answer
        assert answer.text in held
        assert answer.finish_reason == "stop"


async def test_a_wrong_key_is_told_as_that(url: str) -> None:
    for key, message in (("sk-wrong", "refuses the key"), (None, "wants a key")):
        with pytest.raises(EngineError, match=message):
            [output async for output in engine_at(url, key).generate([ask("Hi?")])]
