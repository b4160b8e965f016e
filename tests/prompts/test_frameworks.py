import pytest

from promptlathe.errors import PromptError, UnknownNameError
from promptlathe.prompts import Prompt, library_prompt, parse
from promptlathe.prompts.conversion import convert_prompt
from promptlathe.prompts.frameworks import (
    FRAMEWORK_IDS,
    FRAMEWORKS,
    detect_framework,
    read_framework,
    write_framework,
)
from promptlathe.prompts.outline import outline_of


def framework_text(framework: str, language: str, shape: str) -> str:
    fields = FRAMEWORKS[framework]
    return "".join(shape.format(field.label(language)) + f"text of {field.name}\n" for field in fields)


@pytest.mark.parametrize("framework", FRAMEWORK_IDS)
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("shape", ["# {}\n", "**{}**: ", "- {}：", "{}:\n"])
def test_a_framework_is_found_and_read_in_both_languages_and_any_layout(
    framework: str, language: str, shape: str
) -> None:
    text = framework_text(framework, language, shape)
    found = detect_framework(text)
    assert found is not None
    assert (found.framework, found.confidence) == (framework, 1.0)
    assert f"fields of {framework.upper()}: " in found.reason
    outline = read_framework(text, framework)
    everything = "\n".join(entry.body for entry in outline.entries)
    assert all(f"text of {field.name}" in everything for field in FRAMEWORKS[framework])


@pytest.mark.parametrize("framework", FRAMEWORK_IDS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_there_and_back_is_the_same_framework_text(framework: str, language: str) -> None:
    text = "\n\n".join(
        f"## {field.label(language)}\ntext of {field.name}\nand more" for field in FRAMEWORKS[framework]
    )
    prompt = Prompt("p", parse(text))
    langgpt = convert_prompt(prompt, "lesson", source=framework)
    assert langgpt.losses == ()
    assert write_framework(parse(langgpt.text), framework, language).text == text + "\n"


@pytest.mark.parametrize("framework", FRAMEWORK_IDS)
@pytest.mark.parametrize("name", ["decimal-expert", "decimal-expert-en", "math-teacher", "math-teacher-en"])
def test_no_text_is_lost_and_what_has_no_field_is_named(framework: str, name: str) -> None:
    document = library_prompt(name).document
    written = write_framework(document, framework)
    outline = read_framework(written.text, framework)
    assert {(entry.name, entry.body) for entry in outline.entries} == {
        (entry.name, entry.body) for entry in outline_of(document).entries
    }
    held = {section for field in FRAMEWORKS[framework] for section in field.holds if not field.part}
    placed = {loss.section for loss in written.losses if loss.kind == "placed"}
    assert placed == {section.name for section in document.sections} - held
    assert {loss.kind for loss in written.losses} <= {"placed", "order"}


@pytest.mark.parametrize(
    ("framework", "goals", "expected"),
    [
        (
            "risen",
            "- teach\n- Outcome: they can\n  do it",
            "## Instructions\n- teach\n\n## End goal\nthey can\ndo it",
        ),
        ("risen", "- **Outcome**: done", "## End goal\ndone"),
        ("broke", "- 完成标准：全对\n- 教", "## Objectives\n- 教\n\n## Key results\n全对"),
    ],
)
def test_parts_of_a_section_are_fields_of_their_own(framework: str, goals: str, expected: str) -> None:
    text = write_framework(parse(f"# Role: X\n## Goals\n{goals}\n"), framework).text
    assert text == f"## Role\nX\n\n{expected}\n"


def test_a_part_comes_back_as_an_item_of_its_section() -> None:
    text = "## 角色\n甲\n\n## 指令\n教\n\n## 步骤\n读\n\n## 最终目标\n会\n\n## 限定\n短\n"
    converted = convert_prompt(Prompt("p", parse(text)), "lesson")
    assert "## 目标\n教\n- 成果：会\n" in converted.text
    assert convert_prompt(Prompt("p", parse(converted.text)), "risen").text == text


def test_sections_beside_the_fields_stay_sections() -> None:
    text = "# My prompt\n\n## Role\na\n## Task\nb\n## Format\nc\n## Constraints\nd\n## Motto\ne\n"
    outline = read_framework(text, "rtf")
    assert outline.preamble == "# My prompt"
    assert [(entry.name, entry.body) for entry in outline.entries] == [
        ("Role", "a"), ("Goals", "b"), ("OutputFormat", "c"), ("Constraints", "d"), ("Motto", "e"),
    ]  # fmt: skip


def test_numbered_and_bilingual_names_are_fields() -> None:
    text = "## 1. 指令 Instruction\na\n## 2. 背景（Context）\nb\n## 3. 输入数据\nc\n## 4. 输出\nd\n"
    assert [entry.name for entry in read_framework(text, "icio").entries] == [
        "Goals", "Background", "InputFormat", "OutputFormat",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("# CONTEXT #\na\n# OBJECTIVE #\nb\n# STYLE #\nc\n# TONE #\nd\n# RESPONSE #\ne\n", "co-star"),
        ("## 指令 Instruction\na\n## 背景（Context）\nb\n## 输入数据\nc\n## 输出\nd\n", "icio"),
        ("# Role: X\n## Task\na\n## Format\nb\n", "rtf"),
        (
            "# Role: X\n## Background\na\n## Goals\nb\n## Style\nc\n## Tone\nd\n## OutputFormat\ne\n",
            "community",
        ),
        ("# 角色：甲\n## 背景\na\n## 目标\nb\n## 输入\nc\n## 输出\nd\n## 约束\ne\n", "community"),
        ("## Role\na\n## Format\nb\n", "role"),
        ("Style: a\nTone: b\n", "plain"),
    ],
)
def test_which_form_a_text_is_read_as(text: str, form: str) -> None:
    source = convert_prompt(Prompt("p", parse(text)), "lesson").source
    assert source.form == form
    assert 0 < source.confidence <= 1


def test_what_a_framework_cannot_hold_is_named_exactly() -> None:
    document = parse("# Role: X\n## Tone\nwarm\n## Goals\n- g\n## Profile\n- Author: y\n## Goals\nagain\n")
    written = write_framework(document, "rtf")
    assert [str(loss) for loss in written.losses] == [
        "Tone: no field for it; kept under Task",
        "Tone: stands in another place",
        "Goals: stands in another place",
        "Profile: stands in another place",
    ]


def test_refusals() -> None:
    with pytest.raises(PromptError, match="no field of RTF"):
        read_framework("hello", "rtf")
    with pytest.raises(PromptError, match="no sections"):
        write_framework(parse("hello"), "rtf")
    with pytest.raises(UnknownNameError, match="no form named 'crisp'") as error:
        convert_prompt(Prompt("p", parse("hello")), "CRISP")
    assert error.value.hint == "did you mean 'crispe'?"
