"""`lathe optimize`, end to end on a scripted engine."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlathe.engines.engine import Request
from promptlathe.prompts import Prompt, read_prompt
from promptlathe.tasks.task import get_task
from promptlathe.workspace.workspace import Workspace
from tests.chat_server import ChatServer, completion, models
from tests.cli.conftest import Lathe
from tests.fakes import ScriptedEngine
from tests.scripted import TASK, skilled, system_message

MakeEngine = Callable[..., ScriptedEngine]
SMALL = ("-m", "tiny.gguf", "--engine", "scripted", "--budget", "400", "--sealed-cases", "40", "--lang", "en")
EN = "# Role: Judge\n\n## Goals\n- Say which is larger.\n\n## Constraints\n- Be brief.\n"
ZH = "# 角色：裁判\n\n## 目标\n- 说出哪个更大。\n\n## 约束\n- 简短。\n"


def prompt_file(folder: Path, text: str = EN, name: str = "mine") -> None:
    (folder / "prompts").mkdir(exist_ok=True)
    (folder / "prompts" / f"{name}.md").write_text(text, encoding="utf-8")


def examples_help(request: Request) -> str:
    """Right nearly always with examples, as text or as turns; seldom without."""
    is_shown = (
        len(request.messages) > 2
        or "Examples" in system_message(request)
        or "示例" in system_message(request)
    )
    return skilled(lambda _: 0.97 if is_shown else 0.3)(request)


def no_help(request: Request) -> str:
    return skilled(lambda _: 0.4)(request)


@pytest.mark.parametrize(("text", "language"), [(EN, "en"), (ZH, "zh")])
def test_it_finds_proves_and_shows(
    folder: Path, lathe_here: Lathe, scripted_engine: MakeEngine, text: str, language: str
) -> None:
    prompt_file(folder, text)
    engine = scripted_engine(examples_help)
    code, out, err = lathe_here("optimize", TASK, "-p", "mine", *SMALL[:-1], language, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["verdict"]["en"].startswith("Proven: on 40 sealed cases")
    assert found["calls"] == len(engine.requests) <= 400
    assert found["start"] == "mine"
    winner = next(entry for entry in found["lineage"] if entry["name"] == found["winner"])
    assert winner["reason"]
    assert found["winner"] in found["front"]
    assert 0 < found["tokens"]["reused"] < found["tokens"]["prompt"]
    events = Workspace(folder).database.events(found["run"])
    reads = [content for kind, content in events if kind == "sealed-read"]
    assert [(read["cases"], read["prompts"]) for read in reads] == [(40, [found["winner"], "mine"])]
    assert lathe_here("verify", found["certificate"])[0] == 0

    asked = len(engine.requests)
    shown = json.loads(lathe_here("runs", "show", found["run"], "--json")[1])
    assert shown == found
    again = json.loads(lathe_here("optimize", TASK, "-p", "mine", *SMALL[:-1], language, "--json")[1])
    assert (len(engine.requests), again["winner"]) == (asked, found["winner"])


def test_what_a_person_reads(folder: Path, lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    prompt_file(folder)
    scripted_engine(examples_help)
    code, out, _ = lathe_here("optimize", TASK, "-p", "mine", *SMALL)
    assert code == 0
    for part in (
        "on select cases",
        "winner",
        "Proven: ",
        "shared with the request before",
        "certificate ",
        "page ",
    ):
        assert part in out
    (run,) = json.loads(lathe_here("runs", "list", "--json")[1])
    assert (run["kind"], run["state"]) == ("optimize", "finished")
    assert f"lathe prompt save {run['id']}" in out


def test_where_nothing_helps_it_says_so(folder: Path, lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    prompt_file(folder)
    scripted_engine(no_help)
    code, out, _ = lathe_here("optimize", TASK, "-p", "mine", *SMALL, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["winner"] == "mine" or found["verdict"]["en"].startswith("Not proven")
    assert json.loads(Path(found["certificate"]).read_text("utf-8"))["claims"]["is_gain_proven"] is False


def winning(found: dict) -> Prompt:
    stored = json.loads(Path(found["certificate"]).read_text(encoding="utf-8"))["prompts"][0]
    return read_prompt(stored["text"], name=stored["name"])


def test_frozen_sections_stay_to_the_byte(
    folder: Path, lathe_here: Lathe, scripted_engine: MakeEngine
) -> None:
    prompt_file(folder)
    engine = scripted_engine(examples_help)
    frozen = ("--freeze", "goals", "--freeze", "Constraints")
    found = json.loads(lathe_here("optimize", TASK, "-p", "mine", *SMALL, *frozen, "--json")[1])
    assert winning(found).document.section("Goals").body == "- Say which is larger."
    assert winning(found).frozen == ("Goals", "Constraints")
    for request in engine.requests:
        assert "- Say which is larger." in system_message(request)
        assert "- Be brief." in system_message(request)


def test_another_prompt_can_be_tried(folder: Path, lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    prompt_file(folder)
    prompt_file(folder, "Answer as a mathematician would.", "other")
    scripted_engine(skilled(lambda system: 0.98 if "mathematician" in system else 0.2))
    found = json.loads(
        lathe_here("optimize", TASK, "-p", "mine", *SMALL, "--candidate", "other", "--json")[1]
    )
    (given,) = [entry for entry in found["lineage"] if entry["operator"] == "other"]
    assert given["reason"] == "given"
    assert "mathematician" in winning(found).document.text


def test_the_search_of_gepa(folder: Path, lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    prompt_file(folder)

    def script(request: Request) -> str:
        if "```" in request.messages[-1].content:  # gepa's own request for another text
            return "```\n- Mind the CLUE.\n```"
        return skilled(lambda system: 0.98 if "CLUE" in system else 0.2)(request)

    engine = scripted_engine(script)
    code, out, err = lathe_here("optimize", TASK, "-p", "mine", *SMALL, "--strategy", "gepa", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert "CLUE" in winning(found).document.text
    assert found["verdict"]["en"].startswith("Proven")
    assert len(engine.requests) <= found["calls"] <= 400


def test_a_model_that_rewrites_is_asked_and_paid(
    folder: Path, lathe_here: Lathe, scripted_engine: MakeEngine, serve: Callable[..., ChatServer]
) -> None:
    prompt_file(folder)
    engine = scripted_engine(skilled(lambda system: 0.98 if "CLUE" in system else 0.2))
    rewrite = json.dumps({"body": "- Mind the CLUE.", "reason": "it was missing"})
    server = serve(lambda _: completion(rewrite), {"/v1/models": models("writer")})
    options = (*SMALL, "--proposer-model", server.url, "--json")
    code, out, err = lathe_here("optimize", TASK, "-p", "mine", *options)
    assert code == 0, err
    found = json.loads(out)
    assert "CLUE" in winning(found).document.text
    rewritten = [entry for entry in found["lineage"] if entry["operator"] == "rewrite"]
    assert {entry["reason"] for entry in rewritten} == {"it was missing"}
    written = found["calls"] - len(engine.requests)
    assert 0 < written < 20
    assert found["calls"] <= 400


def test_a_rewrite_that_knows_a_sealed_case_is_refused(
    folder: Path, lathe_here: Lathe, scripted_engine: MakeEngine, serve: Callable[..., ChatServer]
) -> None:
    prompt_file(folder)
    engine = scripted_engine(no_help)
    (sealed, *_) = get_task(TASK).cases("sealed", 40, languages=("en",))
    rewrite = json.dumps({"body": f"- {sealed.question} {sealed.expected}"})
    server = serve(lambda _: completion(rewrite), {"/v1/models": models("writer")})
    found = json.loads(
        lathe_here("optimize", TASK, "-p", "mine", *SMALL, "--proposer-model", server.url, "--json")[1]
    )
    assert not any(entry["operator"] == "rewrite" for entry in found["lineage"])
    assert not any(sealed.question in system_message(request) for request in engine.requests)
    events = Workspace(folder).database.events(found["run"])
    refused = [content for kind, content in events if kind == "refused"]
    assert {entry["section"] for entry in refused} == {"Role", "Goals", "Constraints"}
    assert all("gives a case away" in entry["reason"] for entry in refused)


OWN_TASK = """
description: Capitals
question: What is the capital of {{country}}?
options: [Paris, Rome]
grader: choice
splits: {propose: 40, select: 100, sealed: 100}
hints:
  rules: Think of the map.
  output_formats: Answer with one word.
cases:
"""


def test_a_task_of_ones_own(folder: Path, lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    (folder / "tasks").mkdir()
    cases = "".join(
        f"  - {{country: Land {number}, expected: {('Paris', 'Rome')[number % 2]}}}\n"
        for number in range(240)
    )
    (folder / "tasks" / "capitals.yaml").write_text(OWN_TASK.lstrip() + cases, encoding="utf-8")
    prompt_file(folder)

    def script(request: Request) -> str:
        number = int("".join(filter(str.isdigit, request.messages[-1].content)))
        is_right = "Think of the map." in system_message(request) or number % 3 == 0
        return ("Paris", "Rome")[number % 2 if is_right else 1 - number % 2]

    scripted_engine(script)
    options = ("-m", "tiny.gguf", "--engine", "scripted", "--budget", "600", "--json")
    code, out, err = lathe_here("optimize", "capitals", "-p", "mine", *options)
    assert code == 0, err
    found = json.loads(out)
    assert "Think of the map." in winning(found).document.text
    assert found["verdict"]["en"].startswith("Proven")
    assert lathe_here("verify", found["certificate"])[0] == 0
    (folder / "tasks" / "capitals.yaml").unlink()
    code, _, err = lathe_here("verify", found["certificate"])
    assert (code, "the certificate is about the task 'capitals'" in err) == (2, True)


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        (("--strategy", "raze"), "no strategy named 'raze'", "did you mean 'race'?"),
        (("--freeze", "Gaols"), "no section named 'Gaols'", "did you mean 'Goals'?"),
        (("-p", "mein"), "no prompt named 'mein'", "did you mean 'mine'?"),
        (("--candidate", "nobody"), "no prompt named 'nobody'", ""),
        (("--lang", "fr"), "no language 'fr'", "choose from: en, zh"),
        (("--budget", "50"), "Invalid value for '--budget'", ""),
    ],
)
def test_a_wrong_name_is_one_line_and_leaves_no_run(
    folder: Path,
    lathe_here: Lathe,
    scripted_engine: MakeEngine,
    options: tuple[str, ...],
    message: str,
    hint: str,
) -> None:
    prompt_file(folder)
    engine = scripted_engine(no_help)
    code, out, err = lathe_here("optimize", TASK, "-p", "mine", *SMALL, *options)
    assert (code, out) == (2, "")
    assert message in err
    assert hint in err
    assert "Traceback" not in err
    assert engine.requests == []
    assert json.loads(lathe_here("runs", "list", "--json")[1]) == []


def test_a_task_without_sealed_cases_cannot_be_searched(
    folder: Path, lathe_here: Lathe, scripted_engine: MakeEngine
) -> None:
    (folder / "tasks").mkdir()
    (folder / "tasks" / "few.yaml").write_text(
        "question: What is {{x}}?\ngrader: exact\ncases:\n  - {x: 1, expected: one, split: propose}\n",
        encoding="utf-8",
    )
    prompt_file(folder)
    scripted_engine(no_help)
    code, _, err = lathe_here("optimize", "few", "-p", "mine", "-m", "tiny.gguf", "--engine", "scripted")
    assert code in (1, 2)
    assert err.startswith("error: ")
    assert "Traceback" not in err
