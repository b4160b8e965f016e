"""`lathe eval` and `lathe runs resume` on a served model, through everything that HTTP can do to it."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import pytest

from promptlathe.engines import remote
from promptlathe.engines.patience import Patience
from promptlathe.tasks.task import get_task
from tests.chaos import TRANSIENT, Chaos
from tests.chat_server import Asked, ChatServer, Reply, completion, models
from tests.cli.conftest import Lathe
from tests.scripted import TASK

Serve = Callable[..., ChatServer]


@cache
def expected(count: int) -> dict[str, str]:
    return {case.question: case.expected for case in get_task(TASK).cases("select", count)}


def rows(folder: Path) -> list[tuple[str, str, str | None]]:
    """(case, verdict, error)"""
    with sqlite3.connect(folder / ".lathe" / "lathe.db") as connection:
        return connection.execute("SELECT case_id, verdict, error FROM answers").fetchall()


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_each_case_is_answered_or_an_error_once_and_resume_does_the_rest(
    folder: Path, lathe_here: Lathe, serve: Serve, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setenv("LATHE_TIMEOUT_S", "0.5")
    monkeypatch.setattr(remote, "Patience", partial(Patience, first_s=0.02, longest_s=0.05))
    right = expected(count)
    doomed = set(list(right)[:: max(len(right) // 100, 60)])
    chaos = Chaos(right.__getitem__, is_doomed=doomed.__contains__)
    server = serve(chaos)

    arguments = ("eval", TASK, "-p", "none", "-m", server.url, "--cases", str(count), "--json")
    code, out, err = lathe_here(*arguments)
    assert code == 0, err
    recorded = rows(folder)
    verdicts = Counter(verdict for _, verdict, _ in recorded)
    assert len(recorded) == len({case for case, _, _ in recorded}) == count
    assert verdicts.keys() == {"correct", "error"}
    assert verdicts["error"] >= len(doomed)
    assert verdicts["error"] < len(doomed) + count / 100  # five faults in a row can meet anyone
    assert chaos.met.keys() == TRANSIENT.keys()

    chaos.is_calm, asked = True, len(server.asked)
    failed = {case for case, verdict, _ in recorded if verdict == "error"}
    code, out, err = lathe_here("runs", "resume", json.loads(out)["run_id"], "--json")
    assert code == 0, err
    assert Counter(verdict for _, verdict, _ in rows(folder)) == {"correct": count}
    again = Counter(asked.question for asked in server.asked[asked:])
    by_case = {case.id: case.question for case in get_task(TASK).cases("select", count)}
    assert again == Counter({by_case[case] for case in failed})
    assert json.loads(out)["prompts"][0]["total"]["accuracy"] == 1.0


def test_a_server_that_dies_is_one_line_and_the_run_goes_on_later(
    folder: Path, lathe_here: Lathe, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "Patience", partial(Patience, first_s=0.01))
    right = expected(100)
    gone = Reply("<html><title>502 Bad Gateway</title></html>", 502, content_type="text/html")
    server = serve(lambda asked: completion(right[asked.question]) if asked.index < 30 else gone)
    code, out, err = lathe_here("eval", TASK, "-p", "none", "-m", server.url, "--cases", "100")
    assert (code, out) == (1, "")
    assert "Traceback" not in err
    assert f"the last because {server.url} failed (502): 502 Bad Gateway\n" in err
    assert " hint: the proxy does not reach the model's server\n" in err
    run = err.partition("lathe runs resume ")[2].split()[0]
    server.answering = lambda asked: completion(right[asked.question])
    code, out, err = lathe_here("runs", "resume", run, "--json")
    assert (code, json.loads(out)["prompts"][0]["total"]["accuracy"]) == (0, 1.0)
    assert Counter(verdict for _, verdict, _ in rows(folder)) == {"correct": 100}


@pytest.mark.parametrize(
    ("arguments", "code", "error", "hint"),
    [
        (["-m", "{root}"], 2, "the API of {root} is one level down", "write {url}"),
        (["-m", "{url}#huge"], 2, "no model named 'huge'", "{url} serves tiny"),
        (
            ["-m", "{url}", "--engine", "openvino"],
            2,
            "engine 'openvino' runs a model on this machine",
            "leave",
        ),
        (
            ["-m", "tiny.gguf", "--engine", "remote"],
            2,
            "engine 'remote' runs a URL, such as",
            "leave --engine",
        ),
        (
            ["-m", "http://me:sk-1@localhost/v1"],
            2,
            "the URL of localhost carries a user name, a key",
            "leave",
        ),
        (
            ["-m", "localhost:9/v1"],
            2,
            "localhost:9/v1 has no scheme",
            "an endpoint is written http://localhost",
        ),
        (
            ["-m", "http://127.0.0.1:1/v1"],
            1,
            "nothing listens at http://127.0.0.1:1/v1",
            "is the server running",
        ),
        (
            ["-m", "{url}", "--api-key-file", "none.txt"],
            2,
            "cannot read the key file none.txt: No such",
            None,
        ),
    ],
)
def test_a_wrong_endpoint_is_one_line_and_leaves_no_run(
    folder: Path,
    lathe_here: Lathe,
    serve: Serve,
    arguments: list[str],
    code: int,
    error: str,
    hint: str | None,
) -> None:
    server = serve()
    names = {"url": server.url, "root": server.url.removesuffix("/v1")}
    given = [argument.format(**names) for argument in arguments]
    got, out, err = lathe_here("eval", TASK, "-p", "none", *given)
    lines = err.splitlines()
    assert (got, out) == (code, "")
    assert lines[0].startswith(f"error: {error.format(**names)}")
    assert [line.startswith(f" hint: {hint.format(**names)}") for line in lines[1:]] == (
        [True] if hint else []
    )
    assert json.loads(lathe_here("runs", "list", "--json")[1]) == []


def test_the_key_is_nowhere_on_disk(
    folder: Path, lathe_here: Lathe, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "sk-7f3a-secret"
    right = expected(20)
    doomed = min(right)

    def answering(asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {key}":
            return Reply({"error": "Unauthorized"}, 401)
        if asked.question == doomed:
            return Reply({"detail": f"bad key {key}"}, 400)
        return completion(right[asked.question])

    server = serve(answering)
    code, _, err = lathe_here("eval", TASK, "-p", "none", "-m", server.url, "--cases", "20")
    assert (code, err.splitlines()[-2:]) == (
        1,
        [
            f"error: {server.url} wants a key (401): Unauthorized",
            " hint: set LATHE_API_KEY, or give --api-key-file",
        ],
    )
    (folder.parent / "key").write_text(f"{key}\n")
    code, shown, err = lathe_here(
        *("eval", TASK, "-p", "none", "-m", server.url, "--cases", "20", "--json"),
        *("--api-key-file", str(folder.parent / "key")),
    )
    assert code == 0, err
    assert json.loads(shown)["prompts"][0]["errors"] == 1
    monkeypatch.setenv("LATHE_API_KEY", key)
    code, resumed, err = lathe_here("runs", "resume", json.loads(shown)["run_id"], "--json")
    assert (code, json.loads(resumed)["prompts"][0]["errors"]) == (0, 1)
    assert "bad key ***" in str(rows(folder))
    assert key not in shown + resumed + err
    assert all(key.encode() not in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_two_models_of_one_server_share_no_answers(folder: Path, lathe_here: Lathe, serve: Serve) -> None:
    right = expected(20)
    server = serve(lambda asked: completion(right[asked.question]), {"/v1/models": models("a", "b")})
    for name in ("a", "b", "a"):
        code, _, err = lathe_here("eval", TASK, "-p", "none", "-m", f"{server.url}#{name}", "--cases", "20")
        assert code == 0, err
    assert Counter(asked.content["model"] for asked in server.asked) == {"a": 20, "b": 20}
