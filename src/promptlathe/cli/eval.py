"""`lathe eval`: measure prompts on models and tasks."""

from typing import TYPE_CHECKING, Annotated, get_args

import typer

from promptlathe.cli.console import AllowPython, JsonFlag, err, out, print_json
from promptlathe.cli.opening import KeyFileOption
from promptlathe.cli.runs import complete_run
from promptlathe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from promptlathe.engines.engine import Engine
    from promptlathe.evaluation.options import AnswerMode
    from promptlathe.evaluation.plan import Plan
    from promptlathe.evaluation.summary import RunSummary
    from promptlathe.prompts import Prompt
    from promptlathe.tasks.case import Language, Split
    from promptlathe.tasks.task import Task
    from promptlathe.workspace.workspace import Workspace


def complete_task(incomplete: str) -> list[str]:
    from promptlathe.workspace.workspace import Workspace

    return [name for name in Workspace.find().task_names() if name.startswith(incomplete)]


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
        help="A catalogue name, .gguf file, OpenVINO folder, or a server's URL: http://host:port/v1#model.",
        autocompletion=complete_model,
    ),
]
EngineOption = Annotated[str, typer.Option("--engine", help="auto, or an engine's name.")]
LanguageOption = Annotated[
    list[str],
    typer.Option(
        "--lang", help="Languages of the cases: en, zh. Repeatable. All, if not given.", show_default=False
    ),
]
DEFAULT_CASES = 200
DEFAULT_MODEL = "smollm2-135m-instruct"


def evaluate(
    task: Annotated[
        list[str],
        typer.Argument(
            metavar="TASK...",
            help="Tasks: names, such as decimal-comparison, or files. Each becomes a run of its own.",
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
    cases: Annotated[
        int | None,
        typer.Option(min=1, help="How many cases; if not given, 200 or all there are.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Which cases: the same seed, the same cases.")] = 0,
    lang: LanguageOption = [],  # noqa: B006 - typer copies it
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest answer, in tokens.")] = 64,
    temperature: Annotated[
        float, typer.Option(min=0, max=2, help="0 always takes the likeliest token.")
    ] = 0.0,
    repeats: Annotated[
        int, typer.Option(min=1, help="Ask everything so often. Useful with a --temperature above 0.")
    ] = 1,
    answer: Annotated[
        str,
        typer.Option(
            help="text: what the model writes. choice: it is held to the case's options. score: the option that is "
            "likeliest as a whole answer, over both orders; one short pass, and far less noise per case.",
        ),
    ] = "text",
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
    allow_python: AllowPython = False,
    api_key_file: KeyFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure prompts on models and tasks: accuracy with intervals, paired comparisons, diagnosis, a report.

    Every prompt is asked of every model. On each model the prompts are compared with the first one; models are
    compared by their first prompt. For other pairs see: lathe compare.

    Exit codes: 0 good, 1 failed or incomplete, 2 usage, 3 under --fail-under, 4 a regression, 130 interrupted.
    """
    from dataclasses import replace
    from itertools import product

    from promptlathe.cli.evaluating import open_planned, run_answers
    from promptlathe.cli.planned import task_finder
    from promptlathe.cli.thresholds import Thresholds, leave
    from promptlathe.engines.engine import Sampling
    from promptlathe.evaluation.options import require_answerable
    from promptlathe.evaluation.plan import Plan
    from promptlathe.workspace.workspace import Workspace

    if split not in ("propose", "select"):
        raise UsageError(
            f"--split is propose or select, not {split!r}",
            hint="sealed cases are read once per certificate: lathe demo" if split == "sealed" else None,
        )
    workspace = Workspace.find()
    find_task = task_finder(workspace, allow_python=allow_python)
    chosen: Split = "propose" if split == "propose" else "select"
    first = Plan(
        task=workspace.task_reference(task[0]),
        find_task=find_task,
        split=chosen,
        count=cases or 0,
        seed=seed,
        languages=read_languages(lang),
        prompts=read_prompts(workspace, prompt),
        models=read_models(model),
        engine=engine,
        sampling=Sampling(max_tokens=max_tokens, temperature=temperature, seed=seed),
        repeats=repeats,
        answer=read_answer_mode(answer),
    )
    plans = [_sized(replace(first, task=workspace.task_reference(name))) for name in dict.fromkeys(task)]
    for plan in plans:
        plan.cases()  # a task or case count that is wrong is said before a run is made
    thresholds = Thresholds.read(
        workspace,
        plans,
        fail_under=fail_under,
        no_regression_from=no_regression_from,
        margin=margin,
        allow_python=allow_python,
    )
    engines = open_planned(plans[0], api_key_file=api_key_file)
    for plan, engine_of_model in product(plans, engines.values()):
        require_answerable(plan.answer, plan.load_task(), plan.cases(), engine_of_model.describe())
    results, judgements = [], []
    for plan in plans:
        summary, report = _carry_out_new(workspace, plan, engines, is_last=plan is plans[-1])
        result = result_as_json(summary, report)
        if as_json:
            say_what_failed(summary)
        else:
            show_result(summary, report, as_json=False)
        if thresholds.is_any:
            judgement = thresholds.judge(
                summary, run_answers(workspace, summary.run_id, allow_python=allow_python)
            )
            judgement.show()
            judgements.append(judgement)
            result["thresholds"] = judgement.as_json()
        results.append(result)
    if as_json:
        print_json(results[0] if len(results) == 1 else {"runs": results})
    leave(judgements)


def _sized(plan: "Plan") -> "Plan":
    """With the task's languages and its usual number of cases, where none were asked for."""
    from dataclasses import replace

    task = plan.load_task()
    languages = plan.languages or task.languages
    count = plan.count or available_count(task, plan.split, languages, plan.seed)
    return replace(plan, languages=languages, count=count)


def _carry_out_new(
    workspace: "Workspace", plan: "Plan", engines: "Mapping[str, Engine]", *, is_last: bool
) -> "tuple[RunSummary, Path]":
    from datetime import UTC, datetime

    from promptlathe.cli.evaluating import carry_out
    from promptlathe.cli.planned import remember_task
    from promptlathe.evaluation.outlook import outlook
    from promptlathe.workspace.workspace import new_run_id

    run_id = new_run_id("eval", datetime.now(UTC))
    workspace.database.start_run(run_id, "eval", plan.as_json(), plan.cases())
    remember_task(workspace, run_id, plan)
    comparisons = len(plan.prompts) * len(plan.models) - 1
    err.print(f"[bold]{plan.task}[/]: {outlook(plan.cases(), comparisons, 'en')}", soft_wrap=True)
    return carry_out(workspace, run_id, plan, engines, is_last=is_last)


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


def read_answer_mode(given: str) -> "AnswerMode":
    from promptlathe.evaluation.options import AnswerMode

    known: tuple[AnswerMode, ...] = get_args(AnswerMode)
    mode = next((mode for mode in known if mode == given), None)
    if mode is None:
        raise UsageError(f"no way to answer {given!r}", hint=f"choose from: {', '.join(known)}")
    return mode


def available_count(
    task: "Task", split: "Split", languages: "Sequence[Language]", seed: int, *, at_most: int = DEFAULT_CASES
) -> int:
    """So many cases, or all that there are. Raises UsageError where there is none."""
    count = task.available(split, at_most, seed=seed, languages=languages)
    if not count:
        raise UsageError(
            f"task {task.name!r} has no {split} cases in {', '.join(languages)}",
            hint="write more cases, or say under `splits:` how they are divided",
        )
    return count


def read_languages(given: "Sequence[str]") -> "tuple[Language, ...]":
    from promptlathe.tasks.case import Language

    known = get_args(Language)
    wrong = next((language for language in given if language not in known), None)
    if wrong is not None:
        raise UsageError(f"no language {wrong!r}", hint=f"choose from: {', '.join(known)}")
    return tuple(language for language in known if language in given)
