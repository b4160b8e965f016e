"""The HTTP side on a real port: streams that break, clients that go, a clean end."""

import asyncio
import json
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from promptlathe.errors import BusyError, EngineError, ModelError, UsageError
from promptlathe.server import middleware, serving
from promptlathe.server.app import make_app
from promptlathe.server.backend import Piece
from promptlathe.server.guard import Guard
from promptlathe.server.port import listen
from promptlathe.server.service import Service
from promptlathe.server.serving import serve
from promptlathe.server.streaming import EventStream
from tests.server.scripted_backend import ENDED, ScriptedBackend
from tests.server.waiting import until

QUESTION = {"model": "tiny", "messages": [{"role": "user", "content": "Hello"}]}
STREAMED = QUESTION | {"stream": True}
CHAT = "/v1/chat/completions"


class Running:
    def __init__(self, backend: ScriptedBackend, port: int, task: "asyncio.Task[None]") -> None:
        self.backend, self.port, self.task = backend, port, task
        self.client = httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20)

    async def ask(self, **body: object) -> httpx2.Response:
        return await self.client.post(CHAT, json=QUESTION | body)

    def stop(self) -> None:
        """As the operating system would."""
        os.kill(os.getpid(), signal.SIGTERM)


@asynccontextmanager
async def running(
    backend: ScriptedBackend, *, guard: Guard | None = None, grace_s: float = 5, waits_for_model: bool = True
) -> AsyncIterator[Running]:
    bound = listen("127.0.0.1", 0)
    ready = asyncio.Event()
    app = make_app(Service("tiny", backend), guard or Guard("127.0.0.1"))
    loading = asyncio.create_task(backend.start())
    task = asyncio.create_task(
        serve(app, backend, loading, bound, grace_s=grace_s, on_ready=ready.set, has_access_log=False)
    )
    made = Running(backend, bound.getsockname()[1], task)
    async with made.client:
        if waits_for_model:
            await asyncio.wait_for(ready.wait(), 10)
        else:
            await made.client.get("/health")
        yield made
    if not task.done():
        made.stop()
    await asyncio.wait_for(task, 15)


def events(text: str) -> list[object]:
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


async def test_an_error_inside_a_stream_has_the_shape_of_every_error() -> None:
    backend = ScriptedBackend([Piece("one "), EngineError("it broke", hint="ask again")])
    async with running(backend) as server:
        response = await server.ask(stream=True)
        assert response.status_code == 200
        assert events(response.text)[-1] == {
            "error": {
                "message": "it broke (ask again)",
                "type": "server_error",
                "param": None,
                "code": "engine",
            }
        }


async def test_an_error_before_the_first_piece_has_a_status() -> None:
    async with running(ScriptedBackend([BusyError("too many")])) as server:
        for stream in (False, True):
            response = await server.ask(stream=stream)
            assert response.status_code == 429
            assert int(response.headers["Retry-After"]) > 0
            assert response.json()["error"] == {
                "message": "too many", "type": "rate_limit_error", "param": None, "code": "overloaded"
            }  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("script", [["wait"], [Piece("one "), "wait"]], ids=["before", "during"])
async def test_a_client_that_goes_away_ends_its_answer(stream: bool, script: list[Piece | str]) -> None:
    async with running(ScriptedBackend([*script, ENDED])) as server:
        asking = asyncio.create_task(server.ask(stream=stream))
        await asyncio.wait_for(server.backend.is_waiting.wait(), 10)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await asyncio.wait_for(server.backend.was_cancelled.wait(), 10)


async def test_several_answers_end_together_when_the_client_goes() -> None:
    async with running(ScriptedBackend([Piece("one "), "wait", ENDED])) as server:
        asking = asyncio.create_task(server.ask(stream=True, n=3))
        await asyncio.wait_for(server.backend.is_waiting.wait(), 10)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await until(lambda: server.backend.cancelled == 3)


async def test_a_signal_lets_answers_finish() -> None:
    async with running(ScriptedBackend([Piece("one "), "wait", Piece("two"), ENDED])) as server:
        asking = asyncio.create_task(server.ask(stream=True))
        await asyncio.wait_for(server.backend.is_waiting.wait(), 10)
        server.stop()
        async with asyncio.timeout(10):
            while True:  # until nobody else is let in
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
                except OSError:
                    break
                writer.close()
                await asyncio.sleep(0.01)
        server.backend.may_go_on.set()
        said = events((await asking).text)
        assert said[-1]["choices"][0]["finish_reason"] == "stop"


async def test_answers_that_take_longer_are_cut_with_an_error() -> None:
    async with running(ScriptedBackend([Piece("one "), "wait", ENDED]), grace_s=0.1) as server:
        asking = asyncio.create_task(server.ask(stream=True))
        await asyncio.wait_for(server.backend.is_waiting.wait(), 10)
        server.stop()
        said = events((await asking).text)
        assert said[-1]["error"]["code"] == "not_ready"


async def test_health_while_the_model_loads() -> None:
    backend = ScriptedBackend()
    backend.may_start.clear()
    async with running(backend, waits_for_model=False) as server:
        health = await server.client.get("/health")
        assert health.status_code == 503
        assert (health.json()["state"], health.json()["seconds"]) == ("loading", 1.5)
        backend.may_start.set()
        await until(lambda: backend.phase == "ready")
        assert (await server.client.get("/health")).json()["status"] == "ok"


async def test_a_model_that_does_not_load_ends_the_server() -> None:
    backend = ScriptedBackend(start_error=ModelError("cannot load it"))
    bound = listen("127.0.0.1", 0)
    app = make_app(Service("tiny", backend), Guard("127.0.0.1"))
    loading = asyncio.create_task(backend.start())
    with pytest.raises(ModelError, match="cannot load it"):
        await serve(app, backend, loading, bound, grace_s=1, on_ready=lambda: None, has_access_log=False)


async def test_a_head_that_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_HEAD_S", 0.2)
    async with running(ScriptedBackend()) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n")
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
        assert (await server.ask()).status_code == 200


async def test_a_body_that_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware.Gate.__init__, "__kwdefaults__", {"body_s": 0.2})
    async with running(ScriptedBackend()) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
        assert b" 408 " in await asyncio.wait_for(reader.readline(), 10)
        writer.close()


async def test_a_silent_stream_says_that_it_lives() -> None:
    may_end = asyncio.Event()
    sent: list[bytes] = []

    async def answer() -> AsyncIterator[bytes]:
        await may_end.wait()
        yield b"data: [DONE]\n\n"

    async def send(message: dict[str, object]) -> None:
        sent.append(message.get("body", b""))
        if sent.count(b": ping\n\n") == 2:
            may_end.set()

    async def receive() -> dict[str, object]:
        await asyncio.Event().wait()
        return {}

    async def close() -> None:
        sent.append(b"closed")

    await EventStream(answer(), close, ping_s=0.01)({}, receive, send)
    assert sent[-3:] == [b"data: [DONE]\n\n", b"", b"closed"]


async def test_a_stream_whose_client_went_before_it_began_is_closed() -> None:
    is_closed = asyncio.Event()

    async def answer() -> AsyncIterator[bytes]:
        yield b""

    async def send(message: dict[str, object]) -> None:
        pass

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def close() -> None:
        is_closed.set()

    await EventStream(answer(), close)({}, receive, send)
    assert is_closed.is_set()


async def test_a_field_that_nobody_knows_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "promptlathe")
    async with running(ScriptedBackend()) as server:
        for _ in range(2):
            assert (await server.ask(something_new=1)).status_code == 200
    assert [record.getMessage() for record in caplog.records if "something_new" in record.getMessage()] == [
        "a client sends a field that has no effect here: 'something_new'"
    ]


async def test_what_is_asked_of_the_engine() -> None:
    async with running(ScriptedBackend()) as server:
        await server.ask(temperature=0.001, top_k=-1, max_tokens=7, stop="a", seed=-1, n=2)
        first, second = server.backend.asked
        assert (first.sampling.temperature, first.sampling.top_k, first.max_tokens) == (0.0, 0, 7)
        assert (first.sampling.stop, first.sampling.seed) == (("a",), 2**63 - 1)
        assert second.sampling.seed == 0
        await server.ask()
        assert (server.backend.asked[-1].sampling.temperature, server.backend.asked[-1].max_tokens) == (
            1.0,
            None,
        )


async def test_an_allowed_page_may_read_the_answer() -> None:
    page = "https://chat.example.org"
    async with running(ScriptedBackend(), guard=Guard("127.0.0.1", allowed_origins=(page,))) as server:
        response = await server.client.post(CHAT, json=QUESTION, headers={"Origin": page})
        assert response.status_code == 200
        assert response.headers["Access-Control-Allow-Origin"] == page
        other = await server.client.post(CHAT, json=QUESTION, headers={"Origin": "https://evil.example"})
        assert other.status_code == 403
        assert "Access-Control-Allow-Origin" not in other.headers


async def test_metrics_tell_paths_apart_but_not_without_end() -> None:
    async with running(ScriptedBackend()) as server:
        await server.ask()
        await server.client.get("/nothing/1")
        await server.client.get("/nothing/2")
        text = (await server.client.get("/metrics")).text
    assert 'lathe_requests_total{path="/v1/chat/completions",status="200"} 1.0' in text
    assert 'lathe_requests_total{path="other",status="404"} 2.0' in text
    assert "lathe_cached_prompt_tokens_total 1.0" in text
    assert "lathe_waiting_requests 2.0" in text
    assert "lathe_cache_usage_ratio 0.25" in text


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}: another program does"):
            listen("127.0.0.1", port)
    with pytest.raises(UsageError, match="no address nowhere"):
        listen("nowhere.invalid", 80)
