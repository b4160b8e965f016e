"""`lathe demo`: the whole path on the embedded model, in one command."""

from typing import Annotated

import typer

from promptlathe.cli.console import JsonFlag, out
from promptlathe.cli.eval import DEFAULT_MODEL, EngineOption, LanguageOption, ModelOption, read_languages

TASK = "decimal-comparison"
START = "decimal-expert"
MAX_TOKENS = 40
"""Enough for a sentence of reasoning: a prompt is not to lose because its answers are cut off."""


def demo(
    model: ModelOption = DEFAULT_MODEL,
    engine: EngineOption = "auto",
    budget: Annotated[int, typer.Option(min=300, help="Model calls in all.")] = 2600,
    sealed_cases: Annotated[int, typer.Option(min=40, help="Sealed cases to prove the gain on.")] = 400,
    seed: Annotated[int, typer.Option(help="Which cases: the same seed, the same cases.")] = 0,
    lang: LanguageOption = ["en", "zh"],  # noqa: B006 - typer copies it
    as_json: JsonFlag = False,
) -> None:
    """Measure, improve and prove a prompt on a real model: decimals, starting from the seed's prompt."""
    from promptlathe.cli.optimizing import start_search
    from promptlathe.engines.engine import Sampling
    from promptlathe.evaluation.plan import Plan, no_prompt
    from promptlathe.optimization.optimize import Effort
    from promptlathe.optimization.search import SearchSettings
    from promptlathe.optimization.search_plan import SearchPlan
    from promptlathe.workspace.workspace import Workspace

    workspace = Workspace.find()
    languages = read_languages(lang)
    plan = Plan(
        task=TASK,
        split="sealed",
        count=sealed_cases,
        seed=seed,
        languages=languages,
        prompts=(workspace.prompt(START),),
        models=(model,),
        engine=engine,
        sampling=Sampling(max_tokens=MAX_TOKENS),
    )
    effort = Effort(
        budget=budget,
        sealed_cases=sealed_cases,
        least_sealed=sealed_cases,
        seed=seed,
        languages=languages,
        settings=SearchSettings(first_rivals=18),
    )
    others = (workspace.prompt(f"{START}-en"),)
    start_search(
        workspace,
        "demo",
        SearchPlan(plan, effort, candidates=others, references=(no_prompt(),)),
        as_json=as_json,
    )
    if not as_json:
        out.print(
            "       lathe chat --prompt decimal-expert-en\n"
            "       lathe eval decimal-comparison --prompt none --prompt YOUR-PROMPT.md",
            soft_wrap=True,
        )
