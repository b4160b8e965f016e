import json

import pytest

from promptlathe.errors import PromptError, UnknownNameError
from promptlathe.prompts import PromptDocument, library_prompt, parse, render
from promptlathe.prompts.dialects import DIALECT_IDS, detect, dialect_named
from promptlathe.prompts.writing import write

TEXTS = {
    "role": "# Role: X\n\n## Profile\n- Author: y\n\n### Skill-1\n1. a\n\n## Rules\n1. r\n\n## Workflow\n1. w\n",
    "community": "# Role: X\n\n## Background\nb\n\n## Attention\na\n\n## Profile\n- Author: y\n\n### Skills\n- s\n\n"
    "## Goals\n- g\n\n## Constrains\n- c\n\n## Suggestions\n- s\n",
    "lesson": "# Role: X\n\n## Profile\n- author: y\n\n## Skills\n- s\n\n## Goals\n- g\n\n## Workflows\n1. w\n",
    "goal": "# Role: X\n\n## Goal\n- Outcome: o\n- Done Criteria: d\n- Non-Goals: n\n\n## Rules\n- r\n",
    "bullet": "- Role: X\n- Background: b\n- Workflow:\n  1. w\n  2. v\n- Initialization: hi\n",
    "flat": "1.Expert: X\n2.Profile:\n- a\n3.Skills:\n- s\n4.Goals: g\n5.Constraints: c\n6.Init: hi\n",
    "plain": "Role: X\nDescription: a teacher\nGoals: g\nConstraints: c\n",
    "json-nested": json.dumps(
        {
            "Role": {
                "name": "X",
                "Profile": {"Author": "y", "Version": 0.2, "Skills": [{"Skill-1": ["a", "b"]}]},
                "Rules": ["r1", "r2"],
                "Workflow": ["w1", "w2"],
                "Initialization": "hi",
            }
        },
        indent=2,
    ),
    "json-flat": json.dumps(
        {
            "Role": "X",
            "Profile": {"author": "y", "language": "中文"},
            "Goals": ["g"],
            "Workflows": ["w"],
            "Examples": {"Example1": {"User": "u", "Role": "r"}},
            "OutputFormat": "one line",
        },
        ensure_ascii=False,
    ),
}
NAMES = {
    "role": ["Role", "Profile", "Skills", "Rules", "Workflow"],
    "community": [
        "Role", "Background", "Attention", "Profile", "Skills", "Goals", "Constraints", "Suggestions",
    ],
    "lesson": ["Role", "Profile", "Skills", "Goals", "Workflow"],
    "goal": ["Role", "Goals", "Rules"],
    "bullet": ["Role", "Background", "Workflow", "Initialization"],
    "flat": ["Role", "Profile", "Skills", "Goals", "Constraints", "Initialization"],
    "plain": ["Role", "Description", "Goals", "Constraints"],
    "json-nested": ["Role", "Profile", "Skills", "Rules", "Workflow", "Initialization"],
    "json-flat": ["Role", "Profile", "Goals", "Workflow", "Examples", "OutputFormat"],
}  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECT_IDS)
def test_a_dialect_is_detected_read_and_printed_back(dialect: str) -> None:
    document = parse(TEXTS[dialect])
    detection = detect(document)
    assert detection.dialect == dialect
    assert detection.confidence >= 0.5
    assert "\n" not in detection.reason
    assert [section.name for section in document.sections] == NAMES[dialect]
    assert render(document) == TEXTS[dialect] == write(document, detection.dialect).text


@pytest.mark.parametrize("text", ["", "Name the larger number.", "{", '{"a": 1}', "[1, 2]", "a: b\nc: [d]\n"])
def test_text_without_sections_is_plain_with_no_confidence(text: str) -> None:
    assert (detect(parse(text)).dialect, detect(parse(text)).confidence) == ("plain", 0)


def test_a_name_that_is_no_dialect() -> None:
    with pytest.raises(UnknownNameError) as error:
        dialect_named("json-nestd")
    assert error.value.hint == "did you mean 'json-nested'?"


def bodies(document: PromptDocument) -> dict[str, str]:
    return {section.name: section.body for section in document.sections}


def test_json_values_are_read_as_a_reader_would_write_them() -> None:
    assert bodies(parse(TEXTS["json-nested"])) == {
        "Role": "X",
        "Profile": "- Author: y\n- Version: 0.2",
        "Skills": "- Skill-1\n   - a\n   - b",
        "Rules": "1. r1\n2. r2",
        "Workflow": "1. w1\n2. w2",
        "Initialization": "hi",
    }
    assert bodies(parse(TEXTS["json-flat"]))["Examples"] == "Q: u\nA: r"
    assert parse(TEXTS["json-flat"]).profile == {"author": "y", "language": "中文"}


def test_yaml_is_read_with_its_block_text() -> None:
    text = "# note\nRole:\n  name: X\n  Profile:\n    Author: y\n  Rules:\n  - a\n  - b\n  Goals: |\n    one\n    two\n"
    document = parse(text)
    assert (document.layout.kind, detect(document).dialect) == ("yaml", "json-nested")
    assert bodies(document) == {
        "Role": "X",
        "Profile": "- Author: y",
        "Rules": "1. a\n2. b",
        "Goals": "one\ntwo",
    }
    assert [section.line for section in document.sections] == [2, 4, 6, 9]
    assert render(document) == text
    assert write(document, "json-nested", syntax="json").text.startswith('{\n  "Role": {\n    "name": "X"')


@pytest.mark.parametrize(
    "text",
    [
        '{"Role": "X", "Goals": ["a"]',
        '{"Role": "X", "Goals": ' + "[" * 100_000,
        "Role: &a\n  name: x\n  Goals: *a\n",
        "Role:\n  name: 'never closed\n  Goals: x\n",
    ],
)
def test_broken_json_and_yaml_are_text(text: str) -> None:
    document = parse(text)
    assert document.layout.kind in ("heading", "plain")
    assert render(document) == text


@pytest.mark.parametrize("dialect", ["json-nested", "json-flat"])
def test_edits_of_json_touch_only_the_value(dialect: str) -> None:
    document = parse(TEXTS[dialect])
    edited = document.with_section("Workflow", "1. other\n2. more")
    assert bodies(edited) == bodies(document) | {"Workflow": "1. other\n2. more"}
    for before, after in zip(document.sections, edited.sections, strict=True):
        assert before.name == "Workflow" or before.source == after.source
    added = document.with_section("Tone", "warm").without_section("Profile")
    assert bodies(added)["Tone"] == "warm"
    assert "Profile" not in bodies(added)
    assert detect(added).dialect == dialect
    assert [section.name for section in document.reordered(["Workflow"]).sections][:1] in (
        ["Role"],
        ["Workflow"],
    )


def test_a_place_that_nested_json_has_not_is_an_error() -> None:
    document = parse('{"Role": {"name": "X", "Goals": "g"}}')
    with pytest.raises(PromptError, match="cannot be changed so"):
        document.with_section("name", "y")


def test_sections_of_one_name_stay_apart_in_json() -> None:
    document = parse("# Role: X\n## Goals\na\n## Tone\nt\n## Goals\nb\n")
    there = write(document, "json-flat")
    assert there.losses == ()
    assert [*json.loads(there.text)] == ["Role", "Goals", "Tone", "Goals 2"]


def test_the_preamble_travels() -> None:
    document = parse("Please.\n\n# Role: X\n## Goals\na\n")
    for dialect in DIALECT_IDS:
        there = write(document, dialect)
        assert there.losses == ()
        assert write(parse(there.text), "lesson").text == "Please.\n\n# Role: X\n\n## Goals\na\n"


GOALS = "```\n# Role: Z\n```"
WRITINGS = {
    "role": f"# Role: X\n\n## Profile\n- Author: y\n\n### Skill\n- s\n\n## Goals\n{GOALS}\n\n## Motto\nm\n",
    "lesson": f"# Role: X\n\n## Profile\n- Author: y\n\n## Skills\n- s\n\n## Goals\n{GOALS}\n\n## Motto\nm\n",
    "bullet": "- Role: X\n- Profile:\n  - Author: y\n- Skills:\n  - s\n- Goals:\n  ```\n  # Role: Z\n  ```\n"
    "- Motto: m\n",
    "flat": f"1.Expert: X\n2.Profile:\n- Author: y\n3.Skills:\n- s\n4.Goals:\n{GOALS}\n5.Motto: m\n",
}


@pytest.mark.parametrize("dialect", WRITINGS)
def test_writing(dialect: str) -> None:
    source = json.dumps(
        {"Role": "X", "Profile": {"Author": "y"}, "Skills": ["s"], "Goals": GOALS, "Motto": "m"}
    )
    there = write(parse(source), dialect)
    assert (there.text, there.losses) == (WRITINGS[dialect], ())


def test_chinese_names_stay_chinese() -> None:
    text = write(parse("# 角色：老师\n## 约束\n- 简短\n## 工作流程\n1. 读\n"), "bullet").text
    assert text == "- 角色: 老师\n- 约束:\n  - 简短\n- 工作流程:\n  1. 读\n"


def test_other_placeholders_become_variables_and_are_reported() -> None:
    text = (
        "# Role: {who}\n## Goals\nAnswer [the question] in `{x}` and {{lang}}.\n```\n{y} [z]\n```\n"
        "- [x] [INST] [a](b)\n"
    )
    there = write(parse(text), "bullet")
    assert [str(loss) for loss in there.losses] == [
        "Role: {who} -> {{who}}",
        "Goals: [the question] -> {{the_question}}",
    ]
    assert parse(there.text).variables == ("who", "the_question", "lang")
    assert "{y} [z]" in there.text


def test_seed_prompts_go_through_every_dialect_without_loss() -> None:
    for name in ("math-teacher", "decimal-expert"):
        document = library_prompt(name).document
        for dialect in DIALECT_IDS:
            there = write(document, dialect)
            back = write(parse(there.text), detect(document).dialect)
            assert there.losses == back.losses == ()
            assert bodies(parse(back.text)).keys() == bodies(document).keys()
