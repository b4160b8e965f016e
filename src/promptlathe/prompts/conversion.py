"""From any form to any other, by the other's name: a dialect, a framework or another tool's file."""

from dataclasses import dataclass, replace
from typing import TypeVar

from promptlathe.errors import PromptError, UnknownNameError
from promptlathe.prompts.dialects import DIALECT_IDS, DIALECTS, DialectId, detect
from promptlathe.prompts.document import Layout, PromptDocument
from promptlathe.prompts.exports import EXPORT_IDS, ExportId, export_prompt, left_out
from promptlathe.prompts.file import Prompt, write_prompt
from promptlathe.prompts.frameworks import (
    FRAMEWORK_IDS,
    FrameworkId,
    detect_framework,
    read_framework,
    write_framework,
)
from promptlathe.prompts.outline import Loss
from promptlathe.prompts.reading import parse
from promptlathe.prompts.structured import Syntax
from promptlathe.prompts.writing import Written, write, write_outline

_Name = TypeVar("_Name", bound=str)
FormId = DialectId | FrameworkId | ExportId
SOURCE_IDS: tuple[DialectId | FrameworkId, ...] = (*DIALECT_IDS, *FRAMEWORK_IDS)
FORM_IDS: tuple[FormId, ...] = (*SOURCE_IDS, *EXPORT_IDS)


@dataclass(frozen=True, slots=True)
class Source:
    """What form a text was read as: `confidence` is 0 to 1, `reason` is one line."""

    form: DialectId | FrameworkId
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class Conversion:
    """A file's text in another form, and what of the prompt it does not say, or says differently."""

    text: str
    losses: tuple[Loss, ...]
    source: Source


def convert_prompt(
    prompt: Prompt, to: str, *, source: str | None = None, syntax: Syntax = "json"
) -> Conversion:
    """The prompt in the form named `to`; front matter stays where the form has a place for it.

    A text in a framework, found or named by `source`, is read as that; an export takes it as it is unless
    `source` names it. `syntax` counts for the JSON dialects.

    Raises UnknownNameError, and PromptError for what the form cannot hold at all or is not in form `source`.
    """
    target = _named("form", to, FORM_IDS)
    given = _named("form", source, SOURCE_IDS) if source else None
    found = _source(prompt.document, given)
    document = prompt.document
    losses: tuple[Loss, ...] = ()
    for framework in FRAMEWORK_IDS:
        if found.form == framework and (given or target not in EXPORT_IDS):
            read = write_outline(
                read_framework(document.text, framework), DIALECTS["lesson"], document.language
            )
            document, losses = parse(read.text), read.losses
    for dialect in DIALECT_IDS:
        if given == dialect:
            document = _read_as(document, dialect)
    written = _written(replace(prompt, document=document), target, syntax)
    return Conversion(written.text, (*losses, *written.losses), found)


def _named(kind: str, name: str, known: tuple[_Name, ...]) -> _Name:
    """The known name meant, whatever its case: `COSTAR` and `co_star` are co-star. Raises UnknownNameError."""
    key = name.casefold().replace("_", "-").replace(" ", "-")
    for one in known:
        if key in (one, one.replace("-", "")):
            return one
    raise UnknownNameError(kind, key, known)


def _source(document: PromptDocument, given: DialectId | FrameworkId | None) -> Source:
    """LangGPT's own names win where they explain more of the text: `Role` and `Style` are fields' names too."""
    if given:
        return Source(given, 1.0, "as asked")
    known = sum(section.canonical is not None for section in document.sections)
    share = known / len(document.sections) if document.sections else 0.0
    framework = None if document.is_structured else detect_framework(document.text)
    if framework and framework.confidence >= share:
        return Source(framework.framework, framework.confidence, framework.reason)
    dialect = detect(document)
    return Source(dialect.dialect, dialect.confidence, dialect.reason)


def _read_as(document: PromptDocument, dialect: DialectId) -> PromptDocument:
    """The document read in the layout of a dialect. Raises PromptError if that shows no section."""
    kind = DIALECTS[dialect].kind
    is_so = kind == document.layout.kind or (kind == "json" and document.is_structured)
    read = document if is_so or kind == "json" else parse(document.text, Layout(kind))
    if (kind == "json" and not is_so) or not any(section.canonical for section in read.sections):
        raise PromptError(f"no section in the form of {dialect!r} is in this text")
    return read


def _written(prompt: Prompt, target: FormId, syntax: Syntax) -> Written:
    for export in EXPORT_IDS:
        if target == export:
            return export_prompt(prompt, export)
    for framework in FRAMEWORK_IDS:
        if target == framework:
            return _with_front_matter(prompt, write_framework(prompt.document, framework))
    for dialect in DIALECT_IDS:
        if target == dialect:
            written = write(prompt.document, dialect, syntax=syntax)
            if DIALECTS[dialect].kind != "json":
                return _with_front_matter(prompt, written)
            return Written(written.text, (*written.losses, *left_out(prompt)))
    raise UnknownNameError("form", target, FORM_IDS)


def _with_front_matter(prompt: Prompt, written: Written) -> Written:
    """A prompt file with the settings of `prompt`; one that names a section which is no longer there goes."""
    document = parse(written.text)
    frozen = tuple(name for name in prompt.frozen if document.section(name))
    has_examples = prompt.examples == "text" or document.section("Examples")
    kept = replace(
        prompt, document=document, frozen=frozen, examples=prompt.examples if has_examples else "text"
    )
    losses = [Loss("setting", "frozen")] if frozen != prompt.frozen else []
    losses += [] if has_examples else [Loss("setting", "examples")]
    return Written(write_prompt(kept), (*written.losses, *losses))
