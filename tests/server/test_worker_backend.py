"""The watched process behind the API, with a worker that does what the test says."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from promptlathe.engines.engine import Sampling
from promptlathe.errors import BusyError, EngineError, InputError, ModelError, NotReadyError
from promptlathe.server.backend import End, Generation, Piece
from promptlathe.server.worker_backend import WorkerBackend, with_context
from tests.fakes import a_model
from tests.server.waiting import until

WORKER = Path(__file__).with_name("scripted_worker.py")


class Pauses:
    """Stands for `sleep` between two workers: remembers how long it was to be, and waits until it may go on."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def __call__(self, delay: float, /) -> None:
        self.asked.append(delay)
        await self.may_go_on.wait()


class Run:
    def __init__(self, folder: Path) -> None:
        self.log = folder / "worker.log"
        self.pauses = Pauses()
        self.events: list[str] = []

    @asynccontextmanager
    async def backend(self, *, is_started: bool = True, **options: object) -> AsyncIterator[WorkerBackend]:
        made = WorkerBackend(
            a_model(),
            sleep=self.pauses,
            on_event=self.events.append,
            command=(sys.executable, str(WORKER)),
            **options,
        )
        try:
            if is_started:
                await made.start()
            yield made
        finally:
            await made.stop()

    def frames(self, kind: str) -> int:
        return sum(line.startswith(kind) for line in self.log.read_text().splitlines())

    async def until_frames(self, kind: str, count: int) -> None:
        await until(lambda: self.log.exists() and self.frames(kind) >= count)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    made = Run(tmp_path)
    monkeypatch.setenv("SCRIPTED_WORKER_LOG", str(made.log))
    monkeypatch.setenv("SCRIPTED_WORKER_DIED", str(tmp_path / "died"))
    return made


def asked(text: str) -> Generation:
    return Generation(text, Sampling(), is_streamed=True)


async def answer(backend: WorkerBackend, text: str) -> str:
    results = [result async for result in backend.stream(asked(text))]
    assert isinstance(results[-1], End)
    return "".join(result.text for result in results if isinstance(result, Piece))


async def test_pieces_and_their_end(run: Run) -> None:
    async with run.backend() as backend:
        assert backend.state.phase == "ready"
        results = [result async for result in backend.stream(asked("one two"))]
        assert results == [Piece("one "), Piece("two "), End("stop", 3, 2, 1, 0.1)]
        assert await backend.tokenize("text") == (1, 2)
        assert await backend.detokenize((1,)) == "text"
        with pytest.raises(InputError, match="it cannot be asked"):
            await answer(backend, "fail")


async def test_closing_an_answer_cancels_it(run: Run) -> None:
    async with run.backend() as backend:
        async with aclosing(backend.stream(asked("one wait two"))) as results:
            assert await anext(results) == Piece("one ")
        await run.until_frames("cancel", 1)
        assert await answer(backend, "three") == "three "


async def test_what_was_not_begun_is_asked_again_and_the_rest_fails(run: Run) -> None:
    async with run.backend() as backend:
        begun = backend.stream(asked("one wait wait two"))
        assert await anext(begun) == Piece("one ")
        assert await answer(backend, "die-once three") == "three "
        with pytest.raises(EngineError, match=r"ended unexpectedly \(signal 9\), while it answered"):
            await anext(begun)
        assert backend.state.restarts == 1
        assert len(run.events) == 1


async def test_nothing_is_asked_a_third_time(run: Run) -> None:
    async with run.backend() as backend:
        with pytest.raises(EngineError, match="ended unexpectedly"):
            await answer(backend, "die three")
        assert run.frames("submit") == 2
        assert await answer(backend, "fine") == "fine "


async def test_a_killed_worker_is_started_again_while_requests_wait(run: Run) -> None:
    async with run.backend() as backend:
        assert backend.pid is not None
        run.pauses.may_go_on.clear()
        os.kill(backend.pid, signal.SIGKILL)
        await until(lambda: backend.state.phase != "ready")
        assert (backend.state.phase, backend.state.restarts) == ("restarting", 1)
        assert "starting again in 1 s" in backend.state.detail
        waiting = asyncio.create_task(answer(backend, "late"))
        await asyncio.sleep(0)
        run.pauses.may_go_on.set()
        assert await waiting == "late "
        assert backend.state.phase == "ready"


async def test_the_pauses_double_and_who_waits_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async with run.backend() as backend:
        monkeypatch.setenv("SCRIPTED_WORKER_LOADS", "dies")
        assert backend.pid is not None
        os.kill(backend.pid, signal.SIGKILL)
        with pytest.raises(NotReadyError, match="does not start"):
            await answer(backend, "one")
        await until(lambda: len(run.pauses.asked) >= 7)
    for pause, expected in zip(run.pauses.asked, (1, 2, 4, 8, 16, 30, 30), strict=False):
        assert pause == pytest.approx(expected, rel=0.11)


async def test_a_worker_that_hangs_is_ended(run: Run) -> None:
    async with run.backend(silence_s=0.5) as backend:
        with pytest.raises(EngineError, match="signal 9"):
            await answer(backend, "one hang")
        assert "no sign of life" in run.events[0]


async def test_more_than_the_queue_holds_is_refused(run: Run) -> None:
    async with run.backend(window=1, queue=1) as backend:
        first, second = (asyncio.create_task(answer(backend, "one wait wait two")) for _ in range(2))
        await run.until_frames("submit", 2)
        with pytest.raises(BusyError, match="takes no more") as caught:
            await answer(backend, "three")
        assert caught.value.http_status == 429
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert await answer(backend, "three") == "three "
        assert await second == "one two "


@pytest.mark.parametrize(("loads", "said"), [("no", "cannot load it"), ("dies", "ended unexpectedly")])
async def test_a_model_that_cannot_be_loaded(
    run: Run, monkeypatch: pytest.MonkeyPatch, loads: str, said: str
) -> None:
    monkeypatch.setenv("SCRIPTED_WORKER_LOADS", loads)
    async with run.backend(is_started=False) as backend:
        with pytest.raises((ModelError, EngineError), match=said):
            await backend.start()
        assert backend.state.phase == "failed"
        with pytest.raises(NotReadyError):
            await answer(backend, "one")


async def test_what_is_asked_while_it_loads_waits(run: Run) -> None:
    async with run.backend(is_started=False) as backend:
        waiting = asyncio.create_task(answer(backend, "early"))
        await asyncio.sleep(0)
        assert backend.state.phase == "loading"
        await backend.start()
        assert await waiting == "early "


async def test_stopping_ends_answers_and_the_process(run: Run) -> None:
    async with run.backend() as backend:
        pid = backend.pid
        assert pid is not None
        waiting = asyncio.create_task(answer(backend, "one wait"))
        await run.until_frames("submit", 1)
        await backend.stop()
        with pytest.raises(NotReadyError, match="stopping"):
            await waiting
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        with pytest.raises(NotReadyError):
            await answer(backend, "two")


@pytest.mark.parametrize(("given", "expected"), [(None, 2048), (512, 512), (4096, 2048)])
def test_a_context_is_never_longer_than_the_models(given: int | None, expected: int) -> None:
    assert with_context(a_model(), given).context_length == expected
