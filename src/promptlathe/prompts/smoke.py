"""Smoke cases of a prompt: a few inputs, and what any usable answer to them has or lacks.

They stand beside the prompt in `NAME.cases.yaml` and say that a prompt works at all; how well it works, a task
measures.
"""

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from promptlathe.errors import PromptError


class SmokeCase(BaseModel):
    """`contains` are texts that all must be there, `lacks` texts that must not, in any case; `matches` is a
    regular expression that must be found (`.` is any character but a line end, `^` begins a line)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Annotated[str, Field(min_length=1)]
    variables: dict[str, str] = {}
    contains: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    matches: str | None = None

    @field_validator("matches")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from None
        return pattern

    def failures(self, answer: str) -> tuple[str, ...]:
        """What is wrong with an answer, one line each; nothing, if it passes."""
        said = answer.casefold()
        failures = [f"lacks {text!r}" for text in self.contains if text.casefold() not in said]
        failures += [f"has {text!r}" for text in self.lacks if text.casefold() in said]
        if self.matches and not re.search(self.matches, answer, re.MULTILINE):
            failures.append(f"does not match {self.matches}")
        return tuple(failures)


class _SmokeFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    cases: Annotated[tuple[SmokeCase, ...], Field(min_length=1)]


def read_smoke_cases(text: str, *, path: str) -> tuple[SmokeCase, ...]:
    """Raises PromptError, which names the file and the key, for what is no file of smoke cases."""
    try:
        return _SmokeFile.model_validate(YAML(typ="safe", pure=True).load(text)).cases
    except YAMLError as error:
        raise PromptError(f"{path}: not YAML: {str(error).splitlines()[0]}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise PromptError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
