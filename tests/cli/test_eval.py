"""`lathe eval`, as a user types it: its numbers, its streams, and what it says of mistakes."""

import json
import math
import sqlite3
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import pytest
from scipy.stats import t

from promptlathe.tasks.task import get_task
from tests.cli.conftest import Lathe
from tests.fakes import ScriptedEngine
from tests.scripted import TASK, skilled

MakeEngine = Callable[..., ScriptedEngine]
EVAL = ("eval", TASK, "-m", "tiny.gguf", "--engine", "scripted", "--cases", "80")
PROMPTS = ("-p", "none", "-p", "decimal-expert", "-p", "math-teacher")


def by_length(system: str) -> float:
    return 0.8 if "Role" in system or "角色" in system else 0.35


def test_json_is_all_there_is_on_stdout(lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    engine = scripted_engine(skilled(by_length))
    code, out, err = lathe_here(*EVAL, *PROMPTS, "--json")
    assert (code, len(engine.requests)) == (0, 240)
    found = json.loads(out)
    assert [prompt["name"] for prompt in found["prompts"]] == ["none", "decimal-expert", "math-teacher"]
    assert Path(found["report"]).read_text(encoding="utf-8").startswith("<!doctype html>")
    assert found["headline"]
    assert "240/240" in err


def test_the_table_goes_to_stdout_and_the_rest_to_stderr(
    lathe_here: Lathe, scripted_engine: MakeEngine
) -> None:
    scripted_engine(skilled(by_length))
    code, out, err = lathe_here(*EVAL, *PROMPTS)
    assert code == 0
    assert "decimal-expert" in out
    assert "answers" in err
    assert "report" in err
    assert max(map(len, out.splitlines()[:-1])) <= 80


def exact_sign_flip(sums: list[int]) -> float:
    """Two-sided p by counting the ways: totals to the number of sign patterns that give them."""
    ways = {0: 1}
    for size in sums:
        more: dict[int, int] = defaultdict(int)
        for total, count in ways.items():
            more[total + size] += count
            more[total - size] += count
        ways = more
    extreme = sum(count for total, count in ways.items() if abs(total) >= abs(sum(sums)))
    return extreme / sum(ways.values())


def test_the_numbers_follow_from_the_rows_in_the_database(
    folder: Path, lathe_here: Lathe, scripted_engine: MakeEngine
) -> None:
    """All of it computed again from SQL and textbook formulas, with nothing of ours but the cases."""
    scripted_engine(skilled(by_length))
    found = json.loads(lathe_here(*EVAL, *PROMPTS, "--json")[1])
    cases = {case.id: case for case in get_task(TASK).cases("select", 80)}
    connection = sqlite3.connect(folder / ".lathe" / "lathe.db")
    rows = connection.execute("SELECT prompt, case_id, verdict FROM answers").fetchall()
    connection.close()
    right = {(prompt, case): verdict == "correct" for prompt, case, verdict in rows}

    for prompt in found["prompts"]:
        name, total = prompt["name"], prompt["total"]
        values = [right[name, case] for case in cases]
        assert (total["cases"], total["correct"]) == (80, sum(values))
        assert total["accuracy"] == pytest.approx(mean(values))
        # Wilson's interval with the effective number of cases, clusters of two.
        share, clusters = mean(values), defaultdict(list)
        for case in cases.values():
            clusters[case.cluster].append(right[name, case.id])
        spread = sum((sum(group) - share * len(group)) ** 2 for group in clusters.values())
        effect = max(1.0, len(clusters) / (len(clusters) - 1) * spread / (80 * share * (1 - share)))
        n, z = 80 / effect, t.ppf(0.975, len(clusters) - 1)
        middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
        assert total["interval"]["low"] == pytest.approx(middle - half)
        assert total["interval"]["high"] == pytest.approx(middle + half)
        for stratum, part in prompt["strata"].items():
            inside = [right[name, case.id] for case in cases.values() if case.stratum == stratum]
            assert (part["cases"], part["correct"]) == (len(inside), sum(inside))

    p_values = []
    for compared in found["comparisons"]:
        changes: dict[str, int] = defaultdict(int)
        for case in cases.values():
            changes[case.cluster] += right[compared["after"], case.id] - right["none", case.id]
        paired = compared["paired"]
        fixed = [case for case in cases if right[compared["after"], case] > right["none", case]]
        broken = [case for case in cases if right[compared["after"], case] < right["none", case]]
        assert (compared["fixed"], compared["broken"]) == (fixed, broken)
        assert (paired["fixed"], paired["broken"]) == (len(fixed), len(broken))
        assert paired["difference"] == pytest.approx((len(fixed) - len(broken)) / 80)
        assert paired["p_value"] == pytest.approx(exact_sign_flip(list(changes.values())))
        p_values.append(paired["p_value"])
    smaller, larger = sorted(p_values)
    assert sorted(made["adjusted_p"] for made in found["comparisons"]) == pytest.approx(
        [min(1, 2 * smaller), max(min(1, 2 * smaller), larger)]
    )


def test_failures_are_counted_apart_and_asked_again(lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    failing = get_task(TASK).cases("select", 80)[5].question
    scripted_engine(skilled(lambda _: 1.0), fails_on={failing})
    _, out, err = lathe_here(*EVAL, "-p", "none", "--json")
    found = json.loads(out)
    (prompt,) = found["prompts"]
    assert f"1 without an answer; ask again with: lathe runs resume {found['run_id']}\n" in err
    assert (prompt["errors"], prompt["wrong"], prompt["total"]["cases"]) == (1, 0, 79)
    healed = scripted_engine(skilled(lambda _: 1.0))
    (prompt,) = json.loads(lathe_here("runs", "resume", found["run_id"], "--json")[1])["prompts"]
    assert (dict(healed.asked), prompt["errors"], prompt["total"]["correct"]) == ({failing: 1}, 0, 80)


def test_where_every_answer_fails_the_run_failed(lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    scripted_engine({}, fails_on={case.question for case in get_task(TASK).cases("select", 80)})
    code, out, err = lathe_here(*EVAL, "-p", "none", "--json")
    assert (code, out) == (1, "")
    assert "error: no question was answered: no answer to " in err
    assert json.loads(lathe_here("runs", "list", "--json")[1])[0]["state"] == "failed"


def test_an_engine_that_breaks_is_one_line(lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    engine = scripted_engine(skilled(lambda _: 1.0), dies_after=10)
    code, out, err = lathe_here(*EVAL, "-p", "none", "--json")
    assert (code, out) == (1, "")
    assert "error: the scripted engine died\n" in err
    (run,) = json.loads(lathe_here("runs", "list", "--json")[1])
    assert run["state"] == "failed"
    assert f"lathe runs resume {run['id']}" in err
    assert lathe_here("runs", "resume", run["id"])[0] == 0
    assert (engine.answers, lathe_here("runs", "list")[1].count("finished")) == (80, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "message", "hint"),
    [
        (("-p", "decimal-exprt"), 2, "no prompt named 'decimal-exprt'", "did you mean 'decimal-expert'?"),
        (("-p", "none", "-p", "none"), 2, "two prompts are called 'none'", "another file name"),
        (("-p", "none", "-m", "smollm2-135m-instrct"), 2, "no model named", "'smollm2-135m-instruct'?"),
        (("-p", "none", "-m", "nowhere.gguf"), 2, "no file or folder at nowhere.gguf", "lathe models list"),
        (("-p", "none", "--engine", "scriptd"), 2, "no engine named 'scriptd'", "did you mean 'scripted'?"),
        (("-p", "none", "--lang", "fr"), 2, "no language 'fr'", "choose from: en, zh"),
        (("-p", "none", "--split", "sealed"), 2, "not 'sealed'", "once per certificate"),
        (("-p", "bad.md"), 1, "bad.md:3: ", ""),
        (("-p", "gbk.md"), 1, "gbk.md:1: not UTF-8 text (it looks like GBK)", "save the file as UTF-8"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_run(
    folder: Path,
    lathe_here: Lathe,
    scripted_engine: MakeEngine,
    arguments: tuple[str, ...],
    code: int,
    message: str,
    hint: str,
) -> None:
    scripted_engine(skilled(by_length))
    (folder / "bad.md").write_text("---\nname: a\nversoin: 1\n---\nText.", encoding="utf-8")
    (folder / "gbk.md").write_bytes("你好，世界".encode("gb18030"))
    found, out, err = lathe_here(*EVAL, *arguments)
    assert (found, out) == (code, "")
    first, *rest = err.splitlines()
    assert first.startswith("error: ")
    assert message in first
    assert hint in "".join(rest)
    assert len(rest) <= 1
    assert json.loads(lathe_here("runs", "list", "--json")[1]) == []


def test_an_unknown_task_names_what_there_is(lathe_here: Lathe) -> None:
    code, _, err = lathe_here("eval", "decimal-comparision", "-p", "none")
    assert (code, err) == (
        2,
        "error: no task named 'decimal-comparision'\n hint: did you mean 'decimal-comparison'?\n",
    )


def test_a_run_of_another_version_is_one_line(
    folder: Path, lathe_here: Lathe, scripted_engine: MakeEngine
) -> None:
    scripted_engine(skilled(by_length))
    lathe_here(*EVAL, "-p", "none")
    connection = sqlite3.connect(folder / ".lathe" / "lathe.db")
    connection.execute('UPDATE runs SET spec = \'{"task": "decimal-comparison"}\'')
    connection.commit()
    connection.close()
    (run,) = json.loads(lathe_here("runs", "list", "--json")[1])
    code, _, err = lathe_here("runs", "resume", run["id"])
    assert (code, err.splitlines()[0]) == (
        1,
        "error: this run was stored by another version of lathe, and cannot be read",
    )
