"""The OpenVINO engine with the real embedded model: what it answers must not depend on who else is asking."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from promptlathe.engines.engine import Answer, Delta, Failure, Output, Request, Sampling
from promptlathe.engines.openvino import OpenVinoEngine
from promptlathe.engines.openvino_pipeline import prepare
from promptlathe.errors import ContextLengthError, ModelError
from promptlathe.messages import Message
from promptlathe.models.reference import Model
from tests.fakes import a_model

pytestmark = pytest.mark.model

PREFIX = "You compare numbers. Answer with the larger number and nothing else. " * 12
PAIRS = [
    (f"{whole}.{left}", f"{whole}.{right}")
    for whole in range(2, 8)
    for left, right in [(9, 11), (8, 13), (5, 45), (7, 32)]
]


def ask(text: str, *, system: str = "", max_tokens: int = 12, **options: object) -> Request:
    system_message = (Message("system", system),) if system else ()
    sampling = Sampling(max_tokens=max_tokens, **options)
    return Request(text, (*system_message, Message("user", text)), sampling)


async def outputs(engine: OpenVinoEngine, requests: Iterable[Request]) -> list[Output]:
    return [output async for output in engine.generate(requests)]


async def answers(engine: OpenVinoEngine, requests: Iterable[Request]) -> dict[str, str]:
    got = await outputs(engine, requests)
    assert all(isinstance(output, Answer) for output in got)
    return {output.request_id: output.text for output in got}


async def answers_alone(engine: OpenVinoEngine, requests: Iterable[Request]) -> dict[str, str]:
    alone: dict[str, str] = {}
    for request in requests:
        alone |= await answers(engine, [request])
    return alone


QUESTIONS = [ask(f"{left} or {right}?", system=PREFIX) for left, right in PAIRS]


async def test_an_answer_does_not_depend_on_the_batch(engine: OpenVinoEngine) -> None:
    together = await answers(engine, QUESTIONS)
    assert len(together) == len(QUESTIONS) == 24
    assert len(set(together.values())) > 3
    assert await answers_alone(engine, QUESTIONS) == together


async def test_prompts_that_go_on_from_one_tail_do_not_spoil_each_other(
    engine: OpenVinoEngine, embedded_model: Model
) -> None:
    """A first turn of one token leaves its tail inside a block; several second turns go on from it at once."""
    opening = ask("Compare numbers with me, please.", max_tokens=1)
    reply = (*opening.messages, Message("assistant", "Sure."))
    following = [
        Request(text, (*reply, Message("user", text)), Sampling(max_tokens=12))
        for text in (f"Which is larger, {left} or {right}?" for left, right in PAIRS[:8])
    ]
    await answers(engine, [opening])
    together = await answers(engine, following)
    fresh = OpenVinoEngine(embedded_model)
    assert await answers_alone(fresh, following) == together


async def streamed(engine: OpenVinoEngine, request: Request) -> tuple[list[str], Answer]:
    *deltas, answer = await outputs(engine, [replace(request, is_streamed=True)])
    assert isinstance(answer, Answer)
    texts = [delta.text for delta in deltas if isinstance(delta, Delta)]
    assert len(texts) == len(deltas)
    return texts, answer


@pytest.mark.parametrize("text", ["13.8 和 13.11 哪个更大？", "😀👩‍👩‍👧🎉🚀"], ids=["chinese", "emoji"])
async def test_deltas_add_up_and_cut_no_character(engine: OpenVinoEngine, text: str) -> None:
    echo = (Message("user", text), Message("assistant", text))
    request = Request("echo", (*echo, *echo, Message("user", text)), Sampling(max_tokens=30))
    deltas, answer = await streamed(engine, request)
    assert "".join(deltas) == answer.text
    assert answer.text[-1] == text[-1], "the model did not repeat it"
    assert not any("\N{REPLACEMENT CHARACTER}" in delta for delta in deltas)
    assert answer.completion_tokens > len(deltas) > 1, "some characters are more than one token"


async def test_without_streaming_there_are_no_deltas(engine: OpenVinoEngine) -> None:
    (answer,) = await outputs(engine, [ask("Hello", max_tokens=3)])
    assert isinstance(answer, Answer)
    assert (answer.completion_tokens, answer.finish_reason) == (3, "length")
    assert answer.prompt_tokens > 5


async def test_closing_early_cancels_and_the_engine_goes_on(engine: OpenVinoEngine) -> None:
    reference = await answers(engine, QUESTIONS[:3])
    long = [ask(f"Tell me a long story about {name}.", max_tokens=2000) for name in "ABC"]
    async with aclosing(engine.generate([replace(one, is_streamed=True) for one in long])) as stream:
        async for output in stream:
            assert isinstance(output, Delta)
            break
    assert await asyncio.wait_for(answers(engine, QUESTIONS[:3]), timeout=20) == reference


async def test_a_cancelled_task_leaves_the_engine_usable(engine: OpenVinoEngine) -> None:
    story = ask("Tell me a long story about a fox.", max_tokens=2000)
    started = asyncio.Event()

    async def listen() -> None:
        async for _ in engine.generate([replace(story, is_streamed=True)]):
            started.set()

    task = asyncio.create_task(listen())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.wait_for(answers(engine, QUESTIONS[:1]), timeout=20)


async def test_a_prompt_too_long_fails_alone(engine: OpenVinoEngine) -> None:
    long = ask("number " * 9000)
    got = {output.request_id: output for output in await outputs(engine, [QUESTIONS[0], long, QUESTIONS[1]])}
    failure = got.pop(long.id)
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, ContextLengthError)
    tokens = engine.tokens(long.messages[0].content)
    assert tokens >= 9000
    said = failure.error.message
    assert "may answer with 12: smollm2-135m-instruct holds 8192 in all" in said
    assert tokens < int(said.split()[3]) < tokens + 60
    assert all(isinstance(output, Answer) for output in got.values())
    assert len(got) == 2


async def test_only_failures_end_too(engine: OpenVinoEngine) -> None:
    got = await outputs(engine, [ask("number " * 9000), ask("digit " * 9000)])
    assert [type(output) for output in got] == [Failure, Failure]
    assert await outputs(engine, []) == []


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        ((), "The capital of France is Paris"),
        (("capital of",), "The "),
        (("apital o",), "The c"),
        ((" France", " of Fr"), "The capital"),
        (("of Paris",), "The capital of France is Paris"),
    ],
)
async def test_an_answer_ends_before_a_stop_string(
    engine: OpenVinoEngine, stop: tuple[str, ...], expected: str
) -> None:
    deltas, answer = await streamed(engine, ask("What is the capital of France?", max_tokens=6, stop=stop))
    assert answer.text == expected
    assert "".join(deltas) == expected
    assert answer.finish_reason == ("length" if expected.endswith("Paris") else "stop")


async def test_a_seed_repeats_what_was_drawn(engine: OpenVinoEngine) -> None:
    def drawn(seed: int) -> Request:
        return ask("Tell me about a number.", max_tokens=12, temperature=1.5, top_k=40, seed=seed)

    first = [await answers(engine, [drawn(seed)]) for seed in (1, 2, 1)]
    assert first[0] == first[2] != first[1]


async def test_it_can_be_closed_and_used_again(engine: OpenVinoEngine) -> None:
    before = await answers(engine, QUESTIONS[:1])
    engine.close()
    assert await answers(engine, QUESTIONS[:1]) == before


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.slow
async def test_a_saved_model_answers_as_its_file_does(
    engine: OpenVinoEngine, embedded_model: Model, tmp_path: Path
) -> None:
    """A pulled model is saved once, by `prepare` or its first load; a second load reads that, and a damaged one is
    made anew."""
    path = tmp_path / "model.gguf"
    path.symlink_to(embedded_model.path)
    saved = tmp_path / f".openvino-{version('openvino-genai')}-q8_0-simple"
    pulled = replace(embedded_model, path=path)
    from_file = OpenVinoEngine(replace(pulled, source="local"))
    reference = await answers(from_file, QUESTIONS[:8])
    from_file.close()
    assert not saved.exists()
    assert [prepare(pulled), prepare(pulled)] == [True, False]
    for damage in (False, False, True):
        if damage:
            (saved / "openvino_model.xml").write_text("<net/>")
        loaded = OpenVinoEngine(pulled)
        assert await answers(loaded, QUESTIONS[:8]) == reference
        assert {Path(name).suffix for name in names(saved)} == {".xml", ".bin"}
        loaded.close()
    assert names(tmp_path) == [saved.name, "model.gguf"]


def test_its_description_needs_no_loading() -> None:
    description = OpenVinoEngine(a_model()).describe()
    assert description.engine == "openvino"
    assert description.capabilities == {
        "prefix_cache", "stream", "seed", "choice", "score", "constraint", "log_probabilities"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("architecture", "content", "said"),
    [
        ("internlm2", None, "OpenVINO does not read internlm2 models from GGUF"),
        ("llama", None, "cannot read .* No such file"),
        ("llama", b"not a model", "is not a GGUF file"),
        ("llama", "cut", "it is cut short at 5000000 bytes"),
        ("llama", "well-formed", "OpenVINO cannot load"),
    ],
)
async def test_what_cannot_be_loaded_is_one_line(
    tmp_path: Path,
    embedded_model: Model,
    make_gguf: Callable[..., bytes],
    architecture: str,
    content: bytes | str | None,
    said: str,
) -> None:
    path = tmp_path / "some.gguf"
    if content == "cut":
        content = embedded_model.path.read_bytes()[:5_000_000]
    elif content == "well-formed":
        content = make_gguf()
    if isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(ModelError, match=said) as caught:
        await outputs(OpenVinoEngine(a_model(path, architecture=architecture)), [ask("Hello")])
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.hint
