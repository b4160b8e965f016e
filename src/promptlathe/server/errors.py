"""Every error as OpenAI writes them: `{"error": {"message", "type", "param", "code"}}`, `code` a string."""

from collections.abc import Mapping
from typing import ClassVar

from promptlathe.errors import LatheError

_RETRY_AFTER_S = 2


class ApiError(LatheError):
    """A request that is refused, for a reason that the protocol has: `param` names the field that is wrong."""

    code: ClassVar[str] = "invalid_request"

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str = "invalid_value",
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = code
        self.param = param
        self.headers = dict(headers or {})


def error_body(error: LatheError) -> dict[str, object]:
    """The object of `error`, as a response and as the last event of a stream that broke."""
    status = status_of(error)
    message = error.message if error.hint is None else f"{error.message} ({error.hint})"
    kind = (
        "server_error" if status >= 500 else "rate_limit_error" if status == 429 else "invalid_request_error"
    )
    param = error.param if isinstance(error, ApiError) else None
    code = error.error_code if isinstance(error, ApiError) else error.code
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def status_of(error: LatheError) -> int:
    return error.status if isinstance(error, ApiError) else error.http_status


def headers_of(error: LatheError) -> dict[str, str]:
    """What is busy or not ready says when to ask again."""
    own = error.headers if isinstance(error, ApiError) else {}
    return own | ({"Retry-After": str(_RETRY_AFTER_S)} if status_of(error) in (429, 503) else {})
