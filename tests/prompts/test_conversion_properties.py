"""Documents made in every dialect go to every other and back, the same or with a report of what is not."""

from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from promptlathe.prompts import Prompt, convert_prompt, parse
from promptlathe.prompts.dialects import DIALECT_IDS, DIALECTS, DialectId
from promptlathe.prompts.frameworks import (
    FRAMEWORK_IDS,
    FRAMEWORKS,
    FrameworkId,
    read_framework,
    write_framework,
)
from promptlathe.prompts.items import Item, read_items
from promptlathe.prompts.outline import Entry, Loss, Outline, outline_of
from promptlathe.prompts.sections import CANONICAL_NAMES, Language, canonical_name
from promptlathe.prompts.writing import write, write_outline

words = st.sampled_from(
    [
        "比较大小",
        "Compare them",
        "13.8 > 13.11",
        "name: x",
        "键：值",
        "**bold**",
        "🎯",
        "<Rules>",
        "{{n}}",
        "a b",
        "Q: 1",
    ]
)
lines = st.lists(words, min_size=1, max_size=3).map(" ".join)


def _listed(markers: tuple[str, ...], texts: list[str], children: list[str]) -> str:
    found = [f"{markers[index % len(markers)]} {text}" for index, text in enumerate(texts)]
    return "\n".join([*found, *(f"   {line}" for child in children for line in child.split("\n"))])


lists = st.recursive(
    st.just(""),
    lambda inner: st.builds(
        _listed,
        st.sampled_from([("-",), ("*",), ("1.", "2.", "3.", "4."), ("1、", "2、"), ("-", "1.")]),
        st.lists(lines, min_size=1, max_size=4),
        st.lists(inner, max_size=2),
    ),
    max_leaves=4,
)
awkward = st.sampled_from(
    [
        "```md\n# Role: inner\n## Rules\n- r\n```",
        "```\nnever closed",
        "# Role: other\n## Goals\n- g",
        "- Role: other\n- Goals: g",
        "1.Expert: other\n2.Goals:\n- g",
        "Role: other\nGoals: g",
        "a\n\n\nb\n    c",
        "### Part\na\n### Part 2\nb",
        '{"Role": "other", "Goals": []}',
        "- a\n\n- b",
        "a\n---\nb",
        "> quoted",
        "",
    ]
)
bodies = lines | lists | awkward | st.lists(lines, min_size=1, max_size=3).map("\n\n".join)
names = st.sampled_from([*CANONICAL_NAMES, "Motto", "座右铭", "Skill-1", "Example 2"])
entries = st.builds(lambda name, body: Entry(canonical_name(name), name, body.strip("\n")), names, bodies)
outlines = st.builds(
    Outline,
    st.sampled_from(["", "", "Please read this.", "请看：", "# Title"]),
    st.lists(entries, min_size=2, max_size=7).map(tuple),
)
languages: st.SearchStrategy[Language] = st.sampled_from(["en", "zh"])
dialects: st.SearchStrategy[DialectId] = st.sampled_from(DIALECT_IDS)


def shape(items: tuple[Item, ...]) -> list[object]:
    return [(item.marker, item.text, shape(item.children)) for item in items]


def said(outline: Outline) -> list[tuple[str, str]]:
    """What must be the same if nothing is reported: sections in order, and their items as trees."""
    return [(entry.name, repr(shape(read_items(entry.body)))) for entry in outline.entries]


def changed(before: Outline, after: Outline) -> set[str]:
    """The sections that a careful comparison finds changed: said otherwise, gone, new, moved, nested elsewhere."""

    def by_place(outline: Outline) -> dict[tuple[str, int], tuple[int, Entry]]:
        seen: Counter[str] = Counter()
        found = {}
        for entry in outline.entries:
            seen[entry.name] += 1
            found[entry.name, seen[entry.name]] = (len(found), entry)
        return found

    old, new = by_place(before), by_place(after)
    names = {name for name, _ in old.keys() ^ new.keys()}
    both = [place for place in old if place in new]
    moved = zip(both, sorted(both, key=lambda place: new[place][0]), strict=True)
    names |= {place[0] for place, other in moved if place != other}
    for place in both:
        one, other = old[place][1], new[place][1]
        is_list = all(item.marker for item in read_items(one.body)) and one.body != ""
        is_same = is_list and shape(read_items(one.body)) == shape(read_items(other.body))
        if one.parent != other.parent or not (one.body == other.body or is_same):
            names.add(place[0])
    return names | ({""} if before.preamble != after.preamble else set())


def check(outline: Outline, source: DialectId, target: DialectId, language: Language) -> None:
    document = parse(write_outline(outline, DIALECTS[source], language).text)
    before = outline_of(document)
    there = write(document, target)
    between = outline_of(parse(there.text))
    back = write(parse(there.text), source)
    after = outline_of(parse(back.text))
    assert {loss.section for loss in there.losses} == changed(before, between)
    assert {loss.section for loss in back.losses} == changed(between, after)
    if not there.losses and not back.losses:
        assert said(after) == said(before)
        assert after.preamble == before.preamble
    assert all(loss.message(spoken) for loss in (*there.losses, *back.losses) for spoken in ("en", "zh"))


@pytest.mark.parametrize("source", DIALECT_IDS)
@pytest.mark.parametrize("target", DIALECT_IDS)
@settings(max_examples=3, deadline=None)
@given(outline=outlines, language=languages)
def test_there_and_back(outline: Outline, source: DialectId, target: DialectId, language: Language) -> None:
    check(outline, source, target, language)


@pytest.mark.slow
@settings(max_examples=5_000, deadline=None)
@given(outlines, dialects, dialects, languages)
def test_there_and_back_often(
    outline: Outline, source: DialectId, target: DialectId, language: Language
) -> None:
    check(outline, source, target, language)


def check_framework(outline: Outline, framework: FrameworkId, source: DialectId, language: Language) -> None:
    document = parse(write_outline(outline, DIALECTS[source], language).text)
    assume(document.sections)
    before = outline_of(document)
    there = write_framework(document, framework)
    after = read_framework(there.text, framework)
    losses = [loss for loss in there.losses if loss.kind != "placed"]
    assert {loss.section for loss in losses} == changed(before, after)
    held = {section for field in FRAMEWORKS[framework] for section in field.holds if not field.part}
    placed = {loss.section for loss in there.losses if loss.kind == "placed"}
    assert placed == {entry.name for entry in before.entries if entry.canonical not in held}
    back = convert_prompt(Prompt("p", parse(there.text)), source, source=framework)
    if not losses and not back.losses:
        assert said(outline_of(parse(back.text))) == said(before)


@pytest.mark.parametrize("framework", FRAMEWORK_IDS)
@settings(max_examples=15, deadline=None)
@given(outline=outlines, source=dialects, language=languages)
def test_to_a_framework_and_back(
    outline: Outline, framework: FrameworkId, source: DialectId, language: Language
) -> None:
    check_framework(outline, framework, source, language)


@pytest.mark.slow
@pytest.mark.parametrize("framework", FRAMEWORK_IDS)
@settings(max_examples=1_000, deadline=None)
@given(outline=outlines, source=dialects, language=languages)
def test_to_a_framework_and_back_often(
    outline: Outline, framework: FrameworkId, source: DialectId, language: Language
) -> None:
    check_framework(outline, framework, source, language)


usual = st.builds(
    Outline,
    st.just(""),
    st.lists(st.sampled_from(CANONICAL_NAMES[1:]), min_size=3, max_size=8, unique=True).flatmap(
        lambda chosen: st.tuples(
            *(
                st.builds(Entry, st.just(name), st.just(name), lines | lists.filter(bool))
                for name in ("Role", *chosen)
            )
        )
    ),
)


@settings(max_examples=100, deadline=None)
@given(usual, dialects, dialects, languages)
def test_an_ordinary_prompt_loses_nothing_in_any_dialect(
    outline: Outline, source: DialectId, target: DialectId, language: Language
) -> None:
    written = write_outline(outline, DIALECTS[source], language)
    assert written.losses == ()
    assert write(parse(written.text), target).losses == ()


def test_a_loss_is_named_by_its_section() -> None:
    document = parse("# Role: X\n## Motto\nbe brief\n## Goals\ng\n")
    there = write(document, "plain")
    assert there.losses == (Loss("lost", "Motto"), Loss("body", "Role"))
    assert str(there.losses[0]) == "Motto: no longer a section of its own"
