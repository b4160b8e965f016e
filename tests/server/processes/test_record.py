"""Which servers run: names, and what is left of those that ended."""

import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from promptlathe.errors import EngineError, UnknownNameError, UsageError, WorkspaceError
from promptlathe.server.processes.ending import end
from promptlathe.server.processes.record import Servers, checked_name
from promptlathe.server.processes.status import status_of
from tests.server.processes.records import a_record


@pytest.fixture
def servers(tmp_path: Path) -> Servers:
    return Servers(tmp_path / "servers")


def test_a_record_is_there_as_long_as_its_server(servers: Servers) -> None:
    assert servers.known() == []
    with servers.registered(a_record(), is_name_fixed=False) as record:
        assert servers.running() == [record] == [servers.find(None)] == [servers.find("tiny")]
        assert servers.folder.stat().st_mode & 0o777 == 0o700
        servers.forget("tiny")
        assert servers.is_running("tiny")
    assert servers.known() == []
    assert [path.name for path in servers.folder.iterdir()] == [".lock"]


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("tiny", ["tiny", "tiny-2", "tiny-3"]),
        ("org/a model", ["org-a-model", "org-a-model-2", "org-a-model-3"]),
        ("../..", ["server", "server-2", "server-3"]),
        ("小模型", ["小模型", "小模型-2", "小模型-3"]),
    ],
)
def test_names_get_numbers(servers: Servers, wanted: str, got: list[str]) -> None:
    with ExitStack() as held:
        made = [
            held.enter_context(
                servers.registered(
                    a_record(wanted, started_at=datetime(2026, 1, day, tzinfo=UTC)), is_name_fixed=False
                )
            ).name
            for day in (3, 2, 1)
        ]
        assert made == got
        assert [record.name for record in servers.running()] == got[::-1]


def test_a_name_that_was_asked_for_is_kept_or_refused(servers: Servers) -> None:
    with (
        servers.registered(a_record(), is_name_fixed=True),
        pytest.raises(UsageError, match="a server named 'tiny' is running"),
        servers.registered(a_record(), is_name_fixed=True),
    ):
        pass
    assert servers.known() == []


def test_what_a_killed_server_leaves(servers: Servers) -> None:
    """Process 1 lives always: that some process has its number does not make a server of it."""
    servers.folder.mkdir()
    left = a_record(pid=1)
    (servers.folder / "tiny.json").write_text(left.model_dump_json())
    (servers.folder / "tiny.lock").touch()
    assert servers.known() == [(left, False)]
    assert servers.running() == []
    with servers.registered(a_record(pid=2), is_name_fixed=True) as taken:
        assert servers.known() == [(taken, True)]
    (servers.folder / "tiny.json").write_text(left.model_dump_json())
    servers.forget("tiny")
    assert servers.known() == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "tiny"}', "\udce9"])
def test_a_damaged_record_is_none(servers: Servers, text: str) -> None:
    servers.folder.mkdir()
    (servers.folder / "tiny.json").write_bytes(text.encode("utf-8", errors="surrogateescape"))
    assert servers.known() == []


def test_which_one_is_meant(servers: Servers) -> None:
    with pytest.raises(UsageError, match="no server is running"):
        servers.find(None)
    with (
        servers.registered(a_record("one"), is_name_fixed=True),
        servers.registered(a_record("two"), is_name_fixed=True),
    ):
        with pytest.raises(UsageError, match="2 servers are running") as several:
            servers.find(None)
        assert several.value.hint == "name one: one, two"
        with pytest.raises(UnknownNameError) as unknown:
            servers.find("on")
        assert unknown.value.hint == "did you mean 'one'?"


@pytest.mark.parametrize("name", ["", ".", "-a", "a/b", "a b", "x" * 101, "a\n"])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a server's name"):
        checked_name(name)


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(WorkspaceError, match="cannot write to"),
        Servers(tmp_path / "file" / "servers").registered(a_record(), is_name_fixed=False),
    ):
        pass


def test_a_process_of_that_number_on_another_machine_is_left_alone(servers: Servers) -> None:
    """Another process of this machine holds the lock here, as one of another machine would."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        record = a_record(pid=bystander.pid, machine="there")
        with servers.registered(record, is_name_fixed=True):
            with pytest.raises(EngineError, match=f"process {bystander.pid} of there"):
                end(record, servers, patience_s=0)
            status = status_of(servers, record, datetime(2026, 1, 2, tzinfo=UTC))
            assert (status.state, status.detail) == ("elsewhere", "it runs on there")
        assert bystander.poll() is None
