"""`lathe task`, and a user's own task in every command that takes one."""

import asyncio
import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest

from promptlathe.cli import task_new
from promptlathe.evaluation.plan import no_prompt
from promptlathe.optimization.certificate import write_certificate
from promptlathe.optimization.ledger import Ledger
from promptlathe.optimization.operators import BatteryProposer
from promptlathe.optimization.optimize import Effort, optimize
from promptlathe.tasks.case import Split
from promptlathe.tasks.task import Task
from promptlathe.workspace.workspace import Workspace
from tests.cli.conftest import Lathe
from tests.fakes import ScriptedEngine
from tests.optimization.conftest import evaluator, race

MakeEngine = Callable[..., ScriptedEngine]
SPLITS: tuple[Split, ...] = get_args(Split)
LOCAL = ("-m", "tiny.gguf", "--engine", "scripted")
CITIES = """\
question: The capital of {{country}}?
splits: {select: 50, sealed: 50}
cases:
"""


def write_task(folder: Path, name: str = "cities", count: int = 40) -> Path:
    path = folder / "tasks" / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    listed = "".join(f"  - {{country: C{number}, expected: City {number}}}\n" for number in range(count))
    path.write_text(CITIES + listed, encoding="utf-8")
    return path


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_new_task_works_and_is_never_replaced(folder: Path, lathe_here: Lathe, language: str) -> None:
    code, out, _ = lathe_here("task", "new", "capitals", "--lang", language)
    path = folder / "tasks" / "capitals.yaml"
    assert (code, out.strip()) == (0, str(path))
    text = path.read_text(encoding="utf-8")
    assert 15 <= len(text.splitlines()) <= 25
    assert text.count("#") >= 4
    shown = json.loads(lathe_here("task", "show", "capitals", "--json")[1])
    assert (shown["languages"], sum(shown["cases"].values())) == ([language], 8)
    code, _, err = lathe_here("task", "new", "capitals")
    assert (code, path.read_text(encoding="utf-8")) == (2, text)
    assert "capitals.yaml is there already" in err


def test_a_table_of_that_name_is_in_the_way_too(folder: Path, lathe_here: Lathe) -> None:
    (folder / "tasks").mkdir()
    (folder / "tasks" / "a.csv").write_text("question,expected\n1,2\n")
    assert lathe_here("task", "new", "a")[0] == 2
    assert [path.name for path in (folder / "tasks").iterdir()] == ["a.csv"]


def test_a_new_task_from_options(folder: Path, lathe_here: Lathe) -> None:
    code, _, err = lathe_here(
        "task", "new", "sums", "--question", '"{{a}}" + {{b}}?', "--grader", "exact",
        "--case", "1 | 2 => 3", "--case", "a: b | # => \"x\" => 4",
    )  # fmt: skip
    assert code == 0, err
    cases = [
        case
        for split in (("propose",), ("select",), ("sealed", "--show-sealed"))
        for case in json.loads(lathe_here("task", "cases", "sums", "--json", "--split", *split)[1])
    ]
    assert sorted((case["question"], case["expected"]) for case in cases) == [
        ('"1" + 2?', "3"),
        ('"a: b" + # => "x"?', "4"),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a/b",), "'a/b' is no name for a task"),
        (("..",), "'..' is no name for a task"),
        (("a.yaml",), "'a.yaml' is no name for a task"),
        (("a", "--case", "x => y"), "--question is needed"),
        (("a", "--question", "What?"), "--case is needed"),
        (("a", "--question", "{{x}}?", "--case", "y"), "--case 'y' is not 'VALUE => ANSWER'"),
        (
            ("a", "--question", "{{x}}?", "--case", "y | z => w"),
            "a case has 2 values, but the question has 1",
        ),
        (("a", "--question", "{{x}}?", "--case", "y => z", "--grader", "exat"), "exat"),
    ],
)
def test_a_new_task_that_cannot_be(
    folder: Path, lathe_here: Lathe, arguments: tuple[str, ...], message: str
) -> None:
    code, _, err = lathe_here("task", "new", *arguments)
    assert code in (1, 2)
    assert message in err
    assert not list(folder.glob("tasks/*"))


def test_the_interview(folder: Path, lathe_here: Lathe, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["{{国家}}的首都？", "首都", "", "法国", "巴黎", "日本", "东京", ""])
    monkeypatch.setattr(task_new.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.prompt", lambda *_, default="", **__: next(answers) or default)
    assert lathe_here("task", "new", "首都", "--lang", "zh")[0] == 0
    shown = json.loads(lathe_here("task", "show", "首都", "--json")[1])
    assert (shown["description"]["zh"], shown["grader"].split("{")[0]) == ("首都", "contains")
    assert sum(shown["cases"].values()) == 2


def test_tasks_are_listed_the_broken_ones_too(folder: Path, lathe_here: Lathe) -> None:
    write_task(folder)
    (folder / "tasks" / "broken.yaml").write_text("questoin: x\n")
    for suffix in ("csv", "jsonl"):
        (folder / "tasks" / f"two.{suffix}").write_text("")
    found = {row["name"]: row for row in json.loads(lathe_here("task", "list", "--json")[1])}
    assert found["cities"]["from"] == "tasks/cities.yaml"
    assert found["decimal-comparison"]["languages"] == "en zh"
    assert found["broken"]["error"].startswith("tasks/broken.yaml:1: unknown key 'questoin'")
    assert found["two"]["error"] == "task 'two' could be two.csv and two.jsonl"
    code, out, _ = lathe_here("task", "list")
    assert code == 0
    assert "cannot be read" in out
    code, _, err = lathe_here("task", "show", "broken")
    assert (code, "did you mean 'question'?" in err) == (1, True)


def test_built_in_tasks_are_shown(lathe_here: Lathe) -> None:
    code, out, _ = lathe_here("task", "show", "decimal-comparison")
    assert code == 0
    assert "select any number" in out
    assert "longer-is-smaller" in out


def test_sealed_cases_are_shown_on_demand_only_and_that_is_written_down(
    folder: Path, lathe_here: Lathe
) -> None:
    write_task(folder)
    log = folder / ".lathe" / "sealed-reads.jsonl"
    code, out, err = lathe_here("task", "cases", "cities", "--split", "sealed")
    assert (code, out, log.exists()) == (2, "", False)
    assert "--show-sealed" in err
    for _ in range(2):
        code, out, err = lathe_here(
            "task", "cases", "cities", "--split", "sealed", "--show-sealed", "--count", "3"
        )
        assert (code, "3 sealed cases of cities were looked at" in err) == (0, True)
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(entry["task"], entry["cases"]) for entry in entries] == [("cities", 3)] * 2


def test_cases_as_csv_are_a_task_again(folder: Path, lathe_here: Lathe) -> None:
    lathe_here("task", "new", "capitals")
    out = lathe_here("task", "cases", "capitals", "--csv")[1]
    (folder / "tasks" / "again.csv").write_text(out, encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(out)))
    again = json.loads(lathe_here("task", "cases", "again", "--json")[1])
    assert {row["question"]: row["expected"] for row in rows} == {
        case["question"]: case["expected"] for case in again
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "citis"), "no task named 'citis'"),
        (("show", "tasks/none.yaml"), "no task file named 'tasks/none.yaml'"),
        (("show", "two"), "task 'two' could be two.csv and two.jsonl"),
        (("cases", "cities", "--split", "all"), "--split is propose, select or sealed, not 'all'"),
        (("cases", "cities", "--lang", "zh"), "task 'cities' has no cases in zh"),
    ],
)
def test_what_is_not_there(folder: Path, lathe_here: Lathe, arguments: tuple[str, ...], message: str) -> None:
    write_task(folder)
    for suffix in ("csv", "jsonl"):
        (folder / "tasks" / f"two.{suffix}").write_text("")
    code, _, err = lathe_here("task", *arguments)
    assert (code, message in err) == (2, True), err


@pytest.mark.parametrize("reference", ["cities", "tasks/cities.yaml", "elsewhere/cities.yaml"])
def test_a_run_finds_its_task_again_from_any_folder(
    folder: Path,
    lathe_here: Lathe,
    scripted_engine: MakeEngine,
    monkeypatch: pytest.MonkeyPatch,
    reference: str,
) -> None:
    engine = scripted_engine(lambda _: "City 1")
    path = write_task(folder)
    if "elsewhere" in reference:
        (folder / "elsewhere").mkdir()
        path = path.rename(folder / reference)
    code, out, err = lathe_here("eval", reference, "-p", "none", *LOCAL, "--json")
    assert code == 0, err
    made = json.loads(out)
    assert (made["task"], made["cases"]) == ("cities", len(engine.requests))
    assert 10 < made["cases"] < 30
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    assert json.loads(lathe_here("runs", "show", made["run_id"], "--json")[1])["cases"] == made["cases"]
    path.unlink()
    code, out, err = lathe_here("runs", "resume", made["run_id"])
    assert (code, out) == (1, "")
    assert "is not here any more" in err
    assert f"{made['run_id']}.html" in err.replace("\n", "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda text: text.replace("City", "Town"), "has changed since run", id="other answers"),
        pytest.param(
            lambda _: CITIES + "  - {country: A, expected: B}", "has changed since run", id="one case"
        ),
        pytest.param(lambda text: "grader: contains\n" + text, "has changed since run", id="another grader"),
        pytest.param(lambda _: "questoin: x", "cities.yaml:1: unknown key 'questoin'", id="a mistake"),
        pytest.param(None, "is not here any more", id="gone"),
        pytest.param(lambda text: "# capitals\n" + text, "", id="a comment"),
    ],
)
def test_a_changed_task_stops_a_run_from_going_on_and_not_from_being_seen(
    folder: Path,
    lathe_here: Lathe,
    scripted_engine: MakeEngine,
    change: Callable[[str], str] | None,
    message: str,
) -> None:
    scripted_engine(lambda _: "City 1")
    path = write_task(folder)
    run = json.loads(lathe_here("eval", "cities", "-p", "none", *LOCAL, "--json")[1])["run_id"]
    looks = [
        ("runs", "show", run, "--json"),
        ("runs", "cases", run, "--wrong", "--json"),
        ("runs", "case", run, json.loads(lathe_here("runs", "cases", run, "--json")[1])[0]["id"], "--json"),
        ("runs", "export", run, "-f", "jsonl"),
        ("runs", "export", run, "-f", "html"),
        ("compare", run, run, "--json"),
    ]
    before = [lathe_here(*look) for look in looks]
    assert {code for code, _, _ in before} == {0}
    if change:
        path.write_text(change(path.read_text()))
    else:
        path.unlink()
    assert [lathe_here(*look) for look in looks] == before
    code, out, err = lathe_here("runs", "resume", run)
    assert (code, message in err) == (1 if message else 0, True), err
    assert bool(out) != bool(message)


def test_python_in_a_task_runs_with_permission_only(
    folder: Path, lathe_here: Lathe, scripted_engine: MakeEngine
) -> None:
    scripted_engine(lambda _: "City 1")
    path = write_task(folder)
    path.write_text("grader: {type: python, file: judge.py}\n" + path.read_text())
    (folder / "judge.py").write_text("def grade(answer, case):\n    return answer.startswith('City')\n")
    asked = ("eval", "cities", "-p", "none", *LOCAL, "--json")
    code, _, err = lathe_here(*asked)
    assert (code, "--allow-python" in err) == (1, True)
    found = json.loads(lathe_here(*asked, "--allow-python")[1])
    assert found["prompts"][0]["total"]["accuracy"] == 1.0
    code, _, err = lathe_here("runs", "resume", found["run_id"])
    assert (code, "--allow-python" in err) == (1, True)
    assert lathe_here("runs", "resume", found["run_id"], "--allow-python")[0] == 0
    assert lathe_here("runs", "show", found["run_id"])[0] == 0


def test_what_a_small_task_cannot_do_is_said_before_a_run_is_made(
    folder: Path, lathe_here: Lathe, scripted_engine: MakeEngine
) -> None:
    scripted_engine(lambda _: "City 1")
    write_task(folder, count=2)
    for arguments, message in (
        (("--split", "propose"), "task 'cities' has no propose cases in en"),
        (("--cases", "50"), "select cases, not 50"),
        (("--lang", "zh"), "has no select cases in zh"),
    ):
        code, _, err = lathe_here("eval", "cities", "-p", "none", *LOCAL, *arguments)
        assert code in (1, 2)
        assert message in err
    assert json.loads(lathe_here("runs", "list", "--json")[1]) == []


def test_an_own_task_hides_the_built_in_one_of_its_name(folder: Path, lathe_here: Lathe) -> None:
    write_task(folder, "decimal-comparison")
    shown = json.loads(lathe_here("task", "show", "decimal-comparison", "--json")[1])
    assert shown["file"] == "tasks/decimal-comparison.yaml"


def test_a_prompt_that_gives_a_case_away_is_found(folder: Path, lathe_here: Lathe) -> None:
    write_task(folder)
    cases = json.loads(lathe_here("task", "cases", "cities", "--json")[1])
    (folder / "leak.md").write_text(
        f"# Role\nA guide.\n\n# Examples\n{cases[0]['question']}\n{cases[0]['expected']}\n"
    )
    assert "LG405" in lathe_here("prompt", "lint", "leak.md", "--task", "cities")[1]


async def certificate_over(task: Task) -> str:
    """That a prompt whose text says so makes the model know every answer."""
    known = {
        case.question: case.expected
        for split in SPLITS
        for case in task.cases(split, task.available(split, 99))
    }
    asking = evaluator(
        lambda request: known[request.messages[-1].content] if len(request.messages) > 1 else "?"
    )
    effort = Effort(
        select_cases=task.available("select", 99),
        sealed_cases=task.available("sealed", 99),
        least_sealed=40,
        propose_cases=task.available("propose", 99),
        languages=task.languages,
    )
    ledger = Ledger(replace(asking, task=task), effort.budget, on_row=lambda _: None)
    strategy = race(ledger, effort, [BatteryProposer()])
    now = datetime(2026, 5, 1, tzinfo=UTC)
    return write_certificate(
        (await optimize(ledger, no_prompt(), strategy, effort, now=lambda: now)).certificate
    )


def test_a_certificate_over_an_own_task(folder: Path, lathe_here: Lathe) -> None:
    path = write_task(folder, count=120)
    path.write_text(
        path.read_text().replace("{select: 50, sealed: 50}", "{propose: 10, select: 50, sealed: 40}")
    )
    (folder / "c.json").write_text(asyncio.run(certificate_over(Workspace(folder).task("cities"))))

    def verify(*arguments: str) -> tuple[int, str, str]:
        return lathe_here("verify", "c.json", *arguments)

    assert verify()[0] == 0
    assert '"is_gain_proven": true' in (folder / "c.json").read_text()
    moved = path.rename(folder / "cities.yaml")
    code, _, err = verify()
    assert (code, "the certificate is about the task 'cities'" in err, "--task FILE" in err) == (
        2,
        True,
        True,
    )
    assert verify("--task", "cities.yaml")[0] == 0
    moved.write_text(moved.read_text().replace("City", "Town"))
    code, out, _ = verify("--task", "cities.yaml")
    assert (code, "the sealed cases are not the ones" in out) == (1, True)
    moved.write_text(CITIES + "  - {country: A, expected: B}\n")
    code, out, _ = verify("--task", "cities.yaml")
    assert (code, "the sealed cases are not there: task 'cities' has only" in out) == (1, True)


PROMPTFOO = """\
prompts: ['Be brief. {{country}}', 'Be nice. {{country}}']
tests:
  - {vars: {country: France}, assert: [{type: icontains, value: Paris}, {type: llm-rubric, value: kind}]}
"""


def test_import_writes_a_task_and_its_prompts_or_nothing(folder: Path, lathe_here: Lathe) -> None:
    (folder / "pf.yaml").write_text(PROMPTFOO)
    code, out, err = lathe_here("task", "import", "pf.yaml")
    assert code == 0
    assert [Path(line).relative_to(folder).as_posix() for line in out.split()] == [
        "tasks/pf.yaml", "prompts/pf-1.md", "prompts/pf-2.md"
    ]  # fmt: skip
    assert "pf.yaml:3: assertion left out: llm-rubric" in err
    assert lathe_here("prompt", "show", "pf-1")[1] == "Be brief.\n"
    assert lathe_here("task", "show", "pf")[0] == 0
    (folder / "tasks" / "pf.yaml").unlink()
    code, _, err = lathe_here("task", "import", "pf.yaml")
    assert (code, "pf-1.md is there already" in err) == (2, True)
    assert not (folder / "tasks" / "pf.yaml").exists()
    found = json.loads(lathe_here("task", "import", "pf.yaml", "--name", "other", "--json")[1])
    assert (found["cases"], len(found["files"]), found["notes"][0]["where"]) == (1, 3, "pf.yaml:3")
    assert lathe_here("task", "import", "none.yaml")[0] == 2
