"""What stands before every route: an id for each request, the guard, and bodies of bounded size and time."""

import asyncio
import re
import secrets
from collections.abc import Callable

from pydantic_core import from_json
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from promptlathe.server.errors import ApiError, error_body, headers_of
from promptlathe.server.guard import Guard

_LARGEST_BODY_BYTES = 10_000_000
_LARGEST_DRAINED_BYTES = 100_000_000
_BODY_S = 30.0
_REQUEST_ID = re.compile(r"[\w.-]{1,128}", re.ASCII)


class Gate:
    """Checks a request's head, then reads its whole body, so that nothing behind it waits for a slow client."""

    def __init__(
        self, app: ASGIApp, guard: Guard, on_response: Callable[[str, int], None], *, body_s: float = _BODY_S
    ) -> None:
        """`on_response` gets path and status of each response as it begins."""
        self._app = app
        self._guard = guard
        self._on_response = on_response
        self._body_s = body_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        send = self._noticed(scope["path"], _with_id(send, headers.get("x-request-id", "")))
        try:
            self._guard.check(scope["method"], scope["path"], headers)
            body = await self._body(headers, receive)
            if body:
                _check_json(body)
        except ApiError as error:
            response = JSONResponse(
                error_body(error), error.status, headers_of(error) | {"Connection": "close"}
            )
            await response(scope, receive, send)
            return
        if body is not None:
            await self._app(_as_json(scope), _after(body, receive), send)

    def _noticed(self, path: str, send: Send) -> Send:
        async def send_noticed(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._on_response(path, message["status"])
            await send(message)

        return send_noticed

    async def _body(self, headers: Headers, receive: Receive) -> bytes | None:
        """None if the client went away. Raises ApiError; what is too large is read and thrown away up to a point,
        because a client that is still sending does not see the answer."""
        if int_or_zero(headers.get("content-length")) > _LARGEST_DRAINED_BYTES:
            raise _too_large()
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._body_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    part = message.get("body", b"")
                    size += len(part)
                    if size <= _LARGEST_BODY_BYTES:
                        parts.append(part)
                    if not message.get("more_body") or size > _LARGEST_DRAINED_BYTES:
                        break
        except TimeoutError:
            raise ApiError(
                f"the body did not come within {self._body_s:g} s", status=408, code="request_timeout"
            ) from None
        if size > _LARGEST_BODY_BYTES:
            raise _too_large()
        return b"".join(parts)


def _check_json(body: bytes) -> None:
    """By a parser that also refuses what Python's lets pass, or dies of: nesting without end, half characters, NaN."""
    try:
        from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise ApiError(f"the body is not JSON: {error}", code="invalid_json") from None


def _as_json(scope: Scope) -> Scope:
    """All that is posted here is JSON, whatever name a client (`curl -d`) gives it."""
    if scope["method"] == "POST":
        MutableHeaders(scope=scope)["content-type"] = "application/json"
    return scope


def int_or_zero(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0


def _too_large() -> ApiError:
    return ApiError(
        f"the body is larger than {_LARGEST_BODY_BYTES // 1_000_000} MB", status=413, code="request_too_large"
    )


def _after(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives `body` first."""
    is_given = False

    async def receive_again() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


def _with_id(send: Send, given: str) -> Send:
    """The client's own id comes back, if it can stand in a header and a log."""
    request_id = given if _REQUEST_ID.fullmatch(given) else f"req-{secrets.token_hex(12)}"

    async def send_with_id(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["X-Request-Id"] = request_id
        await send(message)

    return send_with_id
