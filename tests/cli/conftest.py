"""`lathe` in a workspace of its own, in this process with a scripted engine, or as processes."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlathe.cli.main import main
from tests.scripted import Terminal

Lathe = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, make_gguf: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with `tiny.gguf`; the current folder."""
    made = tmp_path / "workspace"
    made.mkdir()
    (made / "lathe.toml").touch()
    (made / "tiny.gguf").write_bytes(make_gguf())
    monkeypatch.chdir(made)
    return made


@pytest.fixture
def lathe_here(folder: Path, lathe_anywhere: Lathe) -> Lathe:
    """Runs `lathe` in `folder`; gives exit code, stdout and stderr."""
    return lathe_anywhere


@pytest.fixture
def lathe_anywhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Lathe:
    """Runs `lathe` with an empty store, in whatever folder is the current one."""
    monkeypatch.setenv("LATHE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lathe", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        assert isinstance(code, int)
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def terminal(tmp_path: Path, make_gguf: Callable[..., bytes]) -> Callable[[str], Terminal]:
    """Makes a workspace of that name in which `lathe` runs as a process."""
    return lambda name: Terminal(tmp_path / name, make_gguf())
