"""Anything at all is read, detected and printed back; 200,000 texts in the slow form."""

import random
from collections.abc import Iterator

import pytest

from promptlathe.errors import PromptError
from promptlathe.prompts import library_names, library_prompt, parse, read_prompt, render
from promptlathe.prompts.dialects import DIALECT_IDS, detect
from promptlathe.prompts.writing import write

# fmt: off
_PIECES = [
    "# Role: ", "## ", "### Skill-1\n", "- Goals：", "1.Expert: ", "2.", "Role: ", "\n", "\r\n", "\r", "\n\n",
    "  ", "\t", "```", "~~~~", "> " * 9, "- " * 12, "    ", "{", "}", '{"Role": {"name": "', '"}', "[", "]",
    ": |\n  ", "---\n", "==\n", "\ufeff", "\x00", "\x07", "\x0b", "\x1b", "\u2028", "\u200d", "\ud800", "🎯",
    "👨‍👩‍👧", "角色：", "约束", "工作流程\n", "：", "{{x}}", "{y}", "[slot]", "<Rules>", "**", "`", "\\", "&a *a",
    "Workflow", "Examples\nQ: ", "A: ", "x" * 40, "\n- a" * 6,
]
# fmt: on


def texts(count: int, seed: int) -> Iterator[str]:
    """Pieces in any order, and the library's prompts with pieces cut out, put in and doubled."""
    chance = random.Random(seed)  # noqa: S311 - for tests
    sources = [library_prompt(name).document.text[:500] for name in library_names()]
    sources += [write(parse(source), dialect).text for source in sources[:2] for dialect in DIALECT_IDS]
    for _ in range(count):
        if chance.random() < 0.5:
            yield "".join(chance.choices(_PIECES, k=chance.randrange(25)))
            continue
        text = chance.choice(sources)
        for _ in range(chance.randrange(1, 5)):
            start, stop = sorted(chance.randrange(len(text) + 1) for _ in range(2))
            stop = min(stop, start + 30)
            text = (
                text[:start] + chance.choice(["", text[start:stop] * 2, chance.choice(_PIECES)]) + text[stop:]
            )
        yield text


def check(text: str, dialect_number: int) -> None:
    document = parse(text)
    assert render(document) == text
    detect(document)
    if dialect_number < len(DIALECT_IDS):
        write(document, DIALECT_IDS[dialect_number])


def test_random_and_mutated_texts() -> None:
    for number, text in enumerate(texts(600, seed=1)):
        check(text, number % len(DIALECT_IDS))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_two_hundred_thousand_random_and_mutated_texts(part: int) -> None:
    """Every tenth is also written in one of the dialects."""
    for number, text in enumerate(texts(50_000, seed=100 + part)):
        check(text, number % 90)


@pytest.mark.parametrize(
    "piece", ["- " * 5000, "> " * 5000, "[" * 50_000, '{"Role":' * 20_000, "#" * 50_000, "`" * 50_000]
)
def test_deep_nesting(piece: str) -> None:
    check("# Role: X\n" + piece, 4)
    check(piece, 4)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"\x89PNG\r\n\x1a\n\x00", "角色".encode("gbk")])
def test_what_is_no_utf_8_text_is_one_clear_line(data: bytes) -> None:
    with pytest.raises(PromptError, match=r"^p.md:1: not (UTF-8 text|a text file)"):
        read_prompt(data, name="p")
