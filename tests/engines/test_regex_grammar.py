"""Regular expressions as grammars; that models keep to these is shown in test_llamacpp.py."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlathe.engines.regex_grammar import regex_grammar
from promptlathe.errors import InputError


@pytest.mark.parametrize(
    ("pattern", "grammar"),
    [
        ("", 'root ::= ""'),
        ("ab", 'root ::= "a" "b"'),
        (r"[0-9]{2}[.][0-9]", r'root ::= ([0-9]){2,2} "\x2E" [0-9]'),
        ("^(yes|no)$", 'root ::= (("y" "e" "s" | "n" "o"))'),
        (r"\d+?", "root ::= ([0-9])+"),
        (r"\D", "root ::= [^0-9]"),
        (r"[^\D]", "root ::= [0-9]"),
        (r"[^a-z\d]", "root ::= [^a-z0-9]"),
        ("[^a]", "root ::= [^a]"),
        (".", "root ::= [^\\n]"),
        ("a|", 'root ::= ("a" | "")'),
        ("(?:ab){2,}", 'root ::= ("a" "b"){2,}'),
        ("你😀", r'root ::= "\u4F60" "\U0001F600"'),
        (r"[\]\\^-]", r"root ::= [\x5D\x5C\x5E\x2D]"),
    ],
)
def test_what_it_says(pattern: str, grammar: str) -> None:
    assert regex_grammar(pattern) == grammar


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (r"\bfoo\b", "word boundary"),
        ("a^b", "an anchor that is not at an end"),
        ("(?=a)b", "looking ahead or behind"),
        ("(?<!a)b", "looking ahead or behind"),
        (r"(a)\1", "a reference to a group"),
        ("(?i)a", "flags have no meaning here"),
        ("(?i:a)", "flags of a group"),
        ("a*+", "a possessive repetition"),
        ("(?>a)", "an atomic group"),
        (r"[\W_]", "a negated class inside a set"),
        ("[0-9", "unterminated character set"),
    ],
)
def test_what_a_grammar_cannot_say(pattern: str, said: str) -> None:
    with pytest.raises(InputError, match=f"the regex cannot be used: .*{re.escape(said)}"):
        regex_grammar(pattern)


@given(st.text(max_size=12))
def test_whatever_is_given_it_is_a_grammar_or_an_input_error(pattern: str) -> None:
    try:
        grammar = regex_grammar(pattern)
    except InputError:
        return
    assert grammar.startswith("root ::= ")
    assert grammar.isprintable()
    re.compile(pattern)
