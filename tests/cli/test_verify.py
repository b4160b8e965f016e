"""`lathe verify`: every character of a certificate counts, and --rerun asks the model again."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promptlathe.errors import LatheError
from promptlathe.optimization.certificate import (
    find_faults,
    is_as_written,
    read_certificate,
    write_certificate,
)
from tests.cli.conftest import Lathe
from tests.fakes import ScriptedEngine, a_model
from tests.optimization.conftest import Prove, prove  # noqa: F401 - the fixture
from tests.scripted import cases_by_question, skilled

MakeEngine = Callable[..., ScriptedEngine]


def skill(system: str) -> float:
    return {"start": 0.3, "good": 0.95}.get(system.partition(" ")[0], 0.3)


@pytest.fixture
async def certificate(prove: Prove) -> bytes:  # noqa: F811
    return write_certificate((await prove(0.3, 0.95, sealed=40)).certificate).encode()


def is_valid(content: bytes) -> bool:
    """As `lathe verify` decides it."""
    try:
        read = read_certificate(content, "c.json")
        return not find_faults(read) and is_as_written(read, content)
    except LatheError:
        return False


def test_as_written_it_is_valid_with_either_line_end(certificate: bytes) -> None:
    assert is_valid(certificate)
    assert is_valid(certificate.replace(b"\n", b"\r\n"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_one_character_is_noticed(certificate: bytes, data: st.DataObject) -> None:
    """Replaced, left out or put in, anywhere: in answers, prompts and counts as in all else."""
    text = certificate.decode()
    at = data.draw(st.integers(0, len(text) - 1))
    new = data.draw(st.characters(codec="utf-8", exclude_characters=text[at] + "\r"))
    kind = data.draw(st.sampled_from(["replaced", "left out", "put in"]))
    if kind == "put in" and new == text[at - 1 : at]:
        return
    end = at if kind == "put in" else at + 1
    changed = text[:at] + ("" if kind == "left out" else new) + text[end:]
    assert changed != text
    assert not is_valid(changed.encode())


@pytest.mark.parametrize("part", ["answers", "prompts", "errors", "claims", "select", "task"])
def test_in_every_part(certificate: bytes, part: str) -> None:
    text, draw = certificate.decode(), random.Random(part)
    start = text.index(f'\n "{part}":')
    end = text.find('\n "', start + 1)
    for _ in range(12):
        at = draw.randrange(start + len(part) + 4, end)
        new = draw.choice([sign for sign in '0189aZ"., 中' if sign != text[at]])
        assert not is_valid((text[:at] + new + text[at + 1 :]).encode()), (at, text[at - 20 : at + 20], new)


def test_a_text_twice_of_which_a_reader_sees_the_nicer_is_noticed(certificate: bytes) -> None:
    content = certificate.replace(b'"text":', b'"text": "the nicer one",\n   "text":', 1)
    assert not find_faults(read_certificate(content, "c.json"))
    assert not is_valid(content)


@pytest.fixture
def saved(folder: Path, certificate: bytes) -> str:
    (folder / "c.json").write_bytes(certificate)
    return "c.json"


RERUN = ("--rerun", "--model", "tiny.gguf", "--engine", "scripted")


def test_asked_again_the_same_model_says_the_same(
    saved: str, lathe_here: Lathe, scripted_engine: MakeEngine
) -> None:
    engine = scripted_engine(skilled(skill))
    code, out, err = lathe_here("verify", saved, *RERUN)
    assert code == 0, err
    assert "asked again: 0 of 120 answers differ, 0 are judged otherwise\n" in out
    assert "the claim, the gain is proven, still holds (+" in out
    assert len(engine.requests) == 120
    again = json.loads(lathe_here("verify", saved, *RERUN, "--json")[1])["rerun"]
    assert len(engine.requests) == 240  # nothing comes from a cache
    assert (again["asked"], again["differing"], again["holds"], again["engine_differs"]) == (120, 0, True, [])


def test_a_sample_is_whole_clusters_and_the_same_each_time(
    saved: str, lathe_here: Lathe, scripted_engine: MakeEngine
) -> None:
    engine = scripted_engine(skilled(skill))
    first = json.loads(lathe_here("verify", saved, *RERUN, "--sample", "9", "--json")[1])["rerun"]
    questions = [request.messages[-1].content for request in engine.requests]
    cases = {cases_by_question()[question] for question in questions}
    assert first["asked"] == len(questions) == 3 * len(cases)
    assert 9 <= len(cases) <= 12
    engine.requests.clear()
    lathe_here("verify", saved, *RERUN, "--sample", "9")
    assert [request.messages[-1].content for request in engine.requests] == questions
    assert (
        json.loads(lathe_here("verify", saved, *RERUN, "--sample", "999", "--json")[1])["rerun"]["asked"]
        == 120
    )


def test_other_words_are_counted_and_the_claim_holds(
    saved: str, lathe_here: Lathe, scripted_engine: MakeEngine
) -> None:
    scripted_engine(lambda request: skilled(skill)(request) + ".")
    code, out, _ = lathe_here("verify", saved, *RERUN)
    assert (code, "asked again: 120 of 120 answers differ, 0 are judged otherwise" in out) == (0, True)


def test_a_claim_that_does_not_hold_any_more_is_said(
    saved: str, lathe_here: Lathe, scripted_engine: MakeEngine
) -> None:
    scripted_engine(skilled(lambda _: 0.3))
    code, out, _ = lathe_here("verify", saved, *RERUN)
    assert (code, "does not hold any more" in out) == (1, True)
    again = json.loads(lathe_here("verify", saved, *RERUN, "--json")[1])
    assert (again["is_valid"], again["rerun"]["holds"]) == (True, False)
    assert again["rerun"]["changed"] > 5


def test_requests_that_fail_are_counted(saved: str, lathe_here: Lathe, scripted_engine: MakeEngine) -> None:
    content = json.loads(Path(saved).read_text("utf-8"))
    by_id = {case.id: case.question for case in cases_by_question().values()}
    engine = scripted_engine(skilled(skill), fails_on={by_id[content["answers"][0]["case_id"]]})
    code, out, _ = lathe_here("verify", saved, *RERUN)
    assert (code, "3 failed" in out) == (0, True)
    engine._fails_on = set(by_id.values())
    code, out, err = lathe_here("verify", saved, *RERUN)
    assert (code, out) == (1, "")
    assert "no question was answered" in err


def test_another_model_is_refused_and_a_new_engine_named(
    saved: str, lathe_here: Lathe, scripted_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    engine = scripted_engine(skilled(skill), model=replace(a_model(), digest="9" * 64))
    code, out, err = lathe_here("verify", saved, *RERUN)
    assert (code, out) == (2, "")
    assert "is another model than the certificate's 'scripted'" in err
    assert engine.requests == []
    engine = scripted_engine(skilled(skill))
    described = replace(engine.describe(), version="2")
    monkeypatch.setattr(engine, "describe", lambda: described)
    code, out, _ = lathe_here("verify", saved, *RERUN)
    assert (code, "version 1 then, 2 now" in out) == (0, True)


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        (("--sample", "5"), "--sample, --model and --engine are for --rerun", "add --rerun"),
        (("--rerun",), "the certificate is about the model 'scripted'", "say where it is: --model"),
        (("--rerun", "--model", "nowhere.gguf"), "nowhere.gguf", ""),
    ],
)
def test_what_is_missing_for_a_rerun_is_one_line(
    saved: str,
    lathe_here: Lathe,
    scripted_engine: MakeEngine,
    options: tuple[str, ...],
    message: str,
    hint: str,
) -> None:
    scripted_engine(skilled(skill))
    code, out, err = lathe_here("verify", saved, *options)
    assert (code, out) == (2, "")
    assert message in err
    assert hint in err


def test_an_invalid_certificate_is_not_asked_again(
    saved: str, lathe_here: Lathe, scripted_engine: MakeEngine
) -> None:
    engine = scripted_engine(skilled(skill))
    Path(saved).write_text(Path(saved).read_text("utf-8").replace('"errors": 0', '"errors": 1'), "utf-8")
    assert lathe_here("verify", saved, *RERUN)[0] == 1
    assert engine.requests == []
