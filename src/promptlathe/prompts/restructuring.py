"""Edits of a prompt that is JSON or YAML: one value is replaced or, where places change, all is written anew."""

import json
from collections.abc import Sequence

from promptlathe.errors import PromptError
from promptlathe.prompts.dialects import detect
from promptlathe.prompts.document import PromptDocument
from promptlathe.prompts.outline import Entry, Outline, differences, outline_of
from promptlathe.prompts.reading import parse
from promptlathe.prompts.sections import CanonicalName, canonical_name, section_name
from promptlathe.prompts.structuring import value_of, write_structured


def with_value(document: PromptDocument, name: str, body: str, place: int | None) -> PromptDocument:
    """The section with this body; a new one goes to index `place`. Raises PromptError."""
    entries = [*outline_of(document).entries]
    if place is not None:
        canonical = canonical_name(name)
        return restructured(
            document, [*entries[:place], Entry(canonical, canonical or name.strip(), body), *entries[place:]]
        )
    section = document.section(name)
    assert section is not None  # noqa: S101 - with a place it is new, without it is there
    index = document.sections.index(section)
    old = entries[index]
    entries[index] = Entry(old.canonical, old.name, body, old.parent)
    if document.layout.kind == "json" and not section.content.startswith("{"):
        # Only these bytes change.
        _, end = json.JSONDecoder().raw_decode(section.content)
        value = value_of(entries[index], is_nested=detect(document).dialect == "json-nested")
        at = section.start + len(section.header)
        text = document.text[:at] + json.dumps(value, ensure_ascii=False) + document.text[at + end :]
        edited = parse(text, document.layout)
        if not differences(Outline(outline_of(document).preamble, tuple(entries)), outline_of(edited)):
            return edited
    return restructured(document, entries)


def restructured(document: PromptDocument, entries: Sequence[Entry]) -> PromptDocument:
    """The document with these sections. Raises PromptError if they would be read differently."""
    wanted = Outline(outline_of(document).preamble, tuple(entries))
    written = {section.canonical: section.written for section in document.sections}
    names: dict[CanonicalName, str] = {
        entry.canonical: written.get(entry.canonical) or section_name(entry.canonical, document.language)
        for entry in entries
        if entry.canonical
    }
    text = write_structured(
        wanted,
        is_nested=detect(document).dialect == "json-nested",
        names=names,
        syntax="yaml" if document.layout.kind == "yaml" else "json",
    )
    edited = parse(text, document.layout)
    if losses := differences(wanted, outline_of(edited)):
        raise PromptError(f"the prompt cannot be changed so: {losses[0]}")
    return edited
