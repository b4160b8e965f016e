"""What clients may send, field by field. A wrong type or range is refused by name; unknown fields are let pass."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

_MOST_TOKENS = 2**31 - 1

TokenId = Annotated[int, Field(ge=0, le=_MOST_TOKENS)]
JsonObject = dict[str, JsonValue]


class _Body(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)


class TextPart(_Body):
    type: Literal["text"]
    text: str


class ChatMessage(_Body):
    """One turn. `developer` is the newer name of `system`."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class StreamOptions(_Body):
    include_usage: bool | None = None


class JsonSchema(_Body):
    name: str | None = None
    schema_: JsonObject | bool = Field(alias="schema")
    strict: bool | None = None


class ResponseFormat(_Body):
    """OpenAI's three kinds, and LMDeploy's `regex_schema`."""

    type: Literal["text", "json_object", "json_schema", "regex_schema"]
    json_schema: JsonSchema | None = None
    regex_schema: str | None = None


class StructuredOutputs(_Body):
    """What an answer must match, as vLLM names it. Exactly one of these."""

    regex: str | None = None
    choice: list[str] | None = None
    json_: JsonObject | str | None = Field(None, alias="json")
    json_object: bool | None = None
    grammar: str | None = None


class Sampled(_Body):
    """Fields that chat and text completions share."""

    model: str = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = Field(None, ge=1, le=128)
    stop: str | list[str] | None = None
    seed: int | None = Field(None, ge=-(2**63), le=2**63 - 1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=-1, le=_MOST_TOKENS)
    min_p: float | None = Field(None, ge=0, le=1)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    repetition_penalty: float | None = Field(None, gt=0, le=10)
    max_tokens: int | None = Field(None, ge=1, le=_MOST_TOKENS)
    ignore_eos: bool | None = None
    logit_bias: dict[str, float] | None = None
    response_format: ResponseFormat | None = None
    structured_outputs: StructuredOutputs | None = None
    guided_regex: str | None = None
    guided_choice: list[str] | None = None
    guided_json: JsonObject | str | None = None
    guided_grammar: str | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None
    variables: dict[str, str | int | float] | None = None

    @field_validator("stop")
    @classmethod
    def _stop_is_text(cls, stop: str | list[str] | None) -> str | list[str] | None:
        given = [stop] if isinstance(stop, str) else stop or []
        if len(given) > 16 or not all(given):
            raise ValueError("at most 16 texts, none of them empty")
        return stop

    @property
    def stops(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())


class ChatCompletionRequest(Sampled):
    messages: list[ChatMessage] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=1, le=_MOST_TOKENS)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    tools: list[JsonObject] | None = None
    functions: list[JsonObject] | None = None


class CompletionRequest(Sampled):
    prompt: (
        str
        | Annotated[list[str], Field(min_length=1)]
        | Annotated[list[TokenId], Field(min_length=1)]
        | Annotated[list[Annotated[list[TokenId], Field(min_length=1)]], Field(min_length=1)]
    )
    logprobs: int | None = Field(None, ge=0, le=5)
    echo: bool | None = None
    best_of: int | None = Field(None, ge=1, le=128)
    suffix: str | None = None


class TokenizeRequest(_Body):
    """`prompt` is a text as it stands (`content` in llama.cpp); `messages` get the model's chat template."""

    model: str | None = None
    prompt: str | None = None
    content: str | None = None
    messages: list[ChatMessage] | None = None


class DetokenizeRequest(_Body):
    model: str | None = None
    tokens: list[TokenId]


class EmbeddingRequest(_Body):
    model: str


def unsupported_field(request: Sampled) -> str | None:
    """The first field that asks for what no engine here does; to pass over it would give a wrong answer."""
    asked = {
        "tools": isinstance(request, ChatCompletionRequest) and bool(request.tools),
        "functions": isinstance(request, ChatCompletionRequest) and bool(request.functions),
        "logit_bias": bool(request.logit_bias),
        "suffix": isinstance(request, CompletionRequest) and bool(request.suffix),
        "best_of": isinstance(request, CompletionRequest) and request.best_of not in (None, request.n or 1),
    }
    return next((name for name, is_asked in asked.items() if is_asked), None)
