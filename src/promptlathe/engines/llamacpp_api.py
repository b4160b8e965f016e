"""What llama.cpp's server has beside OpenAI's API: templates, tokens, and the probability of a given token."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import httpx2
from pydantic import BaseModel, Field, ValidationError

from promptlathe.engines.endpoint import Endpoint
from promptlathe.engines.remote_errors import Reply, fault_of_body, fault_of_reply, fault_of_transport
from promptlathe.messages import Message

_FORCED = 1e4
"""Added to a token's logit, it makes it the one that is drawn; the probability that is told is without it."""


class _Template(BaseModel):
    prompt: str


class _Tokens(BaseModel):
    tokens: list[int]


class _Content(BaseModel):
    content: str


class _Properties(BaseModel):
    eos_token: str


class _Meta(BaseModel):
    n_vocab: int


class _Card(BaseModel):
    meta: _Meta


class _Cards(BaseModel):
    data: list[_Card] = Field(min_length=1)


class _Likely(BaseModel):
    logprob: float


class _Likelies(BaseModel):
    content: list[_Likely] = Field(min_length=1)


class _Forced(BaseModel):
    logprobs: _Likelies


class _Completion(BaseModel):
    choices: list[_Forced] = Field(min_length=1)


T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class LlamaCppApi:
    """All methods raise Fault."""

    client: httpx2.AsyncClient
    endpoint: Endpoint
    api_key: str = field(repr=False)

    async def vocabulary_size(self) -> int:
        return (await self._get("/v1/models", _Cards)).data[0].meta.n_vocab

    async def end_token(self) -> int:
        """The one that ends an answer."""
        properties = await self._get("/props", _Properties)
        return (await self.tokens(properties.eos_token))[-1]

    async def prompt(self, messages: Iterable[Message]) -> str:
        """The messages as the model's chat template writes them, up to where the answer begins."""
        body = {"messages": [message.as_dict() for message in messages]}
        return (await self._post("/apply-template", body, _Template)).prompt

    async def tokens(self, text: str, *, has_beginning: bool = False) -> list[int]:
        """`has_beginning`: with the special token that some models want before all else."""
        body = {"content": text, "add_special": has_beginning, "parse_special": True}
        return (await self._post("/tokenize", body, _Tokens)).tokens

    async def text(self, token_ids: Sequence[int]) -> str:
        return (await self._post("/detokenize", {"tokens": list(token_ids)}, _Content)).content

    async def log_probability(self, token_ids: Sequence[int], following: int) -> float:
        """How likely it is that the token `following` comes after these."""
        body = {
            "prompt": list(token_ids),
            "max_tokens": 1,
            "temperature": 0,
            "logprobs": 1,
            "logit_bias": [[following, _FORCED]],
        }
        completion = await self._post("/v1/completions", body, _Completion)
        return completion.choices[0].logprobs.content[0].logprob

    async def _get(self, path: str, kind: type[T]) -> T:
        return self._read(await self._sent(self.client.build_request("GET", self._url(path))), kind)

    async def _post(self, path: str, body: object, kind: type[T]) -> T:
        return self._read(
            await self._sent(self.client.build_request("POST", self._url(path), json=body)), kind
        )

    def _url(self, path: str) -> str:
        return self.endpoint.root_url + path

    async def _sent(self, request: httpx2.Request) -> httpx2.Response:
        try:
            response = await self.client.send(request)
        except httpx2.RequestError as error:
            raise fault_of_transport(error, self.endpoint) from error
        if not response.is_success:
            reply = Reply(response.status_code, response.headers, response.content)
            raise fault_of_reply(reply, self.endpoint, api_key=self.api_key)
        return response

    def _read(self, response: httpx2.Response, kind: type[T]) -> T:
        try:
            return kind.model_validate_json(response.content)
        except ValidationError:
            raise fault_of_body(response.content, self.endpoint, api_key=self.api_key) from None
