"""Semantic versions of prompts, after what changed for whoever uses the answers.

major: the role, the output format or a core constraint changed, or something the prompt could do is gone;
minor: it can do more; patch: the same in other words.
"""

import difflib
import re
from dataclasses import dataclass
from typing import Literal

from promptlathe.errors import PromptError
from promptlathe.prompts.diff import REQUIRED, FieldChange, PromptDiff, SectionChange
from promptlathe.prompts.rules.usage import SEMVER

Level = Literal["major", "minor", "patch"]

_ORDER: tuple[Level, ...] = ("major", "minor", "patch")
_IDENTITY = frozenset({"Role", "OutputFormat"})
_CORE = frozenset({"Constraints", "Rules"})
_ABILITIES = frozenset({"Skills", "Goals", "Commands", "Tools", "InputFormat"})
_SAME_WORDS = 0.75
_MARKER = re.compile(r"[ \t]*(?:[-*+•·][ \t]+|\d{1,3}[.)、．][ \t]*)?")


@dataclass(frozen=True, slots=True)
class Bump:
    """`reasons` name what asks for this level, the most important first."""

    level: Level
    reasons: tuple[str, ...]


def propose_bump(diff: PromptDiff) -> Bump | None:
    """The smallest bump that is honest about a diff; None if nothing but the version number changed."""
    judged = [_judge_section(change) for change in diff.sections]
    judged += [_judge_field(change) for change in diff.fields if change.field != "version"]
    if not judged:
        return None
    level = min((found for found, _ in judged), key=_ORDER.index)
    return Bump(level, tuple(reason for found, reason in judged if found == level))


def bumped(version: str | None, level: Level) -> str:
    """The next version; 1.0.0 is the first. Raises PromptError for what is no semantic version."""
    if version is None:
        return "1.0.0"
    match = SEMVER.fullmatch(version)
    if match is None:
        raise PromptError(
            f"version {version!r} is not MAJOR.MINOR.PATCH", hint="mend it: lathe prompt lint --fix"
        )
    major, minor, patch = int(match["major"]), int(match["minor"]), int(match["patch"])
    if level == "major":
        return f"{major + 1}.0.0"
    return f"{major}.{minor + 1}.0" if level == "minor" else f"{major}.{minor}.{patch + 1}"


def _judge_section(change: SectionChange) -> tuple[Level, str]:
    name = re.sub(r" \d+$", "", change.section)
    reason = f"{change.section} {change.kind}"
    if change.kind == "moved":
        return "patch", reason
    removed, added = _items_changed(change)
    if name in _IDENTITY:
        is_major = change.kind != "changed" or bool(removed or added)
        return ("major", reason) if is_major else ("patch", f"{change.section} reworded")
    if name in _CORE and (removed or added):
        return "major", f"{change.section}: {_quoted((removed or added)[0])} {'gone' if removed else 'new'}"
    if name in _ABILITIES and removed:
        return "major", f"{change.section}: {_quoted(removed[0])} gone"
    if change.kind == "removed":
        return "minor", reason
    if added and name != "Profile":
        return "minor", f"{change.section}: {_quoted(added[0])} new"
    return "patch", f"{change.section} reworded"


def _judge_field(change: FieldChange) -> tuple[Level, str]:
    name = change.field
    if name.startswith("variables."):
        is_required = change.after == REQUIRED
        return ("major" if is_required else "minor"), f"{name} changed"
    return ("patch" if name in ("description", "frozen") else "minor"), f"{name} changed"


def _items_changed(change: SectionChange) -> tuple[list[str], list[str]]:
    """Lines gone and lines new; a line that was only reworded is neither. Other numbers are no rewording."""
    before, after = _items(change.before), _items(change.after)
    removed = [line for line in before if line not in after]
    added = [line for line in after if line not in before]
    for line in list(removed):
        reworded = next((other for other in added if _is_reworded(line, other)), None)
        if reworded is not None:
            removed.remove(line)
            added.remove(reworded)
    return removed, added


def _items(body: str | None) -> list[str]:
    lines = (_MARKER.sub("", line, count=1).strip() for line in (body or "").splitlines())
    return [line for line in lines if line]


def _is_reworded(one: str, other: str) -> bool:
    from promptlathe.prompts.rules.wording import is_denial

    is_same = re.findall(r"\d+", one) == re.findall(r"\d+", other) and is_denial(one) == is_denial(other)
    return is_same and difflib.SequenceMatcher(None, one, other, autojunk=False).ratio() >= _SAME_WORDS


def _quoted(line: str) -> str:
    return f"“{line}”" if len(line) <= 40 else f"“{line[:39]}…”"
