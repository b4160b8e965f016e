"""llama.cpp's server behind ours: watched, started again, asked twice where nothing was said, cut off cleanly."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import pytest

from promptlathe.engines.engine import Constraint, Sampling
from promptlathe.engines.llamacpp_process import LlamaCppProcess
from promptlathe.errors import (
    BusyError,
    ContextLengthError,
    EngineError,
    InputError,
    NotReadyError,
    UnsupportedModelError,
)
from promptlathe.messages import Message
from promptlathe.models.reference import Model
from promptlathe.server.backend import End, Generation, Piece
from promptlathe.server.llamacpp_upstream import LlamaCppUpstream
from promptlathe.server.upstream_backend import UpstreamBackend
from tests.server.waiting import until

LETTERS = Constraint("grammar", "root ::= [a-z] root")
"""An answer without an end, all of whose tokens are characters."""
LONG = 2000
HI = (Message("user", "Hi"),)


class Rig:
    """`made` are the programs of the backend, one for each start, and one that tells what it can do before."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.made: list[LlamaCppProcess] = []
        self.events: list[str] = []
        self.pauses: list[float] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.backend = UpstreamBackend(
            "tiny", self.make, queue=2, on_event=self.events.append, sleep=self.sleep
        )

    def make(self) -> LlamaCppUpstream:
        self.made.append(LlamaCppProcess(self.model, slots=2))
        return LlamaCppUpstream(self.made[-1])

    async def sleep(self, delay: float, /) -> None:
        self.pauses.append(delay)
        await self.may_go_on.wait()

    def kill(self) -> None:
        pid = self.made[-1].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    async def text(self, asked: Generation) -> str:
        results = [result async for result in self.backend.stream(asked)]
        assert isinstance(results[-1], End)
        return "".join(result.text for result in results if isinstance(result, Piece))


@pytest.fixture
async def rig(tiny_internlm2: Model, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setenv("LATHE_THREADS", "1")
    made = Rig(tiny_internlm2)
    await made.backend.start()
    yield made
    await made.backend.stop()
    assert not any(process.is_running for process in made.made)


def asked(prompt: tuple[Message, ...] | str | tuple[int, ...] = HI, **options: object) -> Generation:
    plain = Generation(prompt, Sampling(), max_tokens=8, is_streamed=True, constraint=LETTERS)
    return replace(plain, **options)


@pytest.mark.parametrize("prompt", [HI, "Hi", (60, 61, 62)], ids=["messages", "text", "tokens"])
async def test_streams_and_whole_answers(
    rig: Rig, prompt: tuple[Message, ...] | str | tuple[int, ...]
) -> None:
    *pieces, end = [result async for result in rig.backend.stream(asked(prompt))]
    assert isinstance(end, End)
    assert (end.finish_reason, end.completion_tokens) == ("length", 8)
    assert end.first_token_s is not None
    assert end.prompt_tokens >= 3
    assert len(pieces) == 8
    one, whole = [result async for result in rig.backend.stream(asked(prompt, is_streamed=False))]
    assert isinstance(one, Piece)
    assert isinstance(whole, End)
    assert one.text == "".join(piece.text for piece in pieces if isinstance(piece, Piece))
    assert whole.first_token_s is None


async def test_probabilities(rig: Rig) -> None:
    wanted = asked(has_log_probabilities=True, top_log_probabilities=3)
    pieces = [result async for result in rig.backend.stream(wanted) if isinstance(result, Piece)]
    tokens = [token for piece in pieces for token in piece.tokens]
    assert "".join(token.data for token in tokens) == "".join(piece.text for piece in pieces)
    for token in tokens:
        likeliest = [number for _, number in token.top]
        assert len(likeliest) == 3
        assert likeliest == sorted(likeliest, reverse=True)
        assert token.log_probability <= likeliest[0]
    plain = asked(has_log_probabilities=True)
    ((first,),) = [
        piece.tokens for piece in [await anext(rig.backend.stream(plain))] if isinstance(piece, Piece)
    ]
    assert first.top == ()


async def test_without_a_limit_an_answer_ends_with_the_context(rig: Rig) -> None:
    *_, end = [result async for result in rig.backend.stream(asked("x" * 4000, max_tokens=None))]
    assert isinstance(end, End)
    assert end.finish_reason == "length"
    assert end.prompt_tokens + end.completion_tokens in (4095, 4096)


async def test_tokens_and_back(rig: Rig) -> None:
    tokens = await rig.backend.tokenize("13.8和")
    assert await rig.backend.detokenize(tokens) == "13.8和"
    *_, end = [result async for result in rig.backend.stream(asked())]
    assert isinstance(end, End)
    assert len(await rig.backend.tokenize(HI)) == end.prompt_tokens
    with pytest.raises(InputError, match="there is no token 261: this model has 261, from 0 on"):
        await rig.backend.detokenize((261,))


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        (asked("x" * 4200), ContextLengthError, r"the prompt has 420\d tokens and may answer with 8: tiny holds 4096"),
        (asked((Message("user", "x" * 4200),)), ContextLengthError, r"may answer with 8: tiny holds 4096 in all"),
        (asked((5,) * 4090), ContextLengthError, "the prompt has 4090 tokens and may answer with 8"),
        (asked(max_tokens=4090), ContextLengthError, "may answer with 4090: tiny holds 4096 in all"),
        (asked(""), InputError, "the prompt is empty"),
        (asked((10**6,)), InputError, "invalid tokens"),
        (asked(constraint=Constraint("grammar", "root ::= [")), InputError, "the grammar cannot be used: .*parse"),
        (asked(constraint=Constraint("regex", r"\b")), InputError, "the regex cannot be used: word boundary"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else "",
)  # fmt: skip
async def test_what_cannot_be_asked(rig: Rig, wrong: Generation, error: type[Exception], said: str) -> None:
    for one in (wrong, replace(wrong, is_streamed=False)):
        with pytest.raises(error, match=said) as caught:
            await rig.text(one)
        assert "127.0.0.1" not in str(caught.value)
    assert await rig.text(asked())


async def test_what_was_not_begun_is_asked_again_and_the_rest_fails(rig: Rig) -> None:
    rig.may_go_on.clear()
    begun = [rig.backend.stream(asked(max_tokens=LONG)) for _ in range(2)]
    for stream in begun:
        await anext(stream)
    waiting = asyncio.create_task(rig.text(asked(max_tokens=4)))
    await until(lambda: rig.backend.load.waiting == 1)
    rig.kill()
    for stream in begun:
        with pytest.raises(EngineError, match="llamacpp ended unexpectedly, while it answered"):
            [piece async for piece in stream]
    await until(lambda: rig.backend.state.phase == "restarting")
    assert "signal 9" in rig.backend.state.detail
    assert rig.events == [rig.backend.state.detail]
    rig.may_go_on.set()
    assert len(await waiting) == 4
    assert (rig.backend.state.phase, rig.backend.state.restarts) == ("ready", 1)
    assert await rig.backend.tokenize("a")


async def test_more_than_may_wait(rig: Rig) -> None:
    streams = [rig.backend.stream(asked(max_tokens=LONG)) for _ in range(4)]
    for stream in streams[:2]:
        await anext(stream)
    others = [asyncio.ensure_future(anext(stream)) for stream in streams[2:]]
    await until(lambda: rig.backend.load.waiting == 2)
    assert rig.backend.load.running == 2
    with pytest.raises(BusyError, match="4 requests are under way or waiting"):
        await rig.text(asked())
    for stream in streams[:2]:
        await stream.aclose()
    assert all(isinstance(piece, Piece) for piece in await asyncio.gather(*others))
    for stream in streams[2:]:
        await stream.aclose()
    assert (rig.backend.load.running, rig.backend.load.waiting) == (0, 0)


async def test_an_answer_that_nobody_wants_any_more_gives_its_place_back(rig: Rig) -> None:
    for _ in range(6):
        async with aclosing(rig.backend.stream(asked(max_tokens=LONG))) as results:
            await anext(results)
    assert await asyncio.wait_for(rig.text(asked(max_tokens=4)), 10)


async def test_answers_are_cut_when_the_server_stops(rig: Rig) -> None:
    stream = rig.backend.stream(asked(max_tokens=LONG))
    await anext(stream)
    rig.backend.cut()
    with pytest.raises(NotReadyError, match="the server is stopping"):
        [piece async for piece in stream]
    with pytest.raises(NotReadyError):
        await rig.text(asked())


async def test_a_model_that_cannot_be_loaded_ends_the_start(tiny_internlm2: Model) -> None:
    rig = Rig(replace(tiny_internlm2, format="openvino"))
    with pytest.raises(UnsupportedModelError, match="reads nothing else"):
        await rig.backend.start()
    assert rig.backend.state.phase == "failed"
    await rig.backend.stop()


async def test_it_can_be_stopped_while_it_loads(tiny_internlm2: Model) -> None:
    rig = Rig(tiny_internlm2)
    starting = asyncio.create_task(rig.backend.start())
    await until(lambda: len(rig.made) > 1 and rig.made[-1].pid is not None)
    starting.cancel()
    await rig.backend.stop()
    assert not rig.made[-1].is_running
