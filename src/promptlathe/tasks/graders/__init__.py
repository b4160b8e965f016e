"""Graders by type: what stands under `grader:` in a task file becomes a `Grader`.

Ours are listed here; others come by the entry point group `promptlathe.graders`, whose entries name a callable:
the options without `type` in, a `Grader` out.
"""

import difflib
import pkgutil
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import cast

from promptlathe.errors import TaskError
from promptlathe.tasks.grading import Grader

ENTRY_POINT_GROUP = "promptlathe.graders"

_BUILT_IN = {
    "number": "promptlathe.tasks.graders.number:NumberGrader",
    "comparison": "promptlathe.tasks.graders.comparison:ComparisonGrader",
    "choice": "promptlathe.tasks.graders.choice:ChoiceGrader",
    "exact": "promptlathe.tasks.graders.text:ExactGrader",
    "contains": "promptlathe.tasks.graders.text:ContainsGrader",
    "regex": "promptlathe.tasks.graders.pattern:RegexGrader",
    "json": "promptlathe.tasks.graders.json_answer:JsonGrader",
    "python": "promptlathe.tasks.graders.python_function:PythonGrader",
    "judge": "promptlathe.tasks.graders.judge:JudgeGrader",
}


def grader_types() -> tuple[str, ...]:
    """All that `type` may be, sorted."""
    return tuple(sorted({*_BUILT_IN, *_installed()}))


def make_grader(options: Mapping[str, object], *, allow_python: Path | None = None) -> Grader:
    """The grader of a `grader:` block: its `type`, and that type's own options.

    `allow_python` is the folder that a `python` grader's file must lie in; None forbids such graders.
    Raises TaskError for a type or an option that does not exist, which names the nearest; for a value that
    cannot be, which says where.
    """
    kind = options.get("type")
    if not isinstance(kind, str):
        raise TaskError("grader: `type` is missing", hint=f"choose from: {', '.join(grader_types())}")
    given = {name: value for name, value in options.items() if name != "type"}
    if kind in _BUILT_IN:
        return _built_in(kind, given, allow_python)
    installed = _installed()
    if kind not in installed:
        raise TaskError(f"grader: no type {kind!r}", hint=nearest(kind, grader_types()))
    try:
        make = cast(Callable[[Mapping[str, object]], Grader], installed[kind].load())
    except (ImportError, AttributeError) as error:
        raise TaskError(
            f"grader {kind!r} cannot be used: {error}",
            hint=f"reinstall the package of {installed[kind].value}",
        ) from error
    return make(given)


def nearest(name: str, known: tuple[str, ...]) -> str:
    """A hint for a name that is not among `known`."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"choose from: {', '.join(known) or 'none'}"


def _built_in(kind: str, given: Mapping[str, object], allow_python: Path | None) -> Grader:
    from promptlathe.tasks.graders.options import read_options

    made: Grader = read_options(kind, pkgutil.resolve_name(_BUILT_IN[kind]), given)
    if kind == "python":
        from promptlathe.tasks.graders.python_function import PythonGrader

        return cast(PythonGrader, made).load(allow_python)
    return made


def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
