"""A task: where cases come from, how an answer is judged, and what else is known about it."""

import hashlib
import json
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import EntryPoint, entry_points
from itertools import islice

from promptlathe.errors import TaskError, UnknownNameError, UsageError
from promptlathe.tasks.case import Case, Language, Split
from promptlathe.tasks.grading import Grade, Grader
from promptlathe.tasks.shortcuts import Shortcut

CaseSource = Callable[[Split, int, tuple[Language, ...]], Iterator[Case]]
"""(split, seed, languages) to the cases in the one order they are always used in."""

FindTask = Callable[[str], "Task"]
"""A task by its name or another reference. Raises UnknownNameError and TaskError."""

ENTRY_POINT_GROUP = "promptlathe.tasks"
BUILT_IN = {
    "decimal-comparison": "promptlathe.tasks.decimals:TASK",
    "letter-count": "promptlathe.tasks.letters:TASK",
    "school-math": "promptlathe.tasks.school_math:TASK",
}


@dataclass(frozen=True, slots=True)
class Hints:
    """Lines, in one language, that whoever writes a prompt for the task may use: each stands on its own.

    `rules` say how to get the answer right, `workflow` is one list of steps in order, and each of
    `output_formats` is one way to ask for an answer that is easy to read.
    """

    rules: tuple[str, ...] = ()
    workflow: tuple[str, ...] = ()
    output_formats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """`chance` is what a uniform guess among each case's options scores over the whole balanced set."""

    name: str
    description: Mapping[Language, str]
    languages: tuple[Language, ...]
    strata: tuple[str, ...]
    chance: float
    source: CaseSource
    grader: Grader
    shortcuts: tuple[Shortcut, ...]
    hints: Mapping[Language, Hints]
    swapped: Callable[[Case], Case] | None = None
    """A case with its options named in the other order; None where a question names them in no order."""

    def cases(
        self, split: Split, count: int, *, seed: int = 0, languages: Sequence[Language] | None = None
    ) -> tuple[Case, ...]:
        """The first `count` cases. A larger count only adds to the end, and every prefix is about balanced.

        `languages` are all of the task's, if not given; their order does not matter. Raises UsageError for a
        language that the task does not have, TaskError when it has fewer cases than asked for.
        """
        languages = self.languages if languages is None else languages
        unknown = [language for language in languages if language not in self.languages]
        if unknown or not languages:
            raise UsageError(
                f"task {self.name!r} has no cases in {', '.join(unknown) or 'no language at all'}",
                hint=f"choose from: {', '.join(self.languages)}",
            )
        if count < 0:
            raise UsageError(f"cannot make {count} cases", hint="ask for 0 or more")
        known = tuple(language for language in self.languages if language in languages)
        cases = tuple(islice(self.source(split, seed, known), count))
        if len(cases) < count:
            raise TaskError(
                f"task {self.name!r} has only {len(cases)} {split} cases, not {count}",
                hint=f"ask for at most {len(cases)}",
            )
        return cases

    def available(
        self, split: Split, at_most: int, *, seed: int = 0, languages: Sequence[Language] | None = None
    ) -> int:
        """How many cases there are, up to `at_most`: some tasks make them without end."""
        wanted = self.languages if languages is None else languages
        known = tuple(language for language in self.languages if language in wanted)
        return sum(1 for _ in islice(self.source(split, seed, known), at_most)) if known else 0

    def grade(self, case: Case, answer: str) -> Grade:
        return self.grader.grade(case, answer)

    def chance_of(self, cases: Sequence[Case]) -> float:
        """What a uniform guess scores on these very cases; `chance` where there are none."""
        return sum(case.chance for case in cases) / len(cases) if cases else self.chance

    def shortcut_scores(self, cases: Sequence[Case]) -> dict[str, float]:
        """The score of each wrong rule on `cases`, from 0 to 1, by its name."""
        return {shortcut.name: shortcut.score(cases) for shortcut in self.shortcuts}

    def digest(self, cases: Iterable[Case]) -> str:
        """SHA-256 (hex) of all that decides the score of an answer: the cases in order, and the grader."""
        content = {"task": self.name, "grader": self.grader.name, "cases": [asdict(case) for case in cases]}
        text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def task_names() -> tuple[str, ...]:
    """Those that come with promptlathe, and those of installed packages."""
    return tuple(sorted({*BUILT_IN, *_installed()}))


def get_task(name: str) -> Task:
    """The task of that name, one of ours or that an entry point of `promptlathe.tasks` names.

    Raises UnknownNameError, which names the nearest, and TaskError for a package that is broken.
    """
    if name in BUILT_IN:
        task: Task = pkgutil.resolve_name(BUILT_IN[name])
        return task
    installed = _installed()
    if name not in installed:
        raise UnknownNameError("task", name, task_names())
    point = installed[name]
    hint = f"reinstall the package of {point.value}"
    try:
        found = point.load()
    except (ImportError, AttributeError) as error:
        raise TaskError(f"task {name!r} cannot be used: {error}", hint=hint) from error
    if not isinstance(found, Task) or found.name != name:
        raise TaskError(f"task {name!r} cannot be used: {point.value} is no task of that name", hint=hint)
    return found


def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
