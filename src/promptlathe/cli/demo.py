"""`lathe demo`: the whole path on the embedded model, in one command."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from promptlathe.cli.console import JsonFlag, err, out, print_json
from promptlathe.cli.eval import DEFAULT_MODEL, EngineOption, LanguageOption, ModelOption, read_languages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from promptlathe.engines.engine import Engine
    from promptlathe.evaluation.answers import Row
    from promptlathe.evaluation.plan import Plan
    from promptlathe.evaluation.summary import RunSummary
    from promptlathe.optimization.prove import Proof
    from promptlathe.optimization.race import Standing
    from promptlathe.prompts import Prompt
    from promptlathe.tasks.case import Case
    from promptlathe.workspace.database import RunRecord
    from promptlathe.workspace.workspace import Workspace

TASK = "decimal-comparison"
START = "decimal-expert"
PROPOSE_CASES = 100
MAX_TOKENS = 40
"""Enough for a sentence of reasoning: a prompt is not to lose because its answers are cut off."""


def demo(
    model: ModelOption = DEFAULT_MODEL,
    engine: EngineOption = "auto",
    select_cases: Annotated[int, typer.Option(min=40, help="Cases to choose the prompt on.")] = 160,
    sealed_cases: Annotated[int, typer.Option(min=40, help="Sealed cases to prove the gain on.")] = 400,
    seed: Annotated[int, typer.Option(help="Which cases: the same seed, the same cases.")] = 0,
    lang: LanguageOption = ["en", "zh"],  # noqa: B006 - typer copies it
    as_json: JsonFlag = False,
) -> None:
    """Measure, improve and prove a prompt on a real model: decimals, the seed's prompt against a battery."""
    from promptlathe.engines.engine import Sampling
    from promptlathe.evaluation.plan import Plan
    from promptlathe.workspace.workspace import Workspace, new_run_id

    workspace = Workspace.find()
    plan = Plan(
        task=TASK,
        split="sealed",
        count=sealed_cases,
        seed=seed,
        languages=read_languages(lang),
        prompts=(workspace.prompt(START),),
        models=(model,),
        engine=engine,
        sampling=Sampling(max_tokens=MAX_TOKENS),
    )
    opened = _open(plan)
    run_id = new_run_id("demo", datetime.now(UTC))
    workspace.database.start_run(run_id, "demo", plan.as_json() | {"select_cases": select_cases})
    _carry_out(workspace, run_id, plan, select_cases, opened, as_json=as_json)


def go_on(workspace: "Workspace", record: "RunRecord", *, as_json: bool) -> None:
    """Carry out a demo from its stored plan; what was answered before comes from the cache."""
    plan, select_cases = _stored(record)
    _carry_out(workspace, record.id, plan, select_cases, _open(plan), as_json=as_json)


def show_stored(workspace: "Workspace", record: "RunRecord", *, as_json: bool) -> None:
    """Show the result of a demo that was carried out before."""
    result = dict(workspace.database.events(record.id)).get("result")
    if result is None:
        err.print(f"{record.id} is not finished; go on with: lathe runs resume {record.id}")
        raise typer.Exit(1)
    _show(result, None, as_json=as_json)


def _open(plan: "Plan") -> "Engine":
    from promptlathe.cli.evaluating import open_model

    (model,) = plan.models
    return open_model(model, plan.engine)


def _carry_out(
    workspace: "Workspace", run_id: str, plan: "Plan", select_cases: int, engine: "Engine", *, as_json: bool
) -> None:
    from promptlathe.cli.evaluating import running
    from promptlathe.evaluation.html import render_html

    with running(workspace, run_id):
        proof = _prove(workspace, run_id, plan, select_cases, engine)
        certificate = workspace.write_report(
            f"{run_id}.certificate.json", proof.certificate.model_dump_json(indent=1) + "\n"
        )
        summary, prompts = _sealed_summary(workspace, run_id, plan, proof)
        page = render_html(summary, plan.cases(), prompts, proof.sealed_rows)
        report = workspace.write_report(f"{run_id}.html", page)
        result = _result(summary, proof, {"certificate": str(certificate), "report": str(report)})
        workspace.database.log(run_id, "result", result)
    _show(result, summary, as_json=as_json)


def _prove(workspace: "Workspace", run_id: str, plan: "Plan", select_cases: int, engine: "Engine") -> "Proof":
    from promptlathe.cli.evaluating import AnswersBar, answers_progress, make_evaluator, run_async
    from promptlathe.evaluation.plan import no_prompt
    from promptlathe.optimization.headroom import battery
    from promptlathe.optimization.prove import Effort, Prover

    (model,) = plan.models
    evaluator = make_evaluator(workspace, run_id, plan, model, engine)
    propose = evaluator.task.cases("propose", PROPOSE_CASES, seed=plan.seed, languages=plan.languages)
    (start,) = plan.prompts
    candidates = [*battery(evaluator.task, propose), workspace.prompt(f"{START}-en")]
    bars: list[AnswersBar] = []

    def on_standings(standings: "Sequence[Standing]") -> None:
        racing = [standing for standing in standings if standing.state != "dropped"]
        bars[-1].expect(sum(select_cases - standing.cases for standing in racing))
        workspace.database.log(run_id, "standings", {"standings": [asdict(made) for made in standings]})

    def on_row(row: "Row") -> None:
        bars[-1].row(row)

    def on_sealed_read(prompts: "Sequence[Prompt]", cases: "Sequence[Case]") -> None:
        bars[-1].expect(0)
        bars.append(AnswersBar(progress, "proving ", len(prompts) * len(cases)))
        read = {
            "task": plan.task,
            "seed": plan.seed,
            "cases": len(cases),
            "digest": evaluator.task.digest(cases),
            "prompts": [prompt.name for prompt in prompts],
        }
        workspace.database.log(run_id, "sealed-read", read)

    effort = Effort(select_cases, plan.count, seed=plan.seed, languages=plan.languages)
    prover = Prover(
        evaluator,
        effort,
        now=lambda: datetime.now(UTC),
        on_row=on_row,
        on_standings=on_standings,
        on_sealed_read=on_sealed_read,
    )
    with answers_progress() as progress:
        bars.append(AnswersBar(progress, "choosing", (len(candidates) + 1) * select_cases))
        return run_async(prover.prove(start, candidates, [no_prompt()]))


def _stored(record: "RunRecord") -> "tuple[Plan, int]":
    from promptlathe.evaluation.plan import Plan

    spec = dict(record.spec)
    select_cases = spec.pop("select_cases")
    return Plan.from_json(spec), int(str(select_cases))


def _sealed_summary(
    workspace: "Workspace", run_id: str, plan: "Plan", proof: "Proof"
) -> "tuple[RunSummary, list[Prompt]]":
    from promptlathe.cli.evaluating import provenance
    from promptlathe.evaluation.summary import summarise

    stored = {prompt.name: prompt.read() for prompt in proof.certificate.prompts}
    start = plan.prompts[0].name
    prompts = [stored[start], *(prompt for name, prompt in stored.items() if name != start)]
    summary = summarise(
        run_id=run_id,
        task=plan.load_task(),
        cases=plan.cases(),
        prompts=prompts,
        models=plan.models,
        rows=proof.sealed_rows,
        provenance=provenance(workspace, run_id, plan),
    )
    return summary, prompts


def _result(summary: "RunSummary", proof: "Proof", paths: "Mapping[str, str]") -> dict[str, object]:
    from promptlathe.optimization.verdict import verdict

    winner = proof.race.winner
    return {
        "run": summary.run_id,
        "verdict": {"en": verdict(summary, winner, "en"), "zh": verdict(summary, winner, "zh")},
        "start": proof.race.start,
        "winner": winner,
        "race": [asdict(standing) for standing in proof.race.standings],
        "race_answers": proof.race.calls,
        "sealed": summary.as_json(),
        "optimism": proof.certificate.claims["optimism"],
        **paths,
    }


def _show(result: "Mapping[str, object]", summary: "RunSummary | None", *, as_json: bool) -> None:
    from promptlathe.cli.tables import summary_table

    if as_json:
        print_json(result)
        return
    out.print(_race_table(result))
    if summary:
        out.print(summary_table(summary))
    verdicts = result["verdict"]
    out.print(verdicts["en"] if isinstance(verdicts, dict) else "", markup=False, style="bold")
    certificate, report = Path(str(result["certificate"])), Path(str(result["report"]))
    out.print(f"\ncertificate  {certificate}\nreport       {report}", soft_wrap=True)
    out.print(
        "\nnext:  lathe verify " + str(certificate) + "\n"
        "       lathe chat --prompt decimal-expert-en\n"
        "       lathe eval decimal-comparison --prompt none --prompt YOUR-PROMPT.md",
        soft_wrap=True,
    )


def _race_table(result: "Mapping[str, object]") -> "Table":
    from rich.table import Table

    table = Table(
        "on select cases",
        "state",
        "correct",
        "fixed",
        "broken",
        "e-value",
        "tokens",
        box=None,
        pad_edge=False,
    )
    standings = result["race"]
    for standing in standings if isinstance(standings, list) else []:
        table.add_row(
            standing["name"],
            standing["state"],
            f"{standing['correct']}/{standing['cases']}",
            str(standing["fixed"]),
            str(standing["broken"]),
            f"{standing['e_value']:.3g}",
            f"{standing['prompt_tokens']:.0f}",
            style="bold" if standing["state"] == "won" else "dim" if standing["state"] == "dropped" else "",
        )
    return table
