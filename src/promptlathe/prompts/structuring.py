"""Writes a prompt's sections as JSON or YAML, as structured as `structured.read_structured` reads back."""

import io
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from promptlathe.errors import PromptError
from promptlathe.prompts.examples import read_examples
from promptlathe.prompts.items import Item, read_items
from promptlathe.prompts.outline import Entry, Outline, is_list, same_text
from promptlathe.prompts.sections import CanonicalName, canonical_name
from promptlathe.prompts.structured import PREAMBLE, Syntax, Value, body_of


def write_structured(
    outline: Outline, *, is_nested: bool, names: Mapping[CanonicalName, str], syntax: Syntax
) -> str:
    """Sections as one object, or (`is_nested`) with all that follows the Role inside it."""
    top: dict[str, Value] = {}
    if outline.preamble:
        top[PREAMBLE] = outline.preamble
    counts: Counter[str] = Counter()
    into, profile = top, None
    for entry in outline.entries:
        name = names.get(entry.canonical, entry.name) if entry.canonical == entry.name else entry.name
        counts[name] += 1
        key = name if counts[name] == 1 else f"{name} {counts[name]}"
        if is_nested and entry.canonical == "Role" and into is top:
            into = {"name": entry.body}
            top[key] = into
            continue
        value = value_of(entry, is_nested)
        if entry.canonical == "Skills" and profile is not None:
            profile[key] = value
            profile = None
            continue
        profile = value if is_nested and entry.canonical == "Profile" and isinstance(value, dict) else None
        into[key] = value
    return _dumped(top, syntax)


def value_of(entry: Entry, is_nested: bool) -> Value:
    """The most structured value that reads back as the body."""
    if entry.canonical == "Examples" and not is_nested and (examples := _examples(entry.body)):
        return examples
    items = read_items(entry.body)
    if is_list(items):
        candidates: list[Value] = [[_item(item, keeps_marker=True) for item in items]]
        candidates.insert(0, [_item(item, keeps_marker=False) for item in items])
        if entry.canonical == "Profile":
            candidates[:0] = _pairs(items)
        for value in candidates:
            if same_text(body_of(value, entry.canonical), entry.body):
                return value
    return entry.body


def _item(item: Item, *, keeps_marker: bool) -> Value:
    text = f"{item.marker} {item.text}".rstrip() if keeps_marker else item.text
    return {text: [_item(child, keeps_marker=True) for child in item.children]} if item.children else text


def _pairs(items: Sequence[Item]) -> list[Value]:
    pairs = [item.key_value() if item.marker == "-" and not item.children else None for item in items]
    found: dict[str, Value] = dict(filter(None, pairs))
    is_safe = len(found) == len(pairs) and not any(canonical_name(key) for key in found)
    return [found] if is_safe else []


def _examples(body: str) -> Value:
    try:
        pairs = read_examples(body)
    except PromptError:
        return ""
    value: Value = {
        f"Example{number}": {"User": pair.user, "Role": pair.assistant}
        for number, pair in enumerate(pairs, start=1)
    }
    return value if body_of(value, "Examples") == body else ""


def _dumped(value: Value, syntax: Syntax) -> str:
    if syntax == "json":
        return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    yaml = YAML(typ="rt")
    yaml.width = 2**16
    yaml.allow_unicode = True
    stream = io.StringIO()
    yaml.dump(_literal(value), stream)
    return stream.getvalue()


def _literal(value: Value) -> object:
    """Text of several lines as a block, where YAML can hold it so."""
    if isinstance(value, dict):
        return {key: _literal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_literal(item) for item in value]
    is_block = (
        "\n" in value
        and value.isprintable() is False
        and re.fullmatch(r"[^\x00-\x08\x0b-\x1f\x7f\t\ufeff]+", value)
    )
    return (
        LiteralScalarString(value) if is_block and not re.search(r"^ |[ \t]$", value, re.MULTILINE) else value
    )
