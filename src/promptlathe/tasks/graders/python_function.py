"""`python`: a function of the user's own, in a file of the workspace, and only with permission."""

import contextlib
import hashlib
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import CodeType
from typing import ClassVar, cast, get_args

from pydantic import ConfigDict

from promptlathe.errors import TaskError
from promptlathe.tasks.case import Case
from promptlathe.tasks.graders.options import STRICT, configured_name
from promptlathe.tasks.grading import Grade, Verdict, unparsed

Function = Callable[[str, dict[str, object]], object]


@dataclass(frozen=True, slots=True)
class PythonGrader:
    """What `function(answer, case)` in `file` returns: True or False, a verdict, or a mapping of `verdict` and,
    where wanted, `answer` and `reason`. `case` is a dict of the case's fields.

    The file runs as a program of the user's, with all that a program can do; what it prints goes to stderr.
    What it raises, or returns instead, makes the answer unparsed, with the cause as reason.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    file: str
    function: str = "grade"

    @property
    def name(self) -> str:
        return configured_name("python", self)

    def load(self, allowed: Path | None) -> "LoadedPythonGrader":
        """Raises TaskError where it is not allowed, or the file or the function cannot be had."""
        place = f"grader python: {self.file}"
        if allowed is None:
            raise TaskError(
                f"{place}: a task's Python code runs only with permission",
                hint="read the file first; then add --allow-python",
            )
        root = allowed.resolve()
        path = (root / self.file).resolve()
        if not path.is_relative_to(root):
            raise TaskError(f"{place}: lies outside the workspace", hint="move the file into it")
        try:
            content = path.read_bytes()
            code = compile(content, str(path), "exec", dont_inherit=True)
        except OSError as error:
            raise TaskError(f"{place}: {error.strerror}") from error
        except SyntaxError as error:
            raise TaskError(f"{place}:{error.lineno or 1}: {error.msg}") from error
        except ValueError as error:
            raise TaskError(f"{place}: {error}") from error
        return LoadedPythonGrader(
            self, hashlib.sha256(content).hexdigest(), self._function(code, path, place)
        )

    def _function(self, code: CodeType, path: Path, place: str) -> Function:
        names: dict[str, object] = {"__name__": path.stem, "__file__": str(path)}
        try:
            with contextlib.redirect_stdout(sys.stderr):
                exec(code, names)  # noqa: S102 - the user said --allow-python
        except (Exception, SystemExit) as error:
            raise TaskError(f"{place}:{_line(error, path)}: {_told(error)}") from error
        found = names.get(self.function)
        if not callable(found):
            raise TaskError(f"{place}: has no function {self.function!r}")
        return cast(Function, found)


@dataclass(frozen=True, slots=True)
class LoadedPythonGrader:
    """A `PythonGrader` that may run. `source` is the SHA-256 of its file: other content, another grader."""

    options: PythonGrader
    source: str
    function: Function

    @property
    def name(self) -> str:
        return f"{self.options.name}@{self.source}"

    def grade(self, case: Case, answer: str) -> Grade:
        try:
            with contextlib.redirect_stdout(sys.stderr):
                returned = self.function(answer, asdict(replace(case, variables=dict(case.variables))))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the user's code: anything can come
            line = (
                _line(error, Path(self.function.__code__.co_filename))
                if hasattr(self.function, "__code__")
                else 0
            )
            return unparsed(f"{self.options.file}:{line}: {_told(error)}")
        grade = _grade(returned, answer.strip())
        return grade or unparsed(f"{self.options.file}: {self.options.function} returned {_short(returned)}")


def _grade(returned: object, said: str) -> Grade | None:
    """The grade that the function means, where `said` is the answer unless it gives another; or None."""
    if isinstance(returned, bool):
        returned = "correct" if returned else "wrong"
    given = returned if isinstance(returned, Mapping) else {"verdict": returned}
    verdict, answer, reason = given.get("verdict"), given.get("answer", said), given.get("reason", "")
    if verdict not in get_args(Verdict) or not isinstance(answer, str) or not isinstance(reason, str):
        return None
    if verdict == "unparsed":
        return unparsed(reason)
    return Grade(cast(Verdict, verdict), answer, contradicts=False, reason=reason)


def _line(error: BaseException, path: Path) -> int:
    """The last line of the user's file that the error came through."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 1 for frame in reversed(frames) if frame.filename == str(path)), 1)


def _told(error: BaseException) -> str:
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message[:200]}" if message else type(error).__name__


def _short(value: object) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - it is the user's code: anything can come
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:59] + "…"
