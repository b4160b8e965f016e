"""`lathe eval`: measure prompts on a task's cases."""

from typing import TYPE_CHECKING, Annotated, get_args

import typer

from promptlathe.cli.console import JsonFlag, err, out, print_json
from promptlathe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

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
        str, typer.Argument(help="The task, such as decimal-comparison.", autocompletion=complete_task)
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
    repeats: Annotated[int, typer.Option(min=1, help="Ask everything so often.")] = 1,
    as_json: JsonFlag = False,
) -> None:
    """Measure prompts on a task: accuracy with intervals, paired comparison with the first, a report."""
    from datetime import UTC, datetime

    from promptlathe.cli.evaluating import carry_out, open_planned
    from promptlathe.engines.engine import Sampling
    from promptlathe.evaluation.plan import Plan
    from promptlathe.workspace.workspace import Workspace, new_run_id

    if split not in ("propose", "select"):
        raise UsageError(
            f"--split is propose or select, not {split!r}",
            hint="sealed cases are read once per certificate: lathe demo" if split == "sealed" else None,
        )
    workspace = Workspace.find()
    plan = Plan(
        task=task,
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
    plan.cases()  # a task or case count that is wrong is said before a run is made
    opened = open_planned(plan)
    run_id = new_run_id("eval", datetime.now(UTC))
    workspace.database.start_run(run_id, "eval", plan.as_json())
    show_result(*carry_out(workspace, run_id, plan, opened), as_json=as_json)


def show_result(summary: "RunSummary", report: "Path", *, as_json: bool) -> None:
    from promptlathe.cli.tables import summary_table
    from promptlathe.evaluation.headline import headline

    failed = sum(prompt.errors for prompt in summary.prompts)
    if failed:
        err.print(
            f"[yellow]{failed} without an answer[/]; ask again with: lathe runs resume {summary.run_id}",
            soft_wrap=True,
        )
    if as_json:
        print_json(summary.as_json() | {"headline": headline(summary, "en"), "report": str(report)})
        return
    out.print(summary_table(summary))
    out.print(headline(summary, "en"), markup=False)
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
