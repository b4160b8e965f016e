"""`lathe prompt`: list, show and convert prompts. The group's other commands are in modules of their own."""

from typing import Annotated

import typer

from promptlathe.cli.console import JsonFlag, out, print_json

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
    prompts = [workspace.prompt(name) for name in workspace.prompt_names()]
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
            "references": list(document.references),
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
