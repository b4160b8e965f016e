"""The routes that OpenAI's clients know, and the two of every server of open models: /tokenize, /detokenize."""

from collections.abc import Coroutine, Mapping

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from promptlathe.server.chat_api import ChatAnswer
from promptlathe.server.completion_api import TextAnswer
from promptlathe.server.errors import ApiError
from promptlathe.server.events import Answering, with_errors
from promptlathe.server.responses import (
    ChatCompletion,
    DetokenizeResponse,
    ErrorResponse,
    Model,
    ModelList,
    TextCompletion,
    TokenizeResponse,
)
from promptlathe.server.schemas import (
    ChatCompletionRequest,
    CompletionRequest,
    DetokenizeRequest,
    EmbeddingRequest,
    TokenizeRequest,
)
from promptlathe.server.service import Service, as_messages
from promptlathe.server.streaming import EventStream, unless_gone

_GONE = 499
"""nginx's number for a client that went away; nobody receives it."""


def documented(*statuses: int) -> dict[int | str, dict[str, object]]:
    """For `/openapi.json`: what every route may answer besides its own, and these."""
    return {status: {"model": ErrorResponse} for status in (401, 403, *statuses)}


_CHUNK = {"type": "string", "description": "a chunk as JSON; the last is [DONE]"}
_EVENT = {"type": "object", "required": ["data"], "properties": {"data": _CHUNK}}
_STREAM = {"text/event-stream": {"itemSchema": _EVENT}}
"""As FastAPI describes event streams: OpenAPI's `schema` would be that of the whole stream."""
_ASKING = documented(400, 404, 408, 413, 429, 500, 503)


def openai_routes(service: Service) -> APIRouter:
    router = APIRouter()
    _add_models(router, service)
    _add_completions(router, service)
    _add_tokens(router, service)
    return router


def _add_models(router: APIRouter, service: Service) -> None:
    @router.get("/v1/models", response_model=ModelList, responses=documented(400))
    async def list_models() -> JSONResponse:
        """The model, and the model under each prompt of the workspace."""
        return JSONResponse({"object": "list", "data": [_card(service, one) for one in service.model_ids()]})

    @router.get("/v1/models/{model:path}", response_model=Model, responses=documented(400, 404))
    async def retrieve_model(model: str) -> JSONResponse:
        service.prompt_of(model)
        return JSONResponse(_card(service, model))


def _add_completions(router: APIRouter, service: Service) -> None:
    @router.post(
        "/v1/chat/completions",
        response_model=ChatCompletion,
        responses={200: {"content": _STREAM}, **_ASKING},
    )
    async def create_chat_completion(body: ChatCompletionRequest, request: Request) -> Response:
        """Answer a conversation. With `stream` as server-sent events."""
        answer = ChatAnswer.of(body, service)
        if not body.stream:
            return await _json(answer.whole(service), request)
        return await _stream(answer, service, request)

    @router.post(
        "/v1/completions", response_model=TextCompletion, responses={200: {"content": _STREAM}, **_ASKING}
    )
    async def create_completion(body: CompletionRequest, request: Request) -> Response:
        """Go on from a text, or from token ids, as they stand: no chat template."""
        answer = await TextAnswer.of(body, service)
        if not body.stream:
            return await _json(answer.whole(service), request)
        return await _stream(answer, service, request)

    @router.post(
        "/v1/embeddings", response_model=None, status_code=501,
        responses={501: {"model": ErrorResponse}, **documented(400, 404, 408, 413)},
    )  # fmt: skip
    async def create_embeddings(body: EmbeddingRequest) -> Response:
        """No engine here makes embeddings."""
        service.prompt_of(body.model)
        raise ApiError(
            f"engine {service.backend.engine} makes no embeddings: {service.name} is a model that answers",
            status=501,
            code="unsupported",
            param="model",
        )


def _add_tokens(router: APIRouter, service: Service) -> None:
    @router.post("/tokenize", response_model=TokenizeResponse, responses=_ASKING)
    async def tokenize(body: TokenizeRequest) -> JSONResponse:
        """The tokens of a text, or of a conversation as the model's chat template writes it."""
        if body.model is not None:
            service.prompt_of(body.model)
        given = [one for one in (body.prompt, body.content, body.messages) if one is not None]
        if len(given) != 1 or given[0] == []:
            raise ApiError("give one of prompt, content and messages", param="prompt")
        prompt = given[0] if isinstance(given[0], str) else as_messages(given[0])
        tokens = list(await service.backend.tokenize(prompt))
        return JSONResponse(
            {"tokens": tokens, "count": len(tokens), "max_model_len": service.backend.context_length}
        )

    @router.post("/detokenize", response_model=DetokenizeResponse, responses=_ASKING)
    async def detokenize(body: DetokenizeRequest) -> JSONResponse:
        """The text of tokens."""
        if body.model is not None:
            service.prompt_of(body.model)
        text = await service.backend.detokenize(tuple(body.tokens)) if body.tokens else ""
        return JSONResponse({"prompt": text, "content": text})


async def _stream(answer: ChatAnswer | TextAnswer, service: Service, request: Request) -> Response:
    answering = await unless_gone(Answering.begin(service.stream(answer.generations)), request.receive)
    if answering is None:
        return _gone()
    return EventStream(with_errors(answer.events(answering)), answering.close)


async def _json(work: Coroutine[object, object, Mapping[str, object]], request: Request) -> Response:
    content = await unless_gone(work, request.receive)
    return _gone() if content is None else JSONResponse(content)


def _gone() -> Response:
    return Response(status_code=_GONE)


def _card(service: Service, model: str) -> dict[str, object]:
    return {
        "id": model,
        "object": "model",
        "created": service.started,
        "owned_by": "promptlathe",
        "root": service.name,
        "max_model_len": service.backend.context_length,
    }
