"""Carrying out a plan in the terminal: progress with time left, states in the database, a report at the end."""

import asyncio
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager, suppress
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from promptlathe import __version__
from promptlathe.cli.console import err
from promptlathe.cli.judging import judge_answers
from promptlathe.cli.opening import open_model
from promptlathe.errors import UsageError, WorkspaceError

if TYPE_CHECKING:
    from pathlib import Path

    from rich.progress import Progress

    from promptlathe.engines.engine import Engine
    from promptlathe.evaluation.answers import Row
    from promptlathe.evaluation.pairing import RunAnswers
    from promptlathe.evaluation.plan import Plan
    from promptlathe.evaluation.run import Evaluator
    from promptlathe.evaluation.summary import RunSummary
    from promptlathe.workspace.workspace import Workspace

Result = TypeVar("Result")


def open_planned(plan: "Plan", *, api_key_file: "Path | None" = None) -> "dict[str, Engine]":
    """An engine for each of the plan's models (see `open_model`): before a run is made, so that a wrong name
    leaves none behind. None of them is loaded yet."""
    return {model: open_model(model, engine=plan.engine, api_key_file=api_key_file) for model in plan.models}


def make_evaluator(
    workspace: "Workspace", run_id: str, plan: "Plan", model: str, engine: "Engine"
) -> "Evaluator":
    """Task, engine and recorder of a run; what the engine is goes into the run's log."""
    from promptlathe.evaluation.run import Evaluator
    from promptlathe.workspace.database import RunRecorder

    described = asdict(engine.describe()) | {"capabilities": sorted(engine.describe().capabilities)}
    workspace.database.log(run_id, "engine", described | {"name": model})
    return Evaluator(
        task=plan.load_task(),
        engine=engine,
        model=model,
        recorder=RunRecorder(workspace.database, run_id),
        sampling=plan.sampling,
        answer=plan.answer,
    )


def carry_out(
    workspace: "Workspace",
    run_id: str,
    plan: "Plan",
    engines: "Mapping[str, Engine]",
    *,
    is_last: bool = True,
) -> "tuple[RunSummary, Path]":
    """Ask what a run has not asked yet, model after model, so that only one is in memory, and none while the
    report is made unless another run follows; the run's summary, and the report's path."""
    from promptlathe.evaluation.answers import require_an_answer

    with running(workspace, run_id):
        cases = plan.cases()
        workspace.database.keep_cases(run_id, cases)

        async def ask(bar: AnswersBar, model: str, engine: "Engine") -> None:
            evaluator = make_evaluator(workspace, run_id, plan, model, engine)
            async with aclosing(evaluator.evaluate(plan.prompts, cases, repeats=plan.repeats)) as rows:
                async for row in rows:
                    bar.row(row)
            await judge_answers(workspace, run_id, evaluator, cases)

        with answers_progress() as progress:
            bar = AnswersBar(
                progress, "answers", len(engines) * len(plan.prompts) * len(cases) * plan.repeats
            )
            for model, engine in engines.items():
                run_async(ask(bar, model, engine))
                if is_last or len(engines) > 1:
                    engine.close()
        if not workspace.database.has_answer(run_id):
            require_an_answer(list(islice(workspace.database.stream_rows(run_id), 1)))
        summary = summarise_run(workspace, run_id, plan)
        workspace.database.log(run_id, "summary", summary.as_json())
    return summary, workspace.write_report(f"{run_id}.html", report_page(workspace, run_id, plan, summary))


def summarise_run(workspace: "Workspace", run_id: str, plan: "Plan") -> "RunSummary":
    """As it was computed after the last answer, if this version of promptlathe did that; else from the rows,
    for which the task's wrong rules are needed. Raises TaskError where the task is gone."""
    from promptlathe.cli.planned import task_of
    from promptlathe.evaluation.summary import summarise

    return stored_summary(workspace, run_id) or summarise(
        run_id=run_id,
        task=task_of(run_id, plan, hint="without it this run cannot be summed up: bring its file back"),
        cases=workspace.database.cases(run_id),
        prompts=plan.prompts,
        models=plan.models,
        answer=plan.answer,
        rows=workspace.database.rows(run_id, has_text=plan.answer == "score"),
        provenance=provenance(workspace, run_id, plan),
    )


def stored_summary(workspace: "Workspace", run_id: str) -> "RunSummary | None":
    """The run's summary from its log; None if answers may have come later (an engine was opened after it), or
    another version of promptlathe made it."""
    from pydantic import TypeAdapter, ValidationError

    from promptlathe.evaluation.summary import RunSummary

    found = [event for event in workspace.database.events(run_id) if event[0] in ("engine", "summary")]
    if not found or found[-1][0] != "summary":
        return None
    try:
        summary = TypeAdapter(RunSummary).validate_python(found[-1][1])
    except ValidationError:
        return None
    return summary if summary.provenance["promptlathe"] == __version__ else None


def report_page(workspace: "Workspace", run_id: str, plan: "Plan", summary: "RunSummary") -> str:
    """The run's HTML report, with its first cases in full."""
    from promptlathe.evaluation.html import MAX_ANSWERS, render_html

    per_case = max(len(plan.prompts) * len(plan.models) * plan.repeats, 1)
    cases = workspace.database.cases(run_id, at_most=max(MAX_ANSWERS // per_case, 1))
    names = [prompt.name for prompt in plan.prompts]
    ids = [case.id for case in cases]
    rows = workspace.database.stream_rows(run_id, prompts=names, models=plan.models, cases=ids)
    return render_html(summary, cases, plan.prompts, rows)


def run_answers(
    workspace: "Workspace",
    reference: str,
    prompts: "Sequence[str]" = (),
    models: "Sequence[str]" = (),
    *,
    allow_python: bool = False,
) -> "RunAnswers":
    """The answers of the evaluation of that id, or whose id starts so; see `Plan.subjects`."""
    from promptlathe.cli.planned import evaluation_plan
    from promptlathe.evaluation.pairing import RunAnswers

    record = workspace.database.run(reference)
    plan = evaluation_plan(workspace, record, allow_python=allow_python)
    subjects = plan.subjects(prompts, models)
    rows = workspace.database.rows(record.id, has_text=False)
    return RunAnswers.of(record.id, plan, subjects, workspace.database.cases(record.id), rows)


def provenance(workspace: "Workspace", run_id: str, plan: "Plan") -> dict[str, object]:
    """What is needed to get the same numbers again. Of one model its facts stand here, of several under
    `models`, by the name that each has in the run."""
    engines = {
        str(content.get("name", "")): {key: content[key] for key in content if key != "name"}
        for kind, content in workspace.database.events(run_id)
        if kind == "engine"
    }
    facts = {"models": engines} if len(plan.models) > 1 else next(reversed(engines.values()), {})
    return {
        "promptlathe": __version__,
        **facts,
        "seed": plan.seed,
        "languages": list(plan.languages),
        "sampling": asdict(plan.sampling),
        "answer": plan.answer,
    }


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
        _say_how_to_go_on("interrupted", run_id)
        raise
    except BaseException:
        # Where the disk is full, this cannot be written either: the run then counts as interrupted.
        with suppress(WorkspaceError):
            database.set_status(run_id, "failed")
        _say_how_to_go_on("failed", run_id)
        raise
    finally:
        lock.release()


def _say_how_to_go_on(state: str, run_id: str) -> None:
    err.print(f"[yellow]{state}[/]; nothing is lost. Go on with: lathe runs resume {run_id}", soft_wrap=True)


class AnswersBar:
    """A bar on stderr: answers, rate, share correct so far with its interval, time left."""

    def __init__(self, progress: "Progress", description: str, total: int) -> None:
        self._progress = progress
        self._bar = progress.add_task(description, total=total, rate="", share="")
        self._correct = self._answered = self._done = 0

    def row(self, row: "Row") -> None:
        from promptlathe.statistics.intervals import wilson

        self._done += 1
        self._correct += row.is_correct
        self._answered += row.error is None
        interval = wilson(self._correct, self._answered)
        share = self._correct / max(self._answered, 1)
        speed = self._progress.tasks[self._bar].speed
        self._progress.update(
            self._bar,
            completed=self._done,
            rate=f"{speed:.1f}/s" if speed else "",
            share=f"{share:.0%} correct \\[{interval.low:.0%}, {interval.high:.0%}]",
        )

    def expect(self, more: int) -> None:
        """So many answers are still to come."""
        self._progress.update(self._bar, total=self._done + more)


@contextmanager
def answers_progress() -> "Iterator[Progress]":
    """The frame for `AnswersBar`s."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[share]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, refresh_per_second=4) as progress:
        yield progress
