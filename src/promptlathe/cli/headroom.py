"""`lathe headroom`: can prompting help this model on this task at all?"""

from typing import TYPE_CHECKING, Annotated

import typer

from promptlathe.cli.console import AllowPython, JsonFlag, out, print_json
from promptlathe.cli.eval import DEFAULT_MODEL, EngineOption, LanguageOption, ModelOption, complete_prompt
from promptlathe.cli.opening import KeyFileOption
from promptlathe.cli.optimize import Budget, MaxTokens, Seed, Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from promptlathe.engines.engine import Engine
    from promptlathe.evaluation.run import Evaluator
    from promptlathe.optimization.headroom import Headroom
    from promptlathe.optimization.search_plan import SearchPlan
    from promptlathe.workspace.workspace import Workspace

ALL_AT_ONCE = 100
"""Every form races from the beginning."""


def headroom(
    task: Task,
    prompt: Annotated[
        list[str],
        typer.Option(
            "--prompt",
            "-p",
            help="A prompt's name or file, or 'none'. Repeatable: the first is what the others are compared with.",
            autocompletion=complete_prompt,
        ),
    ] = ["none"],  # noqa: B006 - typer copies it
    model: ModelOption = DEFAULT_MODEL,
    engine: EngineOption = "auto",
    budget: Budget = 1000,
    seed: Seed = 0,
    lang: LanguageOption = [],  # noqa: B006 - typer copies it
    max_tokens: MaxTokens = 64,
    api_key_file: KeyFileOption = None,
    allow_python: AllowPython = False,
    as_json: JsonFlag = False,
) -> None:
    """Race many ways of asking on select cases, and say in one sentence whether prompting can help. Sealed cases
    stay sealed."""
    from dataclasses import replace

    from promptlathe.cli.eval import read_prompts
    from promptlathe.cli.optimize import make_plan
    from promptlathe.cli.optimizing import start_search
    from promptlathe.optimization.headroom import ALPHA
    from promptlathe.optimization.optimize import Effort
    from promptlathe.optimization.search import SearchSettings
    from promptlathe.optimization.search_plan import SearchPlan
    from promptlathe.workspace.workspace import Workspace

    workspace = Workspace.find()
    start, *others = read_prompts(workspace, prompt)
    usual = Effort()
    plan = make_plan(
        workspace,
        task,
        split="select",
        at_most=usual.select_cases,
        start=replace(start, frozen=()),
        model=model,
        engine=engine,
        seed=seed,
        lang=lang,
        max_tokens=max_tokens,
        allow_python=allow_python,
    )
    effort = Effort(
        budget=budget,
        propose_cases=plan.load_task().available(
            "propose", usual.propose_cases, seed=seed, languages=plan.languages
        ),
        select_cases=plan.count,
        sealed_cases=0,
        least_sealed=0,
        seed=seed,
        languages=plan.languages,
        settings=SearchSettings(first_rivals=ALL_AT_ONCE, alpha=ALPHA),
    )
    made = SearchPlan(plan, effort, candidates=tuple(others))
    start_search(workspace, "headroom", made, api_key_file=api_key_file, as_json=as_json)


def carry_out(
    workspace: "Workspace", run_id: str, plan: "SearchPlan", engine: "Engine", *, as_json: bool
) -> None:
    """Race, keep the result in the run's log, show it."""
    from promptlathe.cli.evaluating import make_evaluator, running

    with running(workspace, run_id):
        (model,) = plan.plan.models
        evaluator = make_evaluator(workspace, run_id, plan.plan, model, engine)
        found = _measure(workspace, run_id, plan, evaluator)
        result = {"run": run_id} | found.as_json()
        workspace.database.log(run_id, "result", result)
    show(result, as_json=as_json)


def _measure(workspace: "Workspace", run_id: str, plan: "SearchPlan", evaluator: "Evaluator") -> "Headroom":
    from promptlathe.cli.evaluating import AnswersBar, answers_progress, run_async
    from promptlathe.optimization.given import GivenProposer
    from promptlathe.optimization.headroom import measure_headroom
    from promptlathe.optimization.ledger import Ledger
    from promptlathe.optimization.operators import BatteryProposer
    from promptlathe.optimization.search import Search

    effort, task, (start,) = plan.effort, evaluator.task, plan.plan.prompts
    select = effort.cases(task, "select")
    with answers_progress() as progress:
        bar = AnswersBar(progress, "calls", effort.budget)
        ledger = Ledger(evaluator, effort.budget, on_row=bar.row)
        race = Search(
            ledger,
            select=select,
            propose=effort.cases(task, "propose"),
            proposers=[GivenProposer(plan.candidates), BatteryProposer()],
            settings=effort.settings,
            on_candidate=lambda made: workspace.database.log(run_id, "candidate", made.as_json()),
        )
        found = run_async(measure_headroom(ledger, start, race, select))
        bar.expect(0)
        return found


def show(result: "Mapping[str, object]", *, as_json: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from promptlathe.evaluation.numerals import percent, points

    if as_json:
        print_json(result)
        return
    table = Table(
        "prompt", "right", "points against the start", "e-value", "tokens", box=None, pad_edge=False
    )
    tried = result["tried"]
    for one in tried if isinstance(tried, list) else []:
        score, paired = one["score"], one["against_start"]
        table.add_row(
            Text(one["name"]),
            f"{percent(score['accuracy'])} {score['correct']}/{score['cases']}",
            f"{points(paired['difference'])} ({_between(paired['interval'])})" if paired else "start",
            f"{one['e_value']:.3g}" if paired else "",
            f"{one['prompt_tokens']:.0f}",
            style="bold" if one["is_better"] else "",
        )
    out.print(table)
    sentences = result["sentence"]
    out.print(sentences["en"] if isinstance(sentences, dict) else "", markup=False, style="bold")


def _between(interval: "Mapping[str, float]") -> str:
    from promptlathe.evaluation.numerals import points_interval
    from promptlathe.statistics.intervals import Interval

    return points_interval(Interval(**interval), "en")
