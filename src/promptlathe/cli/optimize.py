"""`lathe optimize`: find a better prompt under a budget, and prove it."""

from typing import TYPE_CHECKING, Annotated, get_args

import typer

from promptlathe.cli.console import AllowPython, JsonFlag
from promptlathe.cli.eval import (
    DEFAULT_MODEL,
    EngineOption,
    LanguageOption,
    ModelOption,
    available_count,
    complete_prompt,
    complete_task,
    read_languages,
)
from promptlathe.cli.opening import KeyFileOption
from promptlathe.errors import UnknownNameError

if TYPE_CHECKING:
    from promptlathe.evaluation.plan import Plan
    from promptlathe.optimization.optimize import Effort
    from promptlathe.prompts import Prompt
    from promptlathe.tasks.case import Split
    from promptlathe.workspace.workspace import Workspace

Task = Annotated[
    str, typer.Argument(help="The task, such as decimal-comparison.", autocompletion=complete_task)
]
Budget = Annotated[int, typer.Option(min=100, help="Model calls in all; never one more.")]
SealedCases = Annotated[int, typer.Option(min=40, help="Sealed cases to prove the gain on, at most.")]
Seed = Annotated[int, typer.Option(help="Which cases: the same seed, the same search.")]
MaxTokens = Annotated[int, typer.Option(min=1, help="Longest answer, in tokens.")]


def optimize(
    task: Task,
    prompt: Annotated[
        str,
        typer.Option(
            "--prompt", "-p", help="The prompt to improve, or 'none'.", autocompletion=complete_prompt
        ),
    ],
    model: ModelOption = DEFAULT_MODEL,
    engine: EngineOption = "auto",
    budget: Budget = 1500,
    strategy: Annotated[str, typer.Option(help="race, or gepa (needs promptlathe\\[gepa]).")] = "race",
    freeze: Annotated[list[str], typer.Option(help="A section that must stay as it is. Repeatable.")] = [],  # noqa: B006 - typer copies it
    proposer_model: Annotated[
        str | None, typer.Option(help="A model that rewrites sections as well: name, file or endpoint.")
    ] = None,
    candidate: Annotated[
        list[str], typer.Option(help="Another prompt to try. Repeatable.", autocompletion=complete_prompt)
    ] = [],  # noqa: B006 - typer copies it
    sealed_cases: SealedCases = 400,
    seed: Seed = 0,
    lang: LanguageOption = [],  # noqa: B006 - typer copies it
    max_tokens: MaxTokens = 64,
    api_key_file: KeyFileOption = None,
    allow_python: AllowPython = False,
    as_json: JsonFlag = False,
) -> None:
    """Improve a prompt section by section under a budget of model calls, and prove the gain on sealed cases."""
    from promptlathe.cli.optimizing import start_search
    from promptlathe.optimization.search_plan import SearchPlan, Strategy
    from promptlathe.workspace.workspace import Workspace

    if strategy not in get_args(Strategy):
        raise UnknownNameError("strategy", strategy, get_args(Strategy))
    workspace = Workspace.find()
    plan = make_plan(
        workspace,
        task,
        split="sealed",
        at_most=sealed_cases,
        start=_start(workspace, prompt, freeze),
        model=model,
        engine=engine,
        seed=seed,
        lang=lang,
        max_tokens=max_tokens,
        allow_python=allow_python,
    )
    effort = _effort(plan, budget)
    made = SearchPlan(
        plan,
        effort,
        strategy="gepa" if strategy == "gepa" else "race",
        proposer=proposer_model,
        candidates=tuple(workspace.prompt(name) for name in candidate),
    )
    start_search(workspace, "optimize", made, api_key_file=api_key_file, as_json=as_json)


def make_plan(
    workspace: "Workspace",
    task: str,
    *,
    split: "Split",
    at_most: int,
    start: "Prompt",
    model: str,
    engine: str,
    seed: int,
    lang: list[str],
    max_tokens: int,
    allow_python: bool,
) -> "Plan":
    """With as many of the task's cases as there are, in all its languages if none are given. Raises UsageError
    for a language it does not have, and for a split without cases."""
    from promptlathe.cli.planned import task_finder
    from promptlathe.engines.engine import Sampling
    from promptlathe.evaluation.plan import Plan

    find_task = task_finder(workspace, allow_python=allow_python)
    reference = workspace.task_reference(task)
    found = find_task(reference)
    languages = read_languages(lang) or found.languages
    found.cases(split, 0, seed=seed, languages=languages)  # says which language is not there
    return Plan(
        task=reference,
        find_task=find_task,
        split=split,
        count=available_count(found, split, languages, seed, at_most=at_most),
        seed=seed,
        languages=languages,
        prompts=(start,),
        models=(model,),
        engine=engine,
        sampling=Sampling(max_tokens=max_tokens),
    )


def _start(workspace: "Workspace", reference: str, freeze: list[str]) -> "Prompt":
    """The prompt, with more of its sections frozen. Raises UsageError for one that it does not have."""
    from dataclasses import replace

    from promptlathe.cli.eval import read_prompts

    (prompt,) = read_prompts(workspace, [reference])
    frozen = list(prompt.frozen)
    for name in freeze:
        section = prompt.document.section(name)
        if section is None:
            raise UnknownNameError("section", name, [each.name for each in prompt.document.sections])
        frozen.append(section.name)
    return replace(prompt, frozen=tuple(dict.fromkeys(frozen)))


def _effort(plan: "Plan", budget: int) -> "Effort":
    """As many cases as the task has, up to the usual numbers. Raises UsageError for a split without any."""
    from promptlathe.optimization.optimize import Effort

    task = plan.load_task()
    usual = Effort()

    def count(split: "Split", at_most: int) -> int:
        return available_count(task, split, plan.languages, plan.seed, at_most=at_most)

    return Effort(
        budget=budget,
        propose_cases=count("propose", usual.propose_cases),
        select_cases=count("select", usual.select_cases),
        sealed_cases=plan.count,
        least_sealed=min(usual.least_sealed, plan.count),
        seed=plan.seed,
        languages=plan.languages,
    )
