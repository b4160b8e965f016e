import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from promptlathe.cli.main import app
from promptlathe.errors import UnknownNameError

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> tuple[str, str]:
    result = RUNNER.invoke(app, ["prompt", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout, result.stderr


def test_list_and_show() -> None:
    assert "math-teacher" in [prompt["name"] for prompt in json.loads(run("list", "--json")[0])]
    shown = json.loads(run("show", "math-teacher", "--json")[0])
    assert shown["sections"][0] == {
        "name": "Role",
        "written": "Role",
        "level": 1,
        "line": 5,
        "body": "数学专家",
    }
    assert run("show", "math-teacher")[0].startswith("- Role: 数学专家")


def test_a_file_that_is_no_prompt_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "lathe.toml").touch()
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "broken.md").write_text("---\nversoin: 1\n---\n# Role: T\n")
    listed, said = run("list")
    assert "math-teacher" in listed
    assert "broken.md:2: " in said.replace("\n", "")


def test_convert_writes_losses_to_stderr_only() -> None:
    text, losses = run("convert", "math-teacher", "--to", "rtf")
    assert text.startswith("## 角色\n数学专家")
    assert "Constraints：没有对应的栏" in losses
    assert "没有对应的栏" not in text
    assert run("convert", "math-teacher", "--to", "flat")[1] == ""


def test_convert_to_a_file_and_back(tmp_path: Path) -> None:
    assert run("convert", "math-teacher", "--to", "json-nested", "-o", "p.yaml")[0] == ""
    assert (tmp_path / "p.yaml").read_text(encoding="utf-8").startswith("Role:\n  name: 数学专家\n")
    found = json.loads(run("convert", "p.yaml", "--to", "lesson", "--json")[0])
    assert found["text"].startswith("# 角色: 数学专家\n") or found["text"].startswith("# Role: 数学专家\n")
    assert found["losses"] == []


def test_convert_reads_a_framework(tmp_path: Path) -> None:
    (tmp_path / "p.md").write_text(
        "**Role**: a poet\n**Task**: rhyme\n**Format**: two lines\n", encoding="utf-8"
    )
    text, losses = run("convert", "p.md", "--to", "lesson")
    assert text == "# Role: a poet\n\n## Goals\nrhyme\n\n## OutputFormat\ntwo lines\n"
    assert losses == ""


def test_an_unknown_form_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as error:
        run("convert", "math-teacher", "--to", "bulet")
    assert error.value.hint == "did you mean 'bullet'?"
