"""The documents about the prompt language say what the code does."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from promptlathe.errors import PromptError
from promptlathe.prompts import DIALECT_IDS, Language, read_prompt
from promptlathe.prompts.front_matter import FrontMatter
from promptlathe.prompts.lint import lint
from promptlathe.prompts.rules import RULES
from promptlathe.prompts.rules.source import LintOptions
from tests.prompts.test_lint import CASES, EN, ZH

DOCS = Path(__file__).parents[2] / "docs"
LANGUAGES: tuple[Language, ...] = ("en", "zh")


def _rows(language: Language, columns: int) -> list[list[str]]:
    """The cells of all tables with that many columns, without their headers."""
    text = (DOCS / language / "prompt-language.md").read_text("utf-8")
    rows = [
        [cell.strip() for cell in line[2:-2].split(" |")]
        for line in text.splitlines()
        if line.startswith("| ")
    ]
    return [row for row in rows if len(row) == columns]


def _rules(language: Language) -> list[list[str]]:
    return [row for row in _rows(language, 6) if row[0].startswith("LG")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_is_in_the_documents_as_it_is_in_the_code(language: Language) -> None:
    written = [tuple(row[:4]) for row in _rules(language)]
    assert written == [(rule.code, rule.name, rule.severity, rule.summary(language)) for rule in RULES]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", [rule.code for rule in RULES if rule.code not in ("LG001", "LG403")])
def test_every_rules_example_is_one_and_is_mended_if_the_table_says_so(language: Language, code: str) -> None:
    (row,) = (row for row in _rules(language) if row[0] == code)
    example = (
        row[4].strip("` ").replace("⏎", "\n") if "````" not in row[4] else row[4][5:-5].replace("⏎", "\n")
    )
    base = EN if language == "en" else ZH
    options = LintOptions(cases=CASES)
    for text in (example, base.replace("{}", example)):
        found = [
            finding for finding in lint(read_prompt(text, name="p"), options) if finding.rule.code == code
        ]
        if found:
            break
    assert found
    can_be_mended = any(finding.edits for finding in found)
    assert can_be_mended == bool(row[5])


def test_the_example_of_a_file_that_cannot_be_read() -> None:
    example = _rules("en")[0][4].strip("`").replace("⏎", "\n")
    with pytest.raises(PromptError, match="versoin"):
        read_prompt(example, name="p")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_dialect_and_every_front_matter_key_is_in_the_documents(language: Language) -> None:
    named = [match[1] for row in _rows(language, 2) if (match := re.fullmatch(r"`([a-z-]+)`", row[0]))]
    assert named == [*(field.name for field in fields(FrontMatter)), *DIALECT_IDS]
