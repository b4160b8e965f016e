"""`lathe prompt new`, `diff` and `bump`."""

import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from promptlathe.cli.console import JsonFlag, err, out, print_json
from promptlathe.cli.prompt import PromptArgument, complete_prompt
from promptlathe.cli.prompt_lint import system_language, writable_path
from promptlathe.errors import UsageError

if TYPE_CHECKING:
    from rich.text import Text

    from promptlathe.prompts.diff import LineChange, PromptDiff
    from promptlathe.prompts.drafting import Answers
    from promptlathe.prompts.examples import Example
    from promptlathe.prompts.file import Prompt

Many = Annotated[list[str] | None, typer.Option(help="Repeat it for each one.", show_default=False)]
Revision = Annotated[
    str, typer.Option("--rev", help="The git revision to compare the file with: HEAD~3, main, a tag.")
]

_QUESTIONS: dict[str, dict[str, str]] = {
    "en": {
        "role": "Who is the model? (Translator, SQL expert …)",
        "background": "What should it know about the situation? (may stay empty)",
        "goal": "What should it achieve? One per line, empty line to end",
        "skill": "What can it do? One per line, empty line to end",
        "constraint": "What must it keep to? One per line, empty line to end",
        "workflow": "Which steps does it take? One per line, empty line to end",
        "output_format": "What does an answer look like?",
    },
    "zh": {
        "role": "模型扮演谁？（翻译、SQL 专家……）",
        "background": "它要知道什么背景？（可以留空）",
        "goal": "要达成什么目标？每行一条，空行结束",
        "skill": "它会什么？每行一条，空行结束",
        "constraint": "要遵守什么？每行一条，空行结束",
        "workflow": "分哪几步做？每行一步，空行结束",
        "output_format": "回答是什么样子？",
    },
}


def new(
    name: Annotated[str, typer.Argument(help="The prompt's name: prompts/NAME.md is made.")],
    role: Annotated[str, typer.Option(help="Who the model is.")] = "",
    background: Annotated[str, typer.Option(help="What it should know.")] = "",
    goal: Many = None,
    skill: Many = None,
    constraint: Many = None,
    workflow: Many = None,
    output_format: Annotated[str, typer.Option(help="What an answer looks like.")] = "",
    example: Annotated[
        list[str] | None,
        typer.Option(help="'QUESTION => ANSWER'; repeat it for each one.", show_default=False),
    ] = None,
    description: Annotated[str, typer.Option(help="One line for `lathe prompt list`.")] = "",
    dialect: Annotated[str, typer.Option(help="The LangGPT dialect to write.")] = "community",
    copied: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="PROMPT",
            help="Begin with a copy of this prompt, and ask nothing.",
            autocompletion=complete_prompt,
        ),
    ] = None,
    lang: Annotated[
        Literal["auto", "en", "zh"],
        typer.Option(help="Language of the questions and the draft; auto is the system's."),
    ] = "auto",
    force: Annotated[bool, typer.Option("--force", help="Replace a prompt of that name.")] = False,
) -> None:
    """Draft a prompt: asks for what no option gives, if there is a terminal to ask in."""
    from promptlathe.prompts.dialects import dialect_named
    from promptlathe.prompts.drafting import Answers, draft
    from promptlathe.prompts.file import write_prompt
    from promptlathe.workspace.workspace import Workspace, write_text

    require_prompt_name(name)
    workspace = Workspace.find()
    path = workspace.root / "prompts" / f"{name}.md"
    if path.exists() and not force:
        raise UsageError(f"{path} is there already", hint="choose another name, or --force to replace it")
    answers = Answers(
        role=role,
        output_format=output_format,
        background=background,
        goals=tuple(goal or ()),
        skills=tuple(skill or ()),
        constraints=tuple(constraint or ()),
        workflow=tuple(workflow or ()),
        examples=tuple(_example(text) for text in example or ()),
    )
    target = dialect_named(dialect)
    if copied and answers != Answers("", ""):
        raise UsageError("--from copies a prompt as it is", hint="leave out what would go into its sections")
    if copied:
        written = write_prompt(replace(workspace.prompt(copied), name=name))
    else:
        language = system_language() if lang == "auto" else lang
        answers = _complete(answers, language)
        drafted = draft(name, answers, language=language, dialect=target.id, description=description)
        for loss in drafted.losses:
            err.print(f"note: {loss}", markup=False)
        written = drafted.text
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make {path.parent}: {error.strerror}") from None
    write_text(path, written)
    typer.echo(str(path))


def require_prompt_name(name: str) -> None:
    """Raises UsageError for what would not be found again as prompts/NAME.md."""
    if Path(name).name != name or name.startswith(".") or Path(name).suffix:
        raise UsageError(f"{name!r} is no name for a prompt", hint="letters, digits and dashes: sql-writer")


def diff(
    before: PromptArgument,
    after: Annotated[
        str | None,
        typer.Argument(
            metavar="[PROMPT]",
            help="The newer prompt; without it, the file now against the one in git.",
            autocompletion=complete_prompt,
            show_default=False,
        ),
    ] = None,
    revision: Revision = "HEAD",
    as_json: JsonFlag = False,
) -> None:
    """Show what changed between two prompts, section by section, and the version bump that asks for."""
    from promptlathe.prompts.diff import diff_prompts
    from promptlathe.prompts.versions import propose_bump
    from promptlathe.workspace.workspace import Workspace

    workspace = Workspace.find()
    newer = workspace.prompt(after or before)
    older = workspace.prompt(before) if after else _committed(workspace.prompt_path(before), before, revision)
    found = diff_prompts(older, newer)
    bump = propose_bump(found)
    if as_json:
        sections = [asdict(change) | {"lines": list(change.lines)} for change in found.sections]
        fields = [asdict(change) for change in found.fields]
        print_json({"sections": sections, "fields": fields, "bump": asdict(bump) if bump else None})
        return
    print_diff(found)
    if bump:
        err.print(f"{bump.level}: {'; '.join(bump.reasons)}", markup=False, soft_wrap=True)


def bump(
    prompt: PromptArgument,
    since: Annotated[
        str | None,
        typer.Option(metavar="PROMPT", help="The older prompt; without it, the file as it is in git."),
    ] = None,
    revision: Revision = "HEAD",
    write: Annotated[bool, typer.Option("--write", help="Write the new version into the file.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Propose the next version of a prompt from what changed."""
    from promptlathe.prompts.diff import diff_prompts
    from promptlathe.prompts.file import write_prompt
    from promptlathe.prompts.versions import bumped, propose_bump
    from promptlathe.workspace.workspace import Workspace, write_text

    workspace = Workspace.find()
    current = workspace.prompt(prompt)
    path = workspace.prompt_path(prompt)
    older = workspace.prompt(since) if since else _committed(path, prompt, revision)
    found = propose_bump(diff_prompts(older, current))
    version = bumped(older.version, found.level) if found else older.version
    if as_json:
        print_json({"from": older.version, "to": version, **(asdict(found) if found else {"level": None})})
    elif found:
        typer.echo(f"{older.version or 'none'} -> {version} ({found.level}: {'; '.join(found.reasons)})")
    else:
        typer.echo(f"nothing changed: {version}")
    if write and found:
        write_text(writable_path(workspace, prompt), write_prompt(replace(current, version=version)))


def _committed(path: Path | None, reference: str, revision: str) -> "Prompt":
    """The file as it is in a revision of git. Raises UsageError without one."""
    from promptlathe.prompts.file import read_prompt

    hint = "name the older prompt"
    if path is None:
        raise UsageError(f"{reference!r} comes with promptlathe: there is no earlier version", hint=hint)
    command = [
        "git",
        "-C",
        str(path.resolve().parent),
        "show",
        "--end-of-options",
        f"{revision}:./{path.name}",
    ]
    try:
        shown = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - no shell, and git's own
    except (OSError, subprocess.CalledProcessError):
        raise UsageError(f"git has no {path} in {revision}", hint=hint) from None
    return read_prompt(shown.stdout, name=path.stem, path=f"{revision}:{path}")


def print_diff(found: "PromptDiff", *, to_stderr: bool = False) -> None:
    console = err if to_stderr else out
    if not found:
        err.print("no difference")
    for field in found.fields:
        typer.echo(f"{field.field}: {field.before or '-'} -> {field.after or '-'}", err=to_stderr)
    for change in found.sections:
        console.print(f"{change.section} {change.kind}", style="bold", markup=False, soft_wrap=True)
        for line in change.line_changes():
            console.print(_coloured(line), soft_wrap=True)


def _coloured(line: "LineChange") -> "Text":
    """A changed line in its colour, and the words that changed in it reversed."""
    from rich.text import Text

    colour = {"+": "green", "-": "red", " ": ""}[line.sign]
    text = Text(f"    {line.sign} ", style=colour)
    for words, is_changed in line.words:
        text.append(words, style="reverse" if is_changed else "")
    return text


def _example(text: str) -> "Example":
    from promptlathe.prompts.examples import Example

    question, arrow, answer = text.partition("=>")
    if not (arrow and question.strip() and answer.strip()):
        raise UsageError(f"--example {text!r} is not 'QUESTION => ANSWER'")
    return Example(question.strip(), answer.strip())


def _complete(answers: "Answers", language: Literal["en", "zh"]) -> "Answers":
    """Asks for what was not given. Raises UsageError if something needed is missing and nobody can be asked."""
    if answers.role and answers.output_format:
        return answers
    if not _is_terminal():
        missing = "--role" if not answers.role else "--output-format"
        raise UsageError(f"{missing} is needed", hint="or run it in a terminal, and answer the questions")
    questions = _QUESTIONS[language]
    return replace(
        answers,
        role=answers.role or _ask(questions["role"]),
        background=answers.background or _ask(questions["background"], may_be_empty=True),
        goals=answers.goals or _ask_many(questions["goal"]),
        skills=answers.skills or _ask_many(questions["skill"]),
        constraints=answers.constraints or _ask_many(questions["constraint"]),
        workflow=answers.workflow or _ask_many(questions["workflow"]),
        output_format=answers.output_format or _ask(questions["output_format"]),
    )


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _ask(question: str, *, may_be_empty: bool = False) -> str:
    default = "" if may_be_empty else None
    return str(typer.prompt(question, default=default, show_default=False, err=True)).strip()


def _ask_many(question: str) -> tuple[str, ...]:
    typer.echo(question, err=True)
    lines = []
    while line := _ask("-", may_be_empty=True):
        lines.append(line)
    return tuple(lines)


def register(app: typer.Typer) -> None:
    app.command()(new)
    app.command()(diff)
    app.command()(bump)
