"""A workspace: the folder with a person's prompts, tasks and results."""

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

from promptlathe.errors import UnknownNameError, UsageError, WorkspaceError
from promptlathe.prompts import Prompt, library_names, library_prompt, read_prompt
from promptlathe.tasks.file import SUFFIXES, TABLE_SUFFIXES, read_task
from promptlathe.tasks.graders import make_grader
from promptlathe.tasks.task import Task, get_task, task_names

if TYPE_CHECKING:
    from promptlathe.workspace.database import Database

MARKER = "lathe.toml"
STATE = ".lathe"
TASKS = "tasks"


class Workspace:
    """`root` holds `lathe.toml`, `prompts/` and `tasks/`; lathe's own state is in `.lathe/`, made when needed."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def find(cls, start: Path | None = None) -> "Workspace":
        """The nearest folder upwards with a `lathe.toml` or `.lathe`; else `start` itself, or the current one."""
        start = (start or Path.cwd()).resolve()
        for folder in (start, *start.parents):
            if (folder / MARKER).is_file() or (folder / STATE).is_dir():
                return cls(folder)
        return cls(start)

    @property
    def state(self) -> Path:
        return self.root / STATE

    @cached_property
    def database(self) -> "Database":
        """Opened, and made, at first use. Raises WorkspaceError."""
        from promptlathe.workspace.database import Database

        _make_folder(self.state)
        ignore = self.state / ".gitignore"
        if not ignore.exists():
            write_text(ignore, "*\n")
        return Database(self.state / "lathe.db")

    @property
    def has_database(self) -> bool:
        return (self.state / "lathe.db").exists()

    def prompt_names(self) -> list[str]:
        """The workspace's own prompts, then those of the library that no own prompt hides."""
        own = sorted(path.stem for path in (self.root / "prompts").glob("*.md"))
        return [*own, *(name for name in library_names() if name not in own)]

    def prompt_path(self, reference: str) -> Path | None:
        """The file of the prompt of that name or path; None for one of the library. Raises UnknownNameError."""
        path = Path(reference)
        if path.suffix or len(path.parts) > 1:
            if not path.is_file():
                raise UnknownNameError("prompt file", reference, [], hint="check the path")
            return path
        path = self.root / "prompts" / f"{reference}.md"
        if path.is_file():
            return path
        if reference in library_names():
            return None
        raise UnknownNameError("prompt", reference, self.prompt_names())

    def prompt(self, reference: str) -> Prompt:
        """The prompt of that name, or in the file of that path. Raises UnknownNameError and PromptError."""
        path = self.prompt_path(reference)
        if path is None:
            return library_prompt(reference)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise WorkspaceError(f"cannot read {path}: {error.strerror}") from error
        return read_prompt(content, name=path.stem, path=str(path))

    def task_names(self) -> list[str]:
        """The workspace's own tasks, then the others that none of these hides."""
        own = sorted({path.stem for path in self._task_files()})
        return [*own, *(name for name in task_names() if name not in own)]

    def task_path(self, reference: str) -> Path | None:
        """The file of the task of that name or path; None for one that is installed.

        A path is relative to the current folder, or else to the workspace. Raises UnknownNameError, and
        UsageError for two files that could be meant.
        """
        path = Path(reference)
        if path.suffix in SUFFIXES or len(path.parts) > 1:
            found = next((one for one in (path, self.root / path) if one.is_file()), None)
            if found is None:
                raise UnknownNameError("task file", reference, [], hint="check the path")
            return found
        files = [one for one in self._task_files() if one.stem == reference]
        # The table of a YAML file may have its name.
        files = [one for one in files if one.suffix not in TABLE_SUFFIXES] or files
        if len(files) > 1:
            names = " and ".join(one.name for one in files)
            raise UsageError(f"task {reference!r} could be {names}", hint="rename one, or give the path")
        if files or reference in task_names():
            return files[0] if files else None
        raise UnknownNameError("task", reference, self.task_names())

    def task_reference(self, given: str) -> str:
        """How a run remembers the task that a user names, so that it is found from any folder: its name; for a
        file that is not in `tasks/` the path, from the workspace on if it is inside."""
        path = self.task_path(given)
        if path is None or path.parent == self.root / TASKS:
            return given if path is None else path.stem
        full, root = path.resolve(), self.root.resolve()
        return full.relative_to(root).as_posix() if full.is_relative_to(root) else str(full)

    def task(self, reference: str, *, allow_python: bool = False) -> Task:
        """The task of that name, or in the file of that path. Raises UnknownNameError and TaskError.

        `allow_python`: its grader may run Python code of this workspace.
        """
        path = self.task_path(reference)
        if path is None:
            return get_task(reference)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise WorkspaceError(f"cannot read {path}: {error.strerror}") from error
        return self.read_task_file(path, content, allow_python=allow_python)

    def read_task_file(self, path: Path, content: bytes, *, allow_python: bool = False) -> Task:
        """The task that `path` has, or would have, with this content. Raises TaskError."""
        return read_task(
            content,
            name=path.stem,
            path=shown_path(path),
            beside=lambda name: (path.parent / name).read_bytes(),
            make_grader=partial(make_grader, allow_python=self.root if allow_python else None),
        )

    def log_sealed_read(self, content: Mapping[str, object]) -> None:
        """Keep in `.lathe/sealed-reads.jsonl` that somebody looked at sealed cases outside of a run."""
        _make_folder(self.state)
        path = self.state / "sealed-reads.jsonl"
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(content, ensure_ascii=False) + "\n")
        except OSError as error:
            raise WorkspaceError(f"cannot write {path}: {error.strerror}", hint=_SPACE_HINT) from error

    def _task_files(self) -> list[Path]:
        return sorted(path for path in (self.root / TASKS).glob("*") if path.suffix in SUFFIXES)

    def write_report(self, name: str, content: str) -> Path:
        """Write `.lathe/reports/name` whole or not at all; returns where it is."""
        folder = self.state / "reports"
        _make_folder(folder)
        path = folder / name
        write_text(path, content)
        return path


def new_run_id(kind: str, now: datetime) -> str:
    """Sorts by time, short enough to type, not the same twice."""
    return f"{kind}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def write_text(path: Path, content: str) -> None:
    """Replace `path` whole or not at all. Raises WorkspaceError, and leaves no other file behind."""
    with written_whole(path) as file:
        file.write(content)


@contextmanager
def written_whole(path: Path, *, errors: Literal["strict", "replace"] = "strict") -> Iterator[TextIO]:
    """A file to write UTF-8 to, which takes the place of `path` at the end; on any error `path` stays as it was
    and no other file is left behind. `errors` says what becomes of a lone surrogate. Raises WorkspaceError."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("x", encoding="utf-8", errors=errors, newline="") as file:
            yield file
        beside.replace(path)
    except OSError as error:
        raise WorkspaceError(f"cannot write {path}: {error.strerror}", hint=_SPACE_HINT) from error
    finally:
        beside.unlink(missing_ok=True)


_SPACE_HINT = "check free space and permissions"


def shown_path(path: Path) -> str:
    """As a person in the current folder, and a tool that reads SARIF, would name it."""
    full, here = path.absolute(), Path.cwd()
    return str(full.relative_to(here) if full.is_relative_to(here) else path)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(f"cannot make {folder}: {error.strerror}", hint=_SPACE_HINT) from error
