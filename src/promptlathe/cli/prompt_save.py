"""`lathe prompt save`: a certified prompt becomes a prompt file with the next version and a link to its proof."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from promptlathe.cli.console import JsonFlag, err, print_json
from promptlathe.cli.prompt_edit import print_diff, require_prompt_name
from promptlathe.cli.runs import complete_run
from promptlathe.errors import UsageError, WorkspaceError

if TYPE_CHECKING:
    from promptlathe.optimization.certificate import Certificate
    from promptlathe.prompts import Prompt
    from promptlathe.prompts.diff import PromptDiff
    from promptlathe.prompts.versions import Bump
    from promptlathe.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class _Saved:
    """What is to be written, and what it is compared with: the file that is there or, without one, the start."""

    path: Path
    prompt: "Prompt"
    older: "Prompt"
    diff: "PromptDiff"
    bump: "Bump | None"

    @property
    def certificate(self) -> Path:
        return self.path.with_name(f"{self.path.stem}.certificate.json")


def save(
    run: Annotated[str, typer.Argument(help="A search's id, or how it begins.", autocompletion=complete_run)],
    name: Annotated[
        str | None,
        typer.Option(
            help="The prompt's name; that of the starting prompt, if not given.", show_default=False
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a prompt of that name.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Save the prompt that a search has certified as prompts/NAME.md, with the version that its changes ask for.

    Its certificate goes beside it, and the front matter names it. What changed goes to stderr.
    """
    from promptlathe.optimization.certificate import write_certificate
    from promptlathe.prompts import write_prompt
    from promptlathe.workspace.workspace import Workspace, write_text

    workspace = Workspace.find()
    certificate = _certificate(workspace, run)
    saved = _prepared(workspace, certificate, name)
    if not as_json:
        print_diff(saved.diff, to_stderr=True)
    if saved.path.exists() and not force:
        raise UsageError(
            f"{saved.path} is there already", hint="--force replaces it, --name saves under another name"
        )
    if not certificate.claims["is_gain_proven"]:
        err.print("[yellow]note:[/] the gain of this prompt is not proven: see its certificate")
    try:
        saved.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(f"cannot make {saved.path.parent}: {error.strerror}") from error
    write_text(saved.certificate, write_certificate(certificate))
    write_text(saved.path, write_prompt(saved.prompt))
    if as_json:
        print_json(_as_json(saved))
        return
    reasons = f" ({saved.bump.level}: {'; '.join(saved.bump.reasons)})" if saved.bump else ""
    err.print(
        f"{saved.older.version or 'none'} -> {saved.prompt.version}{reasons}", markup=False, soft_wrap=True
    )
    typer.echo(str(saved.path))


def _certificate(workspace: "Workspace", run: str) -> "Certificate":
    """That of a finished search which found a better prompt. Raises UsageError."""
    from promptlathe.optimization.certificate import read_certificate

    record = workspace.database.run(run)
    path = workspace.state / "reports" / f"{record.id}.certificate.json"
    if record.kind not in ("optimize", "demo"):
        raise UsageError(
            f"{record.id} is a {record.kind}: it has no certificate",
            hint="only lathe optimize and demo make one",
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{record.id} has no certificate: {error.strerror}",
            hint=f"finish it: lathe runs resume {record.id}",
        ) from error
    certificate = read_certificate(content, str(path))
    if certificate.winner == certificate.start:
        raise UsageError(
            f"{record.id} found nothing better than {certificate.start!r}", hint="there is nothing to save"
        )
    return certificate


def _prepared(workspace: "Workspace", certificate: "Certificate", name: str | None) -> _Saved:
    """Raises PromptError where the older prompt's version is none that could be counted on from."""
    from promptlathe.evaluation.plan import NO_PROMPT
    from promptlathe.prompts.diff import diff_prompts
    from promptlathe.prompts.versions import bumped, propose_bump

    winner, start = (stored.read() for stored in certificate.prompts[:2])
    chosen = name or (Path(certificate.task.name).stem if start.name == NO_PROMPT else start.name)
    require_prompt_name(chosen)
    path = workspace.root / "prompts" / f"{chosen}.md"
    older = workspace.prompt(str(path)) if path.exists() else start
    diff = diff_prompts(older, winner)
    bump = propose_bump(diff)
    prompt = replace(
        winner,
        name=chosen,
        version=bumped(older.version, bump.level) if bump else older.version,
        description=winner.description or older.description,
        certificate=f"{chosen}.certificate.json",
    )
    return _Saved(path, prompt, older, diff, bump)


def _as_json(saved: _Saved) -> dict[str, object]:
    return {
        "path": str(saved.path),
        "certificate": str(saved.certificate),
        "digest": saved.prompt.digest,
        "from": saved.older.version,
        "to": saved.prompt.version,
        "level": saved.bump.level if saved.bump else None,
        "reasons": list(saved.bump.reasons) if saved.bump else [],
    }
