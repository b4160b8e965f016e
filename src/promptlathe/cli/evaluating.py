"""Carrying out a plan in the terminal: progress with time left, states in the database, a report at the end."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, TypeVar

from promptlathe.cli.console import err
from promptlathe.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from promptlathe.evaluation.answers import Row
    from promptlathe.evaluation.plan import Plan
    from promptlathe.evaluation.run import Evaluator
    from promptlathe.evaluation.summary import RunSummary
    from promptlathe.workspace.workspace import Workspace

Result = TypeVar("Result")


def make_evaluator(workspace: "Workspace", run_id: str, plan: "Plan") -> "Evaluator":
    """Task, engine and recorder of a plan; the model is pulled if it is in the catalogue and missing."""
    from promptlathe.cli.models import ensure_with_progress
    from promptlathe.engines.choose import open_engine
    from promptlathe.evaluation.run import Evaluator
    from promptlathe.workspace.database import RunRecorder

    model = ensure_with_progress(plan.model)
    return Evaluator(
        task=plan.load_task(),
        engine=open_engine(model, engine=plan.engine),
        recorder=RunRecorder(workspace.database, run_id),
        sampling=plan.sampling,
    )


def carry_out(workspace: "Workspace", run_id: str, plan: "Plan") -> "tuple[RunSummary, Path]":
    """Ask what a run has not asked yet; its summary, and the report's path."""
    from promptlathe.evaluation.html import render_html

    with running(workspace, run_id):
        done = [row for row in workspace.database.rows(run_id) if row.error is None]
        evaluator = make_evaluator(workspace, run_id, plan)
        cases = plan.cases()
        total = len(plan.prompts) * len(cases) * plan.repeats

        async def ask() -> None:
            with answers_progress(total, done) as on_row:
                asked = {(row.prompt, row.case_id, row.repeat) for row in done}
                rows = evaluator.evaluate(plan.prompts, cases, repeats=plan.repeats, done=asked)
                async with aclosing(rows):
                    async for row in rows:
                        on_row(row)

        run_async(ask())
    summary = summarise_run(workspace, run_id, plan)
    rows = workspace.database.rows(run_id)
    page = render_html(summary, cases, plan.prompts, rows)
    return summary, workspace.write_report(f"{run_id}.html", page)


def summarise_run(workspace: "Workspace", run_id: str, plan: "Plan") -> "RunSummary":
    from dataclasses import asdict

    from promptlathe import __version__
    from promptlathe.evaluation.summary import summarise

    events = dict(workspace.database.events(run_id))
    provenance = {
        "promptlathe": __version__,
        **events.get("engine", {}),
        "seed": plan.seed,
        "languages": list(plan.languages),
        "sampling": asdict(plan.sampling),
    }
    return summarise(
        run_id=run_id,
        task=plan.load_task(),
        cases=plan.cases(),
        prompts=plan.prompts,
        rows=workspace.database.rows(run_id),
        provenance=provenance,
    )


def run_async(work: Coroutine[object, object, Result]) -> Result:
    """Run to the end. Ctrl-C cancels the work, which closes the engine's batch, and raises KeyboardInterrupt."""
    return asyncio.run(work)


@contextmanager
def running(workspace: "Workspace", run_id: str) -> Iterator[None]:
    """Keep the run's state true, and keep any other process from going on with it at the same time."""
    from filelock import FileLock, Timeout

    database = workspace.database
    lock = FileLock(workspace.state / f"{run_id}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise UsageError(
            f"run {run_id} is going on in another process", hint="wait for it, or stop it"
        ) from None
    try:
        database.set_status(run_id, "running")
        yield
        database.set_status(run_id, "finished")
    except (KeyboardInterrupt, asyncio.CancelledError):
        database.set_status(run_id, "interrupted")
        err.print(f"[yellow]interrupted[/]; nothing is lost. Go on with: lathe runs resume {run_id}")
        raise
    except BaseException:
        database.set_status(run_id, "failed")
        raise
    finally:
        lock.release()


@contextmanager
def answers_progress(total: int, done: "list[Row]") -> "Iterator[Callable[[Row], None]]":
    """A bar on stderr: answers, rate, share correct so far with its interval, time left."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from promptlathe.statistics.intervals import wilson

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[share]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(elapsed_when_finished=False),
    )
    counts = {"correct": sum(row.is_correct for row in done), "answered": len(done), "new": 0}
    with Progress(*columns, console=err, refresh_per_second=4) as progress:
        bar = progress.add_task("answers", total=total, completed=len(done), rate="", share="")

        def on_row(row: "Row") -> None:
            counts["correct"] += row.is_correct
            counts["answered"] += row.error is None
            counts["new"] += not row.is_cached
            interval = wilson(counts["correct"], counts["answered"])
            share = counts["correct"] / max(counts["answered"], 1)
            speed = progress.tasks[bar].speed
            progress.update(
                bar,
                advance=1,
                rate=f"{speed:.1f}/s" if speed else "",
                share=f"{share:.0%} correct [{interval.low:.0%}, {interval.high:.0%}]".replace("[", "\\["),
            )

        yield on_row
