"""Edits of a document: the text is spliced and read again, so a document always is what its text says."""

import re
from collections.abc import Sequence

from promptlathe.errors import PromptError, UnknownNameError
from promptlathe.prompts.document import PromptDocument, Section, clean_body
from promptlathe.prompts.items import BLOCK_START
from promptlathe.prompts.outline import outline_of
from promptlathe.prompts.reading import parse
from promptlathe.prompts.restructuring import restructured, with_value
from promptlathe.prompts.sections import canonical_name, section_name


def with_section(document: PromptDocument, name: str, body: str, after: str | None) -> PromptDocument:
    """See `PromptDocument.with_section`."""
    body = clean_body("\n" + body)
    body = body if "\n" in body else body.strip()
    old = document.section(name)
    if document.is_structured:
        return with_value(document, name, body, _place(document, name, after) if old is None else None)
    index = document.sections.index(old) if old else _place(document, name, after)
    others = document.sections[:index], document.sections[index + bool(old) :]
    # In a list, text as far out as the old one may be read as sections; further in, it is not.
    for indent in (_indent(document, old), "  "):
        text = _replaced(document, old, body, indent) if old else _added(document, name, index, body, indent)
        edited = parse(text, document.layout)
        new = edited.sections[index] if index < len(edited.sections) else None
        rest = edited.sections[:index], edited.sections[index + 1 :]
        if new and new.body == body and [*map(_heads, rest)] == [*map(_heads, others)]:
            return edited
    raise PromptError(
        f"this text cannot be section {name!r}: other sections would begin or end in it",
        hint="indent or rename lines that look like section names, and close code fences",
    )


def without_section(document: PromptDocument, name: str) -> PromptDocument:
    """See `PromptDocument.without_section`."""
    return without(document, _existing(document, name))


def without(document: PromptDocument, section: Section) -> PromptDocument:
    """See `PromptDocument.without`."""
    index = document.sections.index(section)
    if document.is_structured:
        entries = outline_of(document).entries
        return restructured(document, [*entries[:index], *entries[index + 1 :]])
    end = section.start + len(section.source)
    edited = parse(document.text[: section.start] + document.text[end:], document.layout)
    rest = document.sections[:index] + document.sections[index + 1 :]
    if _heads(edited.sections) != _heads(rest):
        raise PromptError(
            f"section {section.name!r} cannot be taken out: what follows it would be read differently"
        )
    return edited


def reordered(document: PromptDocument, names: Sequence[str]) -> PromptDocument:
    """See `PromptDocument.reordered`."""
    groups: list[list[Section]] = []
    for section in document.sections:
        if groups and section.level > max(groups[-1][0].level, document.layout.level):
            groups[-1].append(section)
        else:
            groups.append([section])
    first = []
    for name in dict.fromkeys(names):
        section = _existing(document, name)
        group = next((group for group in groups if group[0] is section), None)
        if group is None:
            raise PromptError(f"section {name!r} is part of another and is moved with it")
        first.append(group)
    wanted = first + [group for group in groups if group not in first]
    if document.is_structured:
        entries = dict(zip(document.sections, outline_of(document).entries, strict=True))
        return restructured(document, [entries[section] for group in wanted for section in group])
    # The white space between two places belongs to the places, so the last section needs no new line end.
    sources = ["".join(section.source for section in group) for group in groups]
    gaps = [source[len(source.rstrip()) :] for source in sources]
    moved = ["".join(section.source for section in group).rstrip() for group in wanted]
    text = document.preamble + "".join(source + gap for source, gap in zip(moved, gaps, strict=True))
    edited = parse(text, document.layout)
    if _heads(edited.sections) != _heads([section for group in wanted for section in group]):
        raise PromptError("the sections cannot be put in this order: one of them would be read differently")
    return edited


def _heads(sections: Sequence[Section]) -> list[tuple[str, str]]:
    """What must not change in sections that are not edited; white space at the end is layout."""
    return [(section.header.rstrip(), section.content.rstrip()) for section in sections]


def _existing(document: PromptDocument, name: str) -> Section:
    section = document.section(name)
    if section is None:
        known = UnknownNameError("section", name, (section.name for section in document.sections))
        raise PromptError(f"the prompt has no section {name!r}", hint=known.hint)
    return section


def _place(document: PromptDocument, name: str, after: str | None) -> int:
    """The index of a section to be added."""
    sections = document.sections
    if after is not None:
        before = _existing(document, after)
        index = sections.index(before) + 1
        floor = max(before.level, document.layout.level)
        while index < len(sections) and sections[index].level > floor:
            index += 1
        return index
    if canonical_name(name) == "Role":
        return 0
    is_last = bool(sections) and sections[-1].canonical == "Initialization"
    return len(sections) - (is_last and canonical_name(name) != "Initialization")


def _replaced(document: PromptDocument, old: Section, body: str, indent: str) -> str:
    lead, core, trail = _split(old.content)
    if _is_inline(body, was_inline=bool(core) and "\n" not in lead):
        lead = lead or " "
    elif "\n" in lead:
        lead = lead[: lead.rindex("\n") + 1]
    else:
        lead = _newline(document)
    laid_out = _laid_out(document, body, indent if "\n" in lead else "")
    content = (lead if body else "") + laid_out + trail.lstrip(" \t")
    end = old.start + len(old.source)
    return document.text[: old.start] + old.header + content + document.text[end:]


def _added(document: PromptDocument, name: str, index: int, body: str, indent: str) -> str:
    newline, canonical = _newline(document), canonical_name(name)
    written = section_name(canonical, document.language) if canonical else name.strip()
    model = _model(document, index)
    is_heading = document.layout.kind == "heading"
    if canonical == "Role" and is_heading:
        head, gap = f"# {written}:", ""
    elif model:
        at = model.header.rindex(model.written)
        head = model.header[:at] + written + model.header[at + len(model.written) :]
        gap = model.content[len(model.content.rstrip()) :] if model is not document.sections[-1] else ""
    else:
        head, gap = f"{'#' * document.layout.level} {written}", ""
    if document.layout.kind == "flat":
        head = re.sub(r"\d+", str(index + 1), head, count=1)
    is_beside = not is_heading or canonical == "Role"
    lead = " " if _is_inline(body, was_inline=is_beside) else newline
    gap = gap if "\n" in gap else newline * (2 if is_heading else 1)
    source = head + (lead if body else "") + _laid_out(document, body, indent if lead != " " else "")
    if index < len(document.sections):
        at = document.sections[index].start
        return document.text[:at] + source + gap + document.text[at:]
    end = document.text[len(document.text.rstrip("\r\n")) :]
    before = document.text[: len(document.text) - len(end)]
    return (before + gap if before.strip("\ufeff") else before) + source + (end[: len(newline)] or "")


def _model(document: PromptDocument, index: int) -> Section | None:
    """The section whose style an added one copies: the nearest before it that is no title."""
    peers = [section for section in document.sections if section.level == document.layout.level]
    before = [section for section in peers if section in document.sections[:index]]
    found = before or peers
    return found[-1] if found else None


def _split(content: str) -> tuple[str, str, str]:
    core = content.strip()
    if not core:
        return "", "", content
    at = content.index(core)
    return content[:at], core, content[at + len(core) :]


def _is_inline(body: str, *, was_inline: bool) -> bool:
    return was_inline and "\n" not in body and not BLOCK_START.match(body)


def _indent(document: PromptDocument, old: Section | None) -> str:
    """How far in the section's text stands when it does not begin beside the name."""
    lead = _split(old.content)[0] if old else ""
    if "\n" in lead:
        return lead[lead.rindex("\n") + 1 :]
    return "  " if document.layout.kind == "bullet" else ""


def _newline(document: PromptDocument) -> str:
    return "\r\n" if "\r\n" in document.text else "\n"


def _laid_out(document: PromptDocument, body: str, indent: str) -> str:
    lines = [indent + line if line.strip() else line for line in body.split("\n")]
    return _newline(document).join(lines)
