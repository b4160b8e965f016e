"""The YAML in front of a prompt: strict, so that a typing mistake is an error and no silent default."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML

from promptlathe.errors import PromptError, UnknownNameError
from promptlathe.source_files import Located, read_yaml

ExamplesMode = Literal["text", "messages"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the author wants answers sampled; None leaves it to the run."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    temperature: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0)] | None = None


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The keys a prompt file may begin with."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1)] | None = None
    version: Annotated[str, Field(min_length=1)] | None = None
    description: str | None = None
    variables: Mapping[str, str | None] = field(default_factory=dict)
    examples: ExamplesMode = "text"
    frozen: tuple[str, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    certificate: Annotated[str, Field(min_length=1)] | None = None


_ADAPTER = TypeAdapter(FrontMatter)
# pydantic names Python's types; these are YAML's.
_REASONS = {
    "tuple_type": "must be a list",
    "dict_type": "must be `key: value` lines",
    "string_type": "must be text",
}


def read_front_matter(yaml: str, *, path: str, first_line: int) -> tuple[FrontMatter, Mapping[str, int]]:
    """The front matter, and the line of the file that each of its keys is on.

    Scalars are taken as they are written: a variable's default 3.10 stays "3.10".

    Raises PromptError `path:line: …`, for what is no YAML mapping, an unknown key, and a value out of range.
    """
    found = read_yaml(yaml, path=path, error=PromptError, what="the front matter", first_line=first_line)
    value = {} if found.value is None else found.value
    if not isinstance(value, dict):
        raise PromptError(f"{path}:{first_line}: the front matter is not a list of `key: value` lines")
    try:
        # A key without a value is a key not given, except for a variable, where it means: no default.
        matter = _ADAPTER.validate_python({key: item for key, item in value.items() if item is not None})
    except ValidationError as error:
        raise _explained(error.errors()[0], found) from None
    return matter, {str(place[0]): line for place, line in found.lines.items() if len(place) == 1}


def update_front_matter(text: str, changes: Mapping[str, object]) -> str:
    """Front matter, with its `---` lines, with these keys changed; the rest, comments included, stays.

    A key changed to None is taken out. `text` is one that was read without error, or empty.
    """
    yaml = YAML(typ="rt")
    yaml.width = 2**16
    yaml.preserve_quotes = True
    lines = text.splitlines(keepends=True)
    mapping = yaml.load("".join(lines[1:-1])) or yaml.map()
    for key, value in changes.items():
        if value is None:
            mapping.pop(key, None)
        else:
            mapping[key] = value
    stream = io.StringIO()
    if mapping:
        yaml.dump(mapping, stream)
    opening, closing = (lines[0], lines[-1]) if lines else ("---\n", "---\n")
    newline = "\r\n" if opening.endswith("\r\n") else "\n"
    return opening + stream.getvalue().replace("\n", newline) + closing


def _explained(error: ErrorDetails, found: Located) -> PromptError:
    place = tuple(error["loc"])
    key, where = ".".join(map(str, place)), found.where(*place)
    if error["type"] == "unexpected_keyword_argument":
        known = [item.name for item in fields(Sampling if len(place) > 1 else FrontMatter)]
        hint = UnknownNameError("key", str(place[-1]), known).hint
        return PromptError(f"{where}: unknown key {key!r} in the front matter", hint=hint)
    reason = _REASONS.get(error["type"]) or error["msg"][:1].lower() + error["msg"][1:]
    return PromptError(f"{where}: {key}: {reason}")
