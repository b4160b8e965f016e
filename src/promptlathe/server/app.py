"""The application: routes, what stands before them, and every error in one shape."""

import logging
from collections.abc import Mapping
from typing import cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp

from promptlathe import __version__
from promptlathe.errors import LatheError
from promptlathe.server.errors import ApiError, error_body, headers_of, status_of
from promptlathe.server.guard import Guard
from promptlathe.server.middleware import Gate
from promptlathe.server.openai_api import openai_routes
from promptlathe.server.responses import HealthResponse
from promptlathe.server.service import Service

_log = logging.getLogger(__name__)
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ERROR_CONTENT = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}}
_PLAIN_ERRORS: dict[int | str, dict[str, object]] = {
    status: {"description": "Refused", "content": _ERROR_CONTENT} for status in (401, 403)
}


def make_app(service: Service, guard: Guard) -> ASGIApp:
    api = FastAPIOffline(
        title="promptlathe",
        version=__version__,
        description=f"OpenAI-compatible API of {service.name}",
        docs_url="/docs",
        redoc_url=None,
    )
    api.include_router(openai_routes(service))
    _add_own_routes(api, service)
    _add_error_handlers(api)
    _describe_exactly(api, has_keys=bool(guard.api_keys))
    known = set(api.openapi()["paths"])

    def count(path: str, status: int) -> None:
        service.metrics.requests.labels(path if path in known else "other", str(status)).inc()

    gate: ASGIApp = Gate(api, guard, count)
    if not guard.allowed_origins:
        return gate
    return CORSMiddleware(
        gate,
        allow_origins=guard.allowed_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        expose_headers=["X-Request-Id"],
    )


def _add_own_routes(api: FastAPI, service: Service) -> None:
    @api.get("/", include_in_schema=False)
    async def root() -> Response:
        return RedirectResponse("/docs")

    @api.get("/health", response_model=HealthResponse, responses={503: {"model": HealthResponse}})
    async def health() -> JSONResponse:
        """Whether the model answers; 503 while it does not. Needs no key."""
        state = service.backend.state
        is_ready = state.phase == "ready"
        return JSONResponse(
            {
                "status": "ok" if is_ready else "unavailable",
                "state": state.phase,
                "detail": state.detail,
                "seconds": round(state.seconds, 3),
                "restarts": state.restarts,
                "model": service.name,
                "engine": service.backend.engine,
                "running": service.backend.load.running,
                "waiting": service.backend.load.waiting,
            },
            200 if is_ready else 503,
        )

    @api.get("/metrics", response_class=PlainTextResponse, responses=_PLAIN_ERRORS)
    async def metrics() -> Response:
        """For Prometheus."""
        return Response(service.metrics.text(service.backend), media_type=_METRICS_TYPE)


def _add_error_handlers(api: FastAPI) -> None:
    @api.exception_handler(LatheError)
    async def expected(_: Request, error: LatheError) -> Response:
        return _response(error)

    @api.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        return _response(_first_fault(error))

    @api.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        message = str(error.detail)
        if error.status_code == 404:
            message = f"there is no {request.url.path} here; chats go to /v1/chat/completions, see /docs"
        elif error.status_code == 405:
            message = f"{request.url.path} does not take {request.method}; see /docs"
        code = "not_found" if error.status_code == 404 else "invalid_request"
        return _response(ApiError(message, status=error.status_code, code=code, headers=error.headers or {}))

    @api.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        _log.error("%s failed", request.url.path, exc_info=error)
        return _response(
            ApiError("the server made a mistake; its log says more", status=500, code="internal")
        )


def _response(error: LatheError) -> Response:
    return JSONResponse(error_body(error), status_of(error), headers_of(error))


def _first_fault(error: RequestValidationError) -> ApiError:
    """The first thing that is wrong, and the field it is in, as OpenAI writes it: `messages[0].content`."""
    fault = error.errors()[0]
    if fault["type"] == "json_invalid":
        reason = fault.get("ctx", {}).get("error", "")
        return ApiError(f"the body is not JSON: {reason}", code="invalid_json")
    param = _path(fault["loc"][1:], error.body, is_missing=fault["type"] == "missing")
    message = str(fault["msg"]).removeprefix("Value error, ")
    if not param:
        return ApiError(f"the body must be a JSON object: {message}", code="invalid_json")
    code = "missing_required_parameter" if fault["type"] == "missing" else "invalid_value"
    return ApiError(f"{param}: {message}", code=code, param=param)


def _path(location: tuple[int | str, ...], body: object, *, is_missing: bool) -> str | None:
    """Only the steps that lead through the body: validators add names of their own types to them."""
    written = ""
    at = body
    for step in location:
        if isinstance(step, str) and isinstance(at, Mapping) and step in at:
            written += f".{step}"
            at = at[step]
        elif isinstance(step, int) and isinstance(at, list) and step < len(at):
            written += f"[{step}]"
            at = at[step]
    if is_missing and location:
        written += f".{location[-1]}"
    return written.removeprefix(".") or None


def _describe_exactly(api: FastAPI, *, has_keys: bool) -> None:
    """FastAPI writes into every description that it answers 422, which this server never does."""
    original = api.openapi

    def describe() -> dict[str, object]:
        if api.openapi_schema is None:
            described = original()
            for path in described["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)
            for name in ("HTTPValidationError", "ValidationError"):
                described["components"]["schemas"].pop(name, None)
            if has_keys:
                described["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
                described["security"] = [{"key": []}]
                described["paths"]["/health"]["get"]["security"] = []
        return cast("dict[str, object]", api.openapi_schema)

    api.openapi = describe  # type: ignore[method-assign]
