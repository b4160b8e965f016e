"""`lathe task new` and `import`: task files made, never replaced."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from promptlathe.cli.console import JsonFlag, err, print_json
from promptlathe.errors import UsageError, WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from promptlathe.workspace.workspace import Workspace

_QUESTIONS = {
    "en": {
        "question": "What is asked? {{name}} stands for what differs from case to case (empty: write an example)",
        "description": "What is the task about, in one line?",
        "grader": "How is an answer judged? contains, exact, number …",
        "case": "Now the cases; an empty line ends",
        "expected": "the right answer",
    },
    "zh": {
        "question": "问题是什么？每道题不同的地方写成 {{名字}}（留空：写一个示例）",
        "description": "用一行说明这个任务",
        "grader": "怎样评分？contains、exact、number……",
        "case": "下面逐题输入；留空结束",
        "expected": "正确答案",
    },
}


def new(
    name: Annotated[str, typer.Argument(help="The task's name: tasks/NAME.yaml is made.")],
    question: Annotated[str, typer.Option(help="What is asked, with {{variables}}.")] = "",
    case: Annotated[
        list[str] | None,
        typer.Option(
            help="'VALUE => ANSWER'; values of several variables with | between them. Repeatable.",
            show_default=False,
        ),
    ] = None,
    description: Annotated[str, typer.Option(help="One line for `lathe task list`.")] = "",
    grader: Annotated[str, typer.Option(help="How answers are judged.")] = "contains",
    lang: Annotated[
        Literal["en", "zh"], typer.Option(help="Language of the questions, the comments and the example.")
    ] = "en",
) -> None:
    """Write a task to go on with: an example that works, or from the questions that it asks in a terminal."""
    from promptlathe.tasks.drafting import draft_task, example_task
    from promptlathe.workspace.workspace import Workspace

    workspace = Workspace.find()
    path = _new_path(workspace, name)
    given = [_split(text) for text in case or ()]
    if not question and not given and sys.stdin.isatty():
        question, description, grader, given = _interview(_QUESTIONS[lang], description, grader)
    if not question:
        if given or description or grader != "contains":
            raise UsageError("--question is needed", hint="--question 'What is the capital of {{country}}?'")
        _write(workspace, {path: example_task(name, lang)})
        return
    if not given:
        raise UsageError("--case is needed", hint="--case 'France => Paris'")
    text = draft_task(
        name,
        lang,
        description=description,
        question=question,
        grader=grader,
        cases=[_named(question, values, expected) for values, expected in given],
    )
    _write(workspace, {path: text})


def import_task(
    file: Annotated[Path, typer.Argument(help="A promptfoo configuration (YAML).")],
    name: Annotated[str | None, typer.Option(help="The task's name; the file's, if not given.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a task and prompts of promptfoo's tests and prompts; what cannot be taken over is said, with its line."""
    from promptlathe.prompts import Prompt, parse
    from promptlathe.prompts.file import write_prompt
    from promptlathe.tasks.promptfoo import import_promptfoo
    from promptlathe.workspace.workspace import Workspace

    workspace = Workspace.find()
    name = name or file.stem
    task_path = _new_path(workspace, name)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}", hint="check the path") from error
    found = import_promptfoo(content, path=str(file), beside=lambda other: (file.parent / other).read_bytes())
    files = {task_path: found.task}
    for number, text in enumerate(found.prompts, 1):
        prompt_name = name if len(found.prompts) == 1 else f"{name}-{number}"
        path = workspace.root / "prompts" / f"{prompt_name}.md"
        files[path] = write_prompt(Prompt(prompt_name, parse(text + "\n")))
    _write(workspace, files, is_said=not as_json)
    if as_json:
        notes = [{"where": note.where, "message": note.message} for note in found.notes]
        print_json({"files": [str(path) for path in files], "cases": found.cases, "notes": notes})
        return
    for note in found.notes:
        err.print(f"{note.where}: {note.message}", markup=False, soft_wrap=True)
    err.print(f"{found.cases} cases, {len(found.prompts)} prompts, {len(found.notes)} notes")


def _new_path(workspace: "Workspace", name: str) -> Path:
    if not name or Path(name).name != name or name.startswith((".", "-")) or Path(name).suffix:
        raise UsageError(f"{name!r} is no name for a task", hint="letters, digits and dashes: capital-cities")
    return workspace.root / "tasks" / f"{name}.yaml"


def _write(workspace: "Workspace", files: "Mapping[Path, str]", *, is_said: bool = True) -> None:
    """All or none of them. The task is read as a user's would be: what we write must work."""
    from promptlathe.tasks.file import SUFFIXES
    from promptlathe.workspace.workspace import write_text

    for path in files:
        suffixes = SUFFIXES if path.suffix in SUFFIXES else (path.suffix,)
        there = next((other for suffix in suffixes if (other := path.with_suffix(suffix)).exists()), None)
        if there:
            raise UsageError(f"{there} is there already", hint="choose another name")
    for path, text in files.items():
        if path.suffix in SUFFIXES:
            workspace.read_task_file(path, text.encode())
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkspaceError(f"cannot make {path.parent}: {error.strerror}") from error
        write_text(path, text)
        if is_said:
            typer.echo(str(path))


def _split(text: str) -> tuple[list[str], str]:
    """Values and expected answer."""
    values, arrow, expected = text.rpartition("=>")
    if not arrow or not expected.strip():
        raise UsageError(f"--case {text!r} is not 'VALUE => ANSWER'", hint="--case 'France => Paris'")
    return [value.strip() for value in values.split("|")] if values.strip() else [], expected.strip()


def _named(question: str, values: "Sequence[str]", expected: str) -> dict[str, str]:
    from promptlathe.tasks.file_cases import template_names

    names = template_names(question)
    if len(values) != len(names):
        raise UsageError(
            f"a case has {len(values)} values, but the question has {len(names)} variables",
            hint=" | ".join(names) + " => ANSWER" if names else "write {{name}} where the cases differ",
        )
    return dict(zip(names, values, strict=True)) | {"expected": expected}


def _interview(
    questions: "Mapping[str, str]", description: str, grader: str
) -> tuple[str, str, str, list[tuple[list[str], str]]]:
    """Question, description, grader and cases; no question where an example is wanted."""
    from promptlathe.tasks.file_cases import template_names

    question = _ask(questions["question"])
    if not question:
        return "", description, grader, []
    description = description or _ask(questions["description"])
    grader = _ask(questions["grader"], default=grader)
    typer.echo(questions["case"], err=True)
    cases: list[tuple[list[str], str]] = []
    while True:
        values = []
        for name in template_names(question):
            value = _ask(f"{len(cases) + 1}. {name}")
            if not value:
                return question, description, grader, cases
            values.append(value)
        expected = _ask(f"{len(cases) + 1}. {questions['expected']}")
        if not expected:
            return question, description, grader, cases
        cases.append((values, expected))


def _ask(question: str, default: str = "") -> str:
    return str(typer.prompt(question, default=default, show_default=bool(default), err=True)).strip()


def register(app: typer.Typer) -> None:
    app.command()(new)
    app.command("import")(import_task)
