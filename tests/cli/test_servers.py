"""`lathe serve --detach`, `ps`, `logs`, `stop`, with real processes."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from tests.cli.conftest import Lathe
from tests.cli.served import KEY, Machine, asked, command_line, is_alive, process_ids, until


@pytest.fixture
def machine(
    tmp_path: Path,
    make_gguf: Callable[..., bytes],
    lathe_anywhere: Lathe,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Machine]:
    """With a proxy in the environment, which must not be asked for what runs on this machine."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    made = Machine(tmp_path / "workspace", make_gguf(), lathe_anywhere)
    yield made
    made.close()


def test_two_servers_from_start_to_stop(machine: Machine) -> None:
    code, said, err = machine.run(
        "serve", "--detach", "--port", "0", "--api-key", KEY, "--served-model-name", "org/one", "tiny.gguf"
    )
    assert (code, err) == (0, "loading tiny\n")
    (one,) = machine.servers.running()
    assert said.startswith(f"org/one answers at {one.url}/v1\n")
    assert "lathe stop org-one stops it" in said
    assert asked(one, "two words").json()["choices"][0]["text"] == "two words "

    origins = [f"--allow-origin=https://{name}.example" for name in "ab"]
    two = machine.serve("--name", "second", *origins, "--access-log", LATHE_API_KEY=KEY)
    assert " ".join([*origins, "--access-log"]) in command_line(two.pid)
    assert asked(two, "fine").status_code == 200
    seen = machine.seen()
    assert [(one["name"], one["model"], one["state"]) for one in seen] == [
        ("org-one", "org/one", "ready"),
        ("second", "tiny", "ready"),
    ]
    assert all(one["requests_running"] == 0 and one["memory_bytes"] > 10_000_000 for one in seen)
    code, table, _ = machine.lathe("ps")
    assert code == 0
    assert all(
        word in table for word in ("org-one", "  org/one", f"127.0.0.1:{two.port}", "ready", "openvino")
    )
    assert max(map(len, table.splitlines())) <= 80

    log = machine.servers.log_path("org-one").read_text()
    records = [path.read_text() for path in machine.servers.folder.glob("*.json")]
    commands = [command_line(pid) for record in (one, two) for pid in process_ids(record.pid)]
    assert len(commands) == 4
    assert KEY not in "".join([said, table, log, json.dumps(seen), *records, *commands])

    for arguments, message in (
        (["--port", str(one.port)], f"port {one.port} is taken: the server org-one runs at {one.url}"),
        (["--port", "0", "--name", "second"], "a server named 'second' is running"),
        (["--name", "a/b"], "'a/b' cannot be a server's name"),
    ):
        code, said, err = machine.run("serve", "-d", *arguments, "tiny.gguf")
        assert (code, said) == (2, "")
        assert f"error: {message}" in err
    assert len(machine.servers.known()) == 2

    assert machine.lathe("stop")[0] == 2
    code, said, _ = machine.lathe("stop", "--all")
    assert code == 0
    assert [line.split(" after ")[0] for line in said.splitlines()] == ["stopped org-one", "stopped second"]
    assert machine.lathe("ps") == (0, "no server is running\n", "")
    assert machine.lathe("stop", "--all") == (0, "no server is running\n", "")
    assert "org/one answers at" in machine.lathe("logs", "org-one")[1]


def test_the_end_of_the_terminal_is_not_the_server_s(machine: Machine) -> None:
    command = machine.command("serve", "-d", "--port", "0", "tiny.gguf")
    shell = pexpect.spawn(
        command[0], command[1:], cwd=str(machine.folder), env=machine.environment, timeout=60
    )
    shell.expect("stops it")
    (record,) = machine.servers.running()
    shell.close(force=True)
    os.kill(record.pid, signal.SIGHUP)
    assert os.getsid(record.pid) == record.pid
    assert asked(record, "still here").json()["choices"][0]["text"] == "still here "


def test_a_server_that_was_killed_is_gone_and_then_forgotten(machine: Machine) -> None:
    record = machine.serve()
    engine = process_ids(record.pid)[1]
    with machine.start("logs", "-f", "-n", "1") as following:
        assert following.stdout is not None
        assert "is described at" in following.stdout.readline()
        os.kill(record.pid, signal.SIGKILL)
        said, err = following.communicate(timeout=60)
    assert (following.returncode, said, err) == (0, "", "tiny does not run any more\n")
    until(lambda: not is_alive(engine))
    (seen,) = machine.seen()
    assert (seen["name"], seen["state"], seen["memory_bytes"]) == ("tiny", "gone", None)
    assert machine.seen() == []
    code, said, err = machine.lathe("stop", "tiny")
    assert (code, said) == (2, "")
    assert "no running server named 'tiny'" in err
    assert machine.lathe("logs", "-n", "1")[1].startswith("the API is described at")


class Asking(threading.Thread):
    """Asks, and keeps the answer's text."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(daemon=True)
        self.arguments, self.options = arguments, options
        self.text = ""
        self.start()

    def run(self) -> None:
        self.text = asked(*self.arguments, **self.options).text

    def answer(self) -> str:
        self.join(60)
        return self.text


def running_answers(machine: Machine) -> object:
    return machine.seen()[0]["requests_running"]


def test_an_answer_under_way_is_finished(machine: Machine) -> None:
    record = machine.serve()
    asking = Asking(record, "one hold two", stream=True)
    until(lambda: running_answers(machine) == 1)
    with machine.start("stop") as stopping:
        until(lambda: machine.seen()[0]["state"] == "stopping")
        machine.go.touch()
        said, err = stopping.communicate(timeout=60)
    assert (stopping.returncode, err) == (0, "tiny has 30 s to finish 1 answer\n")
    assert said.startswith("stopped tiny after ")
    answer = asking.answer()
    assert '"text":"two "' in answer
    assert '"finish_reason":"stop"' in answer


def test_an_answer_that_takes_too_long_is_cut(machine: Machine) -> None:
    record = machine.serve("--grace-s", "0.1")
    asking = Asking(record, "one hold two", stream=True)
    until(lambda: running_answers(machine) == 1)
    code, said, _ = machine.lathe("stop", "tiny")
    assert (code, said) == (0, "stopped tiny; answers that took longer than 0.1 s were cut\n")
    assert "the server is stopping" in asking.answer()


def test_a_server_that_does_not_end_is_killed_with_its_engine(machine: Machine) -> None:
    record = machine.serve()
    members = process_ids(record.pid)
    for pid in members:
        os.kill(pid, signal.SIGSTOP)
    assert machine.seen()[0]["state"] == "silent"
    code, said, _ = machine.lathe("stop", "--timeout", "0.2")
    assert code == 1
    assert said.startswith("killed tiny, which had not ended after ")
    until(lambda: not any(map(is_alive, members)))
    assert machine.seen() == []


def test_why_a_server_does_not_start(machine: Machine) -> None:
    code, said, err = machine.run("serve", "-d", "--port", "0", "tiny.gguf", SCRIPTED_WORKER_LOADS="no")
    assert (code, said) == (1, "")
    assert "error: cannot load it\n hint: get another\n" in err
    assert machine.servers.known() == []
    assert "error: cannot load it" in machine.lathe("logs")[1]


def test_what_interrupts_the_wait_ends_the_server(machine: Machine) -> None:
    with machine.start("serve", "-d", "--port", "0", "tiny.gguf", SCRIPTED_WORKER_LOADS="never") as waiting:
        until(lambda: [one["state"] for one in machine.seen()] == ["loading"])
        (record,) = machine.servers.running()
        members = process_ids(record.pid)
        code, _, err = machine.lathe("up", str(machine.folder / "tiny.gguf"))
        assert (code, err) == (0, "tiny was started already; it is loading: loading tiny\n")
        waiting.send_signal(signal.SIGINT)
        waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert not any(map(is_alive, members))
    assert machine.servers.known() == []


def test_a_server_in_a_terminal_is_seen_and_stopped(machine: Machine) -> None:
    with machine.start("serve", "--port", "0", "tiny.gguf") as serving:
        assert serving.stdout is not None
        assert "tiny answers at" in serving.stdout.readline()
        assert machine.seen()[0]["log"] is None
        code, _, err = machine.lathe("logs", "tiny")
        assert (code, "the terminal that it runs in shows" in err) == (2, True)
        assert machine.lathe("stop")[0] == 0
        assert serving.wait(60) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["stop"], 2, "no server is running"),
        (["stop", "tiny"], 2, "no running server named 'tiny'"),
        (["stop", "tiny", "--all"], 2, "--all stops every server"),
        (["logs"], 2, "no server has a log yet"),
        (["logs", "tiny"], 2, "no server's log named 'tiny'"),
    ],
)
def test_where_there_is_no_server(lathe_here: Lathe, arguments: list[str], code: int, message: str) -> None:
    got, said, err = lathe_here(*arguments)
    assert (got, said) == (code, "")
    assert message in err


def up(machine: Machine, **environment: str) -> str:
    code, said, err = machine.run("up", "--port", "0", "tiny.gguf", **environment)
    assert code == 0, err
    assert KEY not in said + err
    return said


def test_up_serves_a_model_once_and_says_where(machine: Machine) -> None:
    said = up(machine, LATHE_API_KEY=KEY)
    (record,) = machine.servers.running()
    assert said.splitlines() == [
        "tiny on openvino",
        f"  API    {record.url}/v1, with the key that it was started with",
        f"  docs   {record.url}/docs",
        "  log    lathe logs -f tiny",
        "  stop   lathe stop tiny",
    ]
    again = up(machine, SSH_CONNECTION="10.0.0.9 55000 10.0.0.5 43551", USER="me", LOGNAME="me")
    assert again.startswith(said)
    assert f"  ssh -CNg -L {record.port}:127.0.0.1:{record.port} me@10.0.0.5 -p 43551\n" in again
    assert len(machine.servers.running()) == 1
    code, _, err = machine.run("up", "--open", "tiny.gguf")
    assert (code, f"there is no browser here to open {record.url}/docs" in err) == (0, True)
