"""Holding a model to given answers (`Request.choices`): what samplers and servers are told."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from promptlathe.engines.engine import Request, Sampling

if TYPE_CHECKING:
    from promptlathe.engines.endpoint import ServerKind

_REGEX_SPECIAL = re.compile(r"([\\.^$*+?{}\[\]()|])")
_WRAPPING: "tuple[ServerKind, ...]" = ("ollama", "openai", "unknown")
"""OpenAI and those who follow it constrain JSON only: the choice stands in an object."""
_WRAPPING_TOKENS = 32


class NotAChoice(ValueError):  # noqa: N818 - the caller says what it means
    """An answer that is none of the choices: the server did not hold the model to them."""


def sampling_of_choice(request: Request, server: "ServerKind | None" = None) -> Sampling:
    """The request's sampling with room for its longest choice, whatever tokens it is made of, and no stop."""
    longest = max(len(choice.encode()) for choice in request.choices)
    wrapping = _WRAPPING_TOKENS if server in _WRAPPING else 0
    return replace(request.sampling, max_tokens=longest + 1 + wrapping, stop=())


def choice_grammar(choices: Sequence[str]) -> str:
    """A grammar in llama.cpp's notation (GBNF, which xgrammar reads, too) of exactly these texts.

    Not a regular expression where there is a choice: a string of it is escaped as one of JSON, and means itself.
    """
    return "root ::= " + " | ".join(json.dumps(choice, ensure_ascii=False) for choice in choices)


def holding(choices: Sequence[str], server: "ServerKind") -> dict[str, object]:
    """The fields of a chat completion's body that hold the model to `choices`.

    vLLM has read `structured_outputs` since 0.10.2, and `guided_choice` until 0.11; each ignores the other's.
    """
    match server:
        case "vllm":
            return {"structured_outputs": {"choice": list(choices)}, "guided_choice": list(choices)}
        case "sglang":
            return {"regex": _choice_regex(choices)}
        case "lmdeploy":
            return {"response_format": {"type": "regex_schema", "regex_schema": _choice_regex(choices)}}
        case "llamacpp":
            return {"grammar": choice_grammar(choices)}
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "string", "enum": list(choices)}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    wrapped = {"name": "choice", "strict": True, "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": wrapped}}


def read_choice(text: str, choices: Sequence[str], server: "ServerKind") -> str:
    """The choice that an answer is. Raises NotAChoice."""
    chosen: str | None = text
    if server in _WRAPPING:
        try:
            chosen = _Wrapped.model_validate_json(text).answer
        except ValidationError:
            chosen = None
    if chosen is None or chosen not in choices:
        raise NotAChoice(f"the server was to hold the model to {', '.join(choices)}, and gave {text[:80]!r}")
    return chosen


class _Wrapped(BaseModel):
    answer: str


def _choice_regex(choices: Sequence[str]) -> str:
    """Only what is special is escaped: not all engines of such servers know an escaped space."""
    return "(" + "|".join(_REGEX_SPECIAL.sub(r"\\\1", choice) for choice in choices) + ")"
