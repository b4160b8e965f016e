"""The Commands section: words that a user types to steer the model, such as `/help`."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from promptlathe.prompts.items import Item

_DEFAULT_PREFIX = "/"
_PREFIX_KEYS = ("prefix", "前缀")
_LIST_KEYS = ("commands", "command", "命令", "指令")
_QUOTES = "\"'`“”‘’「」"
_COMMAND = re.compile(r"[*_`]{0,3}(?P<prefix>[^\w\s*_`]{0,3})(?P<name>\w[\w-]{0,39})[*_`]{0,3}")


@dataclass(frozen=True, slots=True)
class Command:
    """What a user types is `prefix + name`; `description` says what it does and may be empty."""

    prefix: str
    name: str
    description: str


def read_commands(items: Iterable[Item]) -> tuple[Command, ...]:
    """The commands in the items of a Commands section, in order.

    The prefix is a command's own (`- /help: …`), or what an item `Prefix` says, or `/`.
    """
    items = tuple(items)
    pairs = [(item, *(item.key_value() or (item.text, ""))) for item in items if item.marker]
    default = next((value.strip(_QUOTES + " ") for _, key, value in pairs if _is(key, _PREFIX_KEYS)), "")
    return tuple(_commands(pairs, default or _DEFAULT_PREFIX))


def _commands(pairs: Iterable[tuple[Item, str, str]], prefix: str) -> Iterator[Command]:
    for item, key, value in pairs:
        if _is(key, _PREFIX_KEYS):
            continue
        if _is(key, _LIST_KEYS) and item.children:
            children = [(child, *(child.key_value() or (child.text, ""))) for child in item.children]
            yield from _commands(children, prefix)
        elif match := _COMMAND.fullmatch(key.strip()):
            yield Command(match["prefix"] or prefix, match["name"], value)


def _is(key: str, names: tuple[str, ...]) -> bool:
    return key.strip().casefold() in names
