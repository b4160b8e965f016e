"""Servers as processes of their own, for serving.py, soak.py and fuzz.py.

`python benchmarks/serving_servers.py FILE SLOTS unified|split` is llama.cpp's: its address is the first line of stdout,
and it ends with its stdin.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

END_S = 60
HTTP_THREADS = 160
"""llama.cpp's server holds one for each open stream."""


@dataclass(frozen=True, slots=True)
class Server:
    """`root` is its URL without a path; what is measured is of its process and all below it."""

    root: str
    process: psutil.Process

    @property
    def processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def cpu_s(self) -> float:
        return sum(sum(one.cpu_times()[:2]) for one in self.processes)

    def memory_mb(self) -> float:
        """What only these processes have: files of the system that others read, too, do not count."""
        return sum(one.memory_full_info().uss for one in self.processes) / 1e6


def lathe_command(*options: str) -> list[str]:
    return [str(Path(sys.executable).with_name("lathe")), "serve", *options]


@contextmanager
def lathe_server(
    model: str, *options: str, api_key: str = "", log: Path = Path(os.devnull)
) -> Iterator[Server]:
    """`lathe serve`, when it answers; what it says on stderr goes to `log`."""
    with (
        log.open("ab") as said,
        subprocess.Popen(
            lathe_command(model, "--port", "0", *options),
            env=os.environ | {"LATHE_API_KEY": api_key},
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        ) as process,
    ):
        try:
            yield Server(_url(process, " answers at ").removesuffix("/v1"), psutil.Process(process.pid))
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=END_S)


@contextmanager
def llamacpp_server(file: Path, slots: int, *, is_unified: bool) -> Iterator[Server]:
    command = [sys.executable, __file__, str(file), str(slots), "unified" if is_unified else "split"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield Server(_url(process, ""), psutil.Process(process.pid))
        finally:
            process.communicate(timeout=END_S)


def _url(process: subprocess.Popen[str], before: str) -> str:
    """The address in the first line of stdout."""
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if "http://" not in line:
        raise RuntimeError(f"{process.args} did not start: {line}")
    return line.split(before)[1] if before else line


def _serve_llamacpp(file: str, slots: str, kind: str) -> None:
    import xllamacpp
    from evaluation_speed import llamacpp_settings

    settings = llamacpp_settings(file, int(slots))
    settings.kv_unified = kind == "unified"  # type: ignore[attr-defined]
    settings.n_threads_http = HTTP_THREADS  # type: ignore[attr-defined]
    server = xllamacpp.Server(settings)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    _serve_llamacpp(*sys.argv[1:])
