"""The folder: where it is, its prompts, and files that are written whole or not at all."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from promptlathe.errors import PromptError, UnknownNameError, WorkspaceError
from promptlathe.prompts import render
from promptlathe.workspace.workspace import Workspace, new_run_id, write_text


@pytest.mark.parametrize("marker", ["lathe.toml", ".lathe/"])
def test_the_nearest_folder_upwards_is_the_workspace(tmp_path: Path, marker: str) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    if marker.endswith("/"):
        (tmp_path / marker).mkdir()
    else:
        (tmp_path / marker).touch()
    assert Workspace.find(inner).root == tmp_path
    (inner / "lathe.toml").touch()
    assert Workspace.find(inner).root == inner


def test_own_prompts_hide_those_of_the_library(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "decimal-expert.md").write_text("Mine.", encoding="utf-8")
    workspace = Workspace(tmp_path)
    assert render(workspace.prompt("decimal-expert").document) == "Mine."
    assert workspace.prompt_names().count("decimal-expert") == 1
    assert workspace.prompt("math-teacher").name == "math-teacher"


@pytest.mark.parametrize(
    ("reference", "hint"),
    [
        ("decimal-exprt", "did you mean 'decimal-expert'?"),
        ("nowhere/mine.md", "check the path"),
        ("mine.md", "check the path"),
    ],
)
def test_an_unknown_prompt_names_the_nearest(tmp_path: Path, reference: str, hint: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        Workspace(tmp_path).prompt(reference)
    assert (caught.value.hint, caught.value.exit_code) == (hint, 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"---\nname: a\nversoin: 1\n---\nText.", r"mine\.md:3: "),
        ("你好，\n世界".encode("gb18030"), r"mine\.md:1: not UTF-8 text \(it looks like GBK\)"),
        ("你好".encode("utf-16"), r"mine\.md:1: not UTF-8 text \(it looks like UTF-16\)"),
    ],
)
def test_a_malformed_prompt_says_where(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "mine.md").write_bytes(content)
    with pytest.raises(PromptError, match=message) as caught:
        Workspace(tmp_path).prompt(str(tmp_path / "mine.md"))
    assert "\n" not in str(caught.value)


def test_a_text_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "one\r\n")
    write_text(path, "two 二\n")
    assert path.read_bytes() == "two 二\n".encode()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("fails", ["write", "replace"])
def test_a_write_that_fails_leaves_the_old_text_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf-8")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open" if fails == "write" else "replace", full)
        with pytest.raises(WorkspaceError, match=r"cannot write .*a\.txt: No space left on device") as caught:
            write_text(path, "new")
    assert caught.value.hint == "check free space and permissions"
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_is_stopped_in_the_middle_leaves_the_old_text_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "x" * 100_000 + "\ud800")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_state_cannot_be_made_where_a_file_is(tmp_path: Path) -> None:
    (tmp_path / ".lathe").write_text("a file", encoding="utf-8")
    with pytest.raises(WorkspaceError, match=r"cannot make .*\.lathe: "):
        _ = Workspace(tmp_path).database


def test_state_ignores_itself_in_git(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert not workspace.has_database
    workspace.database.close()
    assert workspace.has_database
    assert (tmp_path / ".lathe" / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_run_ids_sort_by_time() -> None:
    early, late = (new_run_id("eval", datetime(2026, 1, day, tzinfo=UTC)) for day in (2, 11))
    assert early < late
    assert new_run_id("eval", datetime(2026, 1, 2, tzinfo=UTC)) != early
