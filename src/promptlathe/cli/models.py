"""`lathe models`: which models there are, getting them, looking at them, removing them."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from promptlathe.cli.console import JsonFlag, err, escape_markup, out, print_json
from promptlathe.errors import LatheError, UsageError
from promptlathe.models.origins import HubName

if TYPE_CHECKING:
    from promptlathe.models.catalog import CatalogEntry
    from promptlathe.models.manifest import Manifest
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
        metavar="NAME|REPOSITORY|PATH",
        help="A name from `lathe models list`, hf:ORG/REPO, modelscope:ORG/REPO, a hub's URL, a .gguf file or a "
        "folder.",
        autocompletion=complete_name,
    ),
]


@app.command("list")
def list_models(as_json: JsonFlag = False) -> None:
    """List the models known by name and those pulled: size, licence, engines, and whether they fit here."""
    from promptlathe.models.catalog import CATALOG
    from promptlathe.models.hardware import this_machine
    from promptlathe.models.store import Store

    store, machine = Store.default(), this_machine()
    rows = []
    for name in [*CATALOG, *(name for name in store.names() if name not in CATALOG)]:
        entry, manifest = CATALOG.get(name), store.manifest(name)
        known = manifest or entry
        path = str(store.folder / name / manifest.file) if manifest else None
        size_bytes = known.size_bytes if known else 0
        fits = machine.fits(entry) if entry else None
        facts = _catalog_facts(entry, manifest)
        rows.append({"name": name, "size_bytes": size_bytes, **facts, "fits": fits, "path": path})
    if as_json:
        print_json(rows)
    else:
        _print_list(rows, store.folder)


@app.command()
def pull(
    reference: Reference,
    hub: Annotated[
        HubName | None,
        typer.Option(
            "--source", help="The hub of a plain ORG/REPO (default: hf), or of a name in the catalogue."
        ),
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", metavar="FILE", help="Take this GGUF file of the repository.")
    ] = None,
    quantization: Annotated[
        str | None,
        typer.Option("--quantization", "-q", metavar="Q", help="Take this quantisation, such as Q8_0."),
    ] = None,
    takes_code: Annotated[
        bool,
        typer.Option(
            "--trust-remote-code", help="Also take the repository's Python code, which engines run."
        ),
    ] = False,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="What to call the model here.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Download a model, unless it is here already. A pull that broke off goes on where it stopped."""
    from promptlathe.models.catalog import CATALOG
    from promptlathe.models.pulling import Wishes, source_of
    from promptlathe.models.reference import resolve
    from promptlathe.models.store import Pulled, Store

    is_no_repository = reference in CATALOG or os.path.exists(reference)  # noqa: PTH110 - Path.exists can fail
    wishes = Wishes(hub or (None if is_no_repository else "hf"), file, quantization, takes_code, name)
    store = Store.default()
    pulled = Pulled(reference, was_here=True)
    if source := source_of(reference, wishes):
        with _progress_bar() as on_progress:
            pulled = store.pull(source, on_progress)
    elif hub or file or quantization or takes_code or name:
        raise UsageError(
            f"{reference!r} is here or nowhere: nothing of it can be chosen",
            hint="options go with a repository, such as hf:ORG/REPO",
        )
    model = resolve(pulled.name, store=store)
    notes = pulled.notes if pulled.was_here else (*pulled.notes, *_prepare(model))
    for note in notes:
        err.print(f"note: {escape_markup(note)}", soft_wrap=True)
    facts = _as_json(model) | {"license": _license(CATALOG.get(pulled.name), store.manifest(pulled.name))}
    if as_json:
        print_json(facts | {"notes": list(notes)})
    elif pulled.was_here:
        typer.echo(f"{model.name} is already here: {model.path}")
    else:
        typer.echo(f"pulled {model.name} ({_size(model.size_bytes)}) to {model.path}")
        typer.echo(f"license: {facts['license'] or 'none stated'}")


def _prepare(model: "Model") -> tuple[str, ...]:
    """Do now what the first load would do: a note if no engine here loads it. The model is here either way."""
    from promptlathe.engines.choose import Machine, choose_engine
    from promptlathe.engines.openvino_pipeline import prepare

    try:
        if model.format == "gguf" and choose_engine(model, Machine.here()).engine == "openvino":
            err.print("preparing it for OpenVINO, once …")
            prepare(model)
    except LatheError as error:
        return (str(error),)
    return ()


@app.command()
def show(reference: Reference, as_json: JsonFlag = False) -> None:
    """Show what a model is and needs: architecture, context length, digest, licence, engines, memory."""
    from promptlathe.models.catalog import CATALOG
    from promptlathe.models.gguf import read_gguf_header
    from promptlathe.models.hardware import this_machine
    from promptlathe.models.reference import resolve
    from promptlathe.models.store import Store

    entry, store = CATALOG.get(reference), Store.default()
    if entry and reference not in store.names():
        facts = _entry_as_json(entry) | _catalog_facts(entry, None)
    else:
        model = resolve(reference, store=store)
        facts = _as_json(model) | _catalog_facts(entry, store.manifest(model.name))
        if model.format == "gguf" and as_json:
            facts["metadata"] = read_gguf_header(model.path).metadata
    facts["fits"] = this_machine().fits(entry) if entry else None
    facts["modelscope"] = entry.modelscope if entry else None
    facts["needs_remote_code"] = entry.needs_code if entry else None
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
    "checking": "checking the digests",
}


def _catalog_facts(entry: "CatalogEntry | None", manifest: "Manifest | None") -> dict[str, object]:
    return {
        "summary": entry.summary if entry else None,
        "license": _license(entry, manifest),
        "engines": list(entry.engines) if entry else None,
        "memory_bytes": entry.memory_bytes if entry else None,
        "needs_gpu": entry.needs_gpu if entry else None,
    }


def _license(entry: "CatalogEntry | None", manifest: "Manifest | None") -> str | None:
    """Ours comes first: a hub's page often says just `other`."""
    return entry.license if entry else manifest.license if manifest else None


def _as_json(model: "Model") -> dict[str, object]:
    from dataclasses import asdict

    return asdict(model) | {"path": str(model.path)}


def _entry_as_json(entry: "CatalogEntry") -> dict[str, object]:
    """The same keys as `_as_json`, for a model that is not on this machine."""
    return {
        "name": entry.name,
        "path": None,
        "digest": entry.sha256,
        "format": entry.format,
        "architecture": entry.architecture,
        "quantization": entry.quantization,
        "context_length": entry.context_length,
        "size_bytes": entry.size_bytes,
        "source": str(entry.origin),
    }


def _print_list(rows: list[dict[str, object]], folder: Path) -> None:
    from rich.table import Column, Table

    name, fits, terms = (Column(title, no_wrap=True) for title in ("name", "fits", "license"))
    table = Table(name, "size", fits, "engines", terms, "here", box=None, pad_edge=False)
    for row in rows:
        engines = row["engines"]
        cells = (
            row["name"],
            _size(row["size_bytes"]),
            row["fits"] or "",
            " ".join(engines) if isinstance(engines, list) else "",
            str(row["license"] or "").partition(" (")[0],
            "yes" if row["path"] else "no",
        )
        table.add_row(*(escape_markup(str(cell)) for cell in cells))
    out.print(table)
    typer.echo(f"models lie in {folder}")


def _print_facts(facts: dict[str, object]) -> None:
    sizes = {name: _size(facts[f"{name}_bytes"]) or None for name in ("size", "memory")}
    shown = facts | sizes | {"path": facts["path"] or "not pulled"}
    if shown["memory"]:
        shown["memory"] = f"{sizes['memory']} with a context of 4096 tokens" + (
            ", on an NVIDIA GPU" if shown["needs_gpu"] else ""
        )
    for name, value in shown.items():
        if (
            value is not None
            and value is not False
            and name not in {"size_bytes", "memory_bytes", "needs_gpu"}
        ):
            text = ", ".join(map(str, value)) if isinstance(value, list) else value
            typer.echo(f"{name.replace('_', ' '):<15} {text}")


def _size(size_bytes: object) -> str:
    from rich.filesize import decimal

    return decimal(size_bytes) if isinstance(size_bytes, int) else ""
