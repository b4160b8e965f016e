"""The lists inside a section, as a tree.

Read line by line and not by a Markdown library, because LangGPT texts write `1.步骤` and `（1）步骤`, which
are no lists to Markdown.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ITEM = re.compile(
    r"(?P<indent>[ \t]*)"
    r"(?P<marker>[-*+•·](?=[ \t]|$)|\d{1,3}(?:\.(?!\d)|[)、．])|[(（]\d{1,3}[)）])"
    r"[ \t]*(?P<text>.*)"
)
BLOCK_START = re.compile(r"[-*+•·>#]|\d{1,3}[.)、]|```|~~~")
"""Text that begins so stands below its section's name, not beside it."""
_MAX_DEPTH = 20  # deeper lists are read as this deep, so that no text can exhaust the stack
_FENCE = re.compile(r"[ \t]*(```+|~~~+)")
_KEY_VALUE = re.compile(
    r"[*_]{0,3}(?P<key>[^:：\n]{1,40}?)[*_]{0,3}[ \t]{0,4}[:：](?!//)[*_]{0,3}(?P<value>.*)", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Item:
    """A list item, or (`marker` empty) a paragraph beside the list. `line` counts from 1 within the body."""

    marker: str
    text: str
    line: int
    children: tuple["Item", ...] = ()

    def key_value(self) -> tuple[str, str] | None:
        """("Version", "1.0") for an item `- Version: 1.0`, in half or full width; None without a colon."""
        match = _KEY_VALUE.match(self.text)
        return (match["key"].strip(), match["value"].strip()) if match else None


@dataclass(slots=True)
class _OpenItem:
    indent: int
    marker: str
    lines: list[str]
    line: int
    children: list["_OpenItem"]

    def closed(self) -> Item:
        children = tuple(child.closed() for child in self.children)
        return Item(self.marker, "\n".join(self.lines).strip(), self.line, children)


def read_items(body: str) -> tuple[Item, ...]:
    """Every non-blank line of `body` is in exactly one item; fenced code stays with the item before it."""
    roots = [item for depth, item in _open_items(body) if depth == 1]
    return tuple(root.closed() for root in roots)


def first_deeper(body: str, depth: int) -> int | None:
    """The line (from 1) of the first item that stands deeper than so many levels."""
    return next((item.line for level, item in _open_items(body) if level > depth), None)


def _open_items(body: str) -> Iterator[tuple[int, _OpenItem]]:
    """Each item with its level, from 1, as it begins; its text and children come while the others are read."""
    path: list[_OpenItem] = []
    fence = ""
    was_blank = True
    for number, line in enumerate(body.split("\n"), start=1):
        opening = _FENCE.match(line)
        match = None if fence or opening else _ITEM.match(line)
        begun: _OpenItem | None = None
        if match:
            indent = len(match["indent"].expandtabs(4))
            while path and (path[-1].indent >= indent or not path[-1].marker or len(path) >= _MAX_DEPTH):
                path.pop()
            begun = _OpenItem(indent, match["marker"], [match["text"]], number, [])
        elif fence or (path and line.strip() and not (was_blank and _indent(line) == 0)):
            path[-1].lines.append(line if fence or opening else line.strip())
        elif line.strip():
            path.clear()
            begun = _OpenItem(0, "", [line.strip()], number, [])
        if begun:
            if path:
                path[-1].children.append(begun)
            path.append(begun)
            yield len(path), begun
        if opening:
            fence = _fence_after(fence, opening[1])
        was_blank = not line.strip()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _fence_after(fence: str, mark: str) -> str:
    if not fence:
        return mark
    return "" if mark.startswith(fence) else fence
