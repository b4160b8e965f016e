"""What is refused: each with its status, its code, the field that is wrong, and a message that helps."""

import json
from typing import Any

import openai
import pytest
import requests

from tests.contract.conftest import KEY, OTHER_KEY, Asker, Served

pytestmark = pytest.mark.model

BEARER = {"Authorization": f"Bearer {KEY}"}
BAD_SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "nonsense"}}}
HUGE_SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "a", "schema": {"type": "string", "maxLength": 10**9}},
}


@pytest.mark.parametrize(
    ("options", "param", "said"),
    [
        ({"temperature": 2.1}, "temperature", "less than or equal to 2"),
        ({"temperature": -0.1}, "temperature", "greater than or equal to 0"),
        ({"temperature": "hot"}, "temperature", "number"),
        ({"top_p": 0}, "top_p", "greater than 0"),
        ({"top_p": 1.1}, "top_p", "less than or equal to 1"),
        ({"n": 0}, "n", "greater than or equal to 1"),
        ({"max_tokens": 0}, "max_tokens", "greater than or equal to 1"),
        ({"max_tokens": 1.5}, "max_tokens", "integer"),
        ({"presence_penalty": 3}, "presence_penalty", "less than or equal to 2"),
        ({"stop": [""]}, "stop", "none of them empty"),
        ({"stop": 5}, "stop", "string"),
        ({"messages": []}, "messages", "at least 1"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "required"),
        ({"messages": [{"role": "robot", "content": "a"}]}, "messages[0].role", "system"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "a"}}]}]},
         "messages[0].content", ""),
        ({"top_logprobs": 1}, "top_logprobs", ""),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "less than or equal to 20"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools", "not supported"),
        ({"logit_bias": {"5": 1}}, "logit_bias", "not supported"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "needs stream"),
        ({"response_format": {"type": "xml"}}, "response_format.type", "json_object"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "needs a json_schema"),
        ({"response_format": BAD_SCHEMA}, "response_format.json_schema.schema", "not a JSON schema"),
        ({"response_format": HUGE_SCHEMA}, "response_format.json_schema.schema", "more than 1000"),
        ({"extra_body": {"guided_regex": "[0-9"}}, "guided_regex", "not a regular expression"),
        ({"extra_body": {"guided_choice": []}}, "guided_choice", "at least one"),
        ({"extra_body": {"guided_choice": ["a"], "guided_regex": "a"}}, "guided_choice", "give one"),
        ({"extra_body": {"min_p": 2}}, "min_p", "less than or equal to 1"),
        ({"extra_body": {"structured_outputs": {"regex": 5}}}, "structured_outputs.regex", "string"),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_a_wrong_field_is_named(ask: Asker, options: dict[str, Any], param: str, said: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask.chat(**options)
    error = caught.value
    assert error.param == param
    assert said in error.message
    assert error.type == "invalid_request_error"
    assert isinstance(error.code, str)


def test_a_constraint_that_only_the_engine_can_judge(ask: Asker) -> None:
    """It is refused alone, though it breaks the engine's step: what is answered beside it goes on."""
    with pytest.raises(openai.BadRequestError, match=r"regex cannot be used: .*[Ww]ord boundary"):
        ask.chat(extra_body={"guided_regex": r"\bfoo\b"})
    assert ask.chat().choices[0].message.content


def test_an_unknown_model_lists_the_known(ask: Asker) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        ask.chat(model="gpt-4o")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    assert ask.served.model in caught.value.message


def test_a_missing_model(served: Served) -> None:
    response = requests.post(
        f"{served.url}/chat/completions", json={"messages": []}, headers=BEARER, timeout=10
    )
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "model"
    assert response.json()["error"]["code"] == "missing_required_parameter"


@pytest.mark.parametrize(
    "options", [{"content": "word " * 9000}, {"max_tokens": 9000}], ids=["prompt", "answer"]
)
def test_a_context_too_long_says_both_numbers(ask: Asker, options: dict[str, Any]) -> None:
    with pytest.raises(
        openai.BadRequestError, match=r"the prompt has \d+ tokens .* holds 8192 in all"
    ) as caught:
        ask.chat(**options)
    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "messages")


def test_an_error_before_a_stream_begins_has_a_status(ask: Asker) -> None:
    with pytest.raises(openai.BadRequestError, match="holds 8192"):
        ask.chunks(max_tokens=9000)


@pytest.mark.parametrize(
    ("headers", "code", "said"),
    [
        ({}, "missing_api_key", "no Authorization header"),
        ({"Authorization": KEY}, "missing_bearer", "does not begin with the word Bearer"),
        ({"Authorization": f"Basic {KEY}"}, "missing_bearer", "does not begin with the word Bearer"),
        ({"Authorization": "Bearer "}, "missing_bearer", "does not begin"),
        ({"Authorization": "Bearer wrong"}, "invalid_api_key", "not one of this server's"),
        ({"Authorization": f"Bearer {KEY}x"}, "invalid_api_key", "not one of this server's"),
    ],
    ids=["nothing", "no bearer", "basic", "empty", "wrong", "longer"],
)
@pytest.mark.parametrize("path", ["/v1/models", "/metrics"])
def test_a_key_that_is_not_accepted(
    served: Served, path: str, headers: dict[str, str], code: str, said: str
) -> None:
    response = requests.get(served.root + path, headers=headers, timeout=10)
    error = response.json()["error"]
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert error["code"] == code
    assert said in error["message"]
    assert "Authorization: Bearer YOUR_KEY" in error["message"]
    assert KEY not in response.text


@pytest.mark.parametrize("value", [f"Bearer {KEY}", f"bearer {OTHER_KEY}", f"BEARER  {KEY}"])
def test_a_key_that_is_accepted(served: Served, value: str) -> None:
    response = requests.get(f"{served.url}/models", headers={"Authorization": value}, timeout=10)
    assert response.status_code == 200


def test_a_wrong_key_in_the_client(served: Served) -> None:
    with (
        openai.OpenAI(base_url=served.url, api_key="wrong") as client,
        pytest.raises(openai.AuthenticationError, match="send the header line") as caught,
    ):
        client.models.list()
    assert caught.value.code == "invalid_api_key"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b'"a"', b"\xff\xfe", b'{"a": "\\ud800"}', b"[" * 100_000,
        b'{"model": ' * 50_000, b'{"max_tokens": ' + b"9" * 5000 + b"}", b'{"temperature": 1e999}',
        b'{"temperature": NaN}', b'{"model": "\x00"}',
    ],
    ids=lambda body: repr(body[:20]),
)  # fmt: skip
def test_a_body_that_is_no_request(served: Served, body: bytes) -> None:
    response = requests.post(f"{served.url}/chat/completions", data=body, headers=BEARER, timeout=10)
    assert response.status_code == 400, response.text
    assert response.json()["error"]["message"]


def test_a_body_too_large(served: Served) -> None:
    body = json.dumps({"model": "x" * 11_000_000}).encode()
    response = requests.post(f"{served.url}/chat/completions", data=body, headers=BEARER, timeout=30)
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "request_too_large"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403), ({"Origin": "null"}, 403), ({"Host": "evil.example"}, 403),
        ({"Origin": "http://localhost:8501"}, 400), ({"Host": "localhost:9"}, 400), ({"Host": "[::1]:9"}, 400),
    ],
    ids=str,
)  # fmt: skip
def test_another_page_may_not_write(served: Served, headers: dict[str, str], status: int) -> None:
    response = requests.post(f"{served.url}/chat/completions", json={}, headers=BEARER | headers, timeout=10)
    assert response.status_code == status
    assert "Access-Control-Allow-Origin" not in response.headers


def test_the_head_of_a_stream(served: Served) -> None:
    body = {
        "model": served.model,
        "messages": [{"role": "user", "content": "a"}],
        "max_tokens": 1,
        "stream": True,
    }
    response = requests.post(
        f"{served.url}/chat/completions", json=body, headers=BEARER | {"X-Request-Id": "mine-1"}, timeout=30
    )
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["X-Accel-Buffering"] == "no"
    assert response.headers["X-Request-Id"] == "mine-1"
    assert response.text.endswith("data: [DONE]\n\n")
    other = requests.get(f"{served.url}/models", headers=BEARER | {"X-Request-Id": "a b"}, timeout=10)
    assert other.headers["X-Request-Id"].startswith("req-")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/nothing", 404), ("POST", "/chat/completions", 404), ("GET", "/v1/chat/completions", 405)],
)
def test_a_wrong_path(served: Served, method: str, path: str, status: int) -> None:
    response = requests.request(method, served.root + path, headers=BEARER, json={}, timeout=10)
    assert response.status_code == status
    assert "see /docs" in response.json()["error"]["message"]
