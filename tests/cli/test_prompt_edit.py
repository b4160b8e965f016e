"""`lathe prompt new`, `diff` and `bump`."""

import json
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
from typer.testing import CliRunner

from promptlathe.cli import prompt_edit
from promptlathe.cli.main import app
from promptlathe.prompts import library_prompt, read_prompt
from promptlathe.prompts.dialects import DIALECT_IDS, DIALECTS, DialectId
from promptlathe.prompts.lint import lint

runner = CliRunner()
FLAGS = {
    "en": [
        "--role",
        "SQL expert",
        "--goal",
        "Write one query.",
        "--constraint",
        "Read only.",
        "--workflow",
        "Read the question.",
        "--output-format",
        "One SQL code block.",
        "--skill",
        "Joins and windows",
    ],
    "zh": [
        "--role",
        "SQL 专家",
        "--goal",
        "写出一条查询。",
        "--constraint",
        "只读不写。",
        "--workflow",
        "先看清问题。",
        "--output-format",
        "一个 SQL 代码块。",
        "--skill",
        "连接与窗口函数",
    ],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lathe.toml").write_text("")
    return tmp_path


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("dialect", DIALECT_IDS)
def test_a_draft_in_every_dialect_lints_without_errors(
    folder: Path, language: str, dialect: DialectId
) -> None:
    arguments = ["prompt", "new", "sql", "--lang", language, "--dialect", dialect, *FLAGS[language]]
    result = runner.invoke(app, [*arguments, "--example", "1+1? => 2"])
    assert result.exit_code == 0, result.output
    prompt = read_prompt((folder / "prompts" / "sql.md").read_bytes(), name="sql")
    assert prompt.version == "0.1.0"
    assert prompt.document.layout.kind == DIALECTS[dialect].kind
    said = {
        "Role",
        "Skills",
        "Goals",
        "Constraints",
        "Workflow",
        "OutputFormat",
        "Examples",
        "Initialization",
    }
    assert said <= {section.name for section in prompt.document.sections}
    assert [finding for finding in lint(prompt) if finding.severity == "error"] == []


def test_the_interview_asks_for_what_no_option_gives(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    replies = iter(["", "Rhyme.", "", "", "", "", "Four lines."])
    monkeypatch.setattr(prompt_edit, "_is_terminal", lambda: True)
    monkeypatch.setattr(prompt_edit, "_ask", lambda text, **_: asked.append(text) or next(replies))
    assert runner.invoke(app, ["prompt", "new", "poet", "--role", "Poet"]).exit_code == 0
    assert "Who is the model? (Translator, SQL expert …)" not in asked
    text = (folder / "prompts" / "poet.md").read_text("utf-8")
    assert "Rhyme." in text
    assert "Four lines." in text


def test_the_interview_in_a_terminal(folder: Path) -> None:
    command = ["-c", "from promptlathe.cli.main import main; main()", "prompt", "new", "诗人", "--lang", "zh"]
    child = pexpect.spawn(sys.executable, command, cwd=folder, timeout=20, encoding="utf-8")
    for question, replies in [
        ("模型扮演谁", ["诗人"]),
        ("要知道什么背景", [""]),
        ("要达成什么目标", ["写四行诗", ""]),
        ("它会什么", [""]),
        ("要遵守什么", ["押韵", "不用生僻字", ""]),
        ("分哪几步做", [""]),
        ("回答是什么样子", ["四行，每行七个字"]),
    ]:
        child.expect(question)
        for reply in replies:
            child.expect(": ")
            child.sendline(reply)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    text = (folder / "prompts" / "诗人.md").read_text("utf-8")
    assert "## 约束\n- 押韵\n- 不用生僻字\n" in text
    assert lint(read_prompt(text, name="诗人")) == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a/b", *FLAGS["en"]], "no name for a prompt"),
        (["x", "--role", "T"], "--output-format is needed"),
        (["x", *FLAGS["en"], "--dialect", "rolle"], "no dialect named 'rolle'"),
        (["x", *FLAGS["en"], "--example", "only a question"], "is not 'QUESTION => ANSWER'"),
    ],
)
def test_a_users_mistake_is_one_line_and_writes_nothing(
    folder: Path, arguments: list[str], message: str
) -> None:
    result = runner.invoke(app, ["prompt", "new", *arguments])
    assert message in str(result.exception)
    assert not list(folder.rglob("*.md"))


def test_a_prompt_is_not_overwritten(folder: Path) -> None:
    assert runner.invoke(app, ["prompt", "new", "sql", *FLAGS["en"]]).exit_code == 0
    result = runner.invoke(app, ["prompt", "new", "sql", *FLAGS["en"]])
    assert "is there already" in str(result.exception)


def test_a_copy_keeps_variables_and_asks_nothing(folder: Path) -> None:
    assert runner.invoke(app, ["prompt", "new", "shop", "--from", "customer-service"]).exit_code == 0
    copied = read_prompt((folder / "prompts" / "shop.md").read_bytes(), name="shop")
    original = library_prompt("customer-service")
    assert (copied.document.text, copied.variables) == (original.document.text, original.variables)
    result = runner.invoke(app, ["prompt", "new", "other", "--from", "shop", "--role", "T"])
    assert "--from copies a prompt as it is" in str(result.exception)
    assert not (folder / "prompts" / "other.md").exists()


def test_the_draft_is_in_the_language_asked_for(folder: Path) -> None:
    runner.invoke(app, ["prompt", "new", "sql", "--lang", "zh", *FLAGS["zh"]])
    document = read_prompt((folder / "prompts" / "sql.md").read_bytes(), name="sql").document
    assert document.language == "zh"
    assert all(not section.written.isascii() for section in document.sections)
    assert "遵循<工作流程>、<约束>、<输出格式>，" in document.text
    assert lint(read_prompt(document.text, name="sql")) == ()


def test_diff_names_the_sections_and_the_bump(folder: Path) -> None:
    (folder / "a.md").write_text("# Role: T\n\n## Goals\n- one thing\n")
    (folder / "b.md").write_text("# Role: T\n\n## Goals\n- one thing\n- another\n\n## Style\nDry.\n")
    result = runner.invoke(app, ["prompt", "diff", "a.md", "b.md"])
    assert result.stdout.splitlines() == [
        "Goals changed",
        "      - one thing",
        "    + - another",
        "Style added",
        "    + Dry.",
    ]
    assert "minor" in result.stderr
    value = json.loads(runner.invoke(app, ["prompt", "diff", "a.md", "b.md", "--json"]).stdout)
    assert value["bump"]["level"] == "minor"
    assert [section["kind"] for section in value["sections"]] == ["changed", "added"]


def test_bump_compares_with_the_committed_file_and_writes_the_version(folder: Path) -> None:
    path = folder / "prompts" / "p.md"
    path.parent.mkdir()
    path.write_text("---\nversion: 1.2.3  # kept\n---\n# Role: T\n\n## Goals\n- one thing\n")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True, cwd=folder)
    assert runner.invoke(app, ["prompt", "bump", "p"]).stdout == "nothing changed: 1.2.3\n"
    assert "no difference" in runner.invoke(app, ["prompt", "diff", "p"]).stderr
    path.write_text(path.read_text().replace("Role: T", "Role: Poet"))
    result = runner.invoke(app, ["prompt", "bump", "p", "--write"])
    assert result.stdout == "1.2.3 -> 2.0.0 (major: Role changed)\n"
    changed = runner.invoke(app, ["prompt", "diff", "p"]).stdout.splitlines()
    assert changed == ["version: 1.2.3 -> 2.0.0", "Role changed", "    - T", "    + Poet"]
    assert "git has no" in str(runner.invoke(app, ["prompt", "diff", "p", "--rev", "nowhere"]).exception)
    assert path.read_text().startswith("---\nversion: 2.0.0  # kept\n---\n# Role: Poet")


def test_bump_without_an_earlier_version_says_how_to_name_one(folder: Path) -> None:
    result = runner.invoke(app, ["prompt", "bump", "math-teacher"])
    assert "no earlier version" in str(result.exception)
