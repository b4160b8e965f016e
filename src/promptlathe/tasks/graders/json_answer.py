"""`json`: the JSON in an answer, against a schema and the expected value."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal, cast

from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from pydantic import ConfigDict
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from promptlathe.errors import TaskError
from promptlathe.tasks.case import Case
from promptlathe.tasks.graders.options import STRICT, configured_name
from promptlathe.tasks.graders.pattern import compile_pattern
from promptlathe.tasks.grading import Grade, unparsed

_MOST_TRIES = 500
"""How many brackets that begin no JSON are looked at: bounds the work on an answer made of brackets."""


@dataclass(frozen=True, slots=True)
class JsonGrader:
    """Whether the answer holds JSON that fits `schema` (JSON Schema 2020-12) and is the expected value.

    The JSON is what stands in the last code fence that holds some, else the last object or list in the text,
    else the whole answer. `compare`: with "equal" it must be the expected value (1 is 1.0, the order of keys
    is nothing); with "subset" it may have more keys; with "none", or a case that expects "", the schema alone
    decides. Only JSON counts: no comments, no trailing commas, no NaN. Patterns in the schema are RE2's;
    a reference must stay within the schema. A wrong answer's reason names the first place that does not fit.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    schema: dict[str, Any] | None = None
    compare: Literal["equal", "subset", "none"] = "equal"

    def __post_init__(self) -> None:
        if self.schema is not None:
            _check_schema(self.schema)
        elif self.compare == "none":
            raise TaskError(
                "grader json: with `compare: none` and without `schema` there is nothing to check"
            )

    @property
    def name(self) -> str:
        return configured_name("json", self)

    def grade(self, case: Case, answer: str) -> Grade:
        if not answer.strip():
            return unparsed("empty")
        found = _last_json(answer)
        if found is None:
            return unparsed("cut off" if _is_cut_off(answer) else "no JSON")
        value, text = found
        fault = self._fault(value, case.expected)
        return Grade("wrong" if fault else "correct", text, contradicts=False, reason=fault)

    def _fault(self, value: object, expected: str) -> str:
        if self.schema is not None and (fault := _schema_fault(self.schema, value)):
            return fault
        if self.compare == "none" or not expected.strip():
            return ""
        try:
            wanted: object = _loads(expected)
        except ValueError:
            wanted = expected
        return _difference(wanted, value, "$", is_subset=self.compare == "subset")


def _last_json(answer: str) -> tuple[object, str] | None:
    """(value, its text)."""
    fences = re.findall(r"```[^\n`]*\n(.*?)(?:```|\Z)", answer, re.DOTALL)
    for text in [*reversed(fences), answer]:
        try:
            return _loads(text.strip()), text.strip()
        except (ValueError, RecursionError):
            pass
        *_, last = (None, *_structures(text))
        if last is not None:
            return last
    return None


def _structures(text: str) -> Iterator[tuple[object, str]]:
    """Every object and list in the text that is in no other, in order."""
    place, tries = 0, 0
    while (opening := re.compile(r"[{\[]").search(text, place)) and tries < _MOST_TRIES:
        try:
            value, place = _DECODER.raw_decode(text, opening.start())
            yield value, text[opening.start() : place]
        except (ValueError, RecursionError):
            place = opening.end()
            tries += 1


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object. A key that is there twice means two things."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key is there twice")
    return made


_DECODER = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_once)


def _loads(text: str) -> object:
    return _DECODER.decode(text)


def _is_cut_off(answer: str) -> bool:
    """Whether a bracket was opened, with a key or a value after it, and never closed."""
    last = max(answer.rfind("{"), answer.rfind("["))
    closing = max(answer.rfind("}"), answer.rfind("]"))
    return last >= 0 and (
        answer.count("{") > answer.count("}") or answer.count("[") > answer.count("]") or closing < last
    )


def _difference(wanted: object, value: object, place: str, *, is_subset: bool) -> str:
    """Where `value` is not `wanted`, in a few words; "" if it is. True is not 1."""
    if isinstance(wanted, dict) and isinstance(value, dict):
        for key in wanted:
            if key not in value:
                return f"{place}: lacks {key!r}"
            if fault := _difference(wanted[key], value[key], f"{place}.{key}", is_subset=is_subset):
                return fault
        more = [key for key in value if key not in wanted]
        return f"{place}: has {more[0]!r}" if more and not is_subset else ""
    if isinstance(wanted, list) and isinstance(value, list):
        if len(wanted) != len(value):
            return f"{place}: has {len(value)} items, not {len(wanted)}"
        faults = (
            _difference(one, other, f"{place}[{index}]", is_subset=is_subset)
            for index, (one, other) in enumerate(zip(wanted, value, strict=True))
        )
        return next((fault for fault in faults if fault), "")
    if isinstance(wanted, bool) is isinstance(value, bool) and wanted == value:
        return ""
    return f"{place}: is {_short(value)}, not {_short(wanted)}"


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"


def _schema_fault(schema: Mapping[str, Any], value: object) -> str:
    try:
        fault = best_match(_validator(json.dumps(schema, sort_keys=True)).iter_errors(cast(Any, value)))
    except RecursionError:
        return "too deep for the schema"
    if fault is None:
        return ""
    return f"{fault.json_path}: {fault.message if len(fault.message) <= 200 else fault.message[:199] + '…'}"


@lru_cache(maxsize=64)
def _validator(schema: str) -> Validator:
    made: Validator = _Validator(json.loads(schema), registry=Registry())
    return made


def _pattern(_: Validator, pattern: str, value: object, __: object) -> Iterator[ValidationError]:
    if isinstance(value, str) and not compile_pattern(pattern, "").search(value):
        yield ValidationError(f"{_short(value)} does not match {pattern!r}")


def _pattern_properties(
    validator: Draft202012Validator, patterns: Mapping[str, Mapping[str, Any]], value: object, _: object
) -> Iterator[ValidationError]:
    if isinstance(value, dict):
        for pattern, schema in patterns.items():
            for key in value:
                if compile_pattern(pattern, "").search(key):
                    yield from validator.descend(value[key], schema, path=key, schema_path=pattern)


_Validator = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _pattern, "patternProperties": _pattern_properties}
)


def _check_schema(schema: dict[str, Any]) -> None:
    """Raises TaskError with the place within the schema."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = ".".join(["schema", *map(str, error.absolute_path)])
        raise TaskError(f"grader json: {place}: {error.message}") from error
    resolver = Registry().with_resource("", DRAFT202012.create_resource(schema)).resolver()
    for place, name, value in _entries(schema, "schema"):
        if name == "$ref" and isinstance(value, str):
            try:
                resolver.lookup(value)
            except Unresolvable as error:
                raise TaskError(
                    f"grader json: {place}.$ref: {value!r} is not in the schema", hint="give it under `$defs`"
                ) from error
        patterns = [value] if name == "pattern" else value if name == "patternProperties" else []
        for pattern in patterns if isinstance(patterns, list | dict) else []:
            if isinstance(pattern, str):
                compile_pattern(pattern, f"grader json: {place}.{name}")


def _entries(value: object, place: str) -> Iterator[tuple[str, str, object]]:
    """(place of the mapping, key, value) of every mapping within `value`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield place, str(name), inner
            yield from _entries(inner, f"{place}.{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _entries(inner, f"{place}.{index}")
