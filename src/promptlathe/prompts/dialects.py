"""The dialects that LangGPT prompts are written in, and which of them a document is in."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from promptlathe.errors import UnknownNameError
from promptlathe.prompts.document import LayoutKind, PromptDocument
from promptlathe.prompts.sections import CanonicalName

DialectId = Literal[
    "role", "community", "lesson", "goal", "bullet", "flat", "plain", "json-nested", "json-flat"
]
DIALECT_IDS: tuple[DialectId, ...] = get_args(DialectId)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a dialect marks its sections, and what it calls those that it does not call by their usual name."""

    id: DialectId
    kind: LayoutKind
    summary: str
    names: Mapping[CanonicalName, str] = field(default_factory=dict)
    has_skills_in_profile: bool = False


DIALECTS: dict[DialectId, Dialect] = {
    dialect.id: dialect
    for dialect in (
        Dialect(
            "role", "heading", "# Role: X, ## Profile with ### Skill, ## Rules", {"Skills": "Skill"}, True
        ),
        Dialect("community", "heading", "# Role: X, ## Background, ## Attention, ### Skills", {}, True),
        Dialect(
            "lesson", "heading", "# Role: X, ## Profile, ## Skills, ## Workflows", {"Workflow": "Workflows"}
        ),
        Dialect(
            "goal", "heading", "# Role: X, ## Goal with outcome and done criteria", {"Goals": "Goal"}, True
        ),
        Dialect("bullet", "bullet", "- Role: X, - Background: ..."),
        Dialect("flat", "flat", "1.Expert: X, 2.Profile:", {"Role": "Expert", "Initialization": "Init"}),
        Dialect("plain", "plain", "Role: X, Goals: ... without markers"),
        Dialect("json-nested", "json", '{"Role": {"name": "X", "Profile": {...}, ...}}'),
        Dialect("json-flat", "json", '{"Role": "X", "Profile": {...}, ...}', {"Workflow": "Workflows"}),
    )
}


@dataclass(frozen=True, slots=True)
class Detection:
    """`confidence` is 0 to 1: how far what marks the dialect was found; `reason` is one line."""

    dialect: DialectId
    confidence: float
    reason: str


def dialect_named(name: str) -> Dialect:
    """Raises UnknownNameError."""
    for dialect in DIALECTS.values():
        if dialect.id == name:
            return dialect
    raise UnknownNameError("dialect", name, DIALECT_IDS)


def detect(document: PromptDocument) -> Detection:
    """The dialect a document is in: by its layout and, among those with headings, by its section names."""
    sections = document.sections
    known = sum(section.canonical is not None for section in sections)
    if not known:
        return Detection("plain", 0.0, "no section of LangGPT is in it: plain text")
    share = known / len(sections)
    match document.layout.kind:
        case "heading":
            return _by_names(document)
        case "json" | "yaml" as syntax:
            role = document.section("Role")
            is_nested = any(section.level == 2 for section in sections)
            is_nested = is_nested or bool(role and role.content.startswith("{"))
            form: DialectId = "json-nested" if is_nested else "json-flat"
            where = "inside the Role" if is_nested else "beside the Role"
            return Detection(form, 1.0, f"{syntax.upper()} with {known} LangGPT keys, {where}")
        case "bullet" | "flat" | "plain" as kind:
            form = kind
            shapes = {"bullet": "- {}:", "flat": "1.{}:", "plain": "{}:"}
            example = shapes[kind].format(sections[0].written)
            confidence = round(share * min(1, known / 3), 2)
            return Detection(form, confidence, f"{known} LangGPT names in lines of the form '{example}'")


_MARKS: dict[DialectId, tuple[tuple[str, Callable[[PromptDocument], bool]], ...]] = {
    "goal": (
        ("a section named Goal", lambda document: _is_written(document, "goal")),
        (
            "outcome, done criteria or non-goals in it",
            lambda document: bool(
                (goal := document.section("Goals"))
                and re.search(
                    r"\b(?:outcome|done criteria|non-goals)\b|成果|完成标准|非目标", goal.body, re.IGNORECASE
                )
            ),
        ),
    ),
    "lesson": (
        (
            "Skills beside Profile",
            lambda document: bool(
                (skills := document.section("Skills")) and skills.level == document.layout.level
            ),
        ),
        ("Workflows in the plural", lambda document: _is_written(document, "workflows")),
    ),
    "community": (
        ("Background or Attention", lambda document: _has(document, "Background", "Attention")),
        (
            "Goals with Constraints",
            lambda document: _has(document, "Goals") and _has(document, "Constraints"),
        ),
        ("Skills within Profile", lambda document: _has_inner_skills(document)),
        (
            "Suggestions or Constrains",
            lambda document: _is_written(document, "constrains", "suggestions", "建议"),
        ),
    ),
    "role": (
        ("Rules", lambda document: _has(document, "Rules")),
        ("Skills within Profile", lambda document: _has_inner_skills(document)),
        ("neither Goals nor Background", lambda document: not _has(document, "Goals", "Background")),
    ),
}


def _by_names(document: PromptDocument) -> Detection:
    best = Detection("role", 0.0, "headings")
    for dialect, marks in _MARKS.items():
        found = [name for name, is_there in marks if is_there(document)]
        confidence = round(len(found) / len(marks), 2)
        if confidence > best.confidence:
            best = Detection(dialect, confidence, f"headings, with {', '.join(found)}")
    return best


def _has(document: PromptDocument, *names: str) -> bool:
    return any(document.section(name) for name in names)


def _is_written(document: PromptDocument, *names: str) -> bool:
    return any(section.written.casefold() in names for section in document.sections if section.canonical)


def _has_inner_skills(document: PromptDocument) -> bool:
    skills = document.section("Skills")
    return skills is not None and skills.level > document.layout.level
