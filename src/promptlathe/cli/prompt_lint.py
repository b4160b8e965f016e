"""`lathe prompt lint` and `lathe prompt format`."""

import locale
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from promptlathe.cli.console import err, print_json
from promptlathe.cli.prompt import complete_prompt
from promptlathe.errors import PromptError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from promptlathe.cli.lint_formats import Checked
    from promptlathe.prompts.rules.source import KnownCase, LintOptions
    from promptlathe.workspace.workspace import Workspace

_LEAK_CASES = 2000

Prompts = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[PROMPT]...",
        help="Names, files or folders; without any, the workspace's own prompts.",
        autocompletion=complete_prompt,
        show_default=False,
    ),
]


def lint(
    prompts: Prompts = None,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended, in the files.")] = False,
    task: Annotated[
        str | None, typer.Option(help="Report what gives away this task's select and sealed cases.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Count tokens with this model's tokenizer.")] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="A longer prompt is reported.")] = 1500,
    ignore: Annotated[
        list[str] | None,
        typer.Option(help="A rule not to look at, by code or name; repeat it for each.", show_default=False),
    ] = None,
    chat: Annotated[bool, typer.Option("--chat", help="The prompt is for a chat: it may greet.")] = False,
    output: Annotated[
        Literal["text", "json", "sarif", "github"], typer.Option("--format", help="How to print.")
    ] = "text",
    lang: Annotated[
        Literal["auto", "en", "zh"], typer.Option(help="Language of the messages; auto is the system's.")
    ] = "auto",
) -> None:
    """Find what is wrong with prompts, as a compiler does; exit 1 if any finding is an error."""
    from promptlathe.cli.lint_formats import as_github, as_json, as_lines, as_sarif
    from promptlathe.prompts.rules import rule_named
    from promptlathe.prompts.rules.source import LintOptions
    from promptlathe.workspace.workspace import Workspace

    workspace = Workspace.find()
    options = LintOptions(
        is_api=not chat,
        cases=_task_cases(task) if task else (),
        count=_counter(model) if model else None,
        max_tokens=max_tokens,
        ignored=frozenset(rule_named(name).code for name in ignore or ()),
    )
    files = [_check(workspace, reference, options, fix) for reference in references(workspace, prompts)]
    language = system_language() if lang == "auto" else lang
    if output == "json":
        print_json(as_json(files, language))
    elif output == "sarif":
        print_json(as_sarif(files, language))
    else:
        for checked in files:
            for line in (as_lines if output == "text" else as_github)(checked, language):
                typer.echo(line)
    _print_summary(files)
    if any(finding.severity == "error" for checked in files for finding in checked.findings):
        raise typer.Exit(1)


def format_prompts(
    prompts: Prompts = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 1 if something would.")
    ] = False,
) -> None:
    """Bring prompts into one style without changing what they say."""
    from promptlathe.prompts.file import read_prompt
    from promptlathe.prompts.formatting import format_prompt
    from promptlathe.prompts.lint import file_text
    from promptlathe.workspace.workspace import Workspace, write_text

    workspace = Workspace.find()
    changed = 0
    for reference in references(workspace, prompts):
        path = writable_path(workspace, reference) if not check else workspace.prompt_path(reference)
        prompt = workspace.prompt(reference)
        text = format_prompt(prompt)
        if text == file_text(prompt):
            continue
        changed += 1
        typer.echo(f"{'would change' if check else 'changed'} {path or reference}")
        if path and not check:
            read_prompt(text, name=path.stem, path=str(path))
            write_text(path, text)
    if check and changed:
        raise typer.Exit(1)


def references(workspace: "Workspace", given: list[str] | None) -> list[str]:
    """What the arguments name: a folder names the prompt files in it. Raises UsageError for nothing at all."""
    found: list[str] = []
    for argument in given or [str(workspace.root / "prompts")]:
        folder = Path(argument)
        if folder.is_dir() and argument not in workspace.prompt_names():
            found += [str(path) for path in sorted(folder.rglob("*.md"))]
        else:
            found.append(argument)
    if not found:
        raise UsageError("no prompt to look at", hint="name a prompt or a file, or put files into prompts/")
    return list(dict.fromkeys(found))


def writable_path(workspace: "Workspace", reference: str) -> Path:
    """The prompt's file. Raises UsageError for a prompt of the library, which belongs to the installation."""
    path = workspace.prompt_path(reference)
    if path is None:
        raise UsageError(
            f"{reference!r} comes with promptlathe and is not changed",
            hint=f"copy it first: lathe prompt new my-{reference} --from {reference}",
        )
    return path


def _check(workspace: "Workspace", reference: str, options: "LintOptions", is_fixing: bool) -> "Checked":
    from promptlathe.cli.lint_formats import Checked
    from promptlathe.prompts.lint import file_text
    from promptlathe.prompts.lint import fix as fix_prompt
    from promptlathe.prompts.lint import lint as lint_prompt
    from promptlathe.workspace.workspace import shown_path, write_text

    path = writable_path(workspace, reference) if is_fixing else workspace.prompt_path(reference)
    shown = shown_path(path) if path else f"{reference}.md"
    try:
        prompt = workspace.prompt(reference)
    except PromptError as error:
        return _unreadable(shown, str(path), error)
    if not is_fixing or path is None:
        return Checked(shown, file_text(prompt), lint_prompt(prompt, options))
    fixed = fix_prompt(prompt, options)
    if fixed.mended:
        write_text(path, fixed.text)
    return Checked(shown, fixed.text, fixed.left, len(fixed.mended))


def _unreadable(shown: str, path: str, error: PromptError) -> "Checked":
    """What a file that cannot be read says, as a finding: its message begins `path:line:`."""
    from promptlathe.cli.lint_formats import Checked
    from promptlathe.prompts.findings import Finding
    from promptlathe.prompts.rules import UNREADABLE

    line, _, rest = str(error).removeprefix(f"{path}:").partition(":")
    number, message = (int(line), rest.strip()) if line.isdigit() else (1, str(error))
    return Checked(shown, "\n" * number, (Finding(UNREADABLE, message, message, number - 1, number - 1),))


def _task_cases(name: str) -> "tuple[KnownCase, ...]":
    """The cases that answers are measured on. `propose` cases are there to be shown."""
    from promptlathe.prompts.rules.source import KnownCase
    from promptlathe.tasks.case import Split
    from promptlathe.workspace.workspace import Workspace

    task = Workspace.find().task(name)
    splits: tuple[Split, ...] = ("select", "sealed")
    cases = [case for split in splits for case in islice(task.source(split, 0, task.languages), _LEAK_CASES)]
    return tuple(KnownCase(case.question, case.expected) for case in cases)


def _counter(reference: str) -> "Callable[[str], int]":
    from promptlathe.cli.models import ensure_with_progress
    from promptlathe.engines.tokenizer import token_counter

    return token_counter(ensure_with_progress(reference))


def system_language() -> Literal["en", "zh"]:
    name = locale.setlocale(locale.LC_CTYPE) or ""
    return "zh" if name.lower().startswith(("zh", "chinese")) else "en"


def _print_summary(files: "list[Checked]") -> None:
    findings = [finding for checked in files for finding in checked.findings]
    fixed = sum(checked.fixed for checked in files)
    errors = sum(finding.severity == "error" for finding in findings)
    fixable = sum(bool(finding.edits) for finding in findings)
    said = f"{len(files)} checked, {_counted(len(findings), 'finding')}, {_counted(errors, 'error')}"
    said += f", {fixed} fixed" if fixed else ""
    said += f"; [*] {fixable} can be mended with --fix" if fixable else ""
    err.print(said, soft_wrap=True, markup=False)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def register(app: typer.Typer) -> None:
    app.command()(lint)
    app.command("format")(format_prompts)
