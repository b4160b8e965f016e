"""`lathe eval --answer`: the three ways, as a user types them."""

import json
from collections.abc import Callable

import pytest

from tests.cli.conftest import Lathe
from tests.fakes import ScriptedEngine
from tests.scripted import TASK, skilled

MakeEngine = Callable[..., ScriptedEngine]
EVAL = ("eval", TASK, "-m", "tiny.gguf", "--engine", "scripted", "--cases", "40")
PROMPTS = ("-p", "none", "-p", "decimal-expert")


def test_score_shows_the_margin_and_how_it_changes(lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    scripted_engine(skilled(lambda system: 1.0 if system else 0.0))
    code, out, err = lathe_here(*EVAL, *PROMPTS, "--answer", "score", "--json")
    assert (code, "80/80" in err) == (0, True)
    found = json.loads(out)
    before, after = found["prompts"]
    (compared,) = found["comparisons"]
    assert (before["total"]["accuracy"], after["total"]["accuracy"]) == (0.0, 1.0)
    assert before["margin"]["mean"] < 0 < after["margin"]["interval"]["low"] < after["margin"]["mean"]
    assert compared["margin"]["mean"] == pytest.approx(after["margin"]["mean"] - before["margin"]["mean"])
    assert compared["margin"]["p_value"] < 0.001
    assert found["provenance"]["answer"] == "score"
    assert (
        "Mean margin by which the right option is likelier than the next, in nats: “none” -"
        in found["headline"]
    )
    assert "against “none”" in found["headline"]


@pytest.mark.parametrize("answer", ["text", "choice"])
def test_without_scores_there_is_no_margin(
    lathe_here: Lathe, scripted_engine: MakeEngine, answer: str
) -> None:
    scripted_engine(skilled(lambda _: 0.6))
    code, out, _ = lathe_here(*EVAL, *PROMPTS, "--answer", answer, "--json")
    found = json.loads(out)
    assert (code, found["provenance"]["answer"]) == (0, answer)
    assert {made["margin"] for made in (*found["prompts"], *found["comparisons"])} == {None}
    assert "margin" not in found["headline"]


def test_a_stored_run_shows_the_same_and_resumes_the_same_way(
    lathe_here: Lathe, scripted_engine: MakeEngine
) -> None:
    engine = scripted_engine(skilled(lambda _: 0.6), dies_after=30)
    code, _, err = lathe_here(*EVAL, *PROMPTS, "--answer", "score")
    assert (code, "lathe runs resume" in err) == (1, True)
    run = err.rsplit("lathe runs resume ", 1)[1].split()[0]
    code, out, _ = lathe_here("runs", "resume", run, "--json")
    assert (code, len(engine.requests)) == (0, 81)
    _, shown, _ = lathe_here("runs", "show", run, "--json")
    assert json.loads(shown)["prompts"] == json.loads(out)["prompts"]
    assert json.loads(shown)["prompts"][0]["margin"]


def test_a_way_that_does_not_exist_is_said(lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    scripted_engine({})
    code, _, err = lathe_here(*EVAL, *PROMPTS, "--answer", "logits")
    assert (code, "choose from: text, choice, score" in err) == (2, True)


def test_an_engine_that_cannot_leaves_no_run(lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    scripted_engine(skilled(lambda _: 1.0), capabilities=("seed",))
    code, _, err = lathe_here(*EVAL, *PROMPTS, "--answer", "score")
    assert code == 2
    assert "engine 'scripted' cannot tell how likely given answers are (score)" in err
    assert "it has: seed" in err
    assert json.loads(lathe_here("runs", "list", "--json")[1]) == []
