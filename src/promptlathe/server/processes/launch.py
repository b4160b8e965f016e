"""Starting a server that outlives the terminal."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from promptlathe.errors import EngineError
from promptlathe.server.processes.ending import end_all, tree
from promptlathe.server.processes.log import READY
from promptlathe.server.processes.record import ServerRecord, Servers

_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class NotStarted:
    """A server that ended before it was ready. `exit_code` is below 0 if a signal ended it; `said` is its output."""

    exit_code: int
    said: str


def launch(
    arguments: Sequence[str], *, environment: dict[str, str], servers: Servers
) -> ServerRecord | NotStarted:
    """Run `lathe` with `arguments` in a session of its own, which no terminal ends, and wait until it is ready.

    The server says that it is by a byte on its first output (see log.py), and closes that output. Whatever
    interrupts the wait ends the server, too.
    """
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and program
        # -P: `-m` would otherwise import whatever happens to lie in the current folder under our modules' names.
        [sys.executable, "-P", "-m", "promptlathe", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env=os.environ | environment,
    )
    assert process.stdout is not None  # noqa: S101 - by PIPE; for the type checker
    try:
        with process.stdout as output:
            said = output.read()
        if not said.endswith(READY):
            return NotStarted(process.wait(), said.decode("utf-8", errors="replace"))
    except BaseException:
        members = tree(process.pid)
        process.terminate()
        end_all(members, _PATIENCE_S)
        process.wait()
        raise
    process.returncode = 0  # it is meant to outlive us: without this, its object warns that it does
    for record in servers.running():
        if record.pid == process.pid:
            return record
    raise EngineError("the server ended as soon as it was ready", hint="lathe ps and lathe logs say more")
