"""`lathe runs`: what was measured, and going on with what was cut off."""

from typing import TYPE_CHECKING, Annotated

import typer

from promptlathe.cli.console import AllowPython, JsonFlag, err, out, print_json
from promptlathe.cli.opening import KeyFileOption

if TYPE_CHECKING:
    from promptlathe.workspace.database import RunRecord
    from promptlathe.workspace.workspace import Workspace

_AXES = ("prompts", "models")

app = typer.Typer(help="List, show and resume runs.", no_args_is_help=True)


def complete_run(incomplete: str) -> list[str]:
    from promptlathe.workspace.workspace import Workspace

    workspace = Workspace.find()
    runs = workspace.database.runs() if workspace.has_database else []
    return [record.id for record in runs if record.id.startswith(incomplete)]


Run = Annotated[str, typer.Argument(help="A run's id, or how it begins.", autocompletion=complete_run)]


@app.command("list")
def list_runs(as_json: JsonFlag = False) -> None:
    """List the workspace's runs, the newest first."""
    from rich.table import Table

    from promptlathe.workspace.workspace import Workspace

    workspace = Workspace.find()
    records = workspace.database.runs() if workspace.has_database else []
    if as_json:
        print_json([_as_json(workspace, record) for record in records])
        return
    if not records:
        err.print(
            "no runs yet; make one with: lathe eval decimal-comparison --prompt none --prompt decimal-expert"
        )
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("run", no_wrap=True, overflow="fold")
    for heading in ("state", "task", "prompts\nx models", "started"):
        table.add_column(heading, overflow="fold")
    for record in records:
        table.add_row(
            record.id,
            state(workspace, record),
            str(record.spec.get("task", "")),
            " x ".join(str(len(made)) for made in map(record.spec.get, _AXES) if isinstance(made, list)),
            f"{record.created_at.astimezone():%m-%d %H:%M}",
        )
    out.print(table)


@app.command()
def show(
    run: Run,
    rules: Annotated[
        bool, typer.Option("--rules", help="How far the answers follow each wrong rule.")
    ] = False,
    allow_python: AllowPython = False,
    as_json: JsonFlag = False,
) -> None:
    """Show a run's numbers, finished or not."""
    from promptlathe.cli.eval import show_result
    from promptlathe.cli.evaluating import summarise_run
    from promptlathe.cli.planned import evaluation_plan
    from promptlathe.workspace.workspace import Workspace

    workspace = Workspace.find()
    record = workspace.database.run(run)
    if record.kind != "eval":
        from promptlathe.cli.optimizing import show_stored

        show_stored(workspace, record, as_json=as_json)
        return
    summary = summarise_run(
        workspace, record.id, evaluation_plan(workspace, record, allow_python=allow_python)
    )
    show_result(summary, workspace.state / "reports" / f"{record.id}.html", as_json=as_json)
    if rules and not as_json:
        from promptlathe.cli.tables import rules_table

        out.print(rules_table(summary))


@app.command()
def resume(
    run: Run,
    api_key_file: KeyFileOption = None,
    allow_python: AllowPython = False,
    as_json: JsonFlag = False,
) -> None:
    """Go on with a run that was cut off: nothing that was answered is asked again."""
    from promptlathe.cli.eval import show_result
    from promptlathe.cli.evaluating import carry_out, open_planned
    from promptlathe.cli.planned import stored_plan
    from promptlathe.workspace.workspace import Workspace

    workspace = Workspace.find()
    record = workspace.database.run(run)
    if record.kind != "eval":
        from promptlathe.cli.optimizing import go_on

        go_on(workspace, record, api_key_file=api_key_file, allow_python=allow_python, as_json=as_json)
        return
    plan = stored_plan(workspace, record, allow_python=allow_python)
    opened = open_planned(plan, api_key_file=api_key_file)
    show_result(*carry_out(workspace, record.id, plan, opened), as_json=as_json)


def state(workspace: "Workspace", record: "RunRecord") -> str:
    """As stored, but for a run whose process is gone: that was interrupted, whatever the database says."""
    if record.status != "running":
        return record.status
    from filelock import FileLock, Timeout

    try:
        with FileLock(workspace.state / f"{record.id}.lock", timeout=0):
            return "interrupted"
    except Timeout:
        return "running"


def _as_json(workspace: "Workspace", record: "RunRecord") -> dict[str, object]:
    return {
        "id": record.id,
        "kind": record.kind,
        "state": state(workspace, record),
        "created_at": record.created_at.isoformat(),
        "finished_at": record.finished_at.isoformat() if record.finished_at else None,
        "task": record.spec.get("task"),
        "models": record.spec.get("models"),
    }
