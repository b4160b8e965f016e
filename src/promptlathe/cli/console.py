"""Where the command line writes: results to stdout, everything else to stderr."""

import json
from typing import Annotated

import typer
from rich.console import Console

AllowPython = Annotated[
    bool, typer.Option("--allow-python", help="Let the task's grader run Python code of this workspace.")
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Write the result as JSON to stdout.")]

_CONTROL = {code: None for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def print_json(value: object) -> None:
    """One JSON document on stdout, keys in the order given, no escapes for Chinese."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_error(message: str, hint: str | None) -> None:
    err.print(f"[bold red]error:[/] {escape_markup(message)}", soft_wrap=True)
    if hint:
        err.print(f"[bold cyan] hint:[/] {escape_markup(hint)}", soft_wrap=True)


def without_control(text: str) -> str:
    """What a model says must not move the cursor or retitle the window: of the control characters only tab and
    newline stay."""
    return text.translate(_CONTROL)


def escape_markup(text: str) -> str:
    from rich.markup import escape

    return escape(text)
