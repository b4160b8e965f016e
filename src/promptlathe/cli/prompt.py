"""`lathe prompt`: list, show and convert prompts. The group's other commands are in modules of their own."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from promptlathe.cli.console import JsonFlag, err, escape_markup, out, print_error, print_json
from promptlathe.errors import PromptError, UsageError

app = typer.Typer(help="List, show and convert prompts.", no_args_is_help=True)


def complete_prompt(incomplete: str) -> list[str]:
    from promptlathe.workspace.workspace import Workspace

    return [name for name in Workspace.find().prompt_names() if name.startswith(incomplete)]


PromptArgument = Annotated[
    str, typer.Argument(metavar="PROMPT", help="A prompt's name or file.", autocompletion=complete_prompt)
]


@app.command("list")
def list_prompts(as_json: JsonFlag = False) -> None:
    """List the workspace's prompts, then those that come with promptlathe."""
    from rich.table import Table
    from rich.text import Text

    from promptlathe.workspace.workspace import Workspace

    workspace = Workspace.find()
    prompts = []
    for name in workspace.prompt_names():
        try:
            prompts.append(workspace.prompt(name))
        except PromptError as error:
            print_error(str(error), error.hint)
    if as_json:
        print_json(
            [
                {"name": prompt.name, "version": prompt.version, "description": prompt.description}
                for prompt in prompts
            ]
        )
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("prompt", no_wrap=True, overflow="fold")
    table.add_column("version")
    table.add_column("description")
    for prompt in prompts:
        # Text, so that a name with brackets is not taken for markup.
        table.add_row(*(Text(cell or "") for cell in (prompt.name, prompt.version, prompt.description)))
    out.print(table)


@app.command()
def show(prompt: PromptArgument, as_json: JsonFlag = False) -> None:
    """Print a prompt's text or, with --json, what is read in it."""
    from promptlathe.prompts.placeholders import find_placeholders
    from promptlathe.workspace.workspace import Workspace

    found = Workspace.find().prompt(prompt)
    document = found.document
    if not as_json:
        typer.echo(document.text, nl=not document.text.endswith("\n"))
        return
    print_json(
        {
            "name": found.name,
            "version": found.version,
            "description": found.description,
            "language": document.language,
            "profile": dict(document.profile),
            "variables": {name: found.variables.get(name) for name in document.variables},
            "placeholders": [asdict(placeholder) for placeholder in find_placeholders(document.text)],
            "references": list(document.references),
            "commands": [asdict(command) for command in document.commands],
            "preamble": document.preamble,
            "sections": [
                {
                    "name": section.name,
                    "written": section.written,
                    "level": section.level,
                    "line": found.first_text_line + section.line - 1,
                    "body": section.body,
                }
                for section in document.sections
            ],
        }
    )


def complete_form(incomplete: str) -> list[str]:
    from promptlathe.prompts.conversion import FORM_IDS

    return [form for form in FORM_IDS if form.startswith(incomplete)]


@app.command()
def convert(
    prompt: PromptArgument,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="FORM", help="A dialect, framework or export.", autocompletion=complete_form
        ),
    ],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FORM",
            help="The dialect or framework of the text; found if not given.",
            autocompletion=complete_form,
        ),
    ] = None,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="Write a JSON dialect as YAML.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over the prompt itself.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Convert a prompt; what the target cannot hold goes to stderr.

    Dialects: role, community, lesson, goal, bullet, flat, plain, json-nested, json-flat. Frameworks: crispe,
    co-star, rtf, ape, broke, risen, icio. Exports: prompty, dotprompt, poml, messages, promptfoo.
    """
    from promptlathe.prompts.conversion import convert_prompt
    from promptlathe.workspace.workspace import Workspace, write_text

    workspace = Workspace.find()
    found = workspace.prompt(prompt)
    path = workspace.prompt_path(prompt)
    if output and path and output.exists() and output.samefile(path) and not force:
        raise UsageError(f"{output} is the prompt itself", hint="name another file, or --force to replace it")
    is_yaml = as_yaml or (output is not None and output.suffix in (".yaml", ".yml"))
    written = convert_prompt(found, to, source=source, syntax="yaml" if is_yaml else "json")
    if output:
        write_text(output, written.text)
    if as_json:
        losses = [
            {"kind": loss.kind, "section": loss.section, "message": str(loss)} for loss in written.losses
        ]
        print_json({"from": asdict(written.source), "to": to, "text": written.text, "losses": losses})
    elif not output:
        typer.echo(written.text, nl=False)
    for loss in written.losses:
        err.print(
            f"[yellow]changed:[/] {escape_markup(loss.message(found.document.language))}", soft_wrap=True
        )
