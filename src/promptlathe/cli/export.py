"""`lathe runs export`: a run for spreadsheets, CI systems, Inspect and other programs."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from promptlathe.cli.console import AllowPython, err
from promptlathe.cli.run_cases import ModelFilter, PromptFilter
from promptlathe.cli.runs import Run
from promptlathe.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from promptlathe.evaluation.exports import Record
    from promptlathe.evaluation.plan import Plan
    from promptlathe.workspace.database import RunRecord
    from promptlathe.workspace.workspace import Workspace

Format = Literal["csv", "jsonl", "json", "junit", "inspect", "html"]

_BY_SUFFIX: dict[str, Format] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".json": "json",
    ".xml": "junit",
    ".html": "html",
}


def export(
    run: Run,
    format_name: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            help=f"{', '.join(get_args(Format))}. Left out: what the name of the file ends with.",
            autocompletion=lambda: list(get_args(Format)),
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file, and not to stdout.")
    ] = None,
    prompt: PromptFilter = [],  # noqa: B006 - typer copies it
    model: ModelFilter = [],  # noqa: B006
    allow_python: AllowPython = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
) -> None:
    """Write a run's rows for other programs.

    csv, jsonl and json have every row with question, answer, verdict, tokens and seconds; jsonl and json also the
    full messages. junit is for CI systems, inspect for `inspect view`, html is the report.

    In csv, text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    from promptlathe.cli.planned import evaluation_plan
    from promptlathe.workspace.workspace import Workspace, written_whole

    chosen = _format(format_name, output)
    _require_free(output, force=force)
    workspace = Workspace.find()
    record = workspace.database.run(run)
    plan = evaluation_plan(workspace, record, allow_python=allow_python)
    plan.subjects(prompt, model)
    if chosen == "html" and (prompt or model):
        raise UsageError("--prompt and --model choose rows, and html is the whole run", hint="leave them out")
    pieces = _pieces(workspace, record, plan, chosen, prompt, model)
    if output is None:
        for piece in pieces:
            sys.stdout.buffer.write(piece.encode("utf-8", "replace"))
        sys.stdout.flush()
        return
    with written_whole(output, errors="replace") as file:
        file.writelines(pieces)
    err.print(f"[dim]written[/] {output}", soft_wrap=True)


def _format(name: str | None, output: Path | None) -> Format:
    known = get_args(Format)
    if name is None:
        if output is None or output.suffix not in _BY_SUFFIX:
            raise UsageError("say which format", hint=f"--format {'|'.join(known)}")
        return _BY_SUFFIX[output.suffix]
    for format_name in known:
        if name == format_name:
            found: Format = format_name
            return found
    raise UnknownNameError("format", name, known)


def _require_free(output: Path | None, *, force: bool) -> None:
    if output is None:
        return
    if output.is_dir():
        raise UsageError(f"{output} is a folder", hint="give the name of a file")
    if output.exists() and not force:
        raise UsageError(f"{output} is there already", hint="--force overwrites it")


def _pieces(
    workspace: "Workspace",
    record: "RunRecord",
    plan: "Plan",
    chosen: Format,
    prompts: "Sequence[str]",
    models: "Sequence[str]",
) -> "Iterable[str]":
    from promptlathe.cli.evaluating import report_page, summarise_run
    from promptlathe.evaluation.exports import EXPORTERS, ExportedRun

    summary = summarise_run(workspace, record.id, plan)
    if chosen == "html":
        return [report_page(workspace, record.id, plan, summary)]
    exported = ExportedRun(
        summary=summary,
        is_finished=record.status == "finished",
        started_at=record.created_at,
        finished_at=record.finished_at,
        sampling=plan.sampling,
        repeats=plan.repeats,
        tallies=workspace.database.tallies(record.id, prompts=prompts, models=models),
    )
    return EXPORTERS[chosen](exported, _records(workspace, record.id, plan, prompts, models))


def _records(
    workspace: "Workspace", run_id: str, plan: "Plan", prompts: "Sequence[str]", models: "Sequence[str]"
) -> "Iterator[Record]":
    from promptlathe.evaluation.exports import Record
    from promptlathe.prompts import render_messages

    cases = {case.id: case for case in workspace.database.cases(run_id)}
    by_name = {prompt.name: prompt for prompt in plan.prompts}
    for row in workspace.database.stream_rows(run_id, prompts=prompts, models=models):
        case = cases[row.case_id]
        yield Record(row, case, render_messages(by_name[row.prompt], case.question, case.variables))
