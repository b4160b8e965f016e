"""What is different between two prompts, section by section."""

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from promptlathe.prompts.document import PromptDocument
from promptlathe.prompts.file import Prompt

ChangeKind = Literal["added", "removed", "moved", "changed"]
Words = tuple[tuple[str, bool], ...]
REQUIRED = "(no default)"
_WORD = re.compile(r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+|\s+|.")
_ALIKE = 0.4
"""Share of equal words from which one line stands for the other."""
PREAMBLE = "(before the first section)"


@dataclass(frozen=True, slots=True)
class LineChange:
    """A line that is new (`+`), gone (`-`) or neither. `words` are its text in pieces, each with whether it has
    no counterpart in the line that this one stands for; a line without such a line is not marked anywhere."""

    sign: Literal["+", "-", " "]
    words: Words


@dataclass(frozen=True, slots=True)
class SectionChange:
    """`section` is the canonical name (with a number, if there are several), `before` and `after` are bodies.
    A section can be both moved and changed."""

    kind: ChangeKind
    section: str
    before: str | None
    after: str | None

    @property
    def lines(self) -> tuple[str, ...]:
        """Those of the body, each behind `+`, `-` or a space."""
        return tuple(f"{line.sign} {''.join(text for text, _ in line.words)}" for line in self.line_changes())

    def line_changes(self) -> tuple[LineChange, ...]:
        if self.kind == "moved":
            return ()
        before, after = (self.before or "").splitlines(), (self.after or "").splitlines()
        return tuple(_line_changes(before, after))


def _line_changes(before: Sequence[str], after: Sequence[str]) -> Iterator[LineChange]:
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for _, start, end, new_start, new_end in matcher.get_opcodes():
        gone, new = before[start:end], after[new_start:new_end]
        if gone == new:
            yield from (LineChange(" ", _unmarked(line)) for line in gone)
            continue
        pairs = [_word_changes(*pair) for pair in zip(gone, new, strict=False)]
        for words in [*(old for old, _ in pairs), *map(_unmarked, gone[len(pairs) :])]:
            yield LineChange("-", words)
        for words in [*(now for _, now in pairs), *map(_unmarked, new[len(pairs) :])]:
            yield LineChange("+", words)


def _unmarked(line: str) -> Words:
    return ((line, False),)


def _word_changes(
    before: str, after: str
) -> tuple[tuple[tuple[str, bool], ...], tuple[tuple[str, bool], ...]]:
    """Two lines in pieces, and which of these only one line has: words, or single characters of Chinese."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return _unmarked(before), _unmarked(after)
    codes = matcher.get_opcodes()
    gone = tuple(("".join(old[i:j]), tag != "equal") for tag, i, j, _, _ in codes if j > i)
    now = tuple(("".join(new[i:j]), tag != "equal") for tag, _, _, i, j in codes if j > i)
    return gone, now


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
