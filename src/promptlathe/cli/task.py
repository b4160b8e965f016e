"""`lathe task`: list and show tasks, and look at their cases."""

import csv
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from promptlathe.cli.console import AllowPython, JsonFlag, err, out, print_json
from promptlathe.cli.eval import LanguageOption, complete_task, read_languages
from promptlathe.errors import TaskError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from promptlathe.tasks.case import Case, Language, Split
    from promptlathe.tasks.task import Task
    from promptlathe.workspace.workspace import Workspace

app = typer.Typer(help="List, show, write and import tasks.", no_args_is_help=True)

TaskArgument = Annotated[
    str, typer.Argument(help="A task's name, or its file.", autocompletion=complete_task, metavar="TASK")
]


def complete_split(incomplete: str) -> list[str]:
    from promptlathe.tasks.case import Split

    return [name for name in get_args(Split) if name.startswith(incomplete)]


@app.command("list")
def list_tasks(as_json: JsonFlag = False) -> None:
    """List the workspace's own tasks and those that come with promptlathe."""
    from rich.table import Table
    from rich.text import Text

    from promptlathe.workspace.workspace import Workspace

    workspace = Workspace.find()
    rows = [_listed(workspace, name) for name in workspace.task_names()]
    if as_json:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("task", no_wrap=True, overflow="fold")
    for heading in ("from", "languages", "description"):
        table.add_column(heading)
    for row in rows:
        said = (
            Text(f"cannot be read: {row['error']}", style="red") if row["error"] else Text(row["description"])
        )
        table.add_row(Text(row["name"]), Text(row["from"]), ", ".join(row["languages"].split()), said)
    out.print(table)


@app.command()
def show(task: TaskArgument, allow_python: AllowPython = False, as_json: JsonFlag = False) -> None:
    """Show what a task asks, how it judges, and how many cases it has. A task file is checked on the way."""
    from promptlathe.tasks.case import Split
    from promptlathe.workspace.workspace import Workspace, shown_path

    workspace = Workspace.find()
    found = workspace.task(task, allow_python=allow_python)
    path = workspace.task_path(task)
    file = shown_path(path) if path else None
    splits: tuple[Split, ...] = get_args(Split)
    counts = {split: _count(found, split) for split in splits}
    example = next((case for split in splits[:2] for case in _cases(found, split, 1)), None)
    if as_json:
        print_json(
            {
                "name": found.name,
                "file": file,
                "description": dict(found.description),
                "languages": list(found.languages),
                "strata": list(found.strata),
                "grader": found.grader.name,
                "chance": found.chance,
                "cases": counts,
                "shortcuts": {shortcut.name: dict(shortcut.label) for shortcut in found.shortcuts},
                "example": asdict(example) if example else None,
            }
        )
        return
    language: Language = found.languages[0]
    lines = {
        "task": found.name,
        "file": file or "comes with promptlathe",
        "about": found.description[language],
        "languages": ", ".join(found.languages),
        "grader": found.grader.name,
        "cases": ", ".join(
            f"{split} {'any number' if count is None else count}" for split, count in counts.items()
        ),
        "strata": ", ".join(found.strata),
        "chance": f"{found.chance:.0%}" if found.chance else "",
        "for example": example.question if example else "",
        "answer": example.expected if example else "",
    }
    for label, text in lines.items():
        if text:
            out.print(f"[dim]{label:<11}[/]  ", end="")
            out.print(text, markup=False, soft_wrap=True)


@app.command()
def cases(
    task: TaskArgument,
    split: Annotated[
        str, typer.Option(help="propose, select or sealed.", autocompletion=complete_split)
    ] = "select",
    count: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    seed: Annotated[int, typer.Option(help="Which cases: the same seed, the same cases.")] = 0,
    lang: LanguageOption = [],  # noqa: B006 - typer copies it
    show_sealed: Annotated[
        bool, typer.Option("--show-sealed", help="Show sealed cases; that you did is written down.")
    ] = False,
    allow_python: AllowPython = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write the cases as CSV to stdout.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show a task's cases, in the order in which they are asked."""
    from promptlathe.tasks.case import Split
    from promptlathe.workspace.workspace import Workspace

    splits: tuple[Split, ...] = get_args(Split)
    chosen = next((one for one in splits if one == split), None)
    if chosen is None:
        raise UsageError(f"--split is {', '.join(splits[:2])} or {splits[2]}, not {split!r}")
    if chosen == "sealed" and not show_sealed:
        raise UsageError(
            "sealed cases are for proof: who has seen them cannot prove a prompt on them any more",
            hint="to see them all the same: --show-sealed",
        )
    workspace = Workspace.find()
    found = workspace.task(task, allow_python=allow_python)
    shown = _cases(found, chosen, count, seed, read_languages(lang))
    if not shown:
        err.print(f"no {split} cases", markup=False)
    elif chosen == "sealed":
        _log_sealed_read(workspace, found, shown, seed)
    if as_json:
        print_json([asdict(case) for case in shown])
    elif as_csv:
        _write_csv(shown)
    else:
        _print_cases(shown)


def _cases(
    task: "Task", split: "Split", count: int, seed: int = 0, languages: "Sequence[Language]" = ()
) -> "tuple[Case, ...]":
    """As many as there are of `count`."""
    wanted = tuple(languages) or task.languages
    return task.cases(
        split, task.available(split, count, seed=seed, languages=wanted), seed=seed, languages=wanted
    )


def _listed(workspace: "Workspace", name: str) -> dict[str, str]:
    origin = "tasks"
    try:
        path = workspace.task_path(name)
        origin = str(path.relative_to(workspace.root)) if path else "promptlathe"
        task = workspace.task(name)
    except (TaskError, UsageError) as error:
        return {"name": name, "from": origin, "languages": "", "description": "", "error": error.message}
    return {
        "name": name,
        "from": origin,
        "languages": " ".join(task.languages),
        "description": task.description[task.languages[0]],
        "error": "",
    }


def _count(task: "Task", split: "Split") -> int | None:
    """None for a task that makes cases as it is asked for them."""
    from promptlathe.tasks.file_cases import FileCases

    return task.available(split, sys.maxsize) if isinstance(task.source, FileCases) else None


def _log_sealed_read(workspace: "Workspace", task: "Task", shown: "Sequence[Case]", seed: int) -> None:
    workspace.log_sealed_read(
        {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "task": task.name,
            "seed": seed,
            "cases": len(shown),
            "digest": task.digest(shown),
        }
    )
    err.print(f"written down: {len(shown)} sealed cases of {task.name} were looked at", markup=False)


def _print_cases(shown: "Sequence[Case]") -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for heading in ("case", "stratum", "question", "expected"):
        table.add_column(heading, overflow="fold")
    for case in shown:
        table.add_row(*(Text(cell) for cell in (case.id, case.stratum, case.question, case.expected)))
    out.print(table)


def _write_csv(shown: "Sequence[Case]") -> None:
    """Each variable in a column of its own; the options with `|` between them. A task file can be made of it."""
    variables = list(dict.fromkeys(name for case in shown for name in case.variables))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    words = ("id", "question", "expected", "options", "stratum", "cluster", "split", "language")
    writer.writerow([*words, *variables])
    for case in shown:
        fields = asdict(case) | {"options": "|".join(case.options)}
        writer.writerow(
            [*(fields[word] for word in words), *(case.variables.get(name, "") for name in variables)]
        )
