"""`lathe`: assembles the command groups and turns every expected error into one line and an exit code."""

import sys
from typing import Annotated

import typer

from promptlathe import __version__
from promptlathe.cli import (
    models,
    prompt,
    prompt_edit,
    prompt_lint,
    prompt_save,
    run_cases,
    runs,
    task,
    task_new,
)
from promptlathe.cli.chat import chat
from promptlathe.cli.compare import compare
from promptlathe.cli.console import print_error
from promptlathe.cli.demo import demo
from promptlathe.cli.doctor import doctor
from promptlathe.cli.eval import evaluate
from promptlathe.cli.export import export
from promptlathe.cli.headroom import headroom
from promptlathe.cli.optimize import optimize
from promptlathe.cli.serve import serve
from promptlathe.cli.servers import logs, ps, stop
from promptlathe.cli.up import up
from promptlathe.cli.verify import verify
from promptlathe.errors import LatheError

app = typer.Typer(
    name="lathe",
    help="Take a local language model from installed to answering correctly, with proof.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


app.command()(demo)
app.command()(chat)
app.command()(up)
app.command()(serve)
app.command()(ps)
app.command()(logs)
app.command()(stop)
prompt_lint.register(prompt.app)
prompt_edit.register(prompt.app)
prompt.app.command("save")(prompt_save.save)
app.add_typer(prompt.app, name="prompt")
task_new.register(task.app)
app.add_typer(task.app, name="task")
app.command("eval")(evaluate)
app.command()(compare)
run_cases.register(runs.app)
runs.app.command()(export)
app.add_typer(runs.app, name="runs")
app.command()(headroom)
app.command()(optimize)
app.command()(verify)
app.add_typer(models.app, name="models")
app.command()(doctor)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"lathe {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point. Exit codes: 0 good, 1 failed, 2 usage, 130 interrupted; `lathe eval` has more for thresholds."""
    try:
        app()
    except LatheError as error:
        print_error(str(error), error.hint)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our stdout went away (`lathe ... | head`): nothing left to say to it.
        sys.stderr.close()
        sys.exit(0)
