"""The lists inside a section, as a tree.

Read line by line and not by a Markdown library, because LangGPT texts write `1.步骤` and `（1）步骤`, which
are no lists to Markdown.
"""

import re
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
    roots: list[_OpenItem] = []
    path: list[_OpenItem] = []
    fence = ""
    was_blank = True
    for number, line in enumerate(body.split("\n"), start=1):
        opening = _FENCE.match(line)
        match = None if fence or opening else _ITEM.match(line)
        if match:
            indent = len(match["indent"].expandtabs(4))
            while path and (path[-1].indent >= indent or not path[-1].marker or len(path) >= _MAX_DEPTH):
                path.pop()
            _attach(_OpenItem(indent, match["marker"], [match["text"]], number, []), path, roots)
        elif fence or (path and line.strip() and not (was_blank and _indent(line) == 0)):
            path[-1].lines.append(line if fence or opening else line.strip())
        elif line.strip():
            path.clear()
            _attach(_OpenItem(0, "", [line.strip()], number, []), path, roots)
        if opening:
            fence = _fence_after(fence, opening[1])
        was_blank = not line.strip()
    return tuple(root.closed() for root in roots)


def _attach(item: _OpenItem, path: list[_OpenItem], roots: list[_OpenItem]) -> None:
    (path[-1].children if path else roots).append(item)
    path.append(item)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _fence_after(fence: str, mark: str) -> str:
    if not fence:
        return mark
    return "" if mark.startswith(fence) else fence
