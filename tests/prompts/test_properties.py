"""What holds for every text, also for what no one would write."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlathe.errors import PromptError
from promptlathe.prompts import (
    Example,
    PromptDocument,
    examples_body,
    library_names,
    library_prompt,
    parse,
    read_examples,
    read_prompt,
    render,
    write_prompt,
)

# The pieces that structure hangs on, in any order.
# fmt: off
_PIECES = [
    "# ", "## ", "### ", "#", "- ", "* ", "1. ", "1.", "2.", "  ", "    ", "\t", "> ", "**", "```", "~~~",
    "\n", "\n\n", "\r\n", "\r", ": ", "：", "---\n", "===\n", "“", "”", '"', "<Rules>", "{{name}}",
    "[slot]: x", "Role", "角色", "Profile", "Skill-1", "Skills", "Goals", "目标 (Goals)", "Constrains",
    "约束", "Workflow", "Examples", "示例1", "Q: ", "A: ", "问：", "解答：", "Output", "Initialization",
    "初始化", "Motto", "name: x", "数学专家", "13.8 < 13.11", "word", "🎯", "\ufeff", "\x00", "\x0b",
    "\u2028",
]
# fmt: on
texts = st.lists(st.sampled_from(_PIECES), max_size=40).map("".join) | st.text(max_size=200)
turns = texts.map(lambda text: text.replace("\r\n", "\n").replace("\r", "\n").strip()).filter(bool)
names = st.sampled_from(["Role", "Goals", "Examples", "Motto", "约束", "Initialization"])

DOCUMENTS = [
    *(library_prompt(name).document for name in library_names()),
    parse("1.Expert: X\n2.Profile:\n- a\n3.Rules:\n- b\n"),
    parse("Role: X\nGoals: y\nRules: z"),
    parse("角色：X\r\n目标：y\r\n"),
    parse("Be brief."),
    parse(""),
]


@given(texts)
def test_every_text_is_a_document_and_prints_back_identically(text: str) -> None:
    document = parse(text)
    assert render(document) == text
    assert parse(text, document.layout) == document
    for section in document.sections:
        assert len(section.items) <= section.body.count("\n") + 1
    assert all(key in text for key in (*document.variables, *document.references))
    assert not document.profile or document.section("Profile")


@given(texts, names, texts)
def test_an_edit_is_refused_or_touches_only_its_section(text: str, name: str, body: str) -> None:
    document = parse(text)
    old = document.section(name)
    try:
        edited = document.with_section(name, body)
    except PromptError:
        return
    assert parse(render(edited), document.layout) == edited
    assert edited.section(name) is not None
    kept = [section.source.rstrip() for section in document.sections if section is not old]
    found = [section.source.rstrip() for section in edited.sections]
    assert len(found) == len(kept) + 1
    position = next(index for index in range(len(found)) if found[:index] + found[index + 1 :] == kept)
    assert position >= 0


@given(texts, names)
def test_a_section_taken_out_leaves_the_others(text: str, name: str) -> None:
    document = parse(text)
    section = document.section(name)
    try:
        edited = document.without_section(name)
    except PromptError:
        return
    assert section is not None
    assert [s.source for s in edited.sections] == [s.source for s in document.sections if s is not section]


@given(texts, st.randoms(use_true_random=False))
def test_reordering_keeps_every_section(text: str, random) -> None:
    document = parse(text)
    order = [section.name for section in document.sections if section.level <= document.layout.level]
    random.shuffle(order)
    try:
        edited = document.reordered(order)
    except PromptError:
        return
    assert sorted(s.source.rstrip() for s in edited.sections) == sorted(
        s.source.rstrip() for s in document.sections
    )


@settings(max_examples=200)
@given(
    st.lists(st.builds(Example, turns, turns), min_size=1, max_size=4), st.sampled_from(DOCUMENTS), st.data()
)
def test_examples_read_back_in_every_document(
    pairs: list[Example], document: PromptDocument, data: st.DataObject
) -> None:
    body = examples_body(pairs, data.draw(st.sampled_from(["en", "zh"])))
    assert list(read_examples(body)) == pairs
    section = document.with_section("Examples", body).section("Examples")
    assert section is not None
    assert list(read_examples(section.body)) == pairs


@given(texts)
def test_every_file_is_read_or_refused_in_one_line_and_written_back_identically(text: str) -> None:
    try:
        prompt = read_prompt(text, name="p")
    except PromptError as refusal:
        error = str(refusal)
    else:
        assert write_prompt(prompt) == text
        return
    assert error.startswith("p.md:")
    assert "\n" not in error


@given(st.binary(max_size=100))
def test_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        prompt = read_prompt(data, name="p")
    except PromptError as refusal:
        error = str(refusal)
    else:
        assert write_prompt(prompt).encode() == data
        return
    assert error.startswith("p.md:")


@pytest.mark.slow
@settings(max_examples=20_000, deadline=None)
@given(texts)
def test_many_more_texts(text: str) -> None:
    assert render(parse(text)) == text
