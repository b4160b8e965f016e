"""What the LangGPT project's own converter gets wrong, each as a test that ours passes."""

from promptlathe.prompts import parse
from promptlathe.prompts.dialects import DIALECT_IDS
from promptlathe.prompts.writing import write


def body(text: str, name: str) -> str:
    section = parse(text).section(name)
    assert section is not None
    return section.body


def texts_everywhere(text: str) -> list[str]:
    document = parse(text)
    return [write(document, dialect).text for dialect in DIALECT_IDS]


def test_nested_third_level_headings_do_not_crash() -> None:
    text = "# Role: X\n## Profile\n### Skill-1\n1. a\n#### Deeper\nb\n### Skill-2\n1. c\n## Rules\n### Hard\n1. r\n"
    assert body(text, "Skills") == "1. a\n#### Deeper\nb\n### Skill-2\n1. c"
    assert body(text, "Rules") == "### Hard\n1. r"
    for written in texts_everywhere(text):
        assert all(word in written for word in ("Deeper", "Skill-2", "Hard"))


def test_items_beyond_the_third_are_kept() -> None:
    steps = "\n".join(f"{number}. step {number}" for number in range(1, 15))
    text = f"# Role: X\n## Workflow\n{steps}\n"
    workflow = parse(text).section("Workflow")
    assert workflow is not None
    assert len(workflow.items) == 14
    assert all("step 14" in written for written in texts_everywhere(text))


def test_the_full_width_colon_is_a_colon() -> None:
    document = parse("# Role：老师\n## Profile：\n- 作者：甲\n- 版本：0.1\n## Goals：教\n")
    assert [section.body for section in document.sections] == ["老师", "- 作者：甲\n- 版本：0.1", "教"]
    assert document.profile == {"author": "甲", "version": "0.1"}


def test_dash_items_are_not_dropped() -> None:
    text = "# Role: X\n## Rules\n- one\n- two\n1. three\n"
    rules = parse(text).section("Rules")
    assert rules is not None
    assert [item.text for item in rules.items] == ["one", "two", "three"]
    assert all("two" in written for written in texts_everywhere(text))


def test_a_fenced_template_does_not_overwrite_the_outer_profile() -> None:
    text = (
        "# Role: X\n## Profile\n- Author: outer\n## Goals\nFill this:\n```\n# Role: Y\n## Profile\n- Author: inner\n"
        "```\n## Rules\n1. r\n"
    )
    for written in [text, *texts_everywhere(text)]:
        document = parse(written)
        assert document.profile == {"author": "outer"}
        assert [section.name for section in document.sections] == ["Role", "Profile", "Goals", "Rules"]


def test_every_line_of_the_initialization_is_kept() -> None:
    text = "# Role: X\n## Initialization\nAs a <Role>, obey <Rules>.\nGreet.\n\nThen wait.\n"
    assert body(text, "Initialization") == "As a <Role>, obey <Rules>.\nGreet.\n\nThen wait."
    for written in texts_everywhere(text):
        assert body(written, "Initialization") == "As a <Role>, obey <Rules>.\nGreet.\n\nThen wait."
