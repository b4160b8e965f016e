"""What servers and networks say when something is wrong, as one of our errors and what to do next.

Servers put the same facts into different shapes; `_said` reads all of them:
    OpenAI, vLLM, llama.cpp, LiteLLM   {"error": {"message", "type", "param", "code"}}    code a string or an int
    vLLM (401), Ollama                 {"error": "text"}
    LMDeploy, older vLLM               {"message", "type", "code", "object": "error"}
    FastAPI in front of anything       {"detail": "text"} or {"detail": [{"loc", "msg"}]}
    proxies                            HTML, plain text or nothing
"""

import html
import json
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Literal, NamedTuple

import httpx2

from promptlathe.engines.endpoint import KEY_VARIABLE, Endpoint
from promptlathe.errors import ContextLengthError, EngineError, LatheError, UsageError

Action = Literal["fail", "retry", "wait", "stop"]

_LONGEST_TEXT = 300
_CONTEXT = re.compile(
    r"context.{0,12}(length|window|size)|maximum context|max_model_len|input is too (long|large)"
    r"|prompt.{0,30}(too long|exceed)|session.{0,10}(limit|len)",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"model_not_found|invalid model name|(?<=404 ).*model.{0,80}not (found|exist)", re.IGNORECASE
)
_LOADING = re.compile(r"loading|starting|not ready|warming", re.IGNORECASE)
_NO_QUOTA = re.compile(r"insufficient_quota|exceeded your current quota|billing", re.IGNORECASE)


class Fault(Exception):  # noqa: N818 - not an error of the user's: it says what the engine does next
    """A request without an answer.

    `fail`   this request will never be answered, others may be
    `retry`  worth another attempt
    `wait`   the server asks for time, for `retry_after_s` where it says how long
    `stop`   no request to this endpoint will be answered
    `is_overload` where fewer requests at once would have helped; `is_loading` where the model is not there yet.
    `said` is what the server itself says, without where it is.
    """

    def __init__(
        self,
        error: LatheError,
        action: Action,
        *,
        retry_after_s: float | None = None,
        is_overload: bool = False,
        is_loading: bool = False,
        said: str = "",
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.action = action
        self.retry_after_s = retry_after_s
        self.is_overload = is_overload
        self.is_loading = is_loading
        self.said = said


class _Said(NamedTuple):
    text: str
    """One line, or nothing."""
    labels: str
    """Type and code, for matching."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response that is not an answer. `headers` are looked up in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def fault_of_reply(
    reply: Reply, endpoint: Endpoint, *, api_key: str | None, now: datetime | None = None
) -> Fault:
    """What a response other than an answer means. `now` is what a Retry-After date is counted from.

    The key appears in no message, even where the server repeats it.
    """
    said = _said(reply.body)
    if api_key:
        said = said._replace(text=said.text.replace(api_key, "***"))
    status, text = reply.status, said.text or _phrase(reply.status)
    everything = f"{status} {said.text} {said.labels}"
    where = endpoint.base_url
    if 300 <= status < 400:
        return _redirected(reply, endpoint)
    if status == 400 and "HTTPS port" in text:
        hint = f"write https:// instead of http://: {where.replace('http://', 'https://', 1)}"
        return Fault(UsageError(f"{where} wants TLS", hint=hint), "stop")
    if status in (401, 403):
        return _unauthorised(status, text, endpoint, has_key=api_key is not None)
    if status == 402 or _NO_QUOTA.search(everything):
        return Fault(
            EngineError(f"{where}: no credit left: {text}", hint="see the account's billing page"), "stop"
        )
    if _NO_MODEL.search(everything):
        hint = "lathe doctor --model URL lists what it serves"
        return Fault(UsageError(f"{where} does not serve this model: {text}", hint=hint), "stop")
    if status in (404, 405):
        hint = f"the URL usually ends in /v1: {endpoint.root_url}/v1"
        return Fault(UsageError(f"{where} has no chat completions ({status}: {text})", hint=hint), "stop")
    if status in (400, 413, 422, 500) and _CONTEXT.search(everything):
        hint = "shorten the prompt, give fewer examples, or lower max tokens"
        error = ContextLengthError(f"too long for the served model: {text}", hint=hint)
        return Fault(error, "fail", said=text)
    return _busy_or_broken(reply, text, endpoint, _retry_after_s(reply.headers, now or datetime.now(UTC)))


def _busy_or_broken(reply: Reply, text: str, endpoint: Endpoint, retry_after_s: float | None) -> Fault:
    where, status = endpoint.base_url, reply.status
    if status == 429 or status == 529:
        error = EngineError(f"{where} is overloaded ({status}): {text}", hint="ask again later")
        return Fault(error, "wait", retry_after_s=retry_after_s, is_overload=True)
    if status == 503 and (_LOADING.search(text) or retry_after_s is not None):
        is_loading = _LOADING.search(text) is not None
        error = EngineError(f"{where} is not ready (503): {text}", hint="see the server's log")
        return Fault(error, "wait", retry_after_s=retry_after_s, is_loading=is_loading)
    if status in (408, 409, 425) or status >= 500:
        hint = (
            "the proxy does not reach the model's server" if status in (502, 504) else "see the server's log"
        )
        return Fault(EngineError(f"{where} failed ({status}): {text}", hint=hint), "retry", said=text)
    return Fault(EngineError(f"{where} refuses the request ({status}): {text}"), "fail", said=text)


def fault_of_transport(error: httpx2.RequestError, endpoint: Endpoint) -> Fault:
    """What a connection that could not be made, or broke, or brought rubbish, means."""
    where, host = endpoint.base_url, endpoint.host
    causes = list(_causes(error))
    if isinstance(error, httpx2.ConnectTimeout):
        hint = "check the address, a firewall, or an SSH tunnel that is down"
        return Fault(EngineError(f"{where} does not answer", hint=hint), "retry")
    if isinstance(error, httpx2.TimeoutException):
        return fault_of_timeout(endpoint)
    if isinstance(error, httpx2.ProxyError):
        hint = "check HTTPS_PROXY; NO_PROXY leaves hosts out"
        return Fault(
            EngineError(f"the proxy does not reach {where}: {_line(str(error))}", hint=hint), "retry"
        )
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        hint = "for a certificate of your own, set SSL_CERT_FILE to the file of who signed it"
        return Fault(
            EngineError(f"the certificate of {host} is not trusted: {_line(str(error))}", hint=hint), "stop"
        )
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        plain = where.replace("https://", "http://", 1)
        return Fault(EngineError(f"{where} does not speak TLS", hint=f"is it {plain}?"), "stop")
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return Fault(
            EngineError(f"there is no host {host}", hint="check the spelling, and the network"), "stop"
        )
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        hint = "is the server running, on this port? An SSH tunnel must be up, too"
        return Fault(EngineError(f"nothing listens at {where}", hint=hint), "retry")
    return Fault(
        EngineError(f"the connection to {where} broke: {_line(str(error)) or type(error).__name__}"), "retry"
    )


def fault_of_timeout(endpoint: Endpoint) -> Fault:
    hint = "set LATHE_TIMEOUT_S higher for a slow server"
    return Fault(
        EngineError(f"{endpoint.base_url} gave no answer in time", hint=hint), "retry", is_overload=True
    )


def fault_of_body(body: bytes, endpoint: Endpoint, *, api_key: str | None) -> Fault:
    """What a body means that came with status 200 and is no answer: an error all the same, or rubbish."""
    code = _error_code(body)
    if code is not None:
        return fault_of_reply(Reply(code, {}, body), endpoint, api_key=api_key)
    kind = "HTML" if body.lstrip()[:1] == b"<" else "something that is not a chat completion"
    hint = "is this the address of an OpenAI-compatible API?"
    return Fault(EngineError(f"{endpoint.base_url} answered with {kind}", hint=hint), "retry")


def _error_code(body: bytes) -> int | None:
    """The status that an error object inside a response of status 200 stands for."""
    try:
        read = json.loads(body)
    except ValueError:
        return None
    if not isinstance(read, dict) or not (read.get("error") or read.get("object") == "error"):
        return None
    error = read["error"] if isinstance(read.get("error"), dict) else read
    code = str(error.get("code") or "")
    return int(code) if re.fullmatch("[45][0-9]{2}", code) else 500


def _redirected(reply: Reply, endpoint: Endpoint) -> Fault:
    target = re.sub(r"(/chat/completions|/models)?/?(\?.*)?$", "", reply.headers.get("location", ""))
    hint = f"if you trust it, give that address: {target}" if target.startswith("http") else None
    text = f"{endpoint.base_url} leads elsewhere ({reply.status}), and a key is not sent on"
    return Fault(UsageError(text, hint=hint), "stop")


def _unauthorised(status: int, text: str, endpoint: Endpoint, *, has_key: bool) -> Fault:
    where = endpoint.base_url
    if has_key:
        error = EngineError(
            f"{where} refuses the key ({status}): {text}",
            hint=f"check {KEY_VARIABLE} or --api-key-file: the key alone, without 'Bearer'",
        )
    else:
        hint = f"set {KEY_VARIABLE}, or give --api-key-file"
        error = EngineError(f"{where} wants a key ({status}): {text}", hint=hint)
    return Fault(error, "stop")


def _retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds or a date, as RFC 9110 has it; OpenAI also sends milliseconds."""
    if re.fullmatch(r"\d+(\.\d+)?", milliseconds := headers.get("retry-after-ms", "")):
        return float(milliseconds) / 1000
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())


def _said(body: bytes) -> _Said:
    text = body.decode("utf-8", errors="replace")
    try:
        read = json.loads(text)
    except ValueError:
        return _Said(_page_text(text), "")
    if isinstance(read, dict):
        error = read.get("error", read)
        if isinstance(error, dict):
            found = error.get("message") or error.get("detail") or ""
            if isinstance(found, list):
                found = "; ".join(_complaint(item) for item in found)
            return _Said(_line(str(found)), f"{error.get('type')} {error.get('code')}")
        return _Said(_line(str(error)), "")
    return _Said(_line(str(read)), "")


def _complaint(item: object) -> str:
    """One of FastAPI's: {"loc": ["body", "max_tokens"], "msg": "..."}."""
    if isinstance(item, dict) and isinstance(item.get("loc"), list):
        return f"{'.'.join(map(str, item['loc'][1:]))}: {item.get('msg')}"
    return str(item)


def _page_text(text: str) -> str:
    """Of an HTML page its title; of anything else the beginning."""
    if text.lstrip().startswith("<"):
        title = re.search(r"<(title|h1)[^>]*>(.*?)</\1>", text, re.IGNORECASE | re.DOTALL)
        return _line(html.unescape(title[2])) if title else "an HTML page"
    return _line(text)


def _line(text: str) -> str:
    """One printable line that is not endless."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 1] + "…"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no reason given"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, what it came from, and what these came from."""
    if error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for part in error.exceptions:
                yield from _causes(part)
        yield from _causes(error.__cause__ or error.__context__)
