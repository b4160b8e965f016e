"""Holding a model to a regular expression, a schema or a grammar (`Request.constraint`): what servers are told."""

import json

from promptlathe.engines.endpoint import ServerKind
from promptlathe.engines.engine import Constraint
from promptlathe.engines.regex_grammar import regex_grammar
from promptlathe.errors import InputError


def constraining(constraint: Constraint, server: ServerKind) -> dict[str, object]:
    """The fields of a completion's body that hold the model to `constraint`: nothing for a server of which we do not
    know how. Raises InputError for a regular expression that no grammar can say."""
    if server != "llamacpp":
        return {}
    match constraint.kind:
        case "regex":
            return {"grammar": regex_grammar(constraint.text)}
        case "grammar":
            return {"grammar": constraint.text}
        case "json_schema":
            return {"json_schema": _schema(constraint.text)}


def _schema(text: str) -> dict[str, object]:
    """llama.cpp passes over what is no object: `true`, which any JSON matches, is written as one."""
    try:
        schema = json.loads(text)
    except ValueError:
        raise InputError("the json schema cannot be used: it is not JSON") from None
    if schema is True:
        return {}
    if not isinstance(schema, dict):
        raise InputError("the json schema cannot be used: nothing matches it")
    return schema
