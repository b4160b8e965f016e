"""docs/*/your-own-task.md: its files and commands, taken from the page and run as they stand there."""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Lathe
from tests.fakes import ScriptedEngine

PAGES = {
    language: Path(__file__).parents[2] / "docs" / language / "your-own-task.md" for language in ("en", "zh")
}


def write_files(page: str, folder: Path) -> list[Path]:
    """Each block that follows its file's name in code."""
    found = re.findall(r"`(tasks/[^`:]+)`[^`]{0,40}\n\n```\w+\n(.*?)```", page, re.DOTALL)
    for name, text in found:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name, _ in found]


def commands(page: str) -> Iterator[tuple[list[str], str]]:
    """Arguments of `lathe` and the output that the page shows, if any."""
    for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            program, *arguments = shlex.split(command)
            assert program == "lathe"
            yield arguments, output.strip()


def plain(output: str) -> str:
    return "\n".join(line.rstrip() for line in output.strip().splitlines())


@pytest.mark.parametrize("language", PAGES)
def test_the_page_works_as_it_stands(
    language: str, folder: Path, lathe_here: Lathe, scripted_engine: Callable[..., ScriptedEngine]
) -> None:
    engine = scripted_engine(lambda request: f"Hm. Paris, or 巴黎? red 红色 {len(request.messages)}")
    page = PAGES[language].read_text(encoding="utf-8")
    first, *others = write_files(page, folder)
    assert len(first.read_text(encoding="utf-8").splitlines()) == 20
    assert len(others) == 2
    ran = list(commands(page))
    assert [arguments[0] for arguments, _ in ran] == ["task", "task", "prompt", "eval", "eval"]
    for arguments, output in ran:
        local = ("-m", "tiny.gguf", "--engine", "scripted") if arguments[0] == "eval" else ()
        code, out, err = lathe_here(*arguments, *local)
        assert code == 0, err
        if output:
            assert plain(out) == output
    (said,) = re.findall(r"`(tasks/[^`]+: there is no expected answer)`", page)
    lines = first.read_text(encoding="utf-8").splitlines()
    lines[8] = lines[8].replace("expected", "answer")
    first.write_text("\n".join(lines), encoding="utf-8")
    assert f"error: {said}\n" in lathe_here("task", "show", first.stem)[2]
    assert len(engine.requests) == 2 * 11 + 2 * 5


@pytest.mark.model
@pytest.mark.parametrize("language", PAGES)
def test_the_page_works_on_the_real_model(
    language: str, folder: Path, lathe_here: Lathe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LATHE_HOME")
    page = PAGES[language].read_text(encoding="utf-8")
    write_files(page, folder)
    for arguments, _ in commands(page):
        code, _, err = lathe_here(*arguments)
        assert code == 0, err
