"""From any form to any other, by the other's name: a dialect, a framework or another tool's file."""

from dataclasses import replace

from promptlathe.errors import UnknownNameError
from promptlathe.prompts.dialects import DIALECT_IDS, DIALECTS
from promptlathe.prompts.document import PromptDocument
from promptlathe.prompts.exports import EXPORT_IDS, export_prompt
from promptlathe.prompts.file import Prompt
from promptlathe.prompts.frameworks import (
    FRAMEWORK_IDS,
    FRAMEWORKS,
    FrameworkId,
    detect_framework,
    framework_named,
    read_framework,
    write_framework,
)
from promptlathe.prompts.outline import Loss
from promptlathe.prompts.reading import parse
from promptlathe.prompts.structured import Syntax
from promptlathe.prompts.writing import Written, write, write_outline


def convert_prompt(prompt: Prompt, to: str, *, source: str | None = None, syntax: Syntax = "json") -> Written:
    """The prompt in the form named `to`. A text in a framework, found or named by `source`, is read as that.

    Raises UnknownNameError, and PromptError for what the form cannot hold at all.
    """
    document = prompt.document
    framework = framework_named(source) if source else _detected(document)
    losses: tuple[Loss, ...] = ()
    if framework:
        outline, losses = read_framework(document.text, framework)
        read = write_outline(outline, DIALECTS["lesson"], document.language)
        document, losses = parse(read.text), (*losses, *read.losses)
    written = _written(replace(prompt, document=document), to, syntax)
    return Written(written.text, (*losses, *written.losses))


def _written(prompt: Prompt, to: str, syntax: Syntax) -> Written:
    for dialect in DIALECT_IDS:
        if to == dialect:
            return write(prompt.document, dialect, syntax=syntax)
    for framework in FRAMEWORK_IDS:
        if to == framework:
            return write_framework(prompt.document, framework)
    for export in EXPORT_IDS:
        if to == export:
            return export_prompt(prompt, export)
    raise UnknownNameError("form", to, (*DIALECT_IDS, *FRAMEWORK_IDS, *EXPORT_IDS))


def _detected(document: PromptDocument) -> FrameworkId | None:
    """LangGPT's own names win: `Role`, `Background` and `Style` are names of frameworks' fields too."""
    found = detect_framework(document.text)
    return found if found and not _is_langgpt(document, found) else None


def _is_langgpt(document: PromptDocument, framework: FrameworkId) -> bool:
    labels = sum(section.canonical is not None for section in document.sections)
    return labels > len(FRAMEWORKS[framework])
