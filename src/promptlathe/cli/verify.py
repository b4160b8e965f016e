"""`lathe verify`: does what a certificate claims follow from what it records, and does the model still say so?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from promptlathe.cli.console import AllowPython, JsonFlag, out, print_json
from promptlathe.cli.eval import complete_model
from promptlathe.cli.opening import KeyFileOption
from promptlathe.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from promptlathe.engines.engine import Engine
    from promptlathe.optimization.certificate import Certificate
    from promptlathe.optimization.rerun import Rerun
    from promptlathe.tasks.task import Task

SHOWN_FAULTS = 20


def verify(
    certificate: Annotated[Path, typer.Argument(help="A certificate.json, as `lathe optimize` writes it.")],
    task: Annotated[
        str | None,
        typer.Option(help="The certificate's task, if it is a file outside of this workspace's tasks/."),
    ] = None,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Ask the model again, and compare its answers and the claim.")
    ] = False,
    sample: Annotated[
        int | None,
        typer.Option(min=1, help="With --rerun: only so many of the sealed cases.", show_default=False),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="With --rerun: where the certified model is, if not in the catalogue.",
            autocompletion=complete_model,
            show_default=False,
        ),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(help="With --rerun: the engine, if not the certified one.", show_default=False),
    ] = None,
    api_key_file: KeyFileOption = None,
    allow_python: AllowPython = False,
    as_json: JsonFlag = False,
) -> None:
    """Check a certificate: make its cases anew, judge its answers anew, compute every number anew.

    With --rerun the model answers anew as well. Answers may differ in a word, as engines round; what counts is
    whether the claim still holds.

    Exit codes: 0 valid (and the claim holds again), 1 not valid (or it does not hold again), 2 usage.
    """
    from promptlathe.optimization.certificate import find_faults, is_as_written, read_certificate

    if (sample or model or engine) and not rerun:
        raise UsageError("--sample, --model and --engine are for --rerun", hint="add --rerun")
    try:
        content = certificate.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {certificate}: {error.strerror}", hint="check the path") from error
    read = read_certificate(content, str(certificate))
    found = _task(read, task, allow_python=allow_python)
    faults = find_faults(read, lambda _: found)
    if not faults and not is_as_written(read, content):
        faults = ["the file is not to the letter as it was written: something was changed by hand"]
    again = None
    if rerun and not faults:
        opened = _open(read, model, engine, api_key_file)
        again = _ask_again(read, found, opened, sample)
    if as_json:
        result = {"is_valid": not faults, "faults": faults, "claims": read.claims}
        print_json(result | ({"rerun": again.as_json()} if again else {}))
    else:
        _show(read, faults, again)
    if faults or (again and not again.holds):
        raise typer.Exit(1)


def _task(read: "Certificate", reference: str | None, *, allow_python: bool) -> "Task":
    from promptlathe.workspace.workspace import Workspace

    try:
        return Workspace.find().task(reference or read.task.name, allow_python=allow_python)
    except UnknownNameError as error:
        raise UsageError(
            f"the certificate is about the task {read.task.name!r}: {error.message}",
            hint="verify it in the workspace that has the task, or name its file: --task FILE",
        ) from error


def _open(read: "Certificate", model: str | None, engine: str | None, api_key_file: Path | None) -> "Engine":
    from promptlathe.cli.opening import open_model

    try:
        return open_model(
            model or read.engine.model, engine=engine or read.engine.engine, api_key_file=api_key_file
        )
    except UnknownNameError as error:
        if model:
            raise
        raise UsageError(
            f"the certificate is about the model {read.engine.model!r}: {error.message}",
            hint="say where it is: --model FILE, FOLDER or URL",
        ) from error


def _ask_again(read: "Certificate", task: "Task", engine: "Engine", sample: int | None) -> "Rerun":
    from promptlathe.cli.evaluating import AnswersBar, answers_progress, run_async
    from promptlathe.optimization.rerun import cases_to_ask, rerun

    cases = cases_to_ask(read, task, sample)
    with answers_progress() as progress:
        bar = AnswersBar(progress, "asking again", len(read.prompts) * len(cases))
        return run_async(rerun(read, task, engine, cases, on_row=bar.row))


def _show(read: "Certificate", faults: list[str], again: "Rerun | None") -> None:
    if faults:
        out.print(f"[red]not valid[/]: {len(faults)} faults")
        for fault in faults[:SHOWN_FAULTS]:
            out.print(f"  {fault}", markup=False, soft_wrap=True)
        return
    out.print(
        f"[green]valid[/]: {read.winner} against {read.start} on {read.task.count} sealed cases of "
        f"{read.task.name}, {len(read.answers)} answers of {read.engine.model} judged anew",
        soft_wrap=True,
    )
    if again:
        _show_rerun(read, again)


def _show_rerun(read: "Certificate", again: "Rerun") -> None:
    from promptlathe.evaluation.numerals import points

    out.print(
        f"asked again: {again.differing} of {again.asked} answers differ, {again.changed} are judged otherwise"
        + (f", {again.failed} failed" if again.failed else ""),
        soft_wrap=True,
    )
    for difference in again.engine_differs:
        out.print(f"  {difference}", markup=False, soft_wrap=True)
    claimed = "the gain is proven" if read.claims["is_gain_proven"] else "no gain is proven"
    verdict = "[green]still holds[/]" if again.holds else "[red]does not hold any more[/]"
    now = f" ({points(again.difference)} points now)" if again.difference is not None else ""
    out.print(f"the claim, {claimed}, {verdict}{now}", soft_wrap=True)
