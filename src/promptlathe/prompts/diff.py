"""What is different between two prompts, section by section."""

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from promptlathe.prompts.document import PromptDocument
from promptlathe.prompts.file import Prompt

ChangeKind = Literal["added", "removed", "moved", "changed"]
REQUIRED = "(no default)"
PREAMBLE = "(before the first section)"


@dataclass(frozen=True, slots=True)
class SectionChange:
    """`section` is the canonical name (with a number, if there are several), `before` and `after` are bodies.

    `lines` are those of the body, each behind `+`, `-` or a space. A section can be both moved and changed.
    """

    kind: ChangeKind
    section: str
    before: str | None
    after: str | None

    @property
    def lines(self) -> tuple[str, ...]:
        if self.kind == "moved":
            return ()
        before, after = (self.before or "").splitlines(), (self.after or "").splitlines()
        return tuple(line for line in difflib.ndiff(before, after) if not line.startswith("?"))


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A change of the front matter. `None` is: not given."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class PromptDiff:
    sections: tuple[SectionChange, ...]
    fields: tuple[FieldChange, ...]

    def __bool__(self) -> bool:
        return bool(self.sections or self.fields)


def diff_prompts(before: Prompt, after: Prompt) -> PromptDiff:
    """Empty if the two say the same in the same order; white space, markers and how a name is written are not
    looked at."""
    return PromptDiff(_sections(before.document, after.document), _fields(before, after))


def _sections(before: PromptDocument, after: PromptDocument) -> tuple[SectionChange, ...]:
    old, new = _bodies(before), _bodies(after)
    changes = [SectionChange("removed", name, old[name], None) for name in old if name not in new]
    kept_in_place = _longest_rising([list(old).index(name) for name in new if name in old])
    for name, body in new.items():
        if name not in old:
            changes.append(SectionChange("added", name, None, body))
            continue
        if list(old).index(name) not in kept_in_place:
            changes.append(SectionChange("moved", name, old[name], body))
        if old[name] != body:
            changes.append(SectionChange("changed", name, old[name], body))
    return tuple(changes)


def _bodies(document: PromptDocument) -> dict[str, str]:
    bodies = {PREAMBLE: document.preamble.strip()} if document.preamble.strip("\ufeff \t\r\n") else {}
    seen: Counter[str] = Counter()
    for section in document.sections:
        seen[section.name] += 1
        name = section.name if seen[section.name] == 1 else f"{section.name} {seen[section.name]}"
        bodies[name] = "\n".join(line.rstrip() for line in section.body.splitlines())
    return bodies


def _longest_rising(places: Sequence[int]) -> frozenset[int]:
    """The most places that keep their order: what is not among them has moved."""
    best: list[tuple[int, ...]] = []
    for place in places:
        fitting = [chain for chain in best if chain[-1] < place]
        best.append((*_longest(fitting), place))
    return frozenset(_longest(best))


def _longest(chains: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    return max(chains, key=lambda chain: len(chain), default=())


def _fields(before: Prompt, after: Prompt) -> tuple[FieldChange, ...]:
    old, new = _flat(before), _flat(after)
    return tuple(
        FieldChange(name, old.get(name), new.get(name))
        for name in dict.fromkeys([*old, *new])
        if name not in old or name not in new or old[name] != new[name]
    )


def _flat(prompt: Prompt) -> dict[str, str | None]:
    """What the front matter says, except for the name; and the variables, whether they are in it or not."""
    fields: dict[str, str | None] = {
        "version": prompt.version,
        "description": prompt.description,
        "examples": prompt.examples,
        "frozen": ", ".join(prompt.frozen) or None,
        "temperature": _text(prompt.sampling.temperature),
        "top_p": _text(prompt.sampling.top_p),
        "top_k": _text(prompt.sampling.top_k),
        "max_tokens": _text(prompt.sampling.max_tokens),
        "seed": _text(prompt.sampling.seed),
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    names = dict.fromkeys([*prompt.document.variables, *prompt.variables])
    defaults = {name: prompt.variables.get(name) for name in names}
    return fields | {
        f"variables.{name}": REQUIRED if text is None else text for name, text in defaults.items()
    }


def _text(value: float | None) -> str | None:
    return None if value is None else str(value)
