"""`lathe eval` with several models, tasks and repeats."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlathe.tasks.task import get_task
from tests.cli.conftest import Lathe
from tests.cli.test_runs import MakeTerminal, kill_in_the_middle, rows
from tests.fakes import ScriptedEngine
from tests.scripted import TASK, skilled

MakeModels = Callable[..., dict[str, ScriptedEngine]]
SHARED = ("--engine", "scripted", "--cases", "40", "-p", "none", "-p", "decimal-expert")
EVAL = ("eval", TASK, "-m", "small.gguf", "-m", "big.gguf", *SHARED)


def make_models(scripted_models: MakeModels) -> dict[str, ScriptedEngine]:
    return scripted_models(small=skilled(lambda _: 0.3), big=skilled(lambda system: 0.9 if system else 0.5))


def test_every_prompt_is_asked_of_every_model(lathe_here: Lathe, scripted_models: MakeModels) -> None:
    engines = make_models(scripted_models)
    code, out, err = lathe_here(*EVAL, "--json")
    assert code == 0
    found = json.loads(out)
    assert [made["name"] for made in found["prompts"]] == [
        "small.gguf@none",
        "small.gguf@decimal-expert",
        "big.gguf@none",
        "big.gguf@decimal-expert",
    ]
    assert {(made["model"], made["total"]["cases"]) for made in found["prompts"]} == {
        ("small.gguf", 40),
        ("big.gguf", 40),
    }
    assert "“big.gguf@decimal-expert” is better than “big.gguf@none”" in found["headline"]
    assert "With 40 cases a gain from 50% to" in err
    assert [len(engine.requests) for engine in engines.values()] == [80, 80]
    models = found["provenance"]["models"]
    assert {name: facts["model_digest"] for name, facts in models.items()} == {
        "small.gguf": "1" * 64,
        "big.gguf": "2" * 64,
    }
    assert json.loads(lathe_here("runs", "show", found["run_id"], "--json")[1]) == found


def test_one_model_is_in_memory_at_a_time(lathe_here: Lathe, scripted_models: MakeModels) -> None:
    engines = make_models(scripted_models)
    order: list[str] = []
    for name, engine in engines.items():
        engine.close = lambda name=name: order.append(f"{name} closed")
        engine._script = lambda request, name=name, script=engine._script: (
            order.append(name) or script(request)
        )
    assert lathe_here(*EVAL)[0] == 0
    assert list(dict.fromkeys(order)) == ["small", "small closed", "big", "big closed"]


def test_what_a_person_reads_of_a_matrix_fits(lathe_here: Lathe, scripted_models: MakeModels) -> None:
    make_models(scripted_models)
    code, out, _ = lathe_here(*EVAL, "--repeats", "3", "--temperature", "0.7")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    for part in (
        "big.gguf",
        "asked 3 times",
        "stability",
        "usability",
        "pass^3",
        "big.gguf@decimal-expert: ",
    ):
        assert part in out


def test_one_model_keeps_its_plain_names(lathe_here: Lathe, scripted_models: MakeModels) -> None:
    make_models(scripted_models)
    found = json.loads(lathe_here("eval", TASK, "-m", "big.gguf", *SHARED, "--json")[1])
    assert [(made["name"], made["model"]) for made in found["prompts"]] == [
        ("none", "big.gguf"),
        ("decimal-expert", "big.gguf"),
    ]
    assert found["provenance"]["model_digest"] == "2" * 64
    assert found["prompts"][0]["repeats"] is None


def test_repeats_stand_in_the_result(lathe_here: Lathe, scripted_models: MakeModels) -> None:
    """The scripted answers are always alike: perfectly stable, and pass^k the accuracy."""
    engines = make_models(scripted_models)
    arguments = ("eval", TASK, "-m", "big.gguf", *SHARED, "--repeats", "3", "--temperature", "0.7")
    found = json.loads(lathe_here(*arguments, "--json")[1])
    assert len(engines["big"].requests) == 240
    assert {request.sampling.seed for request in engines["big"].requests} == {0, 1, 2}
    for made in found["prompts"]:
        repeats, accuracy = made["repeats"], made["total"]["accuracy"]
        assert (repeats["repeats"], repeats["cases"], repeats["stability"]) == (3, 40, 1.0)
        assert repeats["pass_hat_k"] == pytest.approx([accuracy] * 3)


def test_several_tasks_are_a_run_each(
    lathe_here: Lathe, scripted_models: MakeModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(get_task.__globals__["BUILT_IN"], "twin", f"{__name__}:TWIN")
    make_models(scripted_models)
    code, out, err = lathe_here("eval", TASK, "twin", "-m", "big.gguf", *SHARED, "--json")
    assert code == 0
    found = json.loads(out)["runs"]
    assert [made["task"] for made in found] == [TASK, "decimal-comparison"]
    assert len({made["run_id"] for made in found}) == 2
    listed = json.loads(lathe_here("runs", "list", "--json")[1])
    assert {made["id"]: made["task"] for made in listed} == {
        found[0]["run_id"]: TASK,
        found[1]["run_id"]: "twin",
    }
    assert "twin: With 40 cases" in err


TWIN = get_task(TASK)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-m", "small.gguf", "-m", "small.gguf"), "model 'small.gguf' is given twice"),
        (("-m", "small.gguf", "-m", "bigg.gguf"), "no file or folder at bigg.gguf"),
    ],
)
def test_a_wrong_model_leaves_no_run(
    lathe_here: Lathe, scripted_models: MakeModels, arguments: tuple[str, ...], message: str
) -> None:
    make_models(scripted_models)
    code, _, err = lathe_here("eval", TASK, *arguments, *SHARED)
    assert (code, err.splitlines()[0]) == (2, f"error: {message}")
    assert json.loads(lathe_here("runs", "list", "--json")[1]) == []


def test_a_matrix_that_is_killed_goes_on(terminal: MakeTerminal, make_gguf: Callable[..., bytes]) -> None:
    """In the midst of the second model."""
    arguments = ("eval", TASK, "-p", "none", "-p", "decimal-expert", "-m", "tiny.gguf", "-m", "other.gguf")
    arguments += ("--engine", "scripted", "--cases", "12", "--json")
    killed = terminal("killed")
    (killed.folder / "other.gguf").write_bytes(make_gguf(weights=bytes([9] * 64)))
    kill_in_the_middle(killed, arguments, 30, SCRIPTED_SECONDS="0.02")
    assert 30 <= len(rows(killed.folder)) < 48
    code, resumed, _ = killed.run("runs", "resume", killed.only_run()[0], "--json")
    assert (code, [made["total"]["cases"] for made in json.loads(resumed)["prompts"]]) == (0, [12] * 4)
    assert len(set(killed.asked)) == 48
    assert len(killed.asked) <= 49


def test_two_names_of_one_file_are_two_results_asked_once(
    folder: Path, lathe_here: Lathe, scripted_models: MakeModels
) -> None:
    engines = make_models(scripted_models)
    (folder / "copy").mkdir()
    (folder / "copy" / "big.gguf").write_bytes((folder / "big.gguf").read_bytes())
    code, out, _ = lathe_here("eval", TASK, "-m", "big.gguf", "-m", "copy/big.gguf", *SHARED, "--json")
    first, _, other, _ = json.loads(out)["prompts"]
    assert (code, len(engines["big"].requests)) == (0, 80)
    assert (first["total"], other["total"], other["cached"]) == (other["total"], first["total"], 40)
