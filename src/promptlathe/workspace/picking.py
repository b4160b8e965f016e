"""Picking cases of a run by what became of them: the database does it, so that no answer is read for it."""

from collections.abc import Collection, Iterator, Mapping

from sqlalchemy import ColumnElement, Connection, Select, and_, case, distinct, false, func, or_, select

from promptlathe.evaluation.answers import Subject
from promptlathe.evaluation.listing import Kind
from promptlathe.workspace.tables import answers, answers_of, cases


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
        found = [ids for kind in kinds for ids in _of_kind(kind, run_id, chosen, baselines)]
        query = query.where(or_(false(), *(cases.c.case_id.in_(ids) for ids in found)))
    return list(connection.execute(query).scalars())


def _of_kind(
    kind: Kind, run_id: str, chosen: Collection[ColumnElement[bool]], baselines: Mapping[Subject, Subject]
) -> Iterator[Select[tuple[str]]]:
    """Queries for case ids: a case that any of them finds is of the kind."""
    if kind == "flips":
        for after, before in baselines.items():
            yield _flips(run_id, before, after)
    elif kind == "different":
        yield _different(chosen)
    else:
        outcome = "error" if kind == "errors" else kind
        yield select(answers.c.case_id).where(*chosen, answers.c.verdict == outcome)


def _flips(run_id: str, before: Subject, after: Subject) -> Select[tuple[str]]:
    was, became = answers.alias(), answers.alias()
    first = [
        condition
        for table, subject in ((was, before), (became, after))
        for condition in (
            table.c.run_id == run_id,
            table.c.prompt == subject.prompt,
            table.c.model == subject.model,
            table.c.repeat == 0,
            table.c.verdict != "error",
        )
    ]
    is_new = and_(was.c.verdict != "correct", became.c.verdict == "correct")
    is_lost = and_(was.c.verdict == "correct", became.c.verdict != "correct")
    return (
        select(became.c.case_id)
        .join_from(was, became, was.c.case_id == became.c.case_id)
        .where(*first, or_(is_new, is_lost))
    )


def _different(chosen: Collection[ColumnElement[bool]]) -> Select[tuple[str]]:
    """An answer that could not be read is one that is like no other."""
    is_unread = func.max(case((answers.c.answer.is_(None), 1), else_=0))
    return (
        select(answers.c.case_id)
        .where(*chosen, answers.c.repeat == 0, answers.c.verdict != "error")
        .group_by(answers.c.case_id)
        .having(func.count(distinct(answers.c.answer)) + is_unread > 1)
    )
