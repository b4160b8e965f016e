"""The cases of a run as they were asked: they stay so, whatever becomes of the task."""

import json
from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import Connection, func, insert, select, true

from promptlathe.tasks.case import Case, Language, Split
from promptlathe.workspace.tables import cases

_COLUMNS = (
    cases.c.case_id,
    cases.c.variables,
    cases.c.question,
    cases.c.expected,
    cases.c.stratum,
    cases.c.cluster,
    cases.c.split,
    cases.c.language,
    cases.c.options,
)


def has_cases(connection: Connection, run_id: str) -> bool:
    return (
        connection.execute(select(cases.c.position).where(cases.c.run_id == run_id).limit(1)).first()
        is not None
    )


def insert_cases(connection: Connection, run_id: str, asked: Sequence[Case]) -> None:
    if asked:
        values = [_values(run_id, position, one) for position, one in enumerate(asked)]
        connection.execute(insert(cases), values)


def select_cases(
    connection: Connection, run_id: str, *, at_most: int | None, ids: Collection[str] | None
) -> Iterator[Case]:
    """In the task's order."""
    query = (
        select(*_COLUMNS)
        .where(cases.c.run_id == run_id)
        .where(cases.c.case_id.in_(ids) if ids is not None else true())
        .order_by(cases.c.position)
        .limit(at_most)
    )
    for found in connection.execute(query):
        yield _case(*tuple(found))


def select_strata(connection: Connection, run_id: str) -> list[str]:
    """In the order in which they first appear."""
    query = (
        select(cases.c.stratum)
        .where(cases.c.run_id == run_id)
        .group_by(cases.c.stratum)
        .order_by(func.min(cases.c.position))
    )
    return list(connection.execute(query).scalars())


def _values(run_id: str, position: int, one: Case) -> dict[str, object]:
    return {
        "run_id": run_id,
        "position": position,
        "case_id": one.id,
        "variables": json.dumps(dict(one.variables), ensure_ascii=False),
        "question": one.question,
        "expected": one.expected,
        "stratum": one.stratum,
        "cluster": one.cluster,
        "split": one.split,
        "language": one.language,
        "options": json.dumps(one.options, ensure_ascii=False),
    }


def _case(
    case_id: str,
    variables: str,
    question: str,
    expected: str,
    stratum: str,
    cluster: str,
    split: Split,
    language: Language,
    options: str,
) -> Case:
    """`_COLUMNS`, by position."""
    named = json.loads(variables), question, expected, stratum, cluster, split, language
    return Case(case_id, *named, tuple(json.loads(options)))
