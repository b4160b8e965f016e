"""`lathe models`: which models there are, getting them, looking at them, removing them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from promptlathe.cli.console import JsonFlag, err, escape_markup, out, print_json
from promptlathe.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from promptlathe.models.catalog import CatalogEntry
    from promptlathe.models.reference import Model
    from promptlathe.models.sources import OnProgress, PullProgress

app = typer.Typer(help="List, pull, show and remove models.", no_args_is_help=True)


def complete_name(incomplete: str) -> list[tuple[str, str]]:
    """Shell completion: the catalogue's names with their summaries."""
    from promptlathe.models.catalog import CATALOG

    return [(entry.name, entry.summary) for entry in CATALOG.values() if entry.name.startswith(incomplete)]


def complete_pulled_name(incomplete: str) -> list[str]:
    from promptlathe.models.store import Store

    return [name for name in Store.default().names() if name.startswith(incomplete)]


Reference = Annotated[
    str,
    typer.Argument(
        metavar="NAME|PATH",
        help="A name from `lathe models list`, a .gguf file or an OpenVINO folder.",
        autocompletion=complete_name,
    ),
]


@app.command("list")
def list_models(as_json: JsonFlag = False) -> None:
    """List the models known by name, and where the pulled ones lie."""
    from promptlathe.models.catalog import CATALOG
    from promptlathe.models.store import Store

    store = Store.default()
    rows = []
    for name in sorted({*CATALOG, *store.names()}):
        entry, manifest = CATALOG.get(name), store.manifest(name)
        known = manifest or entry
        path = str(store.folder / name / manifest.file) if manifest else None
        size_bytes = known.size_bytes if known else 0
        rows.append({"name": name, "size_bytes": size_bytes, **_catalog_facts(entry), "path": path})
    if as_json:
        print_json(rows)
    else:
        _print_list(rows, store.folder)


@app.command()
def pull(reference: Reference, as_json: JsonFlag = False) -> None:
    """Download a model of the catalogue, unless it is here already."""
    from promptlathe.models.catalog import CATALOG
    from promptlathe.models.store import Store

    entry = CATALOG.get(reference)
    was_here = entry is None or Store.default().has(entry)
    model = ensure_with_progress(reference)
    if as_json:
        print_json(_as_json(model))
    elif was_here:
        typer.echo(f"{model.name} is already here: {model.path}")
    else:
        typer.echo(f"pulled {model.name} ({_size(model.size_bytes)}) to {model.path}")


@app.command()
def show(reference: Reference, as_json: JsonFlag = False) -> None:
    """Show what a model is: architecture, quantisation, context length, digest, licence."""
    from promptlathe.models.catalog import CATALOG
    from promptlathe.models.gguf import read_gguf_header
    from promptlathe.models.reference import resolve
    from promptlathe.models.store import Store

    entry = CATALOG.get(reference)
    if entry and reference not in Store.default().names():
        facts = _entry_as_json(entry) | _catalog_facts(entry)
    else:
        model = resolve(reference)
        facts = _as_json(model) | _catalog_facts(entry)
        if model.format == "gguf" and as_json:
            facts["metadata"] = read_gguf_header(model.path).metadata
    if as_json:
        print_json(facts)
    else:
        _print_facts(facts)


@app.command("rm")
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=complete_pulled_name)],
    is_agreed: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a pulled model from this machine."""
    from promptlathe.models.store import Store

    store = Store.default()
    if name in store.names() and not is_agreed:
        if not sys.stdin.isatty():
            raise UsageError(f"cannot ask whether to remove {name!r}: no terminal", hint="add --yes")
        if not typer.confirm(f"Remove {name} from {store.folder}?", err=True):
            raise typer.Exit(1)
    store.remove(name)
    typer.echo(f"removed {name}")


def ensure_with_progress(reference: str) -> "Model":
    """`models.reference.ensure` with a progress bar on stderr: what every other command uses."""
    from promptlathe.models.reference import ensure

    with _progress_bar() as on_progress:
        return ensure(reference, on_progress=on_progress)


@contextmanager
def _progress_bar() -> Iterator["OnProgress"]:
    """A bar with speed and time left; where stderr is not a terminal, one line per stage."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    stage = ""
    with Progress(
        TextColumn("{task.description}"), *columns, console=err, transient=True, disable=not err.is_terminal
    ) as bar:

        def show_progress(progress: "PullProgress") -> None:
            nonlocal stage
            if progress.stage != stage:
                stage = progress.stage
                if not err.is_terminal:
                    err.print(_STAGES[stage])
                for finished in bar.task_ids:
                    bar.remove_task(finished)
                bar.add_task(_STAGES[stage], total=progress.total_bytes or None)
            bar.update(bar.task_ids[0], completed=progress.done_bytes, total=progress.total_bytes or None)

        yield show_progress


_STAGES = {
    "waiting": "waiting for another pull of this model",
    "connecting": "connecting",
    "downloading": "downloading the model",
    "unpacking": "unpacking",
}


def _catalog_facts(entry: "CatalogEntry | None") -> dict[str, object]:
    if entry is None:
        return {"summary": None, "license": None, "engines": None}
    return {"summary": entry.summary, "license": entry.license, "engines": list(entry.engines)}


def _as_json(model: "Model") -> dict[str, object]:
    from dataclasses import asdict

    return asdict(model) | {"path": str(model.path)}


def _entry_as_json(entry: "CatalogEntry") -> dict[str, object]:
    """The same keys as `_as_json`, for a model that is not on this machine."""
    return {
        "name": entry.name,
        "path": None,
        "digest": entry.sha256,
        "format": "gguf",
        "architecture": entry.architecture,
        "quantization": entry.quantization,
        "context_length": entry.context_length,
        "size_bytes": entry.size_bytes,
        "source": str(entry.origin),
    }


def _print_list(rows: list[dict[str, object]], folder: "Path") -> None:
    from rich.table import Table

    table = Table("name", "size", "license", "engines", "here", box=None, pad_edge=False)
    for row in rows:
        engines = row["engines"]
        cells = (
            row["name"],
            _size(row["size_bytes"]),
            row["license"] or "",
            " ".join(engines) if isinstance(engines, list) else "",
            "yes" if row["path"] else "no",
        )
        table.add_row(*(escape_markup(str(cell)) for cell in cells))
    out.print(table)
    typer.echo(f"models lie in {folder}")


def _print_facts(facts: dict[str, object]) -> None:
    shown = facts | {"size": _size(facts["size_bytes"]), "path": facts["path"] or "not pulled"}
    del shown["size_bytes"]
    for name, value in shown.items():
        if value is not None:
            text = ", ".join(map(str, value)) if isinstance(value, list) else value
            typer.echo(f"{name.replace('_', ' '):<15} {text}")


def _size(size_bytes: object) -> str:
    from rich.filesize import decimal

    return decimal(size_bytes) if isinstance(size_bytes, int) else ""
