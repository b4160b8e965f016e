"""Holding OpenVINO's sampler to given answers or to a grammar (xgrammar inside OpenVINO GenAI)."""

from typing import TYPE_CHECKING

from promptlathe.engines.choices import choice_grammar
from promptlathe.engines.engine import Constraint, Request

if TYPE_CHECKING:
    import openvino_genai


def constraint_of(request: Request) -> Constraint | None:
    """What the request's answer must match; `choices` are a grammar, too."""
    return Constraint("grammar", choice_grammar(request.choices)) if request.choices else request.constraint


def constrain(config: "openvino_genai.GenerationConfig", constraint: Constraint) -> None:
    """Let only tokens pass that keep the answer matching, and the end only where it is complete.

    What is wrong with a constraint is found at the first step that uses it.
    """
    from openvino_genai import StructuredOutputConfig

    allowed = StructuredOutputConfig()
    setattr(allowed, constraint.kind, constraint.text)
    config.structured_output_config = allowed
