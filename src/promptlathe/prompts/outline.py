"""What a prompt says apart from how it is laid out, and what of it changed on the way to another layout."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from promptlathe.prompts.document import PromptDocument, Section
from promptlathe.prompts.items import Item, read_items
from promptlathe.prompts.sections import CanonicalName, Language, is_numbered
from promptlathe.prompts.structured import preamble_of

LossKind = Literal["lost", "added", "body", "order", "nesting", "preamble", "variable", "placed", "setting"]

_MESSAGES: dict[LossKind, tuple[str, str]] = {
    "lost": ("{section}: no longer a section of its own", "{section}：不再是单独的部分"),
    "added": ("{section}: text that is now read as a section", "{section}：文字现在被读成一个部分"),
    "body": ("{section}: its text is read differently", "{section}：文字的读法变了"),
    "order": ("{section}: stands in another place", "{section}：位置变了"),
    "nesting": ("{section}: no longer a part of {detail}", "{section}：不再属于 {detail}"),
    "preamble": ("the text before the first section is not kept apart", "第一部分之前的文字没有单独保留"),
    "variable": ("{section}: {detail}", "{section}：{detail}"),
    "placed": (
        "{section}: no field for it; kept under {detail}",
        "{section}：没有对应的栏，放在 {detail} 下",
    ),
    "setting": ("{section}: cannot be said there and is left out", "{section}：那里无法表示，已略去"),
}


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that a conversion did not keep as it was."""

    kind: LossKind
    section: str
    detail: str = ""

    def message(self, language: Language = "en") -> str:
        return _MESSAGES[self.kind][language == "zh"].format(section=self.section, detail=self.detail)

    def __str__(self) -> str:
        return self.message()


@dataclass(frozen=True, slots=True)
class Entry:
    """A section without its layout. `parent` names the section above one that is nested."""

    canonical: CanonicalName | None
    name: str
    """The canonical name; as written for an unknown section, and for one of a series (`Skill-1`)."""
    body: str
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Outline:
    preamble: str
    entries: tuple[Entry, ...]

    def entry(self, name: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.name == name), None)


def outline_of(document: PromptDocument) -> Outline:
    """The sections in order. Skills after Profile are no nesting: the dialects differ on whether they are in it."""
    entries: list[Entry] = []
    above: list[Section] = []
    for section in document.sections:
        while above and above[-1].level >= section.level:
            above.pop()
        is_nested = above and section.level > document.layout.level
        parent = above[-1].name if is_nested else ""
        if section.canonical == "Skills" and parent == "Profile":
            parent = ""
        entries.append(Entry(section.canonical, _name(section), section.body, parent))
        above.append(section)
    preamble = (
        preamble_of(document.text) if document.is_structured else document.preamble.removeprefix("\ufeff")
    )
    return Outline(preamble.replace("\r\n", "\n").replace("\r", "\n").strip(), tuple(entries))


def differences(before: Outline, after: Outline) -> tuple[Loss, ...]:
    """What changed from `before` to `after`, each change once; empty if both say the same."""
    losses = [] if before.preamble == after.preamble else [Loss("preamble", "")]
    old, new = _numbered(before.entries), _numbered(after.entries)
    losses += [Loss("lost", entry.name) for key, entry in old.items() if key not in new]
    losses += [Loss("added", entry.name) for key, entry in new.items() if key not in old]
    kept_old, kept_new = [key for key in old if key in new], [key for key in new if key in old]
    for was, now in zip(kept_old, kept_new, strict=True):
        if was != now:
            losses.append(Loss("order", old[was].name))
    for key in kept_old:
        if not same_text(old[key].body, new[key].body):
            losses.append(Loss("body", old[key].name))
        if old[key].parent != new[key].parent:
            losses.append(Loss("nesting", old[key].name, old[key].parent or "the prompt"))
    return tuple(losses)


def same_text(one: str, other: str) -> bool:
    """Whether two bodies are the same, or lists of the same items, however they are indented and spaced."""
    if one == other:
        return True
    items, others = read_items(one), read_items(other)
    return is_list(items) and list(map(_unplaced, items)) == list(map(_unplaced, others))


def is_list(items: Sequence[Item]) -> bool:
    return bool(items) and all(item.marker for item in items)


def _unplaced(item: Item) -> Item:
    return replace(item, line=0, children=tuple(map(_unplaced, item.children)))


def _name(section: Section) -> str:
    is_series = section.canonical and is_numbered(section.written)
    return section.written if is_series else section.name


def _numbered(entries: Iterable[Entry]) -> dict[tuple[str, int], Entry]:
    counts: Counter[str] = Counter()
    found = {}
    for entry in entries:
        counts[entry.name] += 1
        found[entry.name, counts[entry.name]] = entry
    return found
