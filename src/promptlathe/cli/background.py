"""`lathe serve` as a process without a terminal: how it is told what to do, and waited for."""

import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import typer

from promptlathe.cli.console import print_error, without_control

if TYPE_CHECKING:
    from promptlathe.server.processes.record import ServerRecord


def arguments_again(context: typer.Context, kept: Collection[str]) -> list[str]:
    """The arguments that the command was given, without the parameters in `kept`."""
    options: list[str] = []
    positional: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if name in kept or source is None or source.name != "COMMANDLINE":
            continue
        value = context.params[name]
        if parameter.param_type_name == "argument":
            positional.append(str(value))
        elif value is True:
            options.append(parameter.opts[0])
        else:
            options += [
                f"{parameter.opts[0]}={one}"
                for one in (value if isinstance(value, list | tuple) else [value])
            ]
    return [*options, "--", *positional]


def start_detached(model: str, arguments: Sequence[str], keys: Sequence[str]) -> "ServerRecord":
    """`lathe serve` with `arguments`, once it answers. What kept it from that is shown, and ends the program with the
    server's own exit code."""
    from promptlathe.cli.serve import KEY_VARIABLE, loading
    from promptlathe.server.processes.launch import NotStarted, launch
    from promptlathe.server.processes.record import Servers

    with loading(model):
        started = launch(
            ["serve", "--in-background", *arguments],
            environment={KEY_VARIABLE: " ".join(keys)},
            servers=Servers.default(),
        )
    if not isinstance(started, NotStarted):
        return started
    sys.stderr.write(without_control(started.said))
    if started.exit_code < 0:
        print_error(f"the server was ended by signal {-started.exit_code} while it loaded {model}", None)
    raise typer.Exit(started.exit_code if started.exit_code > 0 else 1)
