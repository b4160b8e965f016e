"""`lathe prompt lint` and `format`, as a user and a machine see them."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from promptlathe.cli.main import app
from promptlathe.engines.tokenizer import token_counter
from promptlathe.models.reference import Model
from promptlathe.tasks.case import Split
from promptlathe.tasks.task import get_task

SCHEMAS = {
    "json": Path(__file__).parents[2] / "docs" / "schemas" / "prompt-lint.json",
    "sarif": Path(__file__).parent / "schemas" / "sarif-2.1.0.json",
}
BAD = "# Role: 测试 T\n\n## Constrains\n- Say {} now.\n\n## OutputFormat\nOne sentence.\n"
GOOD = "# Role: T\n\n## Constraints\n- Say it now.\n\n## OutputFormat\nOne sentence.\n"
LEAKY = GOOD + "\n## Examples\nQ: Is 78.6 more than 78.4?\nA: Yes\n"

runner = CliRunner()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lathe.toml").write_text("")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "bad.md").write_text(BAD, encoding="utf-8")
    (tmp_path / "prompts" / "good.md").write_text(GOOD, encoding="utf-8")
    return tmp_path


def test_prints_like_a_compiler_and_exits_1_on_errors(folder: Path) -> None:
    result = runner.invoke(app, ["prompt", "lint", "--lang", "en"])
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "prompts/bad.md:3:4: warning LG103 section 'Constrains' is misspelt: 'Constraints' is meant [*]",
        "prompts/bad.md:4:7: error LG201 placeholder '{}' was never filled in",
    ]
    assert "2 checked, 2 findings, 1 error;" in result.stderr


def test_chinese_messages(folder: Path) -> None:
    result = runner.invoke(app, ["prompt", "lint", "bad", "--lang", "zh"])
    assert "prompts/bad.md:4:7: error LG201 占位符“{}”没有填写" in result.stdout


def test_clean_prompts_and_warnings_alone_exit_0(folder: Path) -> None:
    assert runner.invoke(app, ["prompt", "lint", "good", "decimal-expert"]).exit_code == 0


def test_fix_mends_the_file_and_says_what_is_left(folder: Path) -> None:
    result = runner.invoke(app, ["prompt", "lint", "bad", "--fix", "--lang", "en"])
    assert result.exit_code == 1
    assert "LG103" not in result.stdout
    assert (folder / "prompts" / "bad.md").read_text("utf-8") == BAD.replace("Constrains", "Constraints")


def test_library_prompts_are_not_mended_in_place(folder: Path) -> None:
    result = runner.invoke(app, ["prompt", "lint", "math-teacher", "--fix"])
    assert result.exception is not None
    assert "comes with promptlathe" in str(result.exception)


@pytest.mark.parametrize("output", SCHEMAS)
def test_machine_formats_validate(folder: Path, output: str) -> None:
    (folder / "prompts" / "中文 name.md").write_text(BAD, encoding="utf-8")
    (folder / "prompts" / "broken.md").write_bytes(b"---\nversoin: 1\n---\n# Role: T\n")
    result = runner.invoke(app, ["prompt", "lint", "--format", output])
    value = json.loads(result.stdout)
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMAS[output].read_text("utf-8")))
    assert [error.message for error in validator.iter_errors(value)] == []
    assert result.exit_code == 1
    assert "LG001" in result.stdout
    assert "LG201" in result.stdout


def test_sarif_results_point_to_their_rules(folder: Path) -> None:
    (run,) = json.loads(runner.invoke(app, ["prompt", "lint", "bad", "--format", "sarif"]).stdout)["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == ["LG103", "LG201"]
    (change,) = run["results"][0]["fixes"][0]["artifactChanges"]
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 3, "startColumn": 4, "endLine": 3, "endColumn": 14},
            "insertedContent": {"text": "Constraints"},
        }
    ]


def test_github_annotations(folder: Path) -> None:
    result = runner.invoke(app, ["prompt", "lint", "bad", "--format", "github", "--lang", "en"])
    assert result.stdout.splitlines()[1] == (
        "::error file=prompts/bad.md,line=4,col=7,endLine=4,title=LG201::placeholder '{}' was never filled in"
    )


def test_github_annotations_of_a_file_with_marks_in_its_name(folder: Path) -> None:
    (folder / "prompts" / "50%, a:b.md").write_text(
        "# Role: T\n\n## Rules\n- Reply with “a.\n", encoding="utf-8"
    )
    result = runner.invoke(
        app, ["prompt", "lint", "prompts/50%, a:b.md", "--format", "github", "--lang", "zh"]
    )
    assert result.stdout == (
        "::warning file=prompts/50%25%2C a%3Ab.md,line=4,col=14,endLine=4,title=LG205::引号 “ 不成对\n"
    )


def test_a_rule_can_be_ignored_by_code_or_name(folder: Path) -> None:
    result = runner.invoke(
        app, ["prompt", "lint", "bad", "--ignore", "LG201", "--ignore", "misspelt-section", "--lang", "en"]
    )
    assert (result.exit_code, result.stdout) == (0, "")
    wrong = runner.invoke(app, ["prompt", "lint", "bad", "--ignore", "mispelt-section"])
    assert "no lint rule named 'mispelt-section'" in str(wrong.exception)


def test_a_folder_is_named_as_it_is(folder: Path) -> None:
    assert "2 checked" in runner.invoke(app, ["prompt", "lint", "prompts"]).stderr


def test_a_file_that_is_no_prompt_is_a_finding_and_the_others_are_still_checked(folder: Path) -> None:
    (folder / "prompts" / "a.md").write_bytes(b"# Role\n\xff\xfe")
    result = runner.invoke(app, ["prompt", "lint", "--lang", "en"])
    assert result.stdout.startswith("prompts/a.md:2:1: error LG001 not UTF-8 text")
    assert "prompts/bad.md" in result.stdout


def test_cases_of_a_task_that_a_prompt_gives_away(folder: Path) -> None:
    (folder / "leaky.md").write_text(LEAKY, encoding="utf-8")
    assert runner.invoke(app, ["prompt", "lint", "leaky.md"]).exit_code == 0
    result = runner.invoke(app, ["prompt", "lint", "leaky.md", "--task", "decimal-comparison"])
    assert result.exit_code == 1
    assert re.match(r"leaky\.md:10:4: error LG405 ", result.stdout)


@pytest.mark.parametrize(("split", "code"), [("propose", 0), ("select", 1), ("sealed", 1)])
def test_only_the_cases_that_are_measured_count_as_leaks(folder: Path, split: Split, code: int) -> None:
    cases = get_task("decimal-comparison").cases(split, 300)
    questions = "\n".join(f"Q: {case.question}\nA: {case.expected}" for case in cases)
    (folder / "p.md").write_text(f"{GOOD}\n## Examples\n{questions}\n", encoding="utf-8")
    result = runner.invoke(
        app, ["prompt", "lint", "p.md", "--task", "decimal-comparison", "--max-tokens", "99999"]
    )
    assert result.exit_code == code
    assert result.stdout.count(" LG405 ") == code * len(cases)


@pytest.mark.model
def test_tokens_are_counted_by_the_model_that_is_named(folder: Path, embedded_model: Model) -> None:
    arguments = ["prompt", "lint", "good", "--max-tokens", "1", "--lang", "en"]
    estimated = runner.invoke(app, arguments).stdout
    counted = runner.invoke(app, [*arguments, "--model", embedded_model.name]).stdout
    tokens = token_counter(embedded_model)(GOOD.strip())
    assert f"the prompt is {tokens} tokens long" in counted
    assert "the prompt is about 1" in estimated


def test_format_changes_style_once(folder: Path) -> None:
    path = folder / "prompts" / "good.md"
    path.write_text(GOOD.replace("- ", "* ").replace("## Constraints", "## Constraints:  "), encoding="utf-8")
    assert runner.invoke(app, ["prompt", "format", "good", "--check"]).exit_code == 1
    assert runner.invoke(app, ["prompt", "format", "good"]).exit_code == 0
    assert path.read_text("utf-8") == GOOD
    assert runner.invoke(app, ["prompt", "format", "good", "--check"]).exit_code == 0
