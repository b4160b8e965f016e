"""Carrying out a search in the terminal: progress, lineage in the event log, certificate and report at the end."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from promptlathe.cli.console import err, out, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from promptlathe.engines.engine import Engine
    from promptlathe.evaluation.run import Evaluator
    from promptlathe.evaluation.summary import RunSummary
    from promptlathe.optimization.certificate import Certificate
    from promptlathe.optimization.optimize import Optimized
    from promptlathe.optimization.search_plan import SearchPlan
    from promptlathe.prompts import Prompt
    from promptlathe.tasks.case import Case, Language
    from promptlathe.workspace.database import RunKind, RunRecord
    from promptlathe.workspace.workspace import Workspace


def start_search(
    workspace: "Workspace",
    kind: "RunKind",
    plan: "SearchPlan",
    *,
    api_key_file: Path | None = None,
    as_json: bool,
) -> None:
    """Open the models, so that a wrong name leaves no run behind; then make the run, and carry it out."""
    from promptlathe.cli.planned import remember_task
    from promptlathe.workspace.workspace import new_run_id

    engines = _open(plan, api_key_file)
    run_id = new_run_id(kind, datetime.now(UTC))
    workspace.database.start_run(run_id, kind, plan.as_json())
    remember_task(workspace, run_id, plan.plan)
    _carry_out_as(kind, workspace, run_id, plan, *engines, as_json=as_json)


def go_on(
    workspace: "Workspace",
    record: "RunRecord",
    *,
    api_key_file: Path | None,
    allow_python: bool,
    as_json: bool,
) -> None:
    """Take the same way again: what was answered before comes from the cache."""
    from dataclasses import replace

    from promptlathe.cli.planned import stored_plan
    from promptlathe.optimization.search_plan import SearchPlan

    stored = SearchPlan.from_json(record.spec)
    plan = replace(stored, plan=stored_plan(workspace, record, allow_python=allow_python))
    engines = _open(plan, api_key_file)
    _carry_out_as(record.kind, workspace, record.id, plan, *engines, as_json=as_json)


def show_stored(workspace: "Workspace", record: "RunRecord", *, as_json: bool) -> None:
    """Show the result of a search that was carried out before."""
    result = dict(workspace.database.events(record.id)).get("result")
    if result is None:
        err.print(f"{record.id} is not finished; go on with: lathe runs resume {record.id}")
        raise typer.Exit(1)
    if record.kind == "headroom":
        from promptlathe.cli.headroom import show

        show(result, as_json=as_json)
    else:
        _show(result, None, as_json=as_json)


def _carry_out_as(
    kind: "RunKind",
    workspace: "Workspace",
    run_id: str,
    plan: "SearchPlan",
    engine: "Engine",
    proposer: "Engine | None",
    *,
    as_json: bool,
) -> None:
    if kind == "headroom":
        from promptlathe.cli.headroom import carry_out

        carry_out(workspace, run_id, plan, engine, as_json=as_json)
    else:
        _carry_out(workspace, run_id, plan, engine, proposer, as_json=as_json)


def _open(plan: "SearchPlan", api_key_file: "Path | None") -> "tuple[Engine, Engine | None]":
    """The model that is prompted, and the one that rewrites."""
    from promptlathe.cli.opening import open_model

    (model,) = plan.plan.models
    proposer = open_model(plan.proposer, api_key_file=api_key_file) if plan.proposer else None
    return open_model(model, engine=plan.plan.engine, api_key_file=api_key_file), proposer


def _carry_out(
    workspace: "Workspace",
    run_id: str,
    plan: "SearchPlan",
    engine: "Engine",
    proposer: "Engine | None",
    *,
    as_json: bool,
) -> None:
    from promptlathe.cli.evaluating import make_evaluator, running
    from promptlathe.evaluation.html import render_html

    with running(workspace, run_id):
        (model,) = plan.plan.models
        evaluator = make_evaluator(workspace, run_id, plan.plan, model, engine)
        made = _search(workspace, run_id, plan, evaluator, proposer)
        summary, prompts = _sealed_summary(workspace, run_id, plan, made)
        verdicts = _verdicts(summary, made)
        paths = _write_certificate(workspace, run_id, made.certificate, verdicts)
        page = render_html(summary, _sealed_cases(plan, made), prompts, made.sealed_rows)
        paths["report"] = str(workspace.write_report(f"{run_id}.html", page))
        result = _result(summary, made, verdicts) | paths
        workspace.database.log(run_id, "result", result)
    _show(result, summary, as_json=as_json)


def _search(
    workspace: "Workspace",
    run_id: str,
    plan: "SearchPlan",
    evaluator: "Evaluator",
    rewriter: "Engine | None",
) -> "Optimized":
    from promptlathe.cli.evaluating import AnswersBar, answers_progress, run_async
    from promptlathe.optimization.ledger import Ledger
    from promptlathe.optimization.optimize import optimize
    from promptlathe.optimization.search import standings_json
    from promptlathe.optimization.strategies import Observer, make_strategy

    (start,) = plan.plan.prompts
    database = workspace.database

    def on_sealed_read(prompts: "Sequence[Prompt]", cases: "Sequence[Case]") -> None:
        read = {
            "task": plan.plan.task,
            "seed": plan.plan.seed,
            "cases": len(cases),
            "digest": evaluator.task.digest(cases),
            "prompts": [prompt.name for prompt in prompts],
        }
        database.log(run_id, "sealed-read", read)

    observer = Observer(
        on_candidate=lambda candidate: database.log(run_id, "candidate", candidate.as_json()),
        on_standings=lambda made: database.log(run_id, "standings", {"standings": standings_json(made)}),
        on_refused=lambda section, why: database.log(run_id, "refused", {"section": section, "reason": why}),
    )
    with answers_progress() as progress:
        bar = AnswersBar(progress, "calls", plan.effort.budget)
        ledger = Ledger(evaluator, plan.effort.budget, on_row=bar.row)
        strategy = make_strategy(plan, ledger, rewriter, observer)
        found = run_async(
            optimize(
                ledger,
                start,
                strategy,
                plan.effort,
                references=plan.references,
                now=lambda: datetime.now(UTC),
                on_sealed_read=on_sealed_read,
            )
        )
        bar.expect(0)
        return found


def _sealed_cases(plan: "SearchPlan", made: "Optimized") -> "tuple[Case, ...]":
    certified = made.certificate.task
    return plan.plan.load_task().cases(
        "sealed", certified.count, seed=certified.seed, languages=certified.languages
    )


def _sealed_summary(
    workspace: "Workspace", run_id: str, plan: "SearchPlan", made: "Optimized"
) -> "tuple[RunSummary, list[Prompt]]":
    from promptlathe.cli.evaluating import provenance
    from promptlathe.evaluation.summary import summarise

    stored = {prompt.name: prompt.read() for prompt in made.certificate.prompts}
    start = plan.plan.prompts[0].name
    prompts = [stored[start], *(prompt for name, prompt in stored.items() if name != start)]
    summary = summarise(
        run_id=run_id,
        task=plan.plan.load_task(),
        cases=_sealed_cases(plan, made),
        prompts=prompts,
        models=plan.plan.models,
        rows=made.sealed_rows,
        provenance=provenance(workspace, run_id, plan.plan),
    )
    return summary, prompts


def _verdicts(summary: "RunSummary", made: "Optimized") -> "dict[Language, str]":
    from promptlathe.optimization.verdict import verdict

    winner = made.found.best.name
    return {"en": verdict(summary, winner, "en"), "zh": verdict(summary, winner, "zh")}


def _write_certificate(
    workspace: "Workspace", run_id: str, certificate: "Certificate", verdicts: "Mapping[Language, str]"
) -> dict[str, str]:
    """The certificate as JSON, as a page, and as Markdown in both languages; where each is."""
    from promptlathe.optimization.certificate import write_certificate
    from promptlathe.optimization.certificate_page import certificate_html, certificate_markdown

    written = {
        "certificate": ("json", write_certificate(certificate)),
        "page": ("html", certificate_html(certificate, verdicts)),
        "markdown": ("md", certificate_markdown(certificate, verdicts, "en")),
        "markdown_zh": ("zh.md", certificate_markdown(certificate, verdicts, "zh")),
    }
    return {
        kind: str(workspace.write_report(f"{run_id}.certificate.{suffix}", content))
        for kind, (suffix, content) in written.items()
    }


def _result(
    summary: "RunSummary", made: "Optimized", verdicts: "Mapping[Language, str]"
) -> dict[str, object]:
    from promptlathe.optimization.front import front
    from promptlathe.optimization.search import standings_json

    return {
        "run": summary.run_id,
        "verdict": dict(verdicts),
        "start": made.certificate.start,
        "winner": made.found.best.name,
        "ending": made.found.ending,
        "calls": made.calls,
        "tokens": {"prompt": made.reuse.prompt_tokens, "reused": made.reuse.reused},
        "standings": standings_json(made.found.standings),
        "front": [standing.name for standing in front(made.found.standings)],
        "lineage": [candidate.as_json() for candidate in made.found.candidates],
        "sections": [worth.as_json() for worth in made.sections],
        "sealed": summary.as_json(),
        "optimism": made.certificate.claims["optimism"],
    }


def _show(result: "Mapping[str, object]", summary: "RunSummary | None", *, as_json: bool) -> None:
    from promptlathe.cli.tables import summary_table

    if as_json:
        print_json(result)
        return
    out.print(_standings_table(result))
    if result["sections"]:
        out.print(_sections_table(result))
    if summary:
        out.print(summary_table(summary))
    verdicts = result["verdict"]
    out.print(verdicts["en"] if isinstance(verdicts, dict) else "", markup=False, style="bold")
    tokens = result["tokens"]
    if isinstance(tokens, dict) and tokens["prompt"]:
        share = tokens["reused"] / tokens["prompt"]
        out.print(f"prompt tokens {tokens['prompt']}, {share:.0%} shared with the request before")
    for kind in ("certificate", "page", "report"):
        out.print(f"{kind:<12} {result[kind]}", markup=False, soft_wrap=True)
    out.print(f"\nnext:  lathe verify {result['certificate']}", markup=False, soft_wrap=True)
    if result["winner"] != result["start"]:
        out.print(f"       lathe prompt save {result['run']}", soft_wrap=True)


def _standings_table(result: "Mapping[str, object]") -> "Table":
    from rich.table import Table

    table = Table(
        "on select cases", "", "correct", "fixed", "broken", "e-value", "tokens", box=None, pad_edge=False
    )
    front = _list(result, "front")
    for standing in _list(result, "standings"):
        name = standing["name"]
        state = "start" if name == result["start"] else "winner" if name == result["winner"] else ""
        table.add_row(
            name,
            state or ("front" if name in front else ""),
            f"{standing['correct']}/{standing['cases']}",
            str(standing["fixed"]),
            str(standing["broken"]),
            f"{standing['e_value']:.3g}",
            f"{standing['prompt_tokens']:.0f}",
            style="bold" if state == "winner" else "" if state or name in front else "dim",
        )
    return table


def _sections_table(result: "Mapping[str, object]") -> "Table":
    from rich.table import Table

    from promptlathe.evaluation.numerals import points

    table = Table("section", "worth (points)", "interval", "tokens", "", box=None, pad_edge=False)
    for worth in _list(result, "sections"):
        interval = worth["comparison"]["interval"]
        table.add_row(
            worth["section"],
            points(worth["comparison"]["difference"]),
            f"{points(interval['low'])} to {points(interval['high'])}",
            f"{worth['tokens']:.0f}",
            "may go" if worth["is_idle"] else "",
        )
    return table


def _list(result: "Mapping[str, object]", key: str) -> list[Any]:
    found = result.get(key)
    return found if isinstance(found, list) else []
