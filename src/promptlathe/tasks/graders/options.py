"""Options of graders: read strictly from what a file holds, and told apart in digests."""

import json
from collections.abc import Mapping
from dataclasses import Field, asdict, fields, is_dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from promptlathe.errors import TaskError
from promptlathe.tasks.graders import nearest

STRICT = ConfigDict(extra="forbid", coerce_numbers_to_str=True)
"""What a grader's dataclass has as `__pydantic_config__`: its fields are its options, and there are no others."""


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


Made = TypeVar("Made", bound=_Dataclass)


def read_options(kind: str, made: type[Made], given: Mapping[str, object]) -> Made:
    """An instance of the dataclass `made` from its options. Raises TaskError with the place and the reason."""
    try:
        return TypeAdapter(made).validate_python(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "unexpected_keyword_argument":
            known = tuple(field.name for field in fields(made) if field.init)
            raise TaskError(f"grader {kind}: unknown option {place!r}", hint=nearest(place, known)) from error
        if first["type"] == "missing":
            raise TaskError(f"grader {kind}: `{place}` is missing") from error
        raise TaskError(f"grader {kind}: {place}: {first['msg'].removeprefix('Value error, ')}") from error


def configured_name(kind: str, grader: _Dataclass) -> str:
    """The type and every option that is not as by default, for digests: `exact{"ignore":["case"]}`."""
    given = {
        field.name: value
        for field in fields(grader)
        if field.init and (value := getattr(grader, field.name)) != field.default
    }
    return kind + json.dumps(given, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain)


def _plain(value: object) -> object:
    """What JSON does not know: another dataclass, a Decimal."""
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)
