"""`lathe runs export`: whole files or none, and nothing overwritten unasked."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Lathe
from tests.fakes import ScriptedEngine
from tests.scripted import skilled

EVAL = ("eval", "decimal-comparison", "-p", "none", "-p", "decimal-expert", "-m", "tiny.gguf")
EVAL += ("--engine", "scripted", "--cases", "10", "--json")


@pytest.fixture
def run(lathe_here: Lathe, scripted_engine: Callable[..., ScriptedEngine]) -> str:
    """The id of a run of 2 prompts, 10 cases and 2 repeats."""
    scripted_engine(skilled(lambda system: 0.7 if system else 0.4))
    code, out, err = lathe_here(*EVAL, "--repeats", "2")
    assert code == 0, err
    found = json.loads(out)["run_id"]
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize(
    ("format_name", "start", "end"),
    [
        ("csv", "\ufeffrun,task,split,prompt,model,", "\r\n"),
        ("jsonl", '{"run": ', "}\n"),
        ("json", '{"summary": {', "]}\n"),
        ("junit", "<?xml ", "</testsuites>\n"),
        ("html", "<!doctype html>", "</html>"),
    ],
)
def test_every_format_goes_to_stdout_or_whole_into_a_file(
    run: str, lathe_here: Lathe, folder: Path, format_name: str, start: str, end: str
) -> None:
    code, out, err = lathe_here("runs", "export", run, "--format", format_name)
    assert (code, err) == (0, "")
    assert out.startswith(start)
    assert out.endswith(end)
    path = folder / "out"
    assert lathe_here("runs", "export", run, "--format", format_name, "-o", "out")[:2] == (0, "")
    assert path.read_bytes().decode() == out


def test_the_formats_have_the_same_rows(run: str, lathe_here: Lathe, folder: Path) -> None:
    for name in ("a.csv", "a.jsonl", "a.json"):
        code, _, err = lathe_here("runs", "export", run, "-o", name)
        assert (code, err) == (0, f"written {name}\n")
    with (folder / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        table = [row["key"] for row in csv.DictReader(file)]
    lines = [json.loads(line)["key"] for line in (folder / "a.jsonl").read_text("utf-8").splitlines()]
    document = [row["key"] for row in json.loads((folder / "a.json").read_text("utf-8"))["rows"]]
    assert table == lines == document
    assert len(set(table)) == 40


def test_prompts_and_models_can_be_chosen(run: str, lathe_here: Lathe) -> None:
    code, out, _ = lathe_here("runs", "export", run, "-f", "inspect", "-p", "none", "-m", "tiny.gguf")
    assert code == 0
    assert {sample["metadata"]["prompt"] for sample in json.loads(out)["samples"]} == {"none"}
    code, out, _ = lathe_here("runs", "export", run, "-f", "jsonl", "-p", "decimal-expert")
    assert [json.loads(line)["prompt"] for line in out.splitlines()] == ["decimal-expert"] * 20


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        ((), "say which format", "--format csv|jsonl|json|junit|inspect|html"),
        (("-o", "out.txt"), "say which format", "--format csv|jsonl|json|junit|inspect|html"),
        (("-f", "xls"), "no format named 'xls'", "csv"),
        (("-f", "csv", "-p", "nome"), "no prompt named 'nome'", "did you mean 'none'?"),
        (("-f", "csv", "-m", "tiny"), "no model named 'tiny'", "did you mean 'tiny.gguf'?"),
        (("-f", "html", "-p", "none"), "html is the whole run", "leave them out"),
        (("-f", "inspect"), "an Inspect log holds one prompt", "--prompt and --model"),
        (
            ("-f", "inspect", "-o", "there.json", "--force"),
            "an Inspect log holds one",
            "--prompt and --model",
        ),
        (("-o", "there.json"), "there.json is there already", "--force overwrites it"),
        (("-f", "csv", "-o", "no/such/folder"), "cannot write no/such/folder", "check free space"),
        (("-f", "csv", "-o", ".", "--force"), ". is a folder", "name of a file"),
    ],
)
def test_a_mistake_is_one_line_and_changes_no_file(
    run: str, lathe_here: Lathe, folder: Path, arguments: tuple[str, ...], error: str, hint: str
) -> None:
    (folder / "there.json").write_text("mine")
    before = sorted(folder.iterdir())
    code, out, err = lathe_here("runs", "export", run, *arguments)
    assert (code in (1, 2), out) == (True, "")
    first, second = err.splitlines()
    assert error in first
    assert hint in second
    assert sorted(folder.iterdir()) == before
    assert (folder / "there.json").read_text() == "mine"


def test_force_overwrites(run: str, lathe_here: Lathe, folder: Path) -> None:
    (folder / "there.json").write_text("mine")
    assert lathe_here("runs", "export", run, "-o", "there.json", "--force")[0] == 0
    assert len(json.loads((folder / "there.json").read_text("utf-8"))["rows"]) == 40
