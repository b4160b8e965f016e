"""Who may ask, table by table."""

import pytest
from starlette.datastructures import Headers

from promptlathe.server.errors import ApiError
from promptlathe.server.guard import Guard

EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound


def code(guard: Guard, method: str = "POST", path: str = "/v1/models", **headers: str) -> str | None:
    try:
        guard.check(method, path, Headers({"host": "localhost"} | headers))
    except ApiError as error:
        return error.error_code
    return None


@pytest.mark.parametrize(
    ("bound", "host", "is_allowed"),
    [
        ("127.0.0.1", "localhost:23333", True), ("127.0.0.1", "127.0.0.1", True), ("127.0.0.1", "127.9.9.9:1", True),
        ("127.0.0.1", "[::1]:7860", True), ("127.0.0.1", "LOCALHOST", True),
        ("127.0.0.1", "evil.example", False), ("127.0.0.1", "localhost.evil.example", False),
        ("127.0.0.1", "", False), ("127.0.0.1", "[::1", False), ("127.0.0.1", "192.168.0.5", False),
        ("192.168.0.5", "192.168.0.5:23333", True), ("192.168.0.5", "evil.example", False),
        (EVERYWHERE, "anything.example", True), ("::", "anything.example", True),
    ],
)  # fmt: skip
def test_hosts(bound: str, host: str, is_allowed: bool) -> None:
    assert code(Guard(bound), host=host) == (None if is_allowed else "host_not_allowed")


@pytest.mark.parametrize(
    ("method", "origin", "is_allowed"),
    [
        ("POST", "http://localhost:3000", True), ("POST", "http://127.0.0.1", True), ("POST", "null", False),
        ("POST", "https://evil.example", False), ("GET", "https://evil.example", True), ("POST", "", False),
        ("DELETE", "https://evil.example", False), ("POST", "https://good.example", True),
        ("POST", "http://good.example", False), ("POST", "https://good.example:444", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("bound", ["127.0.0.1", EVERYWHERE])
def test_origins(bound: str, method: str, origin: str, is_allowed: bool) -> None:
    guard = Guard(bound, allowed_origins=("https://good.example",))
    assert code(guard, method, origin=origin) == (None if is_allowed else "origin_not_allowed")


@pytest.mark.parametrize(
    ("path", "is_open"),
    [
        ("/", True), ("/health", True), ("/docs", True), ("/openapi.json", True),
        ("/static-offline-docs/swagger-ui.css", True), ("/v1/models", False), ("/metrics", False),
        ("/tokenize", False), ("/v1/chat/completions", False), ("/health/", False), ("/static-offline-docs", False),
    ],
)  # fmt: skip
def test_paths_without_a_key(path: str, is_open: bool) -> None:
    assert code(Guard("127.0.0.1", ("key",)), "GET", path) == (None if is_open else "missing_api_key")


@pytest.mark.parametrize("key", ["first", "second"])
def test_every_key_counts(key: str) -> None:
    guard = Guard("127.0.0.1", ("first", "second"))
    assert code(guard, authorization=f"Bearer {key}") is None
    assert code(guard, authorization=f"Bearer {key}x") == "invalid_api_key"


def test_a_reverse_proxys_name_is_allowed_with_its_origin() -> None:
    guard = Guard("127.0.0.1", allowed_origins=("https://good.example",))
    assert code(guard, host="good.example") is None
