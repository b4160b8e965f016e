"""Rows of an evaluation as the tables hold them."""

from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.dialects.sqlite import Insert, insert

from promptlathe.engines.engine import FinishReason
from promptlathe.evaluation.answers import Response, Row
from promptlathe.tasks.grading import Grade, Reason, Verdict
from promptlathe.workspace.tables import answers, responses

ROW_COLUMNS = (
    answers.c.prompt,
    answers.c.model,
    answers.c.case_id,
    answers.c.repeat,
    answers.c.response_key,
    answers.c.verdict,
    answers.c.answer,
    answers.c.contradicts,
    answers.c.reason,
    answers.c.error,
    answers.c.is_cached,
    responses.c.finish_reason,
    responses.c.prompt_tokens,
    responses.c.completion_tokens,
    responses.c.seconds,
)


def row_of(
    prompt: str,
    model: str,
    case_id: str,
    repeat: int,
    key: str,
    verdict: Verdict,
    answer: str | None,
    contradicts: bool,
    reason: Reason,
    error: str | None,
    is_cached: bool,
    finish_reason: FinishReason,
    prompt_tokens: int,
    completion_tokens: int,
    seconds: float,
    text: str,
) -> Row:
    """`ROW_COLUMNS` and the text, by position: by name it takes twice as long, and there are many rows."""
    response, grade = None, None
    if error is None:
        response = Response(text, finish_reason, prompt_tokens, completion_tokens, seconds)
        grade = Grade(verdict, answer, contradicts, reason)
    return Row(prompt, model, case_id, repeat, key, response, grade, error, is_cached)


def answer_values(run_id: str, row: Row) -> dict[str, object]:
    return {
        "run_id": run_id,
        "prompt": row.prompt,
        "model": row.model,
        "case_id": row.case_id,
        "repeat": row.repeat,
        "response_key": row.key,
        "verdict": row.outcome,
        "answer": row.grade.answer if row.grade else None,
        "contradicts": bool(row.grade and row.grade.contradicts),
        "reason": row.grade.reason if row.grade else "",
        "error": row.error,
        "is_cached": row.is_cached,
    }


def _newer_answer() -> Insert:
    """A row takes the place of an earlier one; what the run had generated itself stays so."""
    statement = insert(answers)
    columns: dict[str, ColumnElement[Any]] = {
        column.name: statement.excluded[column.name] for column in answers.columns
    }
    is_other = answers.c.error.is_not(None) | (answers.c.response_key != statement.excluded.response_key)
    columns["is_cached"] = statement.excluded.is_cached & (answers.c.is_cached | is_other)
    return statement.on_conflict_do_update(index_elements=list(answers.primary_key), set_=columns)


NEWER_ANSWER = _newer_answer()
