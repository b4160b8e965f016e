"""`lathe chat` and `lathe doctor` with a served model."""

import io
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from promptlathe.engines import remote
from promptlathe.engines.patience import Patience
from tests.chat_server import ChatServer, Reply, completion, models, streamed
from tests.cli.conftest import Lathe

Serve = Callable[..., ChatServer]


@pytest.fixture
def chat(folder: Path, lathe_here: Lathe, monkeypatch: pytest.MonkeyPatch) -> Lathe:
    """`lathe chat` with these lines as its standard input."""
    monkeypatch.setattr(remote, "Patience", partial(Patience, first_s=0.01))

    def run(text: str, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        return lathe_here("chat", *arguments)

    return run


def test_a_conversation_with_a_served_model(chat: Lathe, serve: Serve) -> None:
    server = serve(lambda asked: streamed("re ", asked.question))
    assert chat("你好\n13.8?\n", "--model", server.url, "--system", "be brief") == (
        0,
        "re 你好\nre 13.8?\n",
        "",
    )
    assert [message["content"] for message in server.asked[1].content["messages"]] == [
        "be brief",
        "你好",
        "re 你好",
        "13.8?",
    ]
    assert server.asked[0].content["stream"] is True


def test_what_is_wrong_with_the_server_is_one_line(chat: Lathe, serve: Serve) -> None:
    server = serve(lambda _: Reply({"error": {"message": "CUDA out of memory"}}, 500))
    assert chat("hello\n", "--model", server.url) == (
        1,
        "",
        f"error: {server.url} failed (500): CUDA out of memory\n hint: see the server's log\n",
    )
    server.routes["/v1/models"] = Reply({"error": "Unauthorized"}, 401)
    code, out, err = chat("hello\n", "--model", server.url)
    assert (code, out, err.splitlines()[0]) == (1, "", f"error: {server.url} wants a key (401): Unauthorized")


def findings(lathe: Lathe, *arguments: str) -> tuple[int, list[dict[str, str]]]:
    code, out, _ = lathe("doctor", "--json", *arguments)
    return code, [found for found in json.loads(out) if found["name"] in ("endpoint", "served model")]


def test_the_doctor_asks_a_server(
    folder: Path, lathe_here: Lathe, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "Patience", partial(Patience, first_s=0.01))
    server = serve(
        routes={"/v1/models": models("tiny", owned_by="vllm"), "/version": Reply({"version": "0.9"})}
    )
    _, (found,) = findings(lathe_here, "--model", server.url)
    assert found["status"] == "ok"
    assert found["found"].startswith(f"tiny at {server.url}, server vllm 0.9, answers after 0.")
    server.answering = lambda _: Reply("<title>Bad Gateway</title>", 502)
    code, (found,) = findings(lathe_here, "--model", server.url)
    assert (code, found["status"], found["found"]) == (
        1,
        "problem",
        f"{server.url} failed (502): Bad Gateway",
    )
    server.answering = lambda _: completion("hello")
    code, (found,) = findings(lathe_here, "--model", f"{server.url}#huge")
    assert (code, found["found"], found["advice"]) == (
        1,
        "no model named 'huge'",
        f"{server.url} serves tiny",
    )
    code, (found,) = findings(lathe_here, "--model", "smollm2-135m-instruct")
    assert (code, found["found"]) == (1, "smollm2-135m-instruct is not a URL")
