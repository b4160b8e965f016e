"""The many names under which clients ask for a constrained answer, read as one; and what is refused beforehand."""

import json
from collections.abc import Iterator

import jsonschema
import re2

from promptlathe.engines.engine import Constraint
from promptlathe.server.errors import ApiError
from promptlathe.server.schemas import JsonObject, Sampled

_LONGEST = 20_000
_MOST_REPEATS = 1000
"""Of characters or items that a schema counts: compiling it takes time with their number."""
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_ANY_OBJECT = Constraint("json_schema", '{"type":"object"}')

Asked = Constraint | tuple[str, ...]


def read_constraint(request: Sampled) -> Asked | None:
    """What the answer must match: a constraint, or choices. Raises ApiError: for two at once, and for what is wrong
    in itself. What only the engine finds wrong, it says when it is asked."""
    found = list(_found(request))
    if len(found) > 1:
        names = " and ".join(name for name, _ in found)
        raise ApiError(f"{names} both say what the answer must match: give one", param=found[1][0])
    if not found:
        return None
    name, asked = found[0]
    if isinstance(asked, Constraint):
        _check(asked, name)
    elif not asked or not all(asked):
        raise ApiError("choices are texts, at least one and none of them empty", param=name)
    return asked


def _found(request: Sampled) -> Iterator[tuple[str, Asked]]:
    yield from _response_format(request)
    given = request.structured_outputs
    if given:
        prefix = "structured_outputs."
        yield from _vllm(prefix, given.regex, given.choice, given.json_, given.grammar)
        if given.json_object:
            yield f"{prefix}json_object", _ANY_OBJECT
    yield from _vllm(
        "guided_", request.guided_regex, request.guided_choice, request.guided_json, request.guided_grammar
    )


def _response_format(request: Sampled) -> Iterator[tuple[str, Asked]]:
    given = request.response_format
    if given is None or given.type == "text":
        return
    if given.type == "json_object":
        yield "response_format", _ANY_OBJECT
    elif given.type == "json_schema":
        if given.json_schema is None:
            raise ApiError("the type json_schema needs a json_schema", param="response_format.json_schema")
        yield "response_format.json_schema.schema", _schema(given.json_schema.schema_)
    else:
        if given.regex_schema is None:
            raise ApiError("the type regex_schema needs a regex_schema", param="response_format.regex_schema")
        yield "response_format.regex_schema", Constraint("regex", given.regex_schema)


def _vllm(
    prefix: str,
    regex: str | None,
    choice: list[str] | None,
    schema: JsonObject | str | None,
    grammar: str | None,
) -> Iterator[tuple[str, Asked]]:
    if regex is not None:
        yield f"{prefix}regex", Constraint("regex", regex)
    if choice is not None:
        yield f"{prefix}choice", tuple(choice)
    if schema is not None:
        text = schema if isinstance(schema, str) else None
        yield f"{prefix}json", Constraint("json_schema", text) if text is not None else _schema(schema)
    if grammar is not None:
        yield f"{prefix}grammar", Constraint("grammar", grammar)


def _schema(schema: object) -> Constraint:
    return Constraint("json_schema", json.dumps(schema, ensure_ascii=False))


def _check(constraint: Constraint, param: str) -> None:
    if len(constraint.text) > _LONGEST:
        raise ApiError(f"longer than {_LONGEST} characters", param=param)
    if constraint.kind == "regex":
        _check_regex(constraint.text, param)
    elif constraint.kind == "json_schema":
        try:
            schema = json.loads(constraint.text)
            jsonschema.Draft202012Validator.check_schema(schema)
        except (ValueError, RecursionError, jsonschema.SchemaError) as error:
            reason = error.message if isinstance(error, jsonschema.SchemaError) else "it is not JSON"
            raise ApiError(f"not a JSON schema: {reason[:200]}", param=param) from None
        _check_parts(schema, param)


def _check_regex(pattern: str, param: str) -> None:
    """By RE2, which bounds repetitions, too; the engine's own dialect has a little less."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        raise ApiError(f"not a regular expression: {reason}", param=param) from None


def _check_parts(schema: object, param: str) -> None:
    """What is well-formed, and yet would take the engine too long or stop it."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            for name in _COUNTS:
                count = part.get(name)
                if isinstance(count, int | float) and count > _MOST_REPEATS:
                    raise ApiError(f"{name} is {count:g}, more than {_MOST_REPEATS}", param=param)
            if isinstance(part.get("pattern"), str):
                _check_regex(part["pattern"], param)
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
