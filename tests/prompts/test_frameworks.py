import pytest

from promptlathe.errors import PromptError, UnknownNameError
from promptlathe.prompts import Prompt, library_prompt, parse
from promptlathe.prompts.conversion import convert_prompt
from promptlathe.prompts.frameworks import (
    FRAMEWORK_IDS,
    FRAMEWORKS,
    detect_framework,
    framework_named,
    read_framework,
    write_framework,
)
from promptlathe.prompts.outline import outline_of


def framework_text(framework: str, language: str, shape: str) -> str:
    fields = FRAMEWORKS[framework_named(framework)]
    return "".join(shape.format(field.label(language)) + f"text of {field.name}\n" for field in fields)


@pytest.mark.parametrize("framework", FRAMEWORK_IDS)
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("shape", ["# {}\n", "**{}**: ", "- {}：", "{}:\n"])
def test_a_framework_is_found_and_read_in_both_languages_and_any_layout(
    framework: str, language: str, shape: str
) -> None:
    text = framework_text(framework, language, shape)
    assert detect_framework(text) == framework
    outline, losses = read_framework(text, framework)
    assert losses == ()
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
    outline, _ = read_framework(written.text, framework)
    assert {(entry.name, entry.body) for entry in outline.entries} == {
        (entry.name, entry.body) for entry in outline_of(document).entries
    }
    held = {section for field in FRAMEWORKS[framework] for section in field.holds if not field.part}
    placed = {loss.section for loss in written.losses if loss.kind == "placed"}
    assert placed == {section.name for section in document.sections} - held
    assert {loss.kind for loss in written.losses} <= {"placed", "order"}


def test_parts_of_a_section_are_fields_of_their_own() -> None:
    document = parse("# Role: X\n## Goals\n- teach\n- End goal: they can\n  do it\n## Constraints\nbrief\n")
    text = write_framework(document, "risen").text
    assert text == (
        "## Role\nX\n\n## Instructions\n- teach\n\n## End goal\nthey can\ndo it\n\n## Narrowing\nbrief\n"
    )


def test_a_missing_field_is_reported() -> None:
    _, losses = read_framework("## Role\na\n## Task\nb\n", "rtf")
    assert [str(loss) for loss in losses] == ["Format: not in the text"]


def test_refusals() -> None:
    with pytest.raises(PromptError, match="no field of RTF"):
        read_framework("hello", "rtf")
    with pytest.raises(PromptError, match="no sections"):
        write_framework(parse("hello"), "rtf")
    with pytest.raises(UnknownNameError, match="no form named 'crisp'") as error:
        convert_prompt(Prompt("p", parse("hello")), "crisp")
    assert error.value.hint == "did you mean 'crispe'?"
