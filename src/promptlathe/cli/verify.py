"""`lathe verify`: does what a certificate claims follow from what it records?"""

from pathlib import Path
from typing import Annotated

import typer

from promptlathe.cli.console import AllowPython, JsonFlag, out, print_json
from promptlathe.errors import UnknownNameError, UsageError


def verify(
    certificate: Annotated[Path, typer.Argument(help="A certificate.json, as `lathe demo` writes it.")],
    task: Annotated[
        str | None,
        typer.Option(help="The certificate's task, if it is a file outside of this workspace's tasks/."),
    ] = None,
    allow_python: AllowPython = False,
    as_json: JsonFlag = False,
) -> None:
    """Check a certificate: make its cases anew, judge its answers anew, compute every number anew."""
    from promptlathe.optimization.certificate import find_faults, read_certificate
    from promptlathe.workspace.workspace import Workspace

    try:
        content = certificate.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {certificate}: {error.strerror}", hint="check the path") from error
    read = read_certificate(content, str(certificate))
    try:
        found = Workspace.find().task(task or read.task.name, allow_python=allow_python)
    except UnknownNameError as error:
        raise UsageError(
            f"the certificate is about the task {read.task.name!r}: {error.message}",
            hint="verify it in the workspace that has the task, or name its file: --task FILE",
        ) from error
    faults = find_faults(read, lambda _: found)
    if as_json:
        print_json({"is_valid": not faults, "faults": faults, "claims": read.claims})
    elif faults:
        out.print(f"[red]not valid[/]: {len(faults)} faults")
        for fault in faults[:20]:
            out.print(f"  {fault}", markup=False, soft_wrap=True)
    else:
        out.print(
            f"[green]valid[/]: {read.winner} against {read.start} on {read.task.count} sealed cases of "
            f"{read.task.name}, {len(read.answers)} answers of {read.engine.model} judged anew"
        )
    if faults:
        raise typer.Exit(1)
