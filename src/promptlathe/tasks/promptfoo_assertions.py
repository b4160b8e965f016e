"""promptfoo's assertions as graders, as far as one of ours judges alike."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from promptlathe.source_files import Scalar, Value, typed
from promptlathe.tasks.combined_graders import without_groups
from promptlathe.tasks.file_cases import filled, template_names

Block = str | dict[str, object]

_CODE = re.compile(r"\{%|\{#|\{\{(?![ \t]*[^\W\d]\w*[ \t]*\}\})")
_KNOWN_KEYS = {"type", "value", "metric", "weight"}


@dataclass(frozen=True, slots=True)
class Assertion:
    """A grader's block, and the expected answer where the grader compares with it."""

    block: Block
    expected: str | None = None


class NotImportableError(Exception):
    """Why an assertion, a test or a prompt has no counterpart here: a few words."""


def read_assertion(written: Value, variables: Mapping[str, str]) -> Assertion:
    """Raises NotImportableError."""
    if not isinstance(written, dict) or not isinstance(kind := written.get("type"), Scalar):
        raise NotImportableError("an assertion without `type`")
    other = next((key for key in written if key not in _KNOWN_KEYS), None)
    if other:
        raise NotImportableError(f"{kind} with `{other}`")
    is_negated = kind.startswith("not-")
    found = _positive(kind.removeprefix("not-"), written.get("value"), variables)
    return Assertion({"not": found.block}, found.expected) if is_negated else found


def has_code(text: str) -> bool:
    """Whether there is more than `{{name}}` in a template: filters, conditions, loops, comments."""
    return _CODE.search(text) is not None


def _positive(kind: str, value: Value, variables: Mapping[str, str]) -> Assertion:
    ignored = {"ignore": ["case"]} if kind.startswith("icontains") else {}
    match kind.removeprefix("i") if ignored else kind:
        case "equals" if isinstance(value, dict | list):
            return Assertion("json", json.dumps(typed(value), ensure_ascii=False))
        case "equals":
            return Assertion("exact", _text(value, variables))
        case "contains":
            return Assertion({"type": "contains", **ignored}, _text(value, variables))
        case "contains-any" | "contains-all" as name:
            return Assertion({"type": "contains", name[-3:]: _texts(value, variables), **ignored})
        case "regex":
            return Assertion({"type": "regex", "pattern": _pattern(_text(value, variables))})
        case "starts-with":
            return Assertion({"type": "regex", "pattern": rf"\A{re.escape(_text(value, variables))}"})
        case "is-json" | "contains-json" if value is None or isinstance(value, dict):
            return Assertion({"type": "json", "schema": typed(value)} if value else "json")
        case "javascript" | "python" | "webhook" | "ruby":
            raise NotImportableError(f"{kind} runs code of its own (see the grader `python`)")
        case _ if kind in _JUDGED or kind.startswith("model-graded"):
            raise NotImportableError(f"{kind} asks another model (see the grader `judge`)")
        case _:
            raise NotImportableError(f"{kind} has no counterpart")


_JUDGED = (
    "llm-rubric", "factuality", "similar", "g-eval", "answer-relevance", "context-faithfulness",
    "context-recall", "context-relevance", "classifier", "moderation", "select-best", "pi",
)  # fmt: skip


def _text(value: Value, variables: Mapping[str, str]) -> str:
    """The text, variables filled in."""
    if not isinstance(value, Scalar) or not value:
        raise NotImportableError("an assertion without a text as `value`")
    if value.startswith("file://"):
        raise NotImportableError(f"a value in a file ({value})")
    if has_code(value) or any(name not in variables for name in template_names(value)):
        raise NotImportableError(f"the template {str(value)!r}")
    return filled(value, variables)


def _texts(value: Value, variables: Mapping[str, str]) -> list[str]:
    """A list; or one text, its parts between commas."""
    if isinstance(value, list):
        return [_text(item, variables) for item in value]
    return [part.strip() for part in _text(value, variables).split(",") if part.strip()]


def _pattern(value: str) -> str:
    if re.search(r"\\[1-9]|\\k<", value):
        raise NotImportableError("a regex that refers back to a group")
    return without_groups(value)
