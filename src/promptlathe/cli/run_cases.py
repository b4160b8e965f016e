"""`lathe runs cases` and `lathe runs case`: which cases went wrong, and what was said."""

from typing import TYPE_CHECKING, Annotated

import typer

from promptlathe.cli.console import (
    AllowPython,
    JsonFlag,
    err,
    escape_markup,
    out,
    print_json,
    without_control,
)
from promptlathe.cli.runs import Run
from promptlathe.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from promptlathe.evaluation.answers import Row, Subject
    from promptlathe.evaluation.listing import Kind, ListedCase
    from promptlathe.evaluation.plan import Plan
    from promptlathe.messages import Message
    from promptlathe.tasks.case import Case
    from promptlathe.workspace.database import Database

PromptFilter = Annotated[list[str], typer.Option("--prompt", "-p", help="Only this prompt. Repeatable.")]
ModelFilter = Annotated[list[str], typer.Option("--model", "-m", help="Only this model. Repeatable.")]

MOST_PICKED_OUT = 1000
"""So many cases are read alone; for more, all of the run's are read."""
_MARKS = {"correct": "right", "wrong": "wrong", "unparsed": "unparsed", "error": "error"}


def register(app: typer.Typer) -> None:
    app.command("cases")(list_cases)
    app.command("case")(show_case)


def list_cases(
    run: Run,
    flips: Annotated[
        bool, typer.Option("--flips", help="Right, where the baseline was not, or reversed.")
    ] = False,
    different: Annotated[bool, typer.Option("--different", help="Answers that are not all alike.")] = False,
    unparsed: Annotated[bool, typer.Option("--unparsed", help="Answers that cannot be read.")] = False,
    wrong: Annotated[bool, typer.Option("--wrong", help="Wrong answers.")] = False,
    errors: Annotated[bool, typer.Option("--errors", help="Requests that failed.")] = False,
    prompt: PromptFilter = [],  # noqa: B006
    model: ModelFilter = [],  # noqa: B006
    stratum: Annotated[list[str], typer.Option("--stratum", help="Only this stratum. Repeatable.")] = [],  # noqa: B006
    limit: Annotated[int, typer.Option(min=0, help="At most so many cases; 0 for all.")] = 20,
    allow_python: AllowPython = False,
    as_json: JsonFlag = False,
) -> None:
    """List a run's cases with their answers; several of --flips, --wrong, ... list what is any of them."""
    from promptlathe.evaluation.listing import baselines

    database, run_id, plan = _open(run, allow_python=allow_python)
    asked: dict[Kind, bool] = {
        "flips": flips,
        "different": different,
        "unparsed": unparsed,
        "wrong": wrong,
        "errors": errors,
    }
    strata = database.strata(run_id)
    for name in stratum:
        if name not in strata:
            raise UnknownNameError("stratum", name, strata)
    chosen = plan.subjects(prompt, model)
    compared = baselines(chosen, plan.subjects()) if flips else {}
    picked = database.pick_cases(
        run_id,
        [kind for kind, is_asked in asked.items() if is_asked],
        prompts=prompt,
        models=model,
        baselines=compared,
        strata=stratum,
    )
    shown = _listed(database, run_id, plan, picked[: limit or None], {*chosen, *compared.values()})
    if as_json:
        print_json([_as_json(listed) for listed in shown])
    else:
        for listed in shown:
            _print_listed(listed, plan)
    if len(shown) < len(picked):
        err.print(f"{len(shown)} of {len(picked)} cases; for all of them: --limit 0")
    elif not as_json:
        err.print(f"{len(picked)} cases")


def show_case(
    run: Run,
    case: Annotated[str, typer.Argument(metavar="CASE", help="A case's id, or how it begins.")],
    prompt: PromptFilter = [],  # noqa: B006
    model: ModelFilter = [],  # noqa: B006
    allow_python: AllowPython = False,
    as_json: JsonFlag = False,
) -> None:
    """Show all that was said about one case: every message that was sent, every answer whole."""
    database, run_id, plan = _open(run, allow_python=allow_python)
    case_id = _find_case(database.pick_cases(run_id), case)
    (listed,) = _listed(database, run_id, plan, [case_id], plan.subjects(prompt, model))
    found = listed.case
    if as_json:
        shown = [
            _answer_as_json(row)
            | {"messages": [message.as_dict() for message in _messages(row, plan, found)]}
            for row in listed.rows
        ]
        print_json(_as_json(listed) | {"answers": shown})
        return
    out.print(f"{found.id}\nstratum {found.stratum}, expected {found.expected}", markup=False, soft_wrap=True)
    for row in listed.rows:
        out.rule(escape_markup(_title(row, plan)), align="left")
        for message in _messages(row, plan, found):
            out.print(f"[bold]{message.role}[/]")
            out.print(without_control(message.content), markup=False, soft_wrap=True)
        out.print("[bold]answer[/]")
        said = row.response.text if row.response else row.error or ""
        out.print(without_control(said), markup=False, soft_wrap=True)
        out.print(f"-> {_verdict(row)}{_cost(row)}", markup=False, soft_wrap=True)


def _messages(row: "Row", plan: "Plan", case: "Case") -> "tuple[Message, ...]":
    from promptlathe.prompts import render_messages

    prompt = next(prompt for prompt in plan.prompts if prompt.name == row.prompt)
    return render_messages(prompt, case.question, case.variables)


def _open(run: str, *, allow_python: bool) -> "tuple[Database, str, Plan]":
    """The database, the run's whole id in it, and its plan."""
    from promptlathe.cli.planned import evaluation_plan
    from promptlathe.workspace.workspace import Workspace

    workspace = Workspace.find()
    record = workspace.database.run(run)
    return workspace.database, record.id, evaluation_plan(workspace, record, allow_python=allow_python)


def _listed(
    database: "Database", run_id: str, plan: "Plan", ids: "Sequence[str]", subjects: "Collection[Subject]"
) -> "list[ListedCase]":
    from promptlathe.evaluation.listing import list_cases

    wanted = ids if len(ids) <= MOST_PICKED_OUT else None
    cases = {case.id: case for case in database.cases(run_id, ids=wanted)}
    in_order = [subject for subject in plan.subjects() if subject in subjects]
    prompts, models = {subject.prompt for subject in in_order}, {subject.model for subject in in_order}
    rows = database.stream_rows(run_id, prompts=prompts, models=models, cases=wanted)
    return list_cases([cases[case_id] for case_id in ids], rows, in_order)


def _find_case(ids: "Sequence[str]", reference: str) -> str:
    found = [case_id for case_id in ids if case_id.startswith(reference)]
    if reference in found or len(found) == 1:
        return reference if reference in found else found[0]
    hint = f"{len(found)} cases start so: give more of the id" if found else None
    raise UnknownNameError("case", reference, ids, hint=hint)


def _print_listed(listed: "ListedCase", plan: "Plan") -> None:
    case = listed.case
    out.print(f"{escape_markup(case.id)}  [dim]{escape_markup(case.stratum)}[/]", soft_wrap=True)
    out.print(f"  {case.question}  expected: {case.expected}", markup=False, soft_wrap=True)
    for row in listed.rows:
        out.print(f"    {_title(row, plan)}: {_verdict(row)}", markup=False, soft_wrap=True)


def _title(row: "Row", plan: "Plan") -> str:
    from promptlathe.evaluation.answers import label

    repeat = f" #{row.repeat + 1}" if plan.repeats > 1 else ""
    return label(row.subject, plan.models) + repeat


def _verdict(row: "Row") -> str:
    if row.grade is None:
        return f"error, {row.error}"
    said = [_MARKS[row.outcome], row.grade.answer or "", row.grade.reason]
    if row.grade.contradicts:
        said.append("contradicts itself")
    if row.response and row.response.finish_reason == "length":
        said.append("met the token limit")
    return without_control(", ".join(filter(None, said)))


def _cost(row: "Row") -> str:
    response = row.response
    if response is None:
        return ""
    cached = ", from the cache" if row.is_cached else ""
    return f"; {response.prompt_tokens}+{response.completion_tokens} tokens, {response.seconds:.1f} s{cached}"


def _as_json(listed: "ListedCase") -> dict[str, object]:
    case = listed.case
    return {
        "id": case.id,
        "stratum": case.stratum,
        "question": case.question,
        "expected": case.expected,
        "options": list(case.options),
        "answers": [_answer_as_json(row) for row in listed.rows],
    }


def _answer_as_json(row: "Row") -> dict[str, object]:
    response, grade = row.response, row.grade
    return {
        "prompt": row.prompt,
        "model": row.model,
        "repeat": row.repeat,
        "outcome": row.outcome,
        "answer": grade.answer if grade else None,
        "reason": grade.reason if grade else "",
        "contradicts": bool(grade and grade.contradicts),
        "text": response.text if response else None,
        "finish_reason": response.finish_reason if response else None,
        "prompt_tokens": response.prompt_tokens if response else None,
        "completion_tokens": response.completion_tokens if response else None,
        "seconds": response.seconds if response else None,
        "error": row.error,
        "is_cached": row.is_cached,
    }
