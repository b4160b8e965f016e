"""`lathe compare`: two results on the same cases, and the cases on which they differ."""

from typing import TYPE_CHECKING, Annotated

import typer

from promptlathe.cli.console import AllowPython, JsonFlag, out, print_json
from promptlathe.cli.run_cases import ModelFilter, PromptFilter
from promptlathe.cli.runs import Run, complete_run
from promptlathe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from promptlathe.evaluation.summary import Comparison
    from promptlathe.tasks.case import Case


def compare(
    run: Run,
    other: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="A second run.", autocompletion=complete_run)
    ] = None,
    prompt: PromptFilter = [],  # noqa: B006
    model: ModelFilter = [],  # noqa: B006
    flips: Annotated[int, typer.Option(min=0, help="How many flips of each kind to list.")] = 5,
    allow_python: AllowPython = False,
    as_json: JsonFlag = False,
) -> None:
    """Compare results on the same cases: exact paired test, interval of the difference, and the flips.

    Of one run, two prompts or two models: lathe compare RUN -p before -p after. Of two runs, what both have:
    lathe compare BEFORE AFTER. With two runs, one -p or -m is for both, two are one for each.
    """
    from promptlathe.cli.evaluating import run_answers
    from promptlathe.cli.tables import comparison_table
    from promptlathe.evaluation.pairing import compare_across, compare_within
    from promptlathe.workspace.workspace import Workspace

    workspace = Workspace.find()
    if other is None:
        after = run_answers(workspace, run, prompt, model, allow_python=allow_python)
        made = compare_within(after)
    else:
        prompts, models = _for_each("--prompt", prompt), _for_each("--model", model)
        before = run_answers(workspace, run, prompts[0], models[0], allow_python=allow_python)
        after = run_answers(workspace, other, prompts[1], models[1], allow_python=allow_python)
        made = compare_across(before, after)
    if not made:
        raise UsageError(
            "there is no case that both have answered", hint="finish the runs: lathe runs resume RUN"
        )
    if as_json:
        from dataclasses import asdict

        print_json({"comparisons": [asdict(comparison) for comparison in made]})
        return
    out.print(comparison_table(made))
    by_id = {case.id: case for case in after.cases}
    for comparison in made:
        for kind, ids in (("fixed", comparison.fixed), ("broken", comparison.broken)):
            _show_flips(comparison, kind, [by_id[case_id] for case_id in ids], flips)


def _for_each(option: str, names: "Sequence[str]") -> "tuple[Sequence[str], Sequence[str]]":
    """What is meant for the first run, and what for the second."""
    if len(names) > 2:
        raise UsageError(
            f"with two runs, {option} is given once or twice", hint="the first is for the first run"
        )
    return names[:1], names[-1:]


def _show_flips(comparison: "Comparison", kind: str, cases: "Sequence[Case]", most: int) -> None:
    if not cases or not most:
        return
    out.print(f"\n{kind}, {len(cases)}: {comparison.before} -> {comparison.after}", markup=False)
    for case in cases[:most]:
        out.print(f"  {case.id}  {case.question}  [{case.expected}]", markup=False, soft_wrap=True)
    if len(cases) > most:
        out.print(f"  ... and {len(cases) - most} more", markup=False)
