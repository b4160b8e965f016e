"""Anything at all is read, detected, printed back and converted; 200,000 texts in the slow form."""

import random
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import pytest

from promptlathe.errors import PromptError
from promptlathe.prompts import (
    DIALECT_IDS,
    FORM_IDS,
    Prompt,
    PromptDocument,
    convert_prompt,
    detect,
    library_names,
    library_prompt,
    parse,
    read_prompt,
    render,
)
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
    chance = random.Random(seed)
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


@contextmanager
def no_hang() -> Iterator[None]:
    """Ends what takes longer than any text here should, where the system can."""

    def end(number: int, frame: FrameType | None) -> None:
        raise TimeoutError("a text of some hundred characters took more than 20 s")

    if not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, 20)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def check(text: str, forms: Sequence[str]) -> None:
    try:
        with no_hang():
            document = parse(text)
            assert render(document) == text
            detect(document)
            for form in forms:
                convert(document, form)
    except Exception as error:
        error.add_note(f"text: {text!r}")
        raise


def convert(document: PromptDocument, form: str) -> None:
    """A dialect takes any text; a framework or an export may refuse one, in one line."""
    try:
        convert_prompt(Prompt("p", document), form)
    except PromptError as refusal:
        if form in DIALECT_IDS or "\n" in str(refusal):
            raise


def forms_of(number: int) -> list[str]:
    """One dialect, and one of the other forms every third time."""
    others = FORM_IDS[len(DIALECT_IDS) :]
    form = DIALECT_IDS[number % len(DIALECT_IDS)]
    return [form, others[number // 3 % len(others)]] if number % 3 == 0 else [form]


def test_random_and_mutated_texts() -> None:
    for number, text in enumerate(texts(2_000, seed=1)):
        check(text, forms_of(number))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_two_hundred_thousand_random_and_mutated_texts(part: int) -> None:
    for number, text in enumerate(texts(25_000, seed=100 + part)):
        check(text, forms_of(number))


def test_a_few_texts_in_every_form() -> None:
    for text in texts(30, seed=7):
        check(text, FORM_IDS)


@pytest.mark.parametrize(
    "piece", ["- " * 5000, "> " * 5000, "[" * 50_000, '{"Role":' * 20_000, "#" * 50_000, "`" * 50_000]
)
def test_deep_nesting(piece: str) -> None:
    check("# Role: X\n" + piece, ["bullet"])
    check(piece, ["bullet"])


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"\x89PNG\r\n\x1a\n\x00", "角色".encode("gbk")])
def test_what_is_no_utf_8_text_is_one_clear_line(data: bytes) -> None:
    with pytest.raises(PromptError, match=r"^p.md:[13]: not (UTF-8 text|a text file)"):
        read_prompt(data, name="p")
