"""Holding OpenVINO's sampler to given answers, by a grammar (xgrammar inside OpenVINO GenAI)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from promptlathe.engines.choices import choice_grammar

if TYPE_CHECKING:
    import openvino_genai


def constrain(config: "openvino_genai.GenerationConfig", choices: Sequence[str]) -> None:
    """Let only tokens pass that can still become one of `choices`, and the end only where one is complete."""
    from openvino_genai import StructuredOutputConfig

    allowed = StructuredOutputConfig()
    allowed.grammar = choice_grammar(choices)
    config.structured_output_config = allowed
