"""kill -9 in the middle of a search, at any moment: it goes on, and ends with the same certificate."""

import json
import random
import signal
from pathlib import Path

import pytest

from tests.cli.test_runs import MakeTerminal, row_count, wait_for
from tests.scripted import Terminal

SEARCH = ("optimize", "decimal-comparison", "-p", "none", "-m", "tiny.gguf", "--engine", "scripted")
SEARCH += ("--budget", "400", "--sealed-cases", "40", "--json")


def certificate(stdout: str) -> dict[str, object]:
    """Without when it was made, and the digest that follows from it."""
    found = json.loads(Path(json.loads(stdout)["certificate"]).read_text("utf-8"))
    return {name: value for name, value in found.items() if name not in ("created_at", "digest")}


def killed_and_resumed(made: Terminal, at: int) -> dict[str, object]:
    process = made.start(*SEARCH, SCRIPTED_SECONDS="0.003")
    wait_for(lambda: row_count(made.folder) >= at, process)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    run, state = made.only_run()
    assert state in ("interrupted", "finished")  # a moment may be the last
    code, out, err = made.run("runs", "resume", run, "--json")
    assert code == 0, err
    assert made.only_run()[1] == "finished"
    return certificate(out)


def check(terminal: MakeTerminal, moments: int, seed: int) -> None:
    calm = terminal("calm")
    code, out, err = calm.run(*SEARCH)
    assert code == 0, err
    undisturbed = certificate(out)
    assert undisturbed["claims"]["winner"] != "none"
    draw = random.Random(seed)
    last = row_count(calm.folder) - 2
    for moment in range(moments):
        killed = terminal(f"killed-{moment}")
        assert killed_and_resumed(killed, draw.randint(1, last)) == undisturbed
        # What was recorded is not asked again; the engine may have been at one more answer.
        assert set(killed.asked) == set(calm.asked)
        assert len(killed.asked) - len(calm.asked) <= 1


def test_a_killed_search_ends_with_the_same_certificate(terminal: MakeTerminal) -> None:
    check(terminal, 2, seed=1)


@pytest.mark.slow
def test_killed_at_twenty_random_moments(terminal: MakeTerminal) -> None:
    check(terminal, 20, seed=20)
