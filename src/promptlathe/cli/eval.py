"""`lathe eval`: measure prompts on models and tasks."""

from typing import TYPE_CHECKING, Annotated, get_args

import typer

from promptlathe.cli.console import JsonFlag, err, out, print_json
from promptlathe.cli.runs import complete_run
from promptlathe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from promptlathe.engines.engine import Engine
    from promptlathe.evaluation.plan import Plan
    from promptlathe.evaluation.summary import RunSummary
    from promptlathe.prompts import Prompt
    from promptlathe.tasks.case import Language
    from promptlathe.workspace.workspace import Workspace


def complete_task(incomplete: str) -> list[str]:
    from promptlathe.tasks.task import task_names

    return [name for name in task_names() if name.startswith(incomplete)]


def complete_prompt(incomplete: str) -> list[str]:
    from promptlathe.evaluation.plan import NO_PROMPT
    from promptlathe.workspace.workspace import Workspace

    return [name for name in (NO_PROMPT, *Workspace.find().prompt_names()) if name.startswith(incomplete)]


def complete_model(incomplete: str) -> list[tuple[str, str]]:
    from promptlathe.cli.models import complete_name

    return complete_name(incomplete)


ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        help="A catalogue name, .gguf file or OpenVINO folder.",
        autocompletion=complete_model,
    ),
]
EngineOption = Annotated[str, typer.Option("--engine", help="auto, or an engine's name.")]
LanguageOption = Annotated[
    list[str], typer.Option("--lang", help="Languages of the cases: en, zh. Repeatable.")
]
DEFAULT_MODEL = "smollm2-135m-instruct"


def evaluate(
    task: Annotated[
        list[str],
        typer.Argument(
            metavar="TASK...",
            help="Tasks, such as decimal-comparison. Each becomes a run of its own.",
            autocompletion=complete_task,
        ),
    ],
    prompt: Annotated[
        list[str],
        typer.Option(
            "--prompt",
            "-p",
            help="A prompt's name or file, or 'none'. Repeatable: the first is what the others are compared with.",
            autocompletion=complete_prompt,
        ),
    ],
    model: Annotated[
        list[str],
        typer.Option(
            "--model",
            "-m",
            help="A catalogue name, .gguf file or OpenVINO folder. Repeatable: each prompt is asked of each model.",
            autocompletion=complete_model,
        ),
    ] = [DEFAULT_MODEL],  # noqa: B006
    engine: EngineOption = "auto",
    split: Annotated[
        str, typer.Option(help="propose or select; sealed cases are for certificates.")
    ] = "select",
    cases: Annotated[int, typer.Option(min=1, help="How many cases.")] = 200,
    seed: Annotated[int, typer.Option(help="Which cases: the same seed, the same cases.")] = 0,
    lang: LanguageOption = ["en", "zh"],  # noqa: B006 - typer copies it
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest answer, in tokens.")] = 64,
    temperature: Annotated[
        float, typer.Option(min=0, max=2, help="0 always takes the likeliest token.")
    ] = 0.0,
    repeats: Annotated[
        int, typer.Option(min=1, help="Ask everything so often. Useful with a --temperature above 0.")
    ] = 1,
    fail_under: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Exit 3 unless every prompt on every model is shown to be right on this share of cases: the "
            "lower end of the 95% interval counts, not the share itself, which by chance alone is over or "
            "under it from one set of cases to the next.",
        ),
    ] = None,
    no_regression_from: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Exit 4 if a prompt is shown to be worse than the same one in this run: exact paired test on "
            "the cases that both runs have, p 0.05 after Holm's adjustment.",
            autocompletion=complete_run,
        ),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="With --no-regression-from: exit 4 unless it is shown to be worse by at most this (0.02 is two "
            "points), which is stricter than not shown to be worse. Small margins need many cases.",
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure prompts on models and tasks: accuracy with intervals, paired comparisons, diagnosis, a report.

    Every prompt is asked of every model. On each model the prompts are compared with the first one; models are
    compared by their first prompt. For other pairs see: lathe compare.

    Exit codes: 0 good, 1 failed or incomplete, 2 usage, 3 under --fail-under, 4 a regression, 130 interrupted.
    """
    from dataclasses import replace

    from promptlathe.cli.evaluating import open_planned, run_answers
    from promptlathe.cli.thresholds import Thresholds, leave
    from promptlathe.engines.engine import Sampling
    from promptlathe.evaluation.plan import Plan
    from promptlathe.workspace.workspace import Workspace

    if split not in ("propose", "select"):
        raise UsageError(
            f"--split is propose or select, not {split!r}",
            hint="sealed cases are read once per certificate: lathe demo" if split == "sealed" else None,
        )
    workspace = Workspace.find()
    first = Plan(
        task=task[0],
        split="propose" if split == "propose" else "select",
        count=cases,
        seed=seed,
        languages=read_languages(lang),
        prompts=read_prompts(workspace, prompt),
        models=read_models(model),
        engine=engine,
        sampling=Sampling(max_tokens=max_tokens, temperature=temperature, seed=seed),
        repeats=repeats,
    )
    plans = [replace(first, task=name) for name in dict.fromkeys(task)]
    for plan in plans:
        plan.cases()  # a task or case count that is wrong is said before a run is made
    thresholds = Thresholds.read(
        workspace,
        plans,
        fail_under=fail_under,
        no_regression_from=no_regression_from,
        margin=margin,
    )
    engines = open_planned(plans[0])
    results, judgements = [], []
    for plan in plans:
        summary, report = _carry_out_new(workspace, plan, engines)
        result = result_as_json(summary, report)
        if as_json:
            say_what_failed(summary)
        else:
            show_result(summary, report, as_json=False)
        if thresholds.is_any:
            judgement = thresholds.judge(summary, run_answers(workspace, summary.run_id))
            judgement.show()
            judgements.append(judgement)
            result["thresholds"] = judgement.as_json()
        results.append(result)
    if as_json:
        print_json(results[0] if len(results) == 1 else {"runs": results})
    leave(judgements)


def _carry_out_new(
    workspace: "Workspace", plan: "Plan", engines: "Mapping[str, Engine]"
) -> "tuple[RunSummary, Path]":
    from datetime import UTC, datetime

    from promptlathe.cli.evaluating import carry_out
    from promptlathe.evaluation.outlook import outlook
    from promptlathe.workspace.workspace import new_run_id

    run_id = new_run_id("eval", datetime.now(UTC))
    workspace.database.start_run(run_id, "eval", plan.as_json())
    comparisons = len(plan.prompts) * len(plan.models) - 1
    err.print(f"[bold]{plan.task}[/]: {outlook(plan.cases(), comparisons, 'en')}", soft_wrap=True)
    return carry_out(workspace, run_id, plan, engines)


def result_as_json(summary: "RunSummary", report: "Path") -> dict[str, object]:
    from promptlathe.evaluation.headline import headline

    return summary.as_json() | {"headline": headline(summary, "en"), "report": str(report)}


def say_what_failed(summary: "RunSummary") -> None:
    failed = sum(prompt.errors for prompt in summary.prompts)
    if failed:
        err.print(
            f"[yellow]{failed} without an answer[/]; ask again with: lathe runs resume {summary.run_id}",
            soft_wrap=True,
        )


def show_result(summary: "RunSummary", report: "Path", *, as_json: bool) -> None:
    from promptlathe.cli.tables import diagnosis_lines, repeats_table, summary_table
    from promptlathe.evaluation.headline import headline

    say_what_failed(summary)
    if as_json:
        print_json(result_as_json(summary, report))
        return
    out.print(summary_table(summary))
    if any(prompt.repeats for prompt in summary.prompts):
        out.print(repeats_table(summary))
    out.print(headline(summary, "en"), markup=False)
    for line in diagnosis_lines(summary):
        out.print(line, markup=False)
    err.print(f"[dim]run[/] {summary.run_id}   [dim]report[/] {report}", soft_wrap=True)


def read_prompts(workspace: "Workspace", references: "Sequence[str]") -> "tuple[Prompt, ...]":
    """The prompts of these names, `none` included. Raises UsageError for two of one name."""
    from promptlathe.evaluation.plan import NO_PROMPT, no_prompt

    prompts = tuple(no_prompt() if name == NO_PROMPT else workspace.prompt(name) for name in references)
    names = [prompt.name for prompt in prompts]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise UsageError(f"two prompts are called {twice!r}", hint="give one of them another file name")
    return prompts


def read_models(references: "Sequence[str]") -> tuple[str, ...]:
    """Raises UsageError for a model that is there twice."""
    twice = next((model for model in references if references.count(model) > 1), None)
    if twice:
        raise UsageError(f"model {twice!r} is given twice", hint="name each model once; see --repeats")
    return tuple(references)


def read_languages(given: "Sequence[str]") -> "tuple[Language, ...]":
    from promptlathe.tasks.case import Language

    known = get_args(Language)
    wrong = next((language for language in given if language not in known), None)
    if wrong is not None:
        raise UsageError(f"no language {wrong!r}", hint=f"choose from: {', '.join(known)}")
    return tuple(language for language in known if language in given)
