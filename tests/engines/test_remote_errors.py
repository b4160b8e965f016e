"""What servers and networks say, as one line, a hint and what to do next."""

import json
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlathe.engines.endpoint import Endpoint
from promptlathe.engines.remote_errors import (
    Reply,
    fault_of_body,
    fault_of_reply,
    fault_of_timeout,
    fault_of_transport,
)

ENDPOINT = Endpoint("http://host:1/v1", "m")
NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
HOST = "http://host:1/v1"

LMDEPLOY_401 = {
    "message": "Unauthorized.",
    "type": "authentication_error",
    "code": 401,
    "param": None,
    "object": "error",
}
LMDEPLOY_LONG = {
    "message": "Input length 2100 exceeds the session length 2048.",
    "type": "invalid_request_error",
    "code": 400,
    "object": "error",
}
LMDEPLOY_MODEL = {
    "message": "The model 'x' does not exist.",
    "type": "invalid_request_error",
    "code": 404,
    "object": "error",
}
VLLM_MODEL = {
    "error": {
        "message": "The model `x` does not exist.",
        "type": "NotFoundError",
        "param": "model",
        "code": 404,
    }
}
VLLM_LONG = {
    "error": {
        "message": "This model's maximum context length is 2048 tokens. However, you requested 2100 tokens."
    }
}
LLAMACPP_401 = {"error": {"code": 401, "message": "Invalid API Key", "type": "authentication_error"}}
LLAMACPP_LOADING = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
LLAMACPP_LONG = {
    "error": {"code": 400, "message": "request (2100 tokens) exceeds it", "type": "exceed_context_size_error"}
}
OLLAMA_MODEL = {"error": {"message": "model 'x' not found", "type": "not_found_error"}}
LITELLM_401 = {
    "error": {
        "message": "Authentication Error, Received API Key = sk-secret, Key Hash =...",
        "type": "auth_error",
        "code": "401",
    }
}
LITELLM_MODEL = {
    "error": {"message": "/chat/completions: Invalid model name passed in model=x", "code": "400"}
}
NEW_API = {
    "error": {
        "message": "当前分组下对于模型 x 无可用渠道",
        "type": "new_api_error",
        "code": "model_not_found",
    }
}
NO_QUOTA = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
FASTAPI = {"detail": [{"loc": ["body", "max_tokens"], "msg": "Input should be greater than 0"}]}
NGINX = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502</h1></body></html>"
CADDY = ""

REPLIES: list[tuple[int, object, str, str, str]] = [
    # status, body, action, message, hint (a part)
    (401, LMDEPLOY_401, "stop", f"{HOST} refuses the key (401): Unauthorized.", "without 'Bearer'"),
    (401, {"error": "Unauthorized"}, "stop", f"{HOST} refuses the key (401): Unauthorized", "LATHE_API_KEY"),
    (401, LLAMACPP_401, "stop", f"{HOST} refuses the key (401): Invalid API Key", "--api-key-file"),
    (
        401,
        LITELLM_401,
        "stop",
        f"{HOST} refuses the key (401): Authentication Error, Received API Key = ***, Key Hash =...",
        "LATHE_API_KEY",
    ),
    (403, "", "stop", f"{HOST} refuses the key (403): Forbidden", "LATHE_API_KEY"),
    (
        404,
        VLLM_MODEL,
        "stop",
        f"{HOST} does not serve this model: The model `x` does not exist.",
        "lathe doctor",
    ),
    (
        404,
        LMDEPLOY_MODEL,
        "stop",
        f"{HOST} does not serve this model: The model 'x' does not exist.",
        "lathe",
    ),
    (404, OLLAMA_MODEL, "stop", f"{HOST} does not serve this model: model 'x' not found", "lathe doctor"),
    (
        400,
        LITELLM_MODEL,
        "stop",
        f"{HOST} does not serve this model: /chat/completions: Invalid model name passed in model=x",
        "lathe doctor",
    ),
    (
        503,
        NEW_API,
        "stop",
        f"{HOST} does not serve this model: 当前分组下对于模型 x 无可用渠道",
        "lathe doctor",
    ),
    (404, {"detail": "Not Found"}, "stop", f"{HOST} has no chat completions (404: Not Found)", "host:1/v1"),
    (404, "404 page not found", "stop", f"{HOST} has no chat completions (404: 404 page not found)", "/v1"),
    (405, {"detail": "Method Not Allowed"}, "stop", f"{HOST} has no chat completions (405: Method", "/v1"),
    (402, "", "stop", f"{HOST}: no credit left: Payment Required", "billing"),
    (429, NO_QUOTA, "stop", f"{HOST}: no credit left: You exceeded your current quota", "billing"),
    (
        429,
        {"error": {"message": "Rate limit reached"}},
        "wait",
        f"{HOST} is overloaded (429): Rate limit",
        "later",
    ),
    (529, "", "wait", f"{HOST} is overloaded (529): no reason given", "later"),
    (503, LLAMACPP_LOADING, "wait", f"{HOST} is not ready (503): Loading model", "log"),
    (503, "no healthy upstream", "retry", f"{HOST} failed (503): no healthy upstream", "log"),
    (500, {"error": {"message": "EngineCore died"}}, "retry", f"{HOST} failed (500): EngineCore died", "log"),
    (502, NGINX, "retry", f"{HOST} failed (502): 502 Bad Gateway", "the proxy does not reach"),
    (504, CADDY, "retry", f"{HOST} failed (504): Gateway Timeout", "the proxy does not reach"),
    (408, "", "retry", f"{HOST} failed (408): Request Timeout", "log"),
    (400, VLLM_LONG, "fail", "too long for the served model: This model's maximum context length", "shorten"),
    (400, LMDEPLOY_LONG, "fail", "too long for the served model: Input length 2100 exceeds", "shorten"),
    (
        400,
        LLAMACPP_LONG,
        "fail",
        "too long for the served model: request (2100 tokens) exceeds it",
        "shorten",
    ),
    (413, "", "fail", f"{HOST} refuses the request (413): ", ""),
    (
        422,
        FASTAPI,
        "fail",
        f"{HOST} refuses the request (422): max_tokens: Input should be greater than 0",
        "",
    ),
    (400, {"error": {"message": "a\n\x1b[31mb"}}, "fail", f"{HOST} refuses the request (400): a [31mb", ""),
    (400, "x" * 5000, "fail", f"{HOST} refuses the request (400): {'x' * 299}…", ""),
    (400, "The plain HTTP request was sent to HTTPS port", "stop", f"{HOST} wants TLS", "https://host:1/v1"),
]


@pytest.mark.parametrize(("status", "body", "action", "message", "hint"), REPLIES)
def test_replies(status: int, body: object, action: str, message: str, hint: str) -> None:
    content = body if isinstance(body, str) else json.dumps(body)
    fault = fault_of_reply(Reply(status, {}, content.encode()), ENDPOINT, api_key="sk-secret", now=NOW)
    assert (fault.action, fault.error.message[: len(message)]) == (action, message)
    assert hint in (fault.error.hint or "")
    assert fault.is_overload == (status in (429, 529) and action == "wait")
    assert fault.is_loading == (body is LLAMACPP_LOADING)


def test_without_a_key_the_hint_is_another() -> None:
    fault = fault_of_reply(Reply(401, {}, json.dumps(LMDEPLOY_401).encode()), ENDPOINT, api_key=None)
    assert fault.error.message == f"{HOST} wants a key (401): Unauthorized."
    assert fault.error.hint == "set LATHE_API_KEY, or give --api-key-file"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "Thu, 01 Jan 2026 12:01:30 GMT"}, 90),
        ({"retry-after": "Thu, 01 Jan 2026 11:00:00 GMT"}, 0),
        ({"retry-after": "Thu, 01 Jan 2026 14:01:00 +0200"}, 60),
        ({"retry-after": "Thu, 01 Jan 2026 12:01:00 -0000"}, 60),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "9", "retry-after-ms": "250"}, 0.25),
    ],
)
def test_retry_after(headers: Mapping[str, str], seconds: float | None) -> None:
    for status in (429, 503):
        fault = fault_of_reply(Reply(status, headers, b""), ENDPOINT, api_key=None, now=NOW)
        assert fault.retry_after_s == seconds
        assert fault.action == ("wait" if status == 429 or seconds is not None else "retry")


@pytest.mark.parametrize(
    ("location", "hint"),
    [
        ("https://host/v1/chat/completions", "if you trust it, give that address: https://host/v1"),
        (
            "https://sso.example/login?next=%2Fv1",
            "if you trust it, give that address: https://sso.example/login",
        ),
        ("/v1/chat/completions/", None),
        ("", None),
    ],
)
def test_a_redirect_is_not_followed(location: str, hint: str | None) -> None:
    fault = fault_of_reply(Reply(307, {"location": location}, b""), ENDPOINT, api_key="k")
    assert (fault.action, fault.error.hint) == ("stop", hint)
    assert fault.error.message == f"{HOST} leads elsewhere (307), and a key is not sent on"


@pytest.mark.parametrize(
    ("body", "action", "message"),
    [
        (b'{"choices": [', "retry", f"{HOST} answered with something that is not a chat completion"),
        (b"", "retry", f"{HOST} answered with something that is not a chat completion"),
        (b" <html><title>Login</title>", "retry", f"{HOST} answered with HTML"),
        (b'{"error": {"message": "boom"}}', "retry", f"{HOST} failed (500): boom"),
        (
            b'{"error": {"message": "slow down", "code": "429"}}',
            "wait",
            f"{HOST} is overloaded (429): slow down",
        ),
        (json.dumps(LMDEPLOY_LONG).encode(), "fail", "too long for the served model: Input length"),
        (b'{"error": null, "choices": []}', "retry", f"{HOST} answered with something"),
        (b"[1]", "retry", f"{HOST} answered with something"),
    ],
)
def test_bodies_of_status_200_that_are_no_answer(body: bytes, action: str, message: str) -> None:
    fault = fault_of_body(body, ENDPOINT, api_key=None)
    assert (fault.action, fault.error.message[: len(message)]) == (action, message)


def caused(error: httpx2.TransportError, cause: Exception) -> httpx2.TransportError:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "action", "message", "hint"),
    [
        (
            caused(httpx2.ConnectError("x"), ConnectionRefusedError()),
            "retry",
            f"nothing listens at {HOST}",
            "SSH",
        ),
        (
            caused(httpx2.ConnectError("x"), ExceptionGroup("two addresses", [ConnectionRefusedError()])),
            "retry",
            f"nothing listens at {HOST}",
            "is the server running",
        ),
        (
            caused(httpx2.ConnectError("x"), socket.gaierror(-2, "?")),
            "stop",
            "there is no host host",
            "spelling",
        ),
        (
            caused(httpx2.ConnectError("self-signed"), ssl.SSLCertVerificationError()),
            "stop",
            "the certificate of host is not trusted: self-signed",
            "SSL_CERT_FILE",
        ),
        (
            caused(httpx2.ConnectError("x"), ssl.SSLError()),
            "stop",
            f"{HOST} does not speak TLS",
            "is it http://",
        ),
        (httpx2.ConnectTimeout(""), "retry", f"{HOST} does not answer", "firewall"),
        (httpx2.ReadTimeout(""), "retry", f"{HOST} gave no answer in time", "LATHE_TIMEOUT_S"),
        (httpx2.ProxyError("407"), "retry", f"the proxy does not reach {HOST}: 407", "HTTPS_PROXY"),
        (httpx2.ReadError(""), "retry", f"the connection to {HOST} broke: ReadError", ""),
        (
            httpx2.RemoteProtocolError("peer closed"),
            "retry",
            f"the connection to {HOST} broke: peer closed",
            "",
        ),
    ],
)
def test_connections(error: httpx2.TransportError, action: str, message: str, hint: str) -> None:
    fault = fault_of_transport(error, ENDPOINT)
    assert (fault.action, fault.error.message) == (action, message)
    assert hint in (fault.error.hint or "")
    assert fault.is_overload == isinstance(error, httpx2.ReadTimeout)


def test_a_timeout_is_overload() -> None:
    assert fault_of_timeout(ENDPOINT).is_overload


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["error", "message", "code", "detail"]), inner)
    ),
)


@given(st.integers(300, 999), st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_reply_is_one_line(status: int, body: bytes) -> None:
    for fault in (
        fault_of_reply(Reply(status, {}, body), ENDPOINT, api_key="k"),
        fault_of_body(body, ENDPOINT, api_key="k"),
    ):
        assert fault.error.message.isprintable()
        assert len(fault.error.message) < 450
