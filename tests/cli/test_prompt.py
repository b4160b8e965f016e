import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from promptlathe.cli.main import app
from promptlathe.cli.prompt import complete_form
from promptlathe.errors import UnknownNameError, UsageError
from tests.cli.conftest import Lathe

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
    assert "---\n## Role\n数学专家" in text
    assert "changed: Constraints: no field for it; kept under Task\n" in losses
    assert "no field" not in text
    losses = run("convert", "code-reviewer", "--to", "rtf")[1]
    assert "：没有对应的栏，放在 任务 下\n" in losses
    assert run("convert", "math-teacher", "--to", "flat")[1] == ""


def test_convert_keeps_the_settings_or_names_them(tmp_path: Path) -> None:
    front = (
        "---\nversion: 1.2.0\nvariables:\n  place: Paris # a default\nfrozen: [Goals, Tone]\n"
        "sampling:\n  top_k: 3\n---\n"
    )
    (tmp_path / "p.md").write_text(front + "# Role: {{place}}\n## Goals\ng\n## Tone\nt\n", encoding="utf-8")
    text, losses = run("convert", "p.md", "--to", "bullet")
    assert (text, losses) == (front + "- Role: {{place}}\n- Goals: g\n- Tone: t\n", "")
    text, losses = run("convert", "p.md", "--to", "rtf")
    assert "place: Paris # a default" in text
    assert "frozen: [Tone]" in text or "frozen:\n- Tone" in text
    assert "changed: frozen: cannot be said there and is left out" in losses
    losses = run("convert", "p.md", "--to", "json-flat")[1]
    assert [line.split(":")[1].strip() for line in losses.splitlines()] == [
        "top_k", "version", "variables", "frozen",
    ]  # fmt: skip


def test_convert_never_writes_over_the_prompt_itself(tmp_path: Path) -> None:
    path = tmp_path / "p.md"
    path.write_text("# Role: X\n## Goals\ng\n", encoding="utf-8")
    for name in ("p.md", "./p.md"):
        with pytest.raises(UsageError, match="is the prompt itself"):
            run("convert", "p.md", "--to", "flat", "-o", name)
    assert path.read_text(encoding="utf-8").startswith("# Role")
    run("convert", "p.md", "--to", "flat", "-o", "p.md", "--force")
    assert path.read_text(encoding="utf-8") == "1.Expert: X\n2.Goals: g\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\xfeR\x00", "p.md:1: not UTF-8 text (it looks like UTF-16)"),
        ("# 角色\n数学专家，回答问题".encode("gbk"), "p.md:1: not UTF-8 text (it looks like GBK)"),
        (b"# Role\n\x89PNG\x00", "p.md:2: not a text file: it has zero bytes in it"),
        (b"# Role\nELF\x00\x01", "p.md:2: not a text file: it has zero bytes in it"),
    ],
)
@pytest.mark.parametrize("command", [("show",), ("convert", "--to", "flat")])
def test_a_file_that_is_no_text_is_one_clear_line(
    tmp_path: Path, lathe_anywhere: Lathe, command: tuple[str, ...], data: bytes, message: str
) -> None:
    (tmp_path / "p.md").write_bytes(data)
    code, out, err = lathe_anywhere("prompt", *command, "p.md")
    assert (code, out) == (1, "")
    assert err.splitlines()[0] == f"error: {message}"


def test_show_names_placeholders_and_commands(tmp_path: Path) -> None:
    text = "# Role: {who}\n## Goals\nAnswer [the question].\n## Commands\n- Prefix: !\n- help: say more\n"
    (tmp_path / "p.md").write_text(text, encoding="utf-8")
    shown = json.loads(run("show", "p.md", "--json")[0])
    assert [(found["written"], found["name"]) for found in shown["placeholders"]] == [
        ("{who}", "who"),
        ("[the question]", "the_question"),
    ]
    assert shown["commands"] == [{"prefix": "!", "name": "help", "description": "say more"}]


def test_forms_are_completed() -> None:
    assert complete_form("co") == ["community", "co-star"]
    assert len(complete_form("")) == 21


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
    found = json.loads(run("convert", "p.md", "--to", "lesson", "--json")[0])["from"]
    assert found == {
        "form": "rtf",
        "confidence": 1.0,
        "reason": "3 of the 3 fields of RTF: Role, Task, Format",
    }
    assert "**Task**: rhyme" in run("convert", "p.md", "--to", "messages")[0]
    assert (
        json.loads(run("convert", "p.md", "--to", "lesson", "--from", "Plain", "--json")[0])["from"]["form"]
        == "plain"
    )


def test_an_unknown_form_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as error:
        run("convert", "math-teacher", "--to", "bulet")
    assert error.value.hint == "did you mean 'bullet'?"
