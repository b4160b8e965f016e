"""Gaps that a prompt leaves for a value: `{{name}}`, and the ways others write it."""

import re
from dataclasses import dataclass
from typing import Literal

PlaceholderForm = Literal["{{name}}", "{name}", "[slot]"]

_FENCED = re.compile(
    r"^[ \t]*(?P<fence>`{3,9}|~{3,9})[^\n]*\n(?:.*?^[ \t]*(?P=fence)|.*)", re.DOTALL | re.MULTILINE
)
_NAME = r"[^\W\d]\w{0,63}"
_GAP = re.compile(
    # Each begins with its mark, so that a search looks for marks: what must not stand before comes behind.
    rf"`(?P<code>[^`\n]{{1,200}})`"
    rf"|\{{(?<![{{$]\{{)(?P<brace>{_NAME})\}}(?!\}})"
    rf"|\{{\{{[ \t]{{0,4}}(?P<double>{_NAME})[ \t]{{0,4}}\}}\}}"
    rf"|\[(?<![\]!\w]\[)(?P<slot>{_NAME}(?: \w{{1,64}}){{0,4}})\](?![\[(:：\w])"
)
# `- [x] done` is a box, `[INST]` and `[CLS]` are marks of a chat template.
_NOT_A_SLOT = re.compile(r"[xX]|[A-Z]{2,}")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`written` is the text as it stands, `name` what `{{name}}` would call it, `start` its offset."""

    form: PlaceholderForm
    name: str
    written: str
    start: int


def find_placeholders(text: str) -> tuple[Placeholder, ...]:
    """In order of appearance; none in code, which is content."""
    code = [match.span() for match in _FENCED.finditer(text)]
    found, at = [], 0
    for match in _GAP.finditer(text):
        while at < len(code) and code[at][1] <= match.start():
            at += 1
        is_code = match["code"] or (at < len(code) and code[at][0] <= match.start())
        if is_code or (match["slot"] and _NOT_A_SLOT.fullmatch(match["slot"])):
            continue
        form: PlaceholderForm = "{name}" if match["brace"] else "{{name}}" if match["double"] else "[slot]"
        name = (match["brace"] or match["double"] or match["slot"]).replace(" ", "_")
        found.append(Placeholder(form, name, match[0], match.start()))
    return tuple(found)


def with_variables(text: str) -> tuple[str, tuple[Placeholder, ...]]:
    """The text with `{name}` and `[slot]` as `{{name}}`, and which these were."""
    others = tuple(found for found in find_placeholders(text) if found.form != "{{name}}")
    pieces, at = [], 0
    for placeholder in others:
        pieces += [text[at : placeholder.start], f"{{{{{placeholder.name}}}}}"]
        at = placeholder.start + len(placeholder.written)
    return "".join([*pieces, text[at:]]), others
