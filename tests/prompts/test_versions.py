"""What a diff says, and which version it asks for."""

import pytest

from promptlathe.errors import PromptError
from promptlathe.prompts import read_prompt
from promptlathe.prompts.diff import PromptDiff, SectionChange, diff_prompts
from promptlathe.prompts.versions import Level, bumped, propose_bump

BASE = """---
version: 1.2.3
variables:
  topic: cats
---
# Role: Tester

## Skills
- Reading code
- Writing tests

## Constraints
- Never change more than 3 files.

## Workflow
1. Read {{topic}}.

## OutputFormat
One short sentence with the verdict.
"""


def _diff(*changes: tuple[str, str]) -> PromptDiff:
    text = BASE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return diff_prompts(read_prompt(BASE, name="p"), read_prompt(text, name="p"))


@pytest.mark.parametrize(
    ("old", "new", "level"),
    [
        ("Role: Tester", "Role: Poet", "major"),
        ("One short sentence with the verdict.", "A JSON object.", "major"),
        ("One short sentence with the verdict.", "One short sentence, with the verdict.", "patch"),
        ("more than 3 files", "more than 5 files", "major"),
        ("Never change", "Always change", "major"),
        ("- Never change more than 3 files.", "- Never change more than 3 files.\\n- Ask first.", "major"),
        ("Never change more than 3 files.", "Never change more than 3 files!", "patch"),
        ("- Writing tests\n", "", "major"),
        ("- Writing tests\n", "- Writing tests\n- Profiling\n", "minor"),
        ("- Writing tests", "- Writing good tests", "patch"),
        ("## Constraints", "## Style\nPlain.\n\n## Constraints", "minor"),
        ("1. Read {{topic}}.", "1. Read {{topic}} and {{place}}.", "major"),
        ("topic: cats", "topic: dogs", "minor"),
        ("version: 1.2.3", "version: 1.2.3\nexamples: messages", "minor"),
        ("version: 1.2.3", "version: 1.2.3\ndescription: Tests.", "patch"),
        ("version: 1.2.3", "version: 2.0.0", None),
        ("## Skills\n", "## Skills\n\n", None),
    ],
)
def test_the_proposed_bump(old: str, new: str, level: Level | None) -> None:
    bump = propose_bump(_diff((old, new.replace("\\n", "\n"))))
    assert (bump.level if bump else None) == level


def test_a_diff_names_sections_added_removed_and_changed() -> None:
    diff = _diff(("## Workflow\n1. Read {{topic}}.\n\n", "## Tone\nDry.\n\n"), ("- Reading code\n", ""))
    assert [(change.kind, change.section) for change in diff.sections] == [
        ("removed", "Workflow"),
        ("changed", "Skills"),
        ("added", "Tone"),
    ]
    assert diff.sections[1].lines == ("- - Reading code", "  - Writing tests")


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            "Never change more than 3 files.",
            "Never change more than 5 files.",
            [("-", ["3"]), ("+", ["5"])],
        ),
        ("只输出一句中文结论。", "只输出一句英文结论。", [("-", ["中"]), ("+", ["英"])]),
        ("Quite another thing", "没有一点相同", [("-", []), ("+", [])]),
        ("One.", "One.\nTwo.", [(" ", []), ("+", [])]),
    ],
)
def test_a_changed_line_marks_the_words_that_changed(
    before: str, after: str, words: list[tuple[str, list[str]]]
) -> None:
    change = SectionChange("changed", "Rules", before, after)
    marked = [(line.sign, [text for text, is_new in line.words if is_new]) for line in change.line_changes()]
    assert marked == words
    assert [line[2:] for line in change.lines if line[0] != "-"] == after.splitlines()


def test_a_section_that_moved_is_said_to_have_moved_and_no_other() -> None:
    text = BASE.replace("## Workflow\n1. Read {{topic}}.\n\n", "").replace(
        "## Skills", "## Workflow\n1. Read {{topic}}.\n\n## Skills"
    )
    diff = diff_prompts(read_prompt(BASE, name="p"), read_prompt(text, name="p"))
    assert [(change.kind, change.section) for change in diff.sections] == [("moved", "Workflow")]


@pytest.mark.parametrize(
    ("version", "level", "expected"),
    [
        (None, "patch", "1.0.0"),
        ("1.2.3", "major", "2.0.0"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3-rc.1", "patch", "1.2.4"),
    ],
)
def test_the_next_version(version: str | None, level: Level, expected: str) -> None:
    assert bumped(version, level) == expected


def test_what_is_no_version_cannot_be_bumped() -> None:
    with pytest.raises(PromptError, match=r"'1\.2' is not"):
        bumped("1.2", "minor")
