"""LangGPT as JSON or YAML: where its sections are in the text, and sections as such text.

A list is read as list items, `{"Step": ["a"]}` as an item with items below it, `{"Author": "x"}` as the item
`- Author: x`. What fits none of these shapes stands as one string, which holds any text exactly.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from promptlathe.prompts.examples import Example, examples_body
from promptlathe.prompts.sections import CanonicalName, canonical_name, has_chinese

Syntax = Literal["json", "yaml"]
Value = str | list["Value"] | dict[str, "Value"]

_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
_SPACE = re.compile(r"[ \t\r\n]*")
_YAML_SHAPE = re.compile(
    r"(?:---[ \t]*\r?\n)?(?:#[^\n]*\n|[ \t]*\r?\n)*"
    r"(?:[^\W\d][^:#\n]{0,39}:[ \t]+[^\n]*\r?\n)*?"
    r"[^\W\d][^:#\n]{0,39}:(?:[ \t]*\r?\n[ ]+[^\W\d][^:\n]{0,39}:(?:[ \t]|\r?\n)|[ \t]+(?:[|>][-+]?[ \t]*\r?\n|\[))"
)
_ITEM_START = re.compile(r"[-*+•·](?:[ \t]|$)|\d{1,3}(?:\.(?!\d)|[)、．])|[(（]\d{1,3}[)）]|```|~~~")
_NUMBERED: frozenset[CanonicalName] = frozenset({"Rules", "Workflow"})
_MAX_DEPTH = 20
PREAMBLE = "Preamble"


@dataclass(frozen=True, slots=True)
class Member:
    """One `key: value`; `start` and `end` are the offsets of the key and of what follows its colon."""

    key: str
    start: int
    end: int
    value: Value
    members: tuple["Member", ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A section in JSON or YAML text."""

    canonical: CanonicalName | None
    written: str
    start: int
    end: int
    level: int
    """1; inside the Role 2, inside the Profile 3."""
    body: str


def read_structured(text: str) -> tuple[Syntax, tuple[Found, ...]] | None:
    """The sections of a prompt that is JSON or YAML; None if it is neither, or no prompt."""
    offset = text.startswith("\ufeff")
    start = _SPACE.match(text, offset)
    syntax: Syntax = "json" if start and text.startswith("{", start.end()) else "yaml"
    if syntax == "yaml" and not _YAML_SHAPE.match(text, offset):
        return None
    try:
        members = tuple(
            _json_members(text, start.end(), 0) if start and syntax == "json" else _yaml_members(text)
        )
    except (ValueError, RecursionError, YAMLError):
        return None
    found = tuple(_sections(members))
    known = {section.canonical for section in found} - {None}
    return (syntax, found) if len(known) >= 2 else None


def body_of(value: Value, canonical: CanonicalName | None = None) -> str:
    """The text that a section of this value has."""
    if isinstance(value, dict) and canonical == "Examples" and (turns := _turns(value)):
        return turns
    return value if isinstance(value, str) else "\n".join(_lines(value, canonical in _NUMBERED, 0))


def _turns(value: Mapping[str, Value]) -> str:
    """`{"Example1": {"User": "…", "Role": "…"}}` as an Examples body; empty if it is not that."""
    pairs = []
    for pair in value.values():
        texts = [*pair.values()] if isinstance(pair, dict) and len(pair) == 2 else []
        if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
            return ""
        pairs.append(Example(str(texts[0]), str(texts[1])))
    return examples_body(pairs, "zh" if pairs and has_chinese(pairs[0].user) else "en")


def _lines(value: Value, is_numbered: bool, depth: int) -> Iterator[str]:
    if isinstance(value, str) or depth > _MAX_DEPTH:
        yield from str(value).split("\n")
        return
    pairs = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    for number, (key, item) in enumerate(pairs, start=1):
        marker = f"{number}. " if is_numbered else "- "
        inner: Value = ""
        if key is not None:
            is_short = isinstance(item, str) and "\n" not in item
            text, inner = (f"{key}: {item}".rstrip(), "") if is_short else (key, item)
        elif isinstance(item, dict) and len(item) == 1 and not isinstance(next(iter(item.values())), str):
            [(text, inner)] = item.items()
        elif isinstance(item, str):
            text = item
        else:
            # An object of several keys, or a list in a list: its items stand beside the others.
            yield from _lines(item, False, depth + 1)
            continue
        first, *rest = text.split("\n")
        yield (first if _ITEM_START.match(first) else marker + first).rstrip()
        yield from (f"  {line}" if line else line for line in rest)
        if inner:
            yield from (f"   {line}" if line else line for line in _lines(inner, False, depth + 1))


def _sections(members: Sequence[Member]) -> Iterator[Found]:
    """Role and Profile are opened up; a key that is there already may have a number behind it."""
    counts: Counter[str] = Counter()
    is_open = False

    def section(member: Member, value: Value, level: int) -> Found:
        name = member.key
        base, _, number = name.rpartition(" ")
        if counts[base] and number == str(counts[base] + 1):
            name = base
        counts[name] += 1
        canonical = canonical_name(name)
        return Found(canonical, name, member.start, member.end, level, body_of(value, canonical))

    def opened(members: Sequence[Member], level: int) -> Iterator[Found]:
        for member in members:
            if canonical_name(member.key) == "Profile" and isinstance(member.value, dict):
                inner = [part for part in member.members if canonical_name(part.key) == "Skills"]
                rest = {key: item for key, item in member.value.items() if canonical_name(key) != "Skills"}
                yield section(member, rest, level)
                yield from (section(part, part.value, 3) for part in inner)
            else:
                yield section(member, member.value, level)

    for member in members:
        if member.key == PREAMBLE and not counts:
            continue
        if canonical_name(member.key) == "Role" and isinstance(member.value, dict) and not is_open:
            is_open = True
            if isinstance(name := member.value.get("name"), str):
                yield section(member, name, 1)
            yield from opened([part for part in member.members if part.key != "name"], 2)
        else:
            yield from opened([member], 1)


def preamble_of(text: str) -> str:
    """What a JSON or YAML prompt says before its first section."""
    value = _loaded(text)
    first = next(iter(value.items()), ("", "")) if isinstance(value, dict) else ("", "")
    return first[1].strip() if first[0] == PREAMBLE and isinstance(first[1], str) else ""


def _loaded(text: str) -> Value:
    text = text.removeprefix("\ufeff")
    if text.lstrip().startswith("{"):
        return _plain(_DECODER.decode(text))
    return {member.key: member.value for member in _yaml_members(text)}


def _json_members(text: str, at: int, depth: int) -> Iterator[Member]:
    """The members of the object at offset `at`, with places for what is in Role and Profile too."""
    if depth == 0:
        # Only a whole and valid text is JSON.
        _DECODER.decode(text[at:])
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, end = _DECODER.raw_decode(text, at)
        value_at = _skip(text, _skip(text, end) + 1)
        value, value_end = _DECODER.raw_decode(text, value_at)
        is_opened = isinstance(value, dict) and depth < 2 and canonical_name(key) in ("Role", "Profile")
        inner = tuple(_json_members(text, value_at, depth + 1)) if is_opened else ()
        yield Member(key, at, value_at, _plain(value), inner)
        at = _skip(text, value_end)
        at = _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _plain(value: object) -> Value:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return re.sub(r"\r\n?", "\n", text)


def _yaml_members(text: str) -> tuple[Member, ...]:
    offset = int(text.startswith("\ufeff"))
    node = YAML(typ="safe", pure=True).compose(text[offset:])
    if not isinstance(node, MappingNode):
        raise YAMLError
    return tuple(_node_members(node, offset))


def _node_members(node: MappingNode, offset: int) -> Iterator[Member]:
    for key, value in node.value:
        is_opened = isinstance(value, MappingNode) and canonical_name(str(key.value)) in ("Role", "Profile")
        inner = tuple(_node_members(value, offset)) if is_opened else ()
        start, end = key.start_mark.index + offset, value.start_mark.index + offset
        yield Member(str(key.value), start, end, _node_value(value), inner)


def _node_value(node: Node) -> Value:
    if node.anchor:
        raise YAMLError  # a few lines of aliases can stand for gigabytes
    if isinstance(node, ScalarNode):
        return "" if node.tag == "tag:yaml.org,2002:null" else str(node.value).strip("\n")
    if isinstance(node, SequenceNode):
        return [_node_value(item) for item in node.value]
    assert isinstance(node, MappingNode)  # noqa: S101 - YAML has no fourth kind of node
    return {str(key.value): _node_value(item) for key, item in node.value}
