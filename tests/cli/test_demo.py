"""`lathe demo` and `lathe verify`, end to end on a scripted engine."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlathe.tasks.task import get_task
from promptlathe.workspace.workspace import Workspace
from tests.cli.conftest import Lathe
from tests.fakes import ScriptedEngine
from tests.scripted import TASK, skilled

MakeEngine = Callable[..., ScriptedEngine]
DEMO = ("demo", "-m", "tiny.gguf", "--engine", "scripted", "--budget", "600", "--sealed-cases", "40")


def examples_help(system: str) -> float:
    """Prompts with examples are right nearly always, all others seldom."""
    return 0.97 if "Examples" in system else 0.3


def nothing_helps(system: str) -> float:
    return 0.4


def winning_prompt(found: dict) -> str:
    certificate = json.loads(Path(found["certificate"]).read_text(encoding="utf-8"))
    return certificate["prompts"][0]["text"]


def test_a_demo_measures_proves_and_certifies(
    folder: Path, lathe_here: Lathe, scripted_engine: MakeEngine
) -> None:
    engine = scripted_engine(skilled(examples_help))
    code, out, err = lathe_here(*DEMO, "--json")
    assert code == 0
    found = json.loads(out)
    assert "Examples" in winning_prompt(found)
    assert found["verdict"]["en"].startswith(
        f"Proven: on 40 sealed cases that nobody tuned on, {found['winner']}"
    )
    assert "It beats chance" in found["verdict"]["en"]
    assert found["verdict"]["zh"].startswith("已证明")
    assert "calls" in err

    certificate, report = Path(found["certificate"]), Path(found["report"])
    assert report.read_text(encoding="utf-8").startswith("<!doctype html>")
    claims = json.loads(certificate.read_text(encoding="utf-8"))["claims"]
    ours = next(made for made in found["sealed"]["comparisons"] if made["after"] == found["winner"])
    certified = next(made for made in claims["comparisons"] if made["after"] == found["winner"])
    assert certified["adjusted_p"] == pytest.approx(ours["adjusted_p"], rel=1e-5)

    code, out, _ = lathe_here("verify", str(certificate))
    assert (code, out.startswith(f"valid: {found['winner']} against")) == (0, True)
    code, out, _ = lathe_here("verify", str(certificate), "--json")
    assert json.loads(out) == {"is_valid": True, "faults": [], "claims": claims}

    events = Workspace(folder).database.events(found["run"])
    (read,) = [content for kind, content in events if kind == "sealed-read"]
    assert (read["cases"], read["prompts"]) == (40, [found["winner"], "decimal-expert", "none"])
    assert read["digest"] == get_task(TASK).digest(get_task(TASK).cases("sealed", 40))

    asked = len(engine.requests)
    assert asked <= 600
    code, out, _ = lathe_here(*DEMO, "--json")
    again = json.loads(out)
    assert (code, len(engine.requests), again["verdict"]) == (0, asked, found["verdict"])
    assert json.loads(lathe_here("runs", "show", found["run"], "--json")[1]) == found


def test_what_a_person_reads(lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    scripted_engine(skilled(examples_help))
    code, out, _ = lathe_here(*DEMO)
    assert code == 0
    for part in (
        "on select cases",
        "winner",
        "front",
        "Proven: ",
        "certificate",
        "report",
        "next:  lathe verify",
    ):
        assert part in out


def test_where_nothing_helps_it_says_so_and_the_certificate_holds(
    lathe_here: Lathe, scripted_engine: MakeEngine
) -> None:
    scripted_engine(skilled(nothing_helps))
    found = json.loads(lathe_here(*DEMO, "--json")[1])
    assert found["winner"] == "decimal-expert"
    assert found["verdict"]["en"].startswith(
        "Nothing that was tried beats decimal-expert, which is right on "
    )
    assert "is not shown to be above that" in found["verdict"]["en"]
    code, out, _ = lathe_here("verify", found["certificate"], "--json")
    assert (code, json.loads(out)["claims"]["is_gain_proven"]) == (0, False)


def test_a_demo_whose_engine_breaks_goes_on(lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    engine = scripted_engine(skilled(nothing_helps), dies_after=100)
    assert lathe_here(*DEMO, "--json")[:2] == (1, "")
    (run,) = json.loads(lathe_here("runs", "list", "--json")[1])
    assert (run["kind"], run["state"]) == ("demo", "failed")
    code, out, err = lathe_here("runs", "show", run["id"])
    assert (code, out, "is not finished" in err) == (1, "", True)
    assert lathe_here("runs", "resume", run["id"])[0] == 0
    keys = [request.id for request in engine.requests]
    assert len(keys) - len(set(keys)) == 1  # the one that it died at


def test_where_every_answer_fails_it_is_one_line(lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    questions = {case.question for split in ("select", "sealed") for case in get_task(TASK).cases(split, 80)}
    scripted_engine(skilled(nothing_helps), fails_on=questions)
    code, out, err = lathe_here(*DEMO, "--json")
    assert (code, out) == (1, "")
    assert "error: no question was answered: no answer to " in err


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            lambda text: text.replace('"is_gain_proven": false', '"is_gain_proven": true'),
            "the digest does not fit",
        ),
        (lambda text: text.replace('"errors": 0', '"errors": 1'), "the digest does not fit"),
    ],
)
def test_a_changed_certificate_is_not_valid(
    lathe_here: Lathe, scripted_engine: MakeEngine, change: Callable[[str], str], fault: str
) -> None:
    scripted_engine(skilled(nothing_helps))
    path = Path(json.loads(lathe_here(*DEMO, "--json")[1])["certificate"])
    text = path.read_text(encoding="utf-8")
    assert change(text) != text
    path.write_text(change(text), encoding="utf-8")
    code, out, _ = lathe_here("verify", str(path))
    assert (code, out.startswith("not valid: "), fault in out) == (1, True, True)
    assert json.loads(lathe_here("verify", str(path), "--json")[1])["is_valid"] is False


def test_verify_says_what_is_wrong_with_the_file(folder: Path, lathe_here: Lathe) -> None:
    (folder / "broken.json").write_text("{", encoding="utf-8")
    code, out, err = lathe_here("verify", "broken.json")
    assert (code, out) == (1, "")
    assert err.splitlines()[0].startswith("error: broken.json is not a certificate: Invalid JSON")
    code, _, err = lathe_here("verify", "nowhere.json")
    assert (code, err) == (
        2,
        "error: cannot read nowhere.json: No such file or directory\n hint: check the path\n",
    )
