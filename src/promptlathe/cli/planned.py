"""A stored run's plan, as long as its task is still the one that was asked."""

from functools import cache, partial
from typing import TYPE_CHECKING

from promptlathe import __version__
from promptlathe.errors import TaskError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from promptlathe.evaluation.plan import Plan
    from promptlathe.tasks.task import FindTask, Task
    from promptlathe.workspace.database import RunRecord
    from promptlathe.workspace.workspace import Workspace


def task_finder(workspace: "Workspace", *, allow_python: bool = False) -> "FindTask":
    """Reads each task's file once, so that a whole command works on the same cases."""
    return cache(partial(workspace.task, allow_python=allow_python))


def remember_task(workspace: "Workspace", run_id: str, plan: "Plan") -> None:
    """Log which cases and grader a new run is about, and which version of promptlathe made them."""
    content = {"task": plan.task, "digest": _digest(plan), "promptlathe": __version__}
    workspace.database.log(run_id, "task", content)


def stored_plan(workspace: "Workspace", record: "RunRecord", *, allow_python: bool = False) -> "Plan":
    """The plan of a run that is to go on. Raises TaskError where its task is gone or has changed since: its
    answers were given to other questions, or judged in another way. A mistake in the task's file is said as such.
    """
    from promptlathe.evaluation.plan import Plan
    from promptlathe.tasks.task import BUILT_IN

    spec = {name: value for name, value in record.spec.items() if name != "search"}
    plan = Plan.from_json(spec, task_finder(workspace, allow_python=allow_python))
    logged = dict(workspace.database.events(record.id)).get("task", {})
    then = logged.get("digest")
    is_ours = plan.task in BUILT_IN and workspace.task_path(plan.task) is None
    if is_ours and logged.get("promptlathe") == __version__:
        return plan  # making a large run's cases takes seconds, and only another version makes others
    hint = "bring the file back as it was, or start a new run"
    report = workspace.state / "reports" / f"{record.id}.html"
    if report.exists():
        hint += f"; what the run found then: {report}"
    if not then:
        return plan
    task_of(record.id, plan, hint=hint)
    try:
        is_same = _digest(plan) == then
    except (TaskError, UsageError):  # fewer cases, or none in a language
        is_same = False
    if not is_same:
        raise TaskError(f"task {plan.task!r} has changed since run {record.id} was made", hint=hint)
    return plan


def evaluation_plan(workspace: "Workspace", record: "RunRecord", *, allow_python: bool = False) -> "Plan":
    """The plan of an evaluation that is only shown: `Database.cases` has its cases as they were asked, whatever
    became of its task. Those of a run from before they were kept are made now, as in `stored_plan`. Raises
    UsageError for a search, which has cases of several kinds."""
    from promptlathe.evaluation.plan import Plan

    if record.kind != "eval":
        raise UsageError(
            f"{record.id} is a {record.kind}, not an evaluation",
            hint=f"see its report: lathe runs show {record.id}",
        )
    if workspace.database.has_cases(record.id):
        return Plan.from_json(record.spec, task_finder(workspace, allow_python=allow_python))
    plan = stored_plan(workspace, record, allow_python=allow_python)
    workspace.database.keep_cases(record.id, plan.cases())
    return plan


def task_of(run_id: str, plan: "Plan", *, hint: str) -> "Task":
    """The task of a stored run. Raises TaskError where it is gone."""
    try:
        return plan.load_task()
    except UnknownNameError as error:
        raise TaskError(
            f"the task of run {run_id} is not here any more: {error.message}", hint=hint
        ) from error


def _digest(plan: "Plan") -> str:
    return plan.load_task().digest(plan.cases())
