"""Picking cases of a run by what became of them: the database does it, so that no answer is read for it."""

from collections.abc import Collection, Mapping

from sqlalchemy import ColumnElement, Connection, Select, and_, case, distinct, false, func, or_, select

from promptlathe.evaluation.answers import Subject
from promptlathe.evaluation.listing import Kind
from promptlathe.workspace.tables import answers, answers_of, cases

_FIRST = (answers.c.repeat == 0, answers.c.verdict != "error")


def pick_cases(
    connection: Connection,
    run_id: str,
    kinds: Collection[Kind],
    *,
    prompts: Collection[str],
    models: Collection[str],
    baselines: Mapping[Subject, Subject],
    strata: Collection[str],
) -> list[str]:
    """The ids of the cases, in the task's order, that are of one of `kinds` (of none: all) in an answer of these
    prompts and models (of none: all), and of one of `strata` (of none: all).

    See `Kind` for what is what; `baselines` are those of the subjects whose flips count.
    """
    query = select(cases.c.case_id).where(cases.c.run_id == run_id).order_by(cases.c.position)
    if strata:
        query = query.where(cases.c.stratum.in_(strata))
    if kinds:
        chosen = answers_of(run_id, prompts, models)
        found = [_of_kind(kind, run_id, chosen, baselines) for kind in kinds]
        query = query.where(or_(*(cases.c.case_id.in_(ids) for ids in found)))
    return list(connection.execute(query).scalars())


def _of_kind(
    kind: Kind, run_id: str, chosen: Collection[ColumnElement[bool]], baselines: Mapping[Subject, Subject]
) -> Select[tuple[str]]:
    if kind == "flips":
        return _flips(run_id, baselines)
    if kind == "different":
        return _different(chosen)
    outcome = "error" if kind == "errors" else kind
    return select(answers.c.case_id).where(*chosen, answers.c.verdict == outcome)


def _flips(run_id: str, baselines: Mapping[Subject, Subject]) -> Select[tuple[str]]:
    """Where a subject or its baseline has no answer, the one compares with NULL, which is not true."""

    def is_right(subject: Subject) -> ColumnElement[int]:
        is_its = and_(answers.c.prompt == subject.prompt, answers.c.model == subject.model)
        return func.max(case((is_its, case((answers.c.verdict == "correct", 1), else_=0))))

    return (
        select(answers.c.case_id)
        .where(answers.c.run_id == run_id, *_FIRST)
        .group_by(answers.c.case_id)
        .having(or_(false(), *(is_right(after) != is_right(before) for after, before in baselines.items())))
    )


def _different(chosen: Collection[ColumnElement[bool]]) -> Select[tuple[str]]:
    """An answer that could not be read is one that is like no other."""
    is_unread = func.max(case((answers.c.answer.is_(None), 1), else_=0))
    return (
        select(answers.c.case_id)
        .where(*chosen, *_FIRST)
        .group_by(answers.c.case_id)
        .having(func.count(distinct(answers.c.answer)) + is_unread > 1)
    )
