"""Servers as real processes, with the scripted worker in the engine's place."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import psutil

from promptlathe.server.processes.ending import end
from promptlathe.server.processes.record import ServerRecord, Servers
from tests.scripted import Terminal

KEY = "s3cret-key"
_WORKER = Path(__file__).parents[1] / "server" / "scripted_worker.py"
_AS_WORKER = f"""
import sys
if "promptlathe.server.worker" in sys.orig_argv:
    import os
    os.execv(sys.executable, [sys.executable, {str(_WORKER)!r}, sys.orig_argv[-1]])
"""


def until(is_so: Callable[[], bool], *, timeout_s: float = 60) -> None:
    """For what other processes do."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Machine(Terminal):
    """A workspace whose folder of servers is its own; `go` lets held answers go on. `lathe` runs it in this process,
    which is faster than `run`."""

    def __init__(self, folder: Path, model: bytes, lathe: Callable[..., tuple[int, str, str]]) -> None:
        super().__init__(folder, model)
        self.lathe = lathe
        # Python imports this by itself; so the worker is another one, however deep among the processes it is started.
        (folder / "plugins" / "sitecustomize.py").write_text(_AS_WORKER)
        self.go = folder / "go"
        self.servers = Servers.default()
        self.environment |= {
            "LATHE_HOME": os.environ["LATHE_HOME"],
            "SCRIPTED_WORKER_LOG": str(folder / "worker.log"),
            "SCRIPTED_WORKER_GO": str(self.go),
        }
        for name in ("LATHE_API_KEY", "SSH_CONNECTION", "DISPLAY", "WAYLAND_DISPLAY"):
            self.environment.pop(name, None)

    def serve(self, *arguments: str, **environment: str) -> ServerRecord:
        """A detached server of `tiny.gguf` on a free port."""
        before = {record.pid for record in self.servers.running()}
        code, _, err = self.run("serve", "-d", "--port", "0", *arguments, "tiny.gguf", **environment)
        assert code == 0, err
        (record,) = (record for record in self.servers.running() if record.pid not in before)
        return record

    def seen(self) -> list[dict[str, object]]:
        code, out, _ = self.lathe("ps", "--json")
        assert code == 0
        found: list[dict[str, object]] = json.loads(out)
        return found

    def close(self) -> None:
        for record in self.servers.running():
            end(record, self.servers, patience_s=0)


def asked(record: ServerRecord, prompt: str, **options: object) -> httpx2.Response:
    body = {"model": record.model, "prompt": prompt} | options
    return httpx2.post(
        f"{record.url}/v1/completions",
        json=body,
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=60,
        trust_env=False,
    )


def command_line(pid: int) -> str:
    """As every user of the machine can read it."""
    return " ".join(psutil.Process(pid).cmdline())


def process_ids(pid: int) -> list[int]:
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
