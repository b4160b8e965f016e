"""`lathe ps`, `lathe logs`, `lathe stop`: the servers that run on this machine."""

from typing import TYPE_CHECKING, Annotated

import typer

from promptlathe.cli.console import JsonFlag, err, escape_markup, out, print_json, without_control
from promptlathe.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from promptlathe.server.processes.record import ServerRecord, Servers
    from promptlathe.server.processes.status import ServerStatus


def complete_server(incomplete: str) -> list[str]:
    from promptlathe.server.processes.record import Servers

    return [one.name for one in Servers.default().running() if one.name.startswith(incomplete)]


ServerName = Annotated[
    str | None,
    typer.Argument(
        metavar="[NAME]",
        help="A server's name, from `lathe ps`; may be left out if there is only one.",
        autocompletion=complete_server,
        show_default=False,
    ),
]


def ps(as_json: JsonFlag = False) -> None:
    """List the servers that run on this machine, and those that ended without a word."""
    from datetime import UTC, datetime

    from promptlathe.server.processes.record import Servers
    from promptlathe.server.processes.status import statuses

    servers = Servers.default()
    found = statuses(servers, servers.known(), datetime.now(UTC))
    if as_json:
        print_json([_as_json(status, servers) for status in found])
    elif found:
        _print_table(found)
    else:
        typer.echo("no server is running")
    for status in found:
        if status.state == "gone":
            servers.forget(status.record.name)
            name = escape_markup(status.record.name)
            err.print(
                f"{name} is gone, and forgotten now; what it last said: lathe logs {name}", soft_wrap=True
            )


def logs(
    name: ServerName = None,
    is_followed: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what it says until it ends.")
    ] = False,
    count: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 100,
) -> None:
    """Show what a detached server says, or said before it ended."""
    import time

    from promptlathe.server.processes.reading import follow, last_lines
    from promptlathe.server.processes.record import Servers

    servers = Servers.default()
    chosen = _with_log(servers, name)
    path = servers.log_path(chosen)
    if not is_followed:
        for line in last_lines(path, count):
            typer.echo(without_control(line))
        return
    for line in follow(path, count, is_alive=lambda: servers.is_running(chosen), sleep=time.sleep):
        typer.echo(without_control(line))
    err.print(f"{escape_markup(chosen)} does not run any more", soft_wrap=True)


def stop(
    name: ServerName = None,
    is_all: Annotated[bool, typer.Option("--all", help="Every server of yours on this machine.")] = False,
    timeout_s: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            min=0,
            help="Kill it if it has not ended by then.",
            show_default="10 s more than its answers may take to finish",
        ),
    ] = None,
) -> None:
    """Stop a server: answers under way may finish, for as long as its --grace-s says. Exit 1 if it had to be killed."""
    from promptlathe.server.processes.ending import end
    from promptlathe.server.processes.record import Servers

    if is_all and name is not None:
        raise UsageError("--all stops every server: leave the name out")
    servers = Servers.default()
    chosen = servers.running() if is_all else _to_stop(servers, name)
    if is_all and not chosen:
        typer.echo("no server is running")
    was_killed = False
    for record in chosen:
        answers = _answers_waited_for(record, servers)
        ending = end(record, servers, patience_s=timeout_s)
        if ending.how == "killed":
            was_killed = True
            typer.echo(f"killed {record.name}, which had not ended after {ending.seconds:.1f} s")
        elif answers and ending.seconds > record.grace_s:
            typer.echo(f"stopped {record.name}; answers that took longer than {record.grace_s:g} s were cut")
        else:
            typer.echo(f"stopped {record.name} after {ending.seconds:.1f} s")
    if was_killed:
        raise typer.Exit(1)


def _to_stop(servers: "Servers", name: str | None) -> "list[ServerRecord]":
    """One, or none if it has ended already. Raises UsageError and UnknownNameError."""
    gone = {record.name for record, is_running in servers.known() if not is_running}
    if name is not None and name in gone:
        servers.forget(name)
        typer.echo(f"{name} had ended already")
        return []
    return [servers.find(name)]


def _answers_waited_for(record: "ServerRecord", servers: "Servers") -> int:
    """How many answers are under way, which is said."""
    from datetime import UTC, datetime

    from promptlathe.server.processes.status import status_of

    running = status_of(servers, record, datetime.now(UTC)).running or 0
    if running:
        answers = "1 answer" if running == 1 else f"{running} answers"
        err.print(
            f"{escape_markup(record.name)} has {record.grace_s:g} s to finish {answers}", soft_wrap=True
        )
    return running


def _with_log(servers: "Servers", name: str | None) -> str:
    """The server whose log is meant: the one of that name, the only one that runs, or the one that spoke last.
    Raises UsageError and UnknownNameError."""
    logged = {path.stem: path for path in servers.folder.glob("*.log")}
    in_terminals = {record.name for record in servers.running() if not record.is_detached}
    if name is None:
        running = [record.name for record in servers.running() if record.is_detached]
        if len(running) > 1:
            raise UsageError(f"{len(running)} servers are running", hint=f"name one: {', '.join(running)}")
        if not logged:
            raise UsageError("no server has a log yet", hint="start one: lathe serve --detach MODEL")
        return running[0] if running else max(logged, key=lambda one: logged[one].stat().st_mtime)
    if name in in_terminals:
        raise UsageError(f"{name} was not detached: the terminal that it runs in shows what it says")
    if name not in logged:
        raise UnknownNameError("server's log", name, logged)
    return name


def _as_json(status: "ServerStatus", servers: "Servers") -> dict[str, object]:
    record = status.record
    log = servers.log_path(record.name)
    return {
        **record.model_dump(mode="json"),
        "state": status.state,
        "detail": status.detail,
        "uptime_s": round(status.uptime_s, 1),
        "memory_bytes": status.memory_bytes,
        "requests_running": status.running,
        "requests_waiting": status.waiting,
        "log": str(log) if record.is_detached else None,
    }


def _print_table(found: "list[ServerStatus]") -> None:
    from rich.filesize import decimal
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("name", overflow="fold")
    for header in ("engine", "address", "state", "up", "memory", "answers\n+waiting"):
        table.add_column(header, no_wrap=True)
    for status in found:
        record = status.record
        name = record.name if record.model == record.name else f"{record.name}\n  {record.model}"
        cells = (
            name,
            record.engine,
            record.url.removeprefix("http://"),
            status.state,
            _duration(status.uptime_s),
            decimal(status.memory_bytes) if status.memory_bytes else "-",
            "-" if status.running is None else f"{status.running} +{status.waiting}",
        )
        table.add_row(*map(escape_markup, cells))
    out.print(table)


def _duration(seconds: float) -> str:
    """The two largest units."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s"))
    first = next((place for place, (number, _) in enumerate(units) if number), len(units) - 1)
    return " ".join(f"{number} {unit}" for number, unit in units[first : first + 2])
