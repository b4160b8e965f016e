"""Holding OpenVINO's sampler to given answers, by a grammar (xgrammar inside OpenVINO GenAI)."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from promptlathe.engines.engine import Request, Sampling

if TYPE_CHECKING:
    import openvino_genai


def sampling_of_choice(request: Request) -> Sampling:
    """The request's sampling with room for its longest choice, whatever tokens it is made of, and no stop."""
    longest = max(len(choice.encode()) for choice in request.choices)
    return replace(request.sampling, max_tokens=longest + 1, stop=())


def constrain(config: "openvino_genai.GenerationConfig", choices: Sequence[str]) -> None:
    """Let only tokens pass that can still become one of `choices`, and the end only where one is complete.

    A grammar and not a regular expression: a string of EBNF is escaped as one of JSON, and means itself.
    """
    from openvino_genai import StructuredOutputConfig

    allowed = StructuredOutputConfig()
    allowed.grammar = "root ::= " + " | ".join(json.dumps(choice, ensure_ascii=False) for choice in choices)
    config.structured_output_config = allowed
