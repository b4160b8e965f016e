"""A real HTTP server on the loopback that serves chat completions, and every fault of the ways to one."""

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `index` counts the POSTs to /chat/completions from 0."""

    index: int
    method: str
    path: str
    headers: Mapping[str, str]
    content: Mapping[str, object]

    @property
    def question(self) -> str:
        return str(self.content["messages"][-1]["content"])


@dataclass(frozen=True, slots=True)
class Reply:
    """`breaks_after` bytes of the body the connection is reset, or closed if `is_reset` is false; before that
    nothing comes for `stall_s`. With `framing` "close" the body ends where the connection ends."""

    body: bytes | str | Mapping[str, object] = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    framing: Literal["length", "chunked", "close"] = "length"
    stall_s: float = 0
    breaks_after: int | None = None
    is_reset: bool = True

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


def completion(
    text: str | None, *, finish_reason: str | None = "stop", completion_tokens: int = 3, **reply: object
) -> Reply:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}
    usage = {
        "prompt_tokens": 7,
        "completion_tokens": completion_tokens,
        "total_tokens": 7 + completion_tokens,
    }
    return Reply({"object": "chat.completion", "choices": [choice], "usage": usage}, **reply)


def events(*contents: object) -> str:
    return "".join(
        f"data: {content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)}\n\n"
        for content in contents
    )


def streamed(*pieces: str, finish_reason: str | None = "stop", ends: bool = True, **reply: object) -> Reply:
    chunks: list[object] = [{"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}]
    chunks += [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
    if finish_reason:
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish_reason}]})
    if ends:
        chunks += [{"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5}}, "[DONE]"]
    options = {"content_type": "text/event-stream; charset=utf-8", "framing": "chunked"} | reply
    return Reply(events(*chunks), **options)


def models(*ids: str, owned_by: str = "test", **facts: object) -> Reply:
    cards = [{"id": name, "object": "model", "owned_by": owned_by, **facts} for name in ids]
    return Reply({"object": "list", "data": cards})


Answering = Callable[[Asked], Reply]


class ChatServer:
    """Runs in a thread until `close`. `answering` replies to chats, `routes` to everything else by path."""

    def __init__(
        self, answering: Answering | None = None, routes: Mapping[str, Reply | Answering] | None = None
    ):
        self.answering: Answering = answering or (lambda _: completion("hello"))
        self.routes = {"/v1/models": models("tiny")} | dict(routes or {})
        self.asked: list[Asked] = []
        self.others: list[Asked] = []
        self.connections = 0
        self.at_once = 0
        self.most_at_once = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        starting = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def close(self) -> None:
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while asked := await self._read(reader):
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                try:
                    stays_open = await self._send(writer, self._reply(asked))
                finally:
                    self.at_once -= 1
                if not stays_open:
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Asked | None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        method, path, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        is_chat = method == "POST" and path.endswith("/chat/completions")
        asked = Asked(len(self.asked), method, path, headers, json.loads(body) if body else {})
        (self.asked if is_chat else self.others).append(asked)
        return asked

    def _reply(self, asked: Asked) -> Reply:
        if asked.method == "POST" and asked.path == "/v1/chat/completions":
            return self.answering(asked)
        found = self.routes.get(asked.path, Reply({"detail": "Not Found"}, status=404))
        return found if isinstance(found, Reply) else found(asked)

    async def _send(self, writer: asyncio.StreamWriter, reply: Reply) -> bool:
        """Whether the connection may be used again."""
        await asyncio.sleep(reply.stall_s)
        content = reply.content
        lines = [f"HTTP/1.1 {reply.status} X", f"Content-Type: {reply.content_type}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        match reply.framing:
            case "length":
                lines.append(f"Content-Length: {len(content)}")
            case "chunked":
                lines.append("Transfer-Encoding: chunked")
                content = b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content)
            case "close":
                lines.append("Connection: close")
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        writer.write(content[: reply.breaks_after])
        await writer.drain()
        if reply.breaks_after is not None and reply.is_reset:
            await asyncio.sleep(0)
            writer.transport.abort()
        return reply.framing != "close" and reply.breaks_after is None
