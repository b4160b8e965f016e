import pytest

from promptlathe.errors import PromptError
from promptlathe.prompts import library_names, library_prompt, parse, render

HEADING = "# Role: X\n\n## Goals:\n- a\n\n## Initialization:\nGo"
BULLET = "- Role: X\n- Goals: a \n- Workflow:\n1. b\n- Initialization: go"
FLAT = "1.Expert: X\n2.Goals:\n- a\n"
PLAIN = "Role: X\nGoals: a"
CHINESE = "# 角色：X\r\n\r\n## 目标：\r\n- a\r\n"

WITH_SECTION = {
    "replaced block": (
        HEADING,
        "Goals",
        "- b\n- c",
        "# Role: X\n\n## Goals:\n- b\n- c\n\n## Initialization:\nGo",
    ),
    "replaced beside the name": (HEADING, "Role", "Y", HEADING.replace("X", "Y")),
    "from beside to below the name": (HEADING, "Role", "Y\nZ", HEADING.replace(" X", "\nY\nZ")),
    "the last one": (
        HEADING,
        "初始化",
        "Stop",
        HEADING[:-2] + "Stop",
    ),
    "emptied": (HEADING, "Initialization", "", HEADING[:-3]),
    "added before Initialization": (
        HEADING,
        "rules",
        "- r",
        "# Role: X\n\n## Goals:\n- a\n\n## Rules:\n- r\n\n## Initialization:\nGo",
    ),
    "added unknown": (FLAT, "Motto", "m", FLAT + "3.Motto: m\n"),
    "bullet, one line": (BULLET, "Goals", "b", BULLET.replace("a \n", "b\n")),
    "bullet, a list": (BULLET, "Goals", "- b\n- c", BULLET.replace(" a \n", "\n  - b\n  - c\n")),
    "bullet, in the old place": (BULLET, "Workflow", "1. c\n2. d", BULLET.replace("1. b", "1. c\n2. d")),
    "bullet, what would be sections out there": (
        BULLET,
        "Workflow",
        "- Rules: c\n- d",
        BULLET.replace("1. b", "  - Rules: c\n  - d"),
    ),
    "bullet, added": (BULLET, "Rules", "- r", BULLET.replace("- Init", "- Rules:\n  - r\n- Init")),
    "flat, added": (FLAT, "Rules", "- r", FLAT + "3.Rules:\n- r\n"),
    "plain, added": (PLAIN, "Rules", "r", PLAIN + "\nRules: r"),
    "chinese, added": (CHINESE, "Rules", "- r\n- s", CHINESE + "\r\n## 规则：\r\n- r\r\n- s\r\n"),
    "to a direct instruction": (
        "Be brief.\n",
        "Examples",
        "Q: 1\nA: 2",
        "Be brief.\n\n## Examples\nQ: 1\nA: 2\n",
    ),
    "to nothing": ("", "Role", "X", "# Role: X"),
}


@pytest.mark.parametrize(("text", "name", "body", "expected"), WITH_SECTION.values(), ids=WITH_SECTION)
def test_with_section(text: str, name: str, body: str, expected: str) -> None:
    edited = parse(text).with_section(name, body)
    assert render(edited) == expected
    section = edited.section(name)
    assert section is not None
    assert section.body == body


@pytest.mark.parametrize("name", library_names())
def test_replacing_a_section_by_its_own_body_changes_no_other_byte(name: str) -> None:
    document = library_prompt(name).document
    for section in document.sections:
        edited = document.with_section(section.name, "New text.")
        start = section.start + len(section.header)
        end = section.start + len(section.source.rstrip())
        assert edited.text.startswith(document.text[:start])
        assert edited.text.endswith(document.text[end:].lstrip(" "))
        assert "New text." in edited.text[start : len(edited.text) - len(document.text[end:].lstrip(" "))]


def test_a_new_section_goes_after_the_one_named_and_its_subsections() -> None:
    document = library_prompt("decimal-expert").document.with_section("Rules", "- r", after="Profile")
    names = [section.name for section in document.sections]
    assert names[3:7] == ["Profile", "Skills", "Rules", "Goals"]


@pytest.mark.parametrize(
    "body",
    ["- a\n## Rules\n- b", "```\nnever closed", "x\n# Title"],
)
def test_text_that_would_be_other_sections_is_refused(body: str) -> None:
    with pytest.raises(PromptError, match="'Goals'"):
        parse(HEADING).with_section("Goals", body)


def test_without_section_leaves_its_subsections() -> None:
    document = library_prompt("decimal-expert").document
    edited = document.without_section("Profile")
    assert [s.name for s in edited.sections] == [s.name for s in document.sections if s.name != "Profile"]
    assert edited.text == document.text.replace(document.section("Profile").source, "")


def test_a_section_that_holds_others_apart_is_not_taken_out() -> None:
    document = parse("- Role:\n- Profile: p\n- Motto: m\n- Goals: g\n")
    assert [section.name for section in document.sections] == ["Role", "Profile", "Motto", "Goals"]
    with pytest.raises(PromptError, match="'Profile' cannot be taken out"):
        document.without_section("Profile")


def test_every_section_of_every_library_prompt_can_be_taken_out() -> None:
    for name in library_names():
        document = library_prompt(name).document
        for section in document.sections:
            left = document.without_section(section.name)
            assert [s.source for s in left.sections] == [
                s.source for s in document.sections if s is not section
            ]


def test_a_document_stays_of_its_layout_with_one_section_left() -> None:
    document = parse(BULLET)
    for name in ("Goals", "Workflow", "Initialization"):
        document = document.without_section(name)
    assert [section.name for section in document.sections] == ["Role"]


def test_reordering_moves_subsections_along_and_keeps_the_gaps() -> None:
    text = "# Role: X\n\n## Profile\np\n### Skills\ns\n\n## Goals\ng\n\n## Initialization\ni"
    edited = parse(text).reordered(["Role", "Initialization", "Profile"])
    assert (
        render(edited) == "# Role: X\n\n## Initialization\ni\n\n## Profile\np\n### Skills\ns\n\n## Goals\ng"
    )


@pytest.mark.parametrize(
    ("edit", "hint"),
    [
        (lambda document: document.without_section("Gaols"), "did you mean 'Goals'?"),
        (lambda document: document.reordered(["Gaols"]), "did you mean 'Goals'?"),
        (lambda document: document.with_section("Rules", "r", after="Gaols"), "did you mean 'Goals'?"),
    ],
)
def test_a_section_that_is_not_there(edit, hint: str) -> None:
    with pytest.raises(PromptError, match="no section 'Gaols'") as caught:
        edit(parse(HEADING))
    assert caught.value.hint == hint


def test_a_subsection_cannot_be_moved_alone() -> None:
    with pytest.raises(PromptError, match="part of another"):
        library_prompt("decimal-expert").document.reordered(["Skills"])
