"""One style for prompt files: white space, markers and numbers, never words."""

import re
from collections.abc import Iterator

from promptlathe.errors import PromptError
from promptlathe.prompts.document import PromptDocument, Section
from promptlathe.prompts.file import Prompt, read_prompt
from promptlathe.prompts.rules.source import Line, LintOptions, LintSource

_BULLET = re.compile(r"^(?P<indent>[ \t]*)[*+•·][ \t]+(?=\S)")
_HEADING = re.compile(r" {0,3}(?P<hashes>[#＃]{1,6})[ \t]*(?P<name>[^#＃\s].*?)(?:[ \t]+#+)?[ \t]*")


def format_prompt(prompt: Prompt) -> str:
    """The file's text in one style: `\\n` line ends, no white space at line ends, one blank line before a
    heading and at most one elsewhere, `-` for bullets, `## Name` without a colon, one line end at the end.

    Fenced code and the front matter stay as they are. Formatting twice is formatting once. Raises PromptError
    where a section would be read differently.
    """
    text = _formatted(prompt)
    front = prompt.front_matter.replace("\r\n", "\n")
    again = read_prompt(front + text, name=prompt.name)
    if _said(again.document) != _said(prompt.document):
        raise PromptError(
            f"prompt {prompt.name!r} cannot be formatted: it would be read differently",
            hint="lathe prompt lint shows what is unclear in it",
        )
    return front + text


def _formatted(prompt: Prompt) -> str:
    source = LintSource(prompt, LintOptions())
    headings = {section.start: section for section in source.document.sections}
    is_heading_layout = source.document.layout.kind == "heading"
    written: list[str] = []
    for line in source.lines_from(0):
        if line.is_code:
            written.append(line.text)
            continue
        section = headings.get(line.start)
        shown = _shown(line, section if is_heading_layout else None)
        if shown or (written and written[-1]):
            if section and is_heading_layout and written and written[-1]:
                written.append("")
            written.append(shown)
    return "\n".join(written).strip("\n") + "\n" if any(written) else ""


def _shown(line: Line, section: Section | None) -> str:
    text = line.text.removeprefix("\ufeff").rstrip()
    heading = _HEADING.fullmatch(text)
    if section and heading:
        name = heading["name"].rstrip()
        is_bare = line.text[len(section.header) :].strip() == ""
        name = name.rstrip(":：").rstrip() if is_bare else name
        return f"{'#' * len(heading['hashes'])} {name}"
    return _BULLET.sub(r"\g<indent>- ", text, count=1)


def _said(document: PromptDocument) -> list[tuple[str, str, int]]:
    """What formatting must not change: the sections, and their words without markers and white space."""
    preamble = [("", "".join(_words(document.preamble)), 0)]
    return preamble + [(s.written, "".join(_words(s.content)), s.level) for s in document.sections]


def _words(text: str) -> Iterator[str]:
    for line in re.split(r"\r\n?|\n", text.removeprefix("\ufeff")):
        yield re.sub(r"\s", "", re.sub(r"^[ \t]*[-*+•·][ \t]+", "-", line))
