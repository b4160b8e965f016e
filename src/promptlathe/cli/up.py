"""`lathe up`: a model that is served in the background, and where to reach it from here and from elsewhere."""

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from promptlathe.cli.console import err, escape_markup, out
from promptlathe.cli.models import complete_name
from promptlathe.models.catalog import EMBEDDED_MODEL

if TYPE_CHECKING:
    from promptlathe.server.processes.record import ServerRecord


def up(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="[NAME|PATH]", help="A model, as for `lathe serve`.", autocompletion=complete_name
        ),
    ] = EMBEDDED_MODEL,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes one that is free.")] = 23333,
    is_opened: Annotated[
        bool, typer.Option("--open", help="Open it in the browser of this desktop.")
    ] = False,
) -> None:
    """Serve a model in the background, unless it is served already, and show where."""
    from promptlathe.cli.background import start_detached
    from promptlathe.cli.models import ensure_with_progress
    from promptlathe.cli.serve import read_keys

    model = ensure_with_progress(reference)
    record = _served(model.digest)
    if record is None:
        record = start_detached(model.name, [f"--port={port}", "--", reference], read_keys([], None))
    _print_places(record)
    if tunnel := tunnel_line(record, os.environ):
        out.print("\nfrom your own computer: run this there, then use the same addresses", soft_wrap=True)
        out.print(f"  {escape_markup(tunnel)}", soft_wrap=True)
    if is_opened:
        _open(f"{record.url}/docs")


def tunnel_line(record: "ServerRecord", environment: Mapping[str, str]) -> str | None:
    """The command that brings the server's port to the computer this SSH session came from; None without one.

    SSH_CONNECTION holds the client's address and port, then this side's, as the client reached it.
    """
    from getpass import getuser

    parts = environment.get("SSH_CONNECTION", "").split()
    if len(parts) != 4:
        return None
    host, port = parts[2:]
    bound = record.url.removeprefix("http://")
    other_port = "" if port == "22" else f" -p {port}"
    return f"ssh -CNg -L {record.port}:{bound} {getuser()}@{host}{other_port}"


def _served(digest: str) -> "ServerRecord | None":
    """The server that this machine has of a model; how it is is said."""
    from datetime import UTC, datetime

    from promptlathe.server.processes.record import Servers
    from promptlathe.server.processes.status import status_of

    servers = Servers.default()
    for record in servers.running():
        if record.digest == digest:
            status = status_of(servers, record, datetime.now(UTC))
            if status.state == "ready":
                err.print(escape_markup(f"{record.name} runs already"), soft_wrap=True)
                return record
            if status.state not in ("elsewhere", "stopping"):
                how = f"was started already; it is {status.state}: {status.detail}"
                err.print(escape_markup(f"{record.name} {how}"), soft_wrap=True)
                return record
    return None


def _print_places(record: "ServerRecord") -> None:
    lines = (
        f"{record.model} on {record.engine}",
        f"  API    {record.url}/v1" + (", with the key that it was started with" if record.has_key else ""),
        f"  docs   {record.url}/docs",
        f"  log    lathe logs -f {record.name}" if record.is_detached else "",
        f"  stop   lathe stop {record.name}",
    )
    for line in filter(None, lines):
        out.print(escape_markup(line), soft_wrap=True)


def _open(url: str) -> None:
    import webbrowser

    has_display = sys.platform == "darwin" or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if not has_display or not webbrowser.open(url):
        err.print(f"there is no browser here to open {url} in", soft_wrap=True)
