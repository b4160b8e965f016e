"""Runs that are cut off, however roughly, and gone on with: real processes."""

import json
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlathe.workspace.workspace import Workspace
from tests.cli.conftest import Lathe
from tests.fakes import ScriptedEngine
from tests.scripted import Terminal, skilled

MakeTerminal = Callable[[str], Terminal]
SCRIPTED = ("eval", "decimal-comparison", "-p", "none", "-p", "decimal-expert", "-m", "tiny.gguf")
SCRIPTED += ("--engine", "scripted", "--cases", "30", "--json")


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str], timeout_s: float = 60) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.005)


def rows(folder: Path) -> list[tuple[object, ...]]:
    """(prompt, case, verdict, is_cached, answer) of every row in the workspace."""
    connection = sqlite3.connect(folder / ".lathe" / "lathe.db")
    found = connection.execute(
        "SELECT prompt, case_id, verdict, is_cached, text FROM answers JOIN responses ON key = response_key"
        " ORDER BY prompt, case_id"
    ).fetchall()
    connection.close()
    return found


def row_count(folder: Path) -> int:
    try:
        return len(rows(folder))
    except sqlite3.OperationalError:  # not made yet
        return 0


def numbers(stdout: str) -> dict[str, object]:
    """What `--json` says, without what differs from run to run."""
    found = json.loads(stdout)
    return {key: value for key, value in found.items() if key not in ("run_id", "report")}


def kill_in_the_middle(terminal: Terminal, arguments: tuple[str, ...], at: int, **environment: str) -> None:
    process = terminal.start(*arguments, **environment)
    wait_for(lambda: row_count(terminal.folder) >= at, process)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def test_a_killed_run_goes_on_as_if_nothing_had_happened(terminal: MakeTerminal) -> None:
    calm, killed = terminal("calm"), terminal("killed")
    code, undisturbed, _ = calm.run(*SCRIPTED)
    assert (code, len(calm.asked)) == (0, 60)

    kill_in_the_middle(killed, SCRIPTED, 20, SCRIPTED_SECONDS="0.02")
    recorded = rows(killed.folder)
    assert 20 <= len(recorded) < 60
    run, state = killed.only_run()
    assert state == "interrupted"

    code, resumed, _ = killed.run("runs", "resume", run, "--json")
    assert (code, numbers(resumed)) == (0, numbers(undisturbed))
    assert rows(killed.folder) == rows(calm.folder)
    assert [row[3] for row in rows(killed.folder)] == [0] * 60
    # The engine may have been at one more answer when the process died; what was recorded is not asked again.
    assert len(killed.asked) - 60 <= 1
    assert len(set(killed.asked)) == 60
    assert killed.only_run()[1] == "finished"

    asked = len(killed.asked)
    assert numbers(killed.run("runs", "resume", run, "--json")[1]) == numbers(undisturbed)
    assert len(killed.asked) == asked


@pytest.mark.slow
@pytest.mark.model
def test_a_killed_run_on_the_real_model_goes_on(terminal: MakeTerminal, embedded_model: object) -> None:
    arguments = ("eval", "decimal-comparison", "-p", "none", "--cases", "40", "--max-tokens", "8", "--json")
    calm, killed = terminal("calm"), terminal("killed")
    for made in (calm, killed):
        del made.environment["LATHE_HOME"]
    code, undisturbed, _ = calm.run(*arguments)
    assert code == 0

    kill_in_the_middle(killed, arguments, 5)
    assert 5 <= row_count(killed.folder) < 40
    code, resumed, _ = killed.run("runs", "resume", killed.only_run()[0], "--json")
    assert code == 0
    assert [row[:4] for row in rows(killed.folder)] == [row[:4] for row in rows(calm.folder)]
    assert sum(not row[3] for row in rows(killed.folder)) == 40
    assert numbers(resumed) == numbers(undisturbed)


def test_ctrl_c_keeps_what_is_there_and_says_how_to_go_on(terminal: MakeTerminal) -> None:
    made = terminal("stopped")
    process = made.start(*SCRIPTED, SCRIPTED_SECONDS="0.02")
    wait_for(lambda: row_count(made.folder) >= 5, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    run, state = made.only_run()
    assert (process.returncode, out, state) == (130, "", "interrupted")
    assert f"Go on with: lathe runs resume {run}\n" in err
    assert "Traceback" not in err


def test_a_live_run_is_left_to_its_process(terminal: MakeTerminal) -> None:
    made = terminal("live")
    process = made.start(*SCRIPTED, SCRIPTED_SECONDS="0.2")
    wait_for(lambda: row_count(made.folder) >= 1, process)
    run, state = made.only_run()
    assert state == "running"
    code, out, err = made.run("runs", "resume", run)
    assert (code, out) == (2, "")
    assert err == f"error: run {run} is going on in another process\n hint: wait for it, or stop it\n"
    assert process.poll() is None
    process.kill()
    process.communicate()


def test_a_full_disk_is_one_line_and_the_run_goes_on_later(terminal: MakeTerminal) -> None:
    made = terminal("full")
    database = made.folder / ".lathe" / "lathe.db"
    Workspace(made.folder).database.close()
    limit = database.stat().st_size + 350_000

    process = subprocess.Popen(
        [
            "/bin/sh",
            "-c",
            f'ulimit -f {limit // 512}; exec "$@"',
            "sh",
            *made.command(*SCRIPTED, "--cases", "400"),
        ],
        cwd=made.folder,
        env=made.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, ""), err
    errors = [line for line in err.splitlines() if line.startswith(("error:", " hint:"))]
    assert len(errors) == 2
    assert "cannot write to the database" in errors[0]
    assert "free space" in errors[1]
    assert "Traceback" not in err
    run, state = made.only_run()
    assert state in ("failed", "interrupted")
    assert 0 < row_count(made.folder) < 800
    code, resumed, _ = made.run("runs", "resume", run, "--json")
    assert (code, [prompt["total"]["cases"] for prompt in json.loads(resumed)["prompts"]]) == (0, [400, 400])


def test_runs_are_listed_by_state_and_a_wrong_id_names_the_nearest(
    folder: Path, lathe_here: Lathe, scripted_engine: Callable[..., ScriptedEngine]
) -> None:
    scripted_engine(skilled(lambda _: 1.0))
    code, out, err = lathe_here("runs", "list")
    assert (code, out, "no runs yet" in err) == (0, "", True)
    assert not (folder / ".lathe").exists()
    assert lathe_here(*SCRIPTED)[0] == 0
    (run,) = json.loads(lathe_here("runs", "list", "--json")[1])
    assert (run["kind"], run["state"], run["task"]) == ("eval", "finished", "decimal-comparison")
    assert run["created_at"].endswith("+00:00")
    assert run["id"] in lathe_here("runs", "list")[1]
    for command in ("show", "resume"):
        code, _, err = lathe_here("runs", command, run["id"].replace("eval", "evil"))
        assert (code, err.splitlines()[1]) == (2, f" hint: did you mean '{run['id']}'?")
