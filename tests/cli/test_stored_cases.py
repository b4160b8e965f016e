"""A stored run is looked at without its task: the cases are those that were asked, and nobody makes them again."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

import promptlathe.workspace.database as module
from promptlathe.tasks.task import BUILT_IN, Task, get_task
from promptlathe.workspace.workspace import Workspace
from tests.cli.conftest import Lathe
from tests.fakes import ScriptedEngine
from tests.scripted import skilled

CASE = get_task("decimal-comparison").cases("select", 1)[0]
EVAL = ("eval", "decimal-comparison", "-p", "none", "-p", "decimal-expert", "-m", "tiny.gguf")
EVAL += ("--engine", "scripted", "--cases", "40", "--json")


@pytest.fixture
def run(lathe_here: Lathe, scripted_engine: Callable[..., ScriptedEngine]) -> str:
    scripted_engine(skilled(lambda system: 0.9 if system else 0.3))
    code, out, err = lathe_here(*EVAL)
    assert code == 0, err
    return str(json.loads(out)["run_id"])


def looks(run: str) -> list[tuple[str, ...]]:
    return [
        ("runs", "show", run, "--json"),
        ("runs", "cases", run, "--flips", "--json"),
        ("runs", "cases", run, "--stratum", CASE.stratum, "--limit", "0", "--json"),
        ("runs", "case", run, CASE.id),
        *(("runs", "export", run, "-f", name) for name in ("csv", "jsonl", "junit", "html")),
        ("runs", "export", run, "-f", "inspect", "-p", "none"),
        ("compare", run, "--json"),
        ("compare", run, run, "--json"),
    ]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What tasks were asked to make cases."""
    asked: list[str] = []
    make = Task.cases

    def counted(task: Task, *arguments: object, **options: object) -> object:
        asked.append(task.name)
        return make(task, *arguments, **options)

    monkeypatch.setattr(Task, "cases", counted)
    return asked


def downgrade(folder: Path, revision: str) -> None:
    """As a lathe of before would have left the database."""
    engine = create_engine(f"sqlite:///{folder / '.lathe' / 'lathe.db'}")
    config = Config()
    config.set_main_option("script_location", str(Path(module.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
    engine.dispose()


def test_no_look_makes_cases(run: str, made: list[str], lathe_here: Lathe) -> None:
    for look in looks(run):
        code, _, err = lathe_here(*look)
        assert (look, code, made) == (look, 0, []), err


def test_no_look_at_an_unfinished_run_makes_cases(
    run: str, made: list[str], lathe_here: Lathe, folder: Path
) -> None:
    first = [lathe_here(*look) for look in looks(run)]
    Workspace(folder).database.log(run, "engine", {})
    for look, before in zip(looks(run), first, strict=True):
        code, out, _ = lathe_here(*look)
        assert (code, made) == (0, [])
        if "show" in look:
            assert json.loads(out)["prompts"] == json.loads(before[1])["prompts"]


def test_a_run_of_before_makes_them_once(run: str, made: list[str], lathe_here: Lathe, folder: Path) -> None:
    first = [lathe_here(*look) for look in looks(run)]
    downgrade(folder, "0002")
    assert [lathe_here(*look) for look in looks(run)] == first
    assert made == ["decimal-comparison"]


def test_a_run_of_before_goes_on(run: str, lathe_here: Lathe, folder: Path) -> None:
    downgrade(folder, "0002")
    code, out, err = lathe_here("runs", "resume", run, "--json")
    assert code == 0, err
    assert json.loads(out)["cases"] == len(Workspace(folder).database.cases(run)) == 40


def test_a_run_of_before_whose_task_has_changed_is_refused(
    lathe_here: Lathe, scripted_engine: Callable[..., ScriptedEngine], folder: Path
) -> None:
    """It cannot be known any more what was asked."""
    scripted_engine(lambda _: "4")
    (folder / "tasks").mkdir()
    path = folder / "tasks" / "sums.csv"
    path.write_text("question,expected\n" + "".join(f"2 + {n},{n + 2}\n" for n in range(20)))
    arguments = ("-p", "none", "-m", "tiny.gguf", "--engine", "scripted", "--json")
    made = json.loads(lathe_here("eval", "sums", *arguments)[1])
    downgrade(folder, "0002")
    path.write_text("question,expected\n" + "".join(f"3 + {n},{n + 3}\n" for n in range(20)))
    for look in (("runs", "show"), ("runs", "cases"), ("compare",)):
        code, out, err = lathe_here(*look, made["run_id"])
        assert (code, out, "has changed since run" in err) == (1, "", True)
    assert not Workspace(folder).database.has_cases(made["run_id"])


def test_an_unfinished_run_without_its_task_says_what_is_missing(
    run: str, lathe_here: Lathe, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Workspace(folder).database.log(run, "engine", {})
    monkeypatch.delitem(BUILT_IN, "decimal-comparison")
    code, out, err = lathe_here("runs", "show", run)
    assert (code, out) == (1, "")
    assert f"the task of run {run} is not here any more" in err
    assert "bring its file back" in err
    assert lathe_here("runs", "cases", run)[0] == 0


def test_no_look_at_a_finished_run_loads_what_only_counting_needs(run: str, lathe_here: Lathe) -> None:
    """numpy and scipy take longer to load than a large run to be shown."""
    program = "import sys; from promptlathe.cli.main import main\ntry: main()\n"
    program += "finally: sys.exit(str({'numpy', 'scipy', 'alembic'} & set(sys.modules)))"
    for look in (*looks(run)[:2], ("runs", "export", run, "-f", "html")):
        ran = subprocess.run([sys.executable, "-c", program, *look], capture_output=True, text=True)
        assert ran.stderr.splitlines()[-1] == "set()"
        assert ran.stdout
