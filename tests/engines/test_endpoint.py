"""URLs that name a served model, and the keys that go with them."""

from pathlib import Path

import pytest

from promptlathe.engines.endpoint import Endpoint, read_api_key, read_endpoint
from promptlathe.errors import UsageError


@pytest.mark.parametrize(
    ("reference", "base_url", "model"),
    [
        ("http://localhost:23333/v1", "http://localhost:23333/v1", None),
        ("http://localhost:23333/v1/", "http://localhost:23333/v1", None),
        ("HTTP://Host:80/V1#Intern/LM-1.8b", "http://host:80/V1", "Intern/LM-1.8b"),
        ("https://api.example.com/v1/chat/completions#m", "https://api.example.com/v1", "m"),
        ("http://[::1]:8000", "http://[::1]:8000", None),
        ("http://h/v1#", "http://h/v1", None),
    ],
)
def test_a_url_is_an_endpoint(reference: str, base_url: str, model: str | None) -> None:
    assert read_endpoint(reference) == Endpoint(base_url, model)


@pytest.mark.parametrize(
    "reference",
    ["smollm2-135m-instruct", "./model.gguf", "C:\\models\\a.gguf", "C:/models/a", "~/a", "http:/a", ""],
)
def test_anything_else_is_none(reference: str) -> None:
    assert read_endpoint(reference) is None


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("http://user:sk-1@host/v1", "the URL of host carries"),
        ("http://sk-1@host/v1", "the URL of host carries"),
        ("https://host/v1?api_key=sk-1", "the URL of host carries"),
        ("http://", "the URL names no host"),
        ("http://:80/v1", "the URL names no host"),
        ("http://host:port/v1", "not a URL"),
        ("http://host:99999/v1", "not a URL"),
        ("http://[::1/v1", "not a URL"),
        ("http://host/\x00v1", "not a URL"),
        ("localhost:23333", "localhost:23333 has no scheme"),
        ("10.0.0.2:23333/v1#a", "10.0.0.2:23333/v1#a has no scheme"),
    ],
)
def test_a_url_that_cannot_be_used_says_why_and_shows_no_key(reference: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_endpoint(reference)
    assert caught.value.message.startswith(message)
    assert caught.value.hint
    assert "sk-1" not in f"{caught.value} {caught.value.hint}"


OPENAI, OTHER = Endpoint("https://api.openai.com/v1"), Endpoint("https://api.openai.com.example/v1")


@pytest.mark.parametrize(
    ("endpoint", "environment", "file", "key"),
    [
        (OTHER, {}, None, None),
        (OTHER, {"LATHE_API_KEY": " a \n"}, None, "a"),
        (OTHER, {"OPENAI_API_KEY": "o"}, None, None),
        (OPENAI, {"OPENAI_API_KEY": "o"}, None, "o"),
        (OPENAI, {"OPENAI_API_KEY": "o", "LATHE_API_KEY": "a"}, None, "a"),
        (OPENAI, {"OPENAI_API_KEY": "o", "LATHE_API_KEY": ""}, None, "o"),
        (OTHER, {"LATHE_API_KEY": "a"}, "f\n", "f"),
    ],
)
def test_where_a_key_comes_from(
    tmp_path: Path, endpoint: Endpoint, environment: dict[str, str], file: str | None, key: str | None
) -> None:
    path = tmp_path / "key"
    if file is not None:
        path.write_text(file)
    assert read_api_key(endpoint, environment, path if file is not None else None) == key


@pytest.mark.parametrize(
    ("environment", "content", "message"),
    [
        ({"LATHE_API_KEY": "two words"}, None, "LATHE_API_KEY is not a key"),
        ({"LATHE_API_KEY": "密钥"}, None, "LATHE_API_KEY is not a key"),
        ({}, b"  \n", "is empty"),
        ({}, b"\xff\xfe\x00", "it is not text"),
        ({}, b"a\nb", "is not a key"),
    ],
)
def test_what_is_no_key(
    tmp_path: Path, environment: dict[str, str], content: bytes | None, message: str
) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_api_key(OTHER, environment, path if content is not None else None)
