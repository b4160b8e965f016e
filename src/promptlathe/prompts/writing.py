"""Writes a document as text, in its own dialect or another.

A text in another dialect is read again, and where the reader does not find what the document said, the loss is
reported: so a report without losses is a proof, and no dialect's limits are written down twice.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from promptlathe.prompts.dialects import Dialect, DialectId, detect, dialect_named
from promptlathe.prompts.document import Layout, LayoutKind, PromptDocument
from promptlathe.prompts.items import BLOCK_START
from promptlathe.prompts.outline import Entry, Loss, Outline, differences, outline_of, same_text
from promptlathe.prompts.placeholders import with_variables
from promptlathe.prompts.reading import parse
from promptlathe.prompts.sections import CanonicalName, Language, section_name
from promptlathe.prompts.structured import Syntax
from promptlathe.prompts.structuring import write_structured

_PROBES: tuple[CanonicalName, CanonicalName] = ("Tone", "Style")
# Text that would be read as sections is put further in; four columns are code to Markdown, and never a heading.
_INDENTS: dict[LayoutKind, tuple[str, ...]] = {
    "heading": ("", "    "),
    "bullet": ("  ", "    ", "      "),
    "flat": ("", "  ", "    "),
    "plain": ("", "  ", "    "),
}


@dataclass(frozen=True, slots=True)
class Written:
    """A text, and what of the document it does not say, or says differently; without losses, nothing."""

    text: str
    losses: tuple[Loss, ...]


def render(document: PromptDocument) -> str:
    """The document's exact text; for one that was read and not edited, the text that was read."""
    return document.preamble + "".join(section.source for section in document.sections)


def write(document: PromptDocument, dialect: DialectId, *, syntax: Syntax = "json") -> Written:
    """The document in a dialect; in its own, its exact text. `syntax` counts for the JSON dialects.

    Order and unknown sections stay; names are the dialect's, in the document's language; `{name}` and `[slot]`
    become `{{name}}`, which is reported.

    Raises UnknownNameError.
    """
    target = dialect_named(dialect)
    found = detect(document)
    is_same_syntax = target.kind != "json" or document.layout.kind == syntax
    if found.dialect == dialect and found.confidence and is_same_syntax:
        return Written(render(document), ())
    outline, changes = with_variables_in(outline_of(document))
    return write_outline(outline, target, document.language, syntax, changes)


def write_outline(
    outline: Outline,
    target: Dialect,
    language: Language,
    syntax: Syntax = "json",
    changes: tuple[Loss, ...] = (),
) -> Written:
    """Sections in a dialect; `changes` were made before and are reported with the losses."""
    names = _names(outline, target, language)
    if target.kind == "json":
        nested = target.id == "json-nested"
        text = write_structured(outline, is_nested=nested, names=names, syntax=syntax)
        return Written(text, (*changes, *differences(outline, outline_of(parse(text)))))
    for is_careful in (False, True):
        text = _text(outline, target, names, is_careful=is_careful)
        losses = differences(outline, outline_of(parse(text)))
        if not losses:
            break
    return Written(text, (*changes, *losses))


def with_variables_in(outline: Outline) -> tuple[Outline, tuple[Loss, ...]]:
    """The outline with every placeholder as `{{name}}`, and which were written otherwise."""
    losses: list[Loss] = []

    def changed(text: str, section: str) -> str:
        written, found = with_variables(text)
        pairs = dict.fromkeys((gap.written, gap.name) for gap in found)
        losses.extend(Loss("variable", section, f"{old} -> {{{{{new}}}}}") for old, new in pairs)
        return written

    preamble = changed(outline.preamble, "Preamble")
    entries = tuple(
        Entry(entry.canonical, entry.name, changed(entry.body, entry.name), entry.parent)
        for entry in outline.entries
    )
    return Outline(preamble, entries), tuple(losses)


def _names(outline: Outline, target: Dialect, language: Language) -> Mapping[CanonicalName, str]:
    found = {entry.canonical for entry in outline.entries} - {None}
    names: dict[CanonicalName, str] = {}
    for canonical in found:
        if canonical:
            own = target.names.get(canonical) if language == "en" else None
            names[canonical] = own or section_name(canonical, language)
    return names


def _text(outline: Outline, target: Dialect, names: Mapping[CanonicalName, str], *, is_careful: bool) -> str:
    parts = [outline.preamble] if outline.preamble else []
    for number, (entry, depth) in enumerate(_placed(outline, target), start=1):
        name = names[entry.canonical] if entry.canonical and entry.canonical == entry.name else entry.name
        head = _head(target.kind, name, number, depth)
        layouts = [*_layouts(entry, head, target.kind)]
        chosen = layouts[0]
        if is_careful:
            chosen = next(
                (text for text in layouts if _is_read_back(entry, text, target.kind, number)), chosen
            )
        parts.append(chosen)
    gap = "\n\n" if target.kind == "heading" else "\n"
    lead = parts.pop(0) + "\n\n" if outline.preamble else ""
    return lead + gap.join(parts) + ("\n" if parts or lead else "")


def _placed(outline: Outline, target: Dialect) -> Iterator[tuple[Entry, int]]:
    """The sections, each with its heading level. A Role in front is the title."""
    depths: dict[str, int] = {}
    before = ""
    for index, entry in enumerate(outline.entries):
        depth = 2 + bool(entry.parent) * (1 + depths.get(entry.parent, 0))
        if entry.canonical == "Skills" and before == "Profile" and target.has_skills_in_profile:
            depth = 3
        if index == 0 and entry.canonical == "Role":
            depth = 1
        depths[entry.name] = max(0, depth - 2)
        before = entry.name
        yield entry, min(depth, 6)


def _head(kind: LayoutKind, name: str, number: int, depth: int) -> str:
    if kind == "heading":
        return f"{'#' * depth} {name}"
    return {"bullet": "- ", "flat": f"{number}."}.get(kind, "") + f"{name}:"


def _layouts(entry: Entry, head: str, kind: LayoutKind) -> Iterator[str]:
    """The ways to write a section, the usual one first."""
    body = entry.body
    if not body:
        yield head
        return
    is_heading = kind == "heading"
    is_beside = not is_heading or entry.canonical == "Role"
    if is_beside and "\n" not in body and not BLOCK_START.match(body):
        yield f"{head}: {body}" if is_heading else f"{head} {body}"
    for indent in _INDENTS[kind]:
        yield head + "".join(f"\n{indent}{line}" if line else "\n" for line in body.split("\n"))


def _is_read_back(entry: Entry, text: str, kind: LayoutKind, number: int) -> bool:
    """Whether the section is read as it is meant, and lets those around it stand."""
    first, last = (_head(kind, name, number + step, 2) for name, step in zip(_PROBES, (-1, 1), strict=True))
    gap = "\n\n" if kind == "heading" else "\n"
    sections = parse(gap.join([f"{first} x", text, f"{last} x"]), Layout(kind, 2)).sections
    is_alone = len(sections) == 3 and sections[2].canonical == "Style"
    return is_alone and same_text(sections[1].body, entry.body)
