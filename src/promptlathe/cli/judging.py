"""A run whose task is graded by a model: its answers are judged once they are all recorded."""

from contextlib import aclosing
from dataclasses import asdict
from typing import TYPE_CHECKING

from promptlathe.cli.console import err

if TYPE_CHECKING:
    from collections.abc import Sequence

    from promptlathe.evaluation.run import Evaluator
    from promptlathe.tasks.case import Case
    from promptlathe.workspace.workspace import Workspace


async def judge_answers(
    workspace: "Workspace", run_id: str, evaluator: "Evaluator", cases: "Sequence[Case]"
) -> None:
    """Have the run's answers judged, if its task needs that, and say how far the judge agrees with people.

    The agreement is logged with the run, as the event `judge`. A judge that is another model is loaded when the
    answering model has been closed: both may not fit.
    """
    from promptlathe.cli.opening import open_model
    from promptlathe.evaluation.judge import Judge, describe
    from promptlathe.tasks.graders.judge import JudgeGrader
    from promptlathe.workspace.database import CacheRecorder

    grader = evaluator.task.grader
    if not isinstance(grader, JudgeGrader):
        return
    engine = evaluator.engine
    if grader.model is not None:
        engine.close()
        engine = open_model(grader.model)
    judge = Judge(grader, engine, CacheRecorder(workspace.database))
    try:
        async with aclosing(judge.judge(workspace.database.rows(run_id), cases)) as judged:
            async for row in judged:
                evaluator.recorder.record([row])
        agreement = await judge.agreement(cases[0].language)
    finally:
        engine.close()
    workspace.database.log(
        run_id,
        "judge",
        {"model": engine.describe().model, "agreement": agreement and asdict(agreement)},
    )
    err.print(describe(agreement, "en"), markup=False, soft_wrap=True)
