"""A structured prompt as one immutable value: its exact text, and the sections a reader sees in it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os.path import commonprefix
from typing import Literal

from promptlathe.prompts.commands import Command, read_commands
from promptlathe.prompts.items import Item, read_items
from promptlathe.prompts.sections import CanonicalName, Language, canonical_name, has_chinese

LayoutKind = Literal["heading", "bullet", "flat", "plain", "json", "yaml"]
ProfileKey = Literal["author", "version", "language", "description"]

_VARIABLE = re.compile(r"\{\{[ \t]{0,4}([^\W\d]\w{0,63})[ \t]{0,4}\}\}")
_REFERENCE = re.compile(r"<([^\W\d][\w -]{0,39})>")
_BLANK_LINES = re.compile(r"(?:[^\S\n]*+\n)+")
_FIRST_INDENT = re.compile(r"^([ \t]*+)[^\S\n]*+\S", re.MULTILINE)
_BOM = "\ufeff"
_PROFILE_KEYS: dict[str, ProfileKey] = {
    "author": "author",
    "作者": "author",
    "version": "version",
    "版本": "version",
    "language": "language",
    "语言": "language",
    "description": "description",
    "描述": "description",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """How sections are marked: `## Name` (at heading level `level`), `- Name:`, `1.Name:`, `Name:`, or as keys."""

    kind: LayoutKind
    level: int = 2


@dataclass(frozen=True, slots=True)
class Section:
    """One section. `header + content` is its exact source; everything else is derived from these two.

    `header` ends after the name and its colon, `content` runs to the next section. A `### Skills` under
    `## Profile` is a section of its own, with a larger `level`, and no part of Profile's content.
    """

    canonical: CanonicalName | None
    written: str
    level: int
    header: str
    content: str
    start: int
    """Offset of the header in the document's text."""
    line: int
    """Line of the header in the document's text, from 1."""
    decoded: str | None = None
    """The body, where `content` is JSON or YAML and says it in another notation."""

    @property
    def name(self) -> str:
        """The canonical name, or the written one of a section LangGPT does not know."""
        return self.canonical or self.written

    @property
    def source(self) -> str:
        return self.header + self.content

    @property
    def body(self) -> str:
        return clean_body(self.content) if self.decoded is None else self.decoded

    @property
    def items(self) -> tuple[Item, ...]:
        return read_items(self.body)


@dataclass(frozen=True, slots=True)
class PromptDocument:
    """`preamble` and the sources of `sections`, in order, are exactly `text`.

    Made by `reading.parse`, never by hand; the edits below read their result again, so the sections always
    are what a reader of `text` would see.
    """

    text: str
    layout: Layout
    sections: tuple[Section, ...]

    @property
    def preamble(self) -> str:
        return self.text[: self.sections[0].start] if self.sections else self.text

    @property
    def is_structured(self) -> bool:
        """Whether the prompt is JSON or YAML."""
        return self.layout.kind in ("json", "yaml")

    @property
    def instructions(self) -> str:
        """The text as a model gets it: without byte order mark and outer white space. May be empty."""
        return self.text.removeprefix(_BOM).strip()

    @property
    def language(self) -> Language:
        """The language that the sections' names are written in or, without sections, the text."""
        if not self.sections:
            return "zh" if has_chinese(self.text) else "en"
        chinese = sum(has_chinese(section.written) for section in self.sections)
        return "zh" if 2 * chinese > len(self.sections) else "en"

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the `{{name}}` placeholders, each once, in order of appearance."""
        return tuple(dict.fromkeys(_VARIABLE.findall(self.text)))

    @property
    def references(self) -> tuple[str, ...]:
        """What `<Name>` in the text refers to, each once, as written; not every one need be a section."""
        return tuple(dict.fromkeys(_REFERENCE.findall(self.text)))

    @property
    def profile(self) -> Mapping[ProfileKey | str, str]:
        """The Profile's `key: value` items. Known keys are in English and lower case, others as written."""
        section = self.section("Profile")
        pairs = [item.key_value() for item in section.items] if section else []
        return {_PROFILE_KEYS.get(key.casefold(), key): value for key, value in filter(None, pairs)}

    @property
    def commands(self) -> tuple[Command, ...]:
        """What the Commands section offers its user to type."""
        section = self.section("Commands")
        return read_commands(section.items) if section else ()

    def section(self, name: str) -> Section | None:
        """The first section of that name, canonical, alias or as written; None if there is none."""
        canonical = canonical_name(name)
        wanted = name.strip().casefold()
        for section in self.sections:
            if section.canonical == canonical if canonical else section.written.casefold() == wanted:
                return section
        return None

    def with_section(self, name: str, body: str, *, after: str | None = None) -> "PromptDocument":
        """Gives the section this body, adding it in the document's own style if it is not there.

        A new section goes after the one named `after` or, without it, to the end but before Initialization; a
        Role goes to the front. All other sections keep their bytes.

        Raises PromptError if `body` would be read as, or swallow, other sections, or `after` is not there.
        """
        from promptlathe.prompts.editing import with_section

        return with_section(self, name, body, after)

    def without_section(self, name: str) -> "PromptDocument":
        """Takes out one section; its subsections stay. Raises PromptError if it is not there."""
        from promptlathe.prompts.editing import without_section

        return without_section(self, name)

    def without(self, section: Section) -> "PromptDocument":
        """As `without_section`, for one of several sections of the same name."""
        from promptlathe.prompts.editing import without

        return without(self, section)

    def reordered(self, names: Sequence[str]) -> "PromptDocument":
        """Puts the sections into this order; subsections travel with theirs, sections not named stay last.

        Raises PromptError if a name is not there, or names a subsection.
        """
        from promptlathe.prompts.editing import reordered

        return reordered(self, names)


def clean_body(content: str) -> str:
    """What a section says, without the layout's white space: dedented, no outer blank lines, only `\\n`."""
    first, _, rest = content.replace("\r\n", "\n").replace("\r", "\n").partition("\n")
    inline, block = first.strip(), dedent(rest).rstrip()
    if inline:
        return f"{inline}\n{block}".rstrip()
    blank = _BLANK_LINES.match(block)
    return block[blank.end() :] if blank else block


def dedent(text: str) -> str:
    """Takes off the white space that all non-blank lines begin with."""
    first = _FIRST_INDENT.search(text)
    if first and not first[1]:
        return text
    lines = text.split("\n")
    indents = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines if line.strip()]
    margin = len(commonprefix(indents))  # noqa: RUF071 - character by character is what is wanted
    return "\n".join(line[margin:] for line in lines)


def fill(text: str, values: Mapping[str, str]) -> str:
    """Puts values in the place of `{{name}}`; braces inside a value stay. KeyError if one is missing."""
    return _VARIABLE.sub(lambda match: values[match[1]], text)
