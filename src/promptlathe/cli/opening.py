"""From what a user gives as `--model` to an engine: a URL is a server's, anything else a model on this machine."""

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from promptlathe.cli.console import err, escape_markup
from promptlathe.errors import UsageError

if TYPE_CHECKING:
    from promptlathe.engines.engine import Engine

_TIMEOUT_VARIABLE = "LATHE_TIMEOUT_S"

KeyFileOption = Annotated[
    Path | None,
    typer.Option(
        "--api-key-file",
        metavar="FILE",
        envvar="LATHE_API_KEY_FILE",
        help="A file with the key of a served model; else LATHE_API_KEY is used.",
        show_default=False,
    ),
]


def open_model(reference: str, *, engine: str = "auto", api_key_file: Path | None = None) -> "Engine":
    """A model of the catalogue is pulled if it is missing; a server is asked at once what it serves, so that
    what is wrong with its URL or key is said before a run is made."""
    from promptlathe.cli.models import ensure_with_progress
    from promptlathe.engines.choose import open_engine
    from promptlathe.engines.endpoint import read_api_key, read_endpoint

    endpoint = read_endpoint(reference)
    if endpoint is None:
        return open_engine(ensure_with_progress(reference), engine=engine)
    options: dict[str, object] = {"on_waiting": _show_waiting, **_timeout()}
    opened = open_engine(
        endpoint, engine=engine, api_key=read_api_key(endpoint, os.environ, api_key_file), **options
    )
    opened.describe()
    return opened


def _timeout() -> dict[str, float]:
    given = os.environ.get(_TIMEOUT_VARIABLE, "").strip()
    if not given:
        return {}
    try:
        timeout_s = float(given)
    except ValueError:
        timeout_s = math.nan
    if not 0 < timeout_s < math.inf:
        raise UsageError(f"{_TIMEOUT_VARIABLE} is a number of seconds, not {given!r}")
    return {"timeout_s": timeout_s}


def _show_waiting(line: str) -> None:
    err.print(f"[dim]{escape_markup(line)}[/]", soft_wrap=True)
