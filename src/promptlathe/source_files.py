"""Reading a file that a person wrote, strictly: every mistake is an error that says where it is and why.

The parts that read such files bring their own class of error; its message begins `path:line:`.
"""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from promptlathe.errors import InputError, UnknownNameError

Place = tuple[str | int, ...]
"""Keys and list positions that lead to a value from the top of its file."""

ScalarKind = Literal["str", "bool", "int", "float"]

_KINDS: Mapping[str, ScalarKind] = {
    "tag:yaml.org,2002:bool": "bool",
    "tag:yaml.org,2002:int": "int",
    "tag:yaml.org,2002:float": "float",
}
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_TAGS = {*_KINDS, *(f"tag:yaml.org,2002:{name}" for name in ("str", "null", "timestamp", "seq", "map"))}


class Scalar(str):
    """A value as it was written (3.10 stays "3.10", no stays "no"), and what YAML or JSON would take it for."""

    __slots__ = ("kind",)
    kind: ScalarKind

    def __new__(cls, text: str, kind: ScalarKind = "str") -> Self:
        made = super().__new__(cls, text)
        made.kind = kind
        return made


Value = Scalar | None | list["Value"] | dict[str, "Value"]


@dataclass(frozen=True, slots=True)
class Located:
    """What a file says, with the line of each key and list item."""

    value: Value
    path: str
    first_line: int = 1
    lines: Mapping[Place, int] = field(default_factory=dict)

    def line(self, *place: str | int) -> int:
        """The line of this place, or of the nearest one around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, self.first_line)

    def where(self, *place: str | int) -> str:
        return f"{self.path}:{self.line(*place)}"


def decode(data: bytes, path: str, error: type[InputError]) -> str:
    """UTF-8 text, a byte order mark still in it. Raises `error` for anything else, with the line and a guess."""
    if b"\0" in data and not data.startswith(_UTF_16):
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise error(f"{path}:{line}: not a text file: it has zero bytes in it")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        guess = _guessed_encoding(data)
        found = f"it looks like {guess}" if guess else f"byte {data[fault.start]:#04x}"
        raise error(f"{path}:{line}: not UTF-8 text ({found})", hint="save the file as UTF-8") from None


def read_yaml(
    text: str, *, path: str, error: type[InputError], what: str = "the file", first_line: int = 1
) -> Located:
    """One YAML document, its scalars as they are written. `what` it is called in messages.

    Raises `error` for what is not YAML, a key given twice, and for anchors and tags: a file that needs them is
    not simple enough to be sure of.
    """
    lines: dict[Place, int] = {}
    try:
        node = YAML(typ="safe", pure=True).compose(text)
        value = _value(node, (), lines, _Reading(path, error, what, first_line)) if node else None
    except MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        line = mark.line if mark else 0
        problem = fault.problem or fault.context
        raise error(
            f"{path}:{first_line + line}: {what} is not YAML: {problem}", hint=_hint(text, line)
        ) from None
    except YAMLError:
        raise error(f"{path}:{first_line}: {what} has a control character in it") from None
    except RecursionError:
        raise error(f"{path}:{first_line}: {what} is nested too deeply") from None
    return Located(value, path, first_line, lines)


def typed(value: Value) -> object:
    """With numbers, true and false as such. A number that would lose a digit (1.10) stays text."""
    if isinstance(value, list):
        return [typed(item) for item in value]
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if value is None or value.kind == "str":
        return value if value is None else str(value)
    if value.kind == "bool":
        return value.lower() == "true"
    try:
        number = int(value) if value.kind == "int" else float(value)
    except ValueError:  # YAML's 0o17, 1_000 and .inf
        return str(value)
    return number if str(number) == value else str(value)


def unknown_key(where: str, key: str, known: list[str], error: type[InputError], of: str) -> InputError:
    """The error for a key that means nothing there; its hint names the nearest."""
    return error(f"{where}: unknown key {key!r} in {of}", hint=UnknownNameError("key", key, known).hint)


@dataclass(frozen=True, slots=True)
class _Reading:
    path: str
    error: type[InputError]
    what: str
    first_line: int


def _value(node: Node, place: Place, lines: dict[Place, int], reading: _Reading) -> Value:
    where = f"{reading.path}:{reading.first_line + node.start_mark.line}"
    if node.anchor:
        raise reading.error(f"{where}: anchors (&{node.anchor}) cannot be used in {reading.what}")
    if node.tag not in _TAGS:
        name = str(node.tag).replace("tag:yaml.org,2002:", "!!")
        raise reading.error(f"{where}: tags ({name}) cannot be used in {reading.what}")
    if isinstance(node, ScalarNode):
        if node.tag == "tag:yaml.org,2002:null":
            return None
        return Scalar(node.value, _KINDS.get(node.tag, "str"))
    if isinstance(node, SequenceNode):
        found = []
        for index, item in enumerate(node.value):
            lines[*place, index] = reading.first_line + item.start_mark.line
            found.append(_value(item, (*place, index), lines, reading))
        return found
    assert isinstance(node, MappingNode)  # noqa: S101 - YAML has no fourth kind of node
    mapping: dict[str, Value] = {}
    for key_node, value_node in node.value:
        key, line = str(key_node.value), reading.first_line + key_node.start_mark.line
        if key in mapping:
            raise reading.error(f"{reading.path}:{line}: {key!r} is given twice")
        lines[*place, key] = line
        mapping[key] = _value(value_node, (*place, key), lines, reading)
    return mapping


def _hint(text: str, line: int) -> str | None:
    """For the two mistakes that are hard to see: a tab, and a full-width colon. The fault may show a line later."""
    near = text.split("\n")[max(line - 1, 0) : line + 1]
    if any("\t" in part[: len(part) - len(part.lstrip())] for part in near):
        return "indent with spaces, not tabs"
    if any("：" in part for part in near):
        return "after a key, write the half-width colon and a space: `key: value`"
    return None


def _guessed_encoding(data: bytes) -> str | None:
    if data.startswith(_UTF_16):
        return "UTF-16"
    try:
        is_chinese = any("\u4e00" <= character <= "\u9fff" for character in data.decode("gb18030"))
    except UnicodeDecodeError:
        return None
    return "GBK" if is_chinese else None
