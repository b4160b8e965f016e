"""`lathe prompt save`: the certified prompt as a file, with its next version and its proof beside it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlathe.prompts import read_prompt
from promptlathe.prompts.diff import diff_prompts
from promptlathe.prompts.versions import propose_bump
from promptlathe.workspace.workspace import Workspace
from tests.cli.conftest import Lathe
from tests.cli.test_optimize import SMALL, examples_help, no_help, winning
from tests.fakes import ScriptedEngine
from tests.scripted import TASK

MakeEngine = Callable[..., ScriptedEngine]
FILE = "---\nversion: 1.2.3\ndescription: who is larger\n---\n# Role: Judge\n\n## Goals\n- Say which is larger.\n"


@pytest.fixture
def search(folder: Path, lathe_here: Lathe, scripted_engine: MakeEngine) -> Callable[..., dict]:
    def run(prompt: str = "mine", script: Callable[..., str] = examples_help) -> dict:
        scripted_engine(script)
        (folder / "prompts").mkdir(exist_ok=True)
        (folder / "prompts" / "mine.md").write_text(FILE, encoding="utf-8")
        code, out, err = lathe_here("optimize", TASK, "-p", prompt, *SMALL, "--json")
        assert code == 0, err
        return json.loads(out)

    return run


def test_it_is_saved_with_version_link_and_proof(
    folder: Path, lathe_here: Lathe, search: Callable[..., dict]
) -> None:
    found = search()
    code, out, err = lathe_here("prompt", "save", found["run"], "--name", "proven")
    assert code == 0, err
    assert Path(out.strip()) == folder / "prompts" / "proven.md"
    saved, start = Workspace(folder).prompt("proven"), read_prompt(FILE, name="mine")
    assert saved.digest == winning(found).digest
    assert saved.certificate == "proven.certificate.json"
    level = propose_bump(diff_prompts(start, winning(found))).level
    assert saved.version == {"major": "2.0.0", "minor": "1.3.0", "patch": "1.2.4"}[level]
    assert saved.description == "who is larger"
    assert f"1.2.3 -> {saved.version} ({level}: " in err
    assert "Examples added" in err
    beside = folder / "prompts" / saved.certificate
    assert beside.read_bytes() == Path(found["certificate"]).read_bytes()
    assert lathe_here("verify", str(beside))[0] == 0
    assert lathe_here("prompt", "show", "proven")[0] == 0
    assert lathe_here("prompt", "lint", "proven")[0] in (0, 1)


def test_nothing_is_overwritten_without_force_and_the_change_is_shown(
    folder: Path, lathe_here: Lathe, search: Callable[..., dict]
) -> None:
    found = search()
    code, out, err = lathe_here("prompt", "save", found["run"])
    assert (code, out) == (2, "")
    assert "mine.md is there already" in err
    assert "Examples added" in err
    assert (folder / "prompts" / "mine.md").read_text("utf-8") == FILE
    assert not (folder / "prompts" / "mine.certificate.json").exists()
    code, out, _ = lathe_here("prompt", "save", found["run"], "--force", "--json")
    said = json.loads(out)
    assert (code, said["from"]) == (0, "1.2.3")
    assert Workspace(folder).prompt("mine").version == said["to"]
    assert Workspace(folder).prompt("mine").digest == said["digest"] == winning(found).digest
    # Saved once more nothing changes, and neither does the version.
    again = json.loads(lathe_here("prompt", "save", found["run"], "--force", "--json")[1])
    assert (again["from"], again["to"], again["level"]) == (said["to"], said["to"], None)


def test_a_search_from_no_prompt_is_saved_under_the_tasks_name(
    folder: Path, lathe_here: Lathe, search: Callable[..., dict]
) -> None:
    found = search("none")
    assert lathe_here("prompt", "save", found["run"])[0] == 0
    assert Workspace(folder).prompt(TASK).version == "1.0.0"


def test_a_library_prompt_is_saved_beside_it(
    folder: Path, lathe_here: Lathe, search: Callable[..., dict]
) -> None:
    found = search("decimal-expert-en")
    assert lathe_here("prompt", "save", found["run"])[0] == 0
    assert Workspace(folder).prompt("decimal-expert-en").version != "1.0.0"


def test_a_name_that_is_none_is_refused(lathe_here: Lathe, search: Callable[..., dict]) -> None:
    run = search()["run"]
    for name in ("../x", "a.md", ".hidden", "a/b"):
        code, _, err = lathe_here("prompt", "save", run, "--name", name)
        assert (code, "is no name for a prompt" in err) == (2, True)


def test_what_cannot_be_saved_says_why(folder: Path, lathe_here: Lathe, search: Callable[..., dict]) -> None:
    for command in (("eval", TASK, "-p", "none", "--cases", "4"), ("headroom", TASK, "--budget", "100")):
        search(script=no_help)
        assert lathe_here(*command, "-m", "tiny.gguf", "--engine", "scripted")[0] == 0
    runs = {run["kind"]: run["id"] for run in json.loads(lathe_here("runs", "list", "--json")[1])}
    for kind in ("eval", "headroom"):
        code, _, err = lathe_here("prompt", "save", runs[kind])
        assert (code, "it has no certificate" in err) == (2, True)
    assert "no run named" in lathe_here("prompt", "save", "optimize-1999")[2]


def test_where_nothing_was_found_there_is_nothing_to_save(
    folder: Path, lathe_here: Lathe, search: Callable[..., dict]
) -> None:
    found = search(script=lambda _: "no idea")
    assert found["winner"] == "mine"
    code, _, err = lathe_here("prompt", "save", found["run"], "--name", "x")
    assert (code, "found nothing better than 'mine'" in err) == (2, True)
    assert not (folder / "prompts" / "x.md").exists()


def test_an_unfinished_search_has_no_certificate(
    folder: Path, lathe_here: Lathe, scripted_engine: MakeEngine
) -> None:
    scripted_engine(examples_help, dies_after=50)
    assert lathe_here("optimize", TASK, "-p", "none", *SMALL)[0] == 1
    (run,) = json.loads(lathe_here("runs", "list", "--json")[1])
    code, _, err = lathe_here("prompt", "save", run["id"])
    assert (code, "finish it: lathe runs resume" in err) == (2, True)
