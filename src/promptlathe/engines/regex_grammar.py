"""A regular expression as a grammar in llama.cpp's notation (GBNF), which has no regular expressions of its own.

Read by Python's own parser, of which every node is either said exactly or refused: a grammar that means something
else would hold the model to wrong answers in silence.
"""

import re
from collections.abc import Iterable, Sequence
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, TypeAlias

from promptlathe.errors import InputError

_Node: TypeAlias = "tuple[Any, Any]"

_CLASSES = {
    sre.CATEGORY_DIGIT: "0-9",
    sre.CATEGORY_WORD: "0-9A-Z_a-z",
    sre.CATEGORY_SPACE: " \\t\\n\\x0B\\x0C\\r",
}
_NEGATED: dict[object, object] = {
    sre.CATEGORY_NOT_DIGIT: sre.CATEGORY_DIGIT,
    sre.CATEGORY_NOT_WORD: sre.CATEGORY_WORD,
    sre.CATEGORY_NOT_SPACE: sre.CATEGORY_SPACE,
}
_REFUSED = {
    sre.ASSERT: "looking ahead or behind",
    sre.ASSERT_NOT: "looking ahead or behind",
    sre.GROUPREF: "a reference to a group",
    sre.GROUPREF_EXISTS: "a condition on a group",
    sre.ATOMIC_GROUP: "an atomic group",
    sre.POSSESSIVE_REPEAT: "a possessive repetition",
}
_WHOLE = {sre.AT_BEGINNING, sre.AT_BEGINNING_STRING, sre.AT_END, sre.AT_END_STRING}


def regex_grammar(pattern: str) -> str:
    """A grammar of exactly the texts that `pattern` matches from end to end, where `\\d`, `\\w` and `\\s` are ASCII's.

    Raises InputError for what is no regular expression, and for what a grammar cannot say.
    """
    try:
        parsed = _parser.parse(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise _unusable(str(error)) from None
    if parsed.state.flags & ~re.UNICODE:
        raise _unusable("flags have no meaning here")
    nodes = list(parsed)
    while nodes and nodes[0][0] is sre.AT and nodes[0][1] in _WHOLE:
        nodes = nodes[1:]
    while nodes and nodes[-1][0] is sre.AT and nodes[-1][1] in _WHOLE:
        nodes = nodes[:-1]
    return f"root ::= {_sequence(nodes)}"


def _sequence(nodes: Iterable[_Node]) -> str:
    return " ".join(_said(kind, value) for kind, value in nodes) or '""'


def _said(kind: Any, value: Any) -> str:
    match kind, value:
        case sre.LITERAL, int(code):
            return f'"{_character(code)}"'
        case sre.NOT_LITERAL, int(code):
            return f"[^{_character(code)}]"
        case sre.ANY, _:
            return "[^\\n]"
        case sre.IN, list(items):
            return _set(items)
        case sre.BRANCH, (_, list(branches)):
            return f"({' | '.join(map(_sequence, branches))})"
        case sre.SUBPATTERN, (_, added, removed, inner) if not added and not removed:
            return f"({_sequence(inner)})"
        case ((sre.MAX_REPEAT | sre.MIN_REPEAT), (int(least), most, inner)):
            return f"({_sequence(inner)}){_times(least, most)}"
        case sre.AT, place:
            is_boundary = place in (sre.AT_BOUNDARY, sre.AT_NON_BOUNDARY)
            raise _unusable("word boundary" if is_boundary else "an anchor that is not at an end")
    raise _unusable(_REFUSED.get(kind, "flags of a group"))


def _times(least: int, most: object) -> str:
    if most is sre.MAXREPEAT:
        return {0: "*", 1: "+"}.get(least, f"{{{least},}}")
    return f"{{{least},{most}}}"


def _set(items: Sequence[_Node]) -> str:
    """`[^...]` begins with NEGATE. A class that is itself negated, as `\\D`, can stand alone only."""
    is_negated = items[0][0] is sre.NEGATE
    parts = items[1:] if is_negated else items
    if len(parts) == 1 and parts[0][0] is sre.CATEGORY and parts[0][1] in _NEGATED:
        return f"[{'' if is_negated else '^'}{_CLASSES[_NEGATED[parts[0][1]]]}]"
    return f"[{'^' if is_negated else ''}{''.join(_member(kind, value) for kind, value in parts)}]"


def _member(kind: Any, value: Any) -> str:
    match kind, value:
        case sre.LITERAL, int(code):
            return _character(code)
        case sre.RANGE, (int(first), int(last)):
            return f"{_character(first)}-{_character(last)}"
        case sre.CATEGORY, category if category in _CLASSES:
            return _CLASSES[category]
    raise _unusable("a negated class inside a set")


def _character(code: int) -> str:
    """In a text or in a set, where each but letters and digits might mean something."""
    character = chr(code)
    if character.isascii() and character.isalnum():
        return character
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def _unusable(reason: str) -> InputError:
    return InputError(f"the regex cannot be used: {reason}")
