"""`lathe` in a workspace of its own, in this process with a scripted engine, or as processes."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from promptlathe.cli.main import main
from tests import fakes
from tests.fakes import Script, ScriptedEngine, a_model
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
def scripted_models(
    folder: Path,
    make_gguf: Callable[..., bytes],
    scripted_engine: Callable[..., ScriptedEngine],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., dict[str, ScriptedEngine]]:
    """scripted_models(name=script, ...) -> the engine of each model, which lies in `folder` as name.gguf."""

    def make(**scripts: Script) -> dict[str, ScriptedEngine]:
        engines = {}
        for number, (name, script) in enumerate(scripts.items(), start=1):
            (folder / f"{name}.gguf").write_bytes(make_gguf(weights=bytes([number] * 64)))
            model = replace(a_model(Path(name)), digest=str(number) * 64)
            engines[name] = scripted_engine(script, model=model)
        monkeypatch.setattr(fakes, "opened_engine", list(engines.values()))
        return engines

    return make


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
