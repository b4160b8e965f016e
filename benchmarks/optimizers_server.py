"""The model behind an OpenAI-compatible address that counts: what other optimizers of optimizers.py ask.

`/search/v1` answers as many requests as the budget has, then says 429. `/sealed/v1` answers without counting: its
questions are asked once the search is over. `/grade` says whether an answer to a case is right.
"""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from promptlathe.engines.engine import Answer, Engine, Failure, Request, Sampling
from promptlathe.errors import LatheError
from promptlathe.messages import Message

GATHERING_S = 0.01
"""Requests that come within this time are answered as one batch."""
Grade = Callable[[str, str], bool]
"""Whether this text is a right answer to the case of this id."""


class SpentError(Exception):
    pass


class CountingServer:
    """`calls` were counted; `sealed_tokens` are prompt tokens of sealed requests, the first of which came
    at `sealed_at` (monotonic seconds).

    A greedy request that was answered before is answered again without being counted.
    """

    def __init__(self, engine: Engine, budget: int, grade: Grade) -> None:
        self.calls = 0
        self.sealed_tokens = 0
        self.sealed_at: float | None = None
        self.grade = grade
        self._engine = engine
        self._budget = budget
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[tuple[Request, asyncio.Future[Answer | Failure]]] = asyncio.Queue()
        self._known: dict[str, asyncio.Future[Answer | Failure]] = {}
        self._asked = 0

    def ask_from_thread(self, content: dict[str, Any], *, is_sealed: bool) -> Answer | Failure:
        """Raises SpentError where the budget has no call left."""
        return asyncio.run_coroutine_threadsafe(self._ask(content, is_sealed), self._loop).result()

    async def _ask(self, content: dict[str, Any], is_sealed: bool) -> Answer | Failure:
        if is_sealed and self.sealed_at is None:
            self.sealed_at = time.monotonic()
        key = json.dumps(content, sort_keys=True)
        answer = self._known.get(key)
        if answer is None:
            if not is_sealed:
                if self.calls >= self._budget:
                    raise SpentError
                self.calls += 1
            answer = self._loop.create_future()
            if not content.get("temperature"):
                self._known[key] = answer
            self._asked += 1
            await self._waiting.put((_request(str(self._asked), content), answer))
        output = await asyncio.shield(answer)
        if is_sealed and isinstance(output, Answer):
            self.sealed_tokens += output.prompt_tokens
        return output

    async def answer_all(self) -> None:
        """Batch after batch, until it is cancelled."""
        while True:
            batch = [await self._waiting.get()]
            await asyncio.sleep(GATHERING_S)
            while not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            batch.sort(key=lambda one: [message.content for message in one[0].messages])
            answers = {request.id: answer for request, answer in batch}
            try:
                async with aclosing(self._engine.generate([request for request, _ in batch])) as outputs:
                    async for output in outputs:
                        if isinstance(output, Answer | Failure):
                            answers[output.request_id].set_result(output)
            except LatheError as error:
                for name, answer in answers.items():
                    if not answer.done():
                        answer.set_result(Failure(name, error))


@contextlib.asynccontextmanager
async def serving(engine: Engine, budget: int, grade: Grade) -> AsyncIterator[tuple[CountingServer, str]]:
    """The server and its address, for so long."""
    counting = CountingServer(engine, budget, grade)

    class Handler(_Handler):
        server_of = counting

    http = _Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    answering = asyncio.create_task(counting.answer_all())
    try:
        yield counting, f"http://127.0.0.1:{http.server_port}"
    finally:
        answering.cancel()
        await asyncio.to_thread(http.shutdown)
        http.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of: CountingServer

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/grade":
            self._reply(200, {"is_right": self.server_of.grade(content["case"], content["text"])})
            return
        try:
            output = self.server_of.ask_from_thread(content, is_sealed=self.path.startswith("/sealed/"))
        except SpentError:
            self._reply(429, {"error": {"message": "the budget is spent", "type": "rate_limit_error"}})
            return
        if isinstance(output, Failure):
            self._reply(400, {"error": {"message": str(output.error), "type": "invalid_request_error"}})
        else:
            self._reply(200, _completion(output))

    def _reply(self, status: int, content: dict[str, object]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def _request(name: str, content: dict[str, Any]) -> Request:
    """A drawn answer draws with the request's number as its seed, so that two of them differ."""
    messages = tuple(Message(one["role"], _text(one["content"])) for one in content["messages"])
    stop = content.get("stop") or ()
    sampling = Sampling(
        max_tokens=content.get("max_tokens") or content.get("max_completion_tokens") or 64,
        temperature=content.get("temperature") or 0.0,
        top_p=content.get("top_p") or 1.0,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        seed=int(name),
    )
    return Request(name, messages, sampling)


def _text(content: str | list[dict[str, str]]) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _completion(answer: Answer) -> dict[str, object]:
    message = {"role": "assistant", "content": answer.text}
    return {
        "id": answer.request_id,
        "object": "chat.completion",
        "created": 0,
        "model": "model",
        "choices": [{"index": 0, "message": message, "finish_reason": answer.finish_reason}],
        "usage": {
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
            "total_tokens": answer.prompt_tokens + answer.completion_tokens,
        },
    }
