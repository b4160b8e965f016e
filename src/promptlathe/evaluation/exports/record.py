"""What is exported: a run, and each of its rows with all that is needed to read it alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from promptlathe.engines.engine import Sampling
from promptlathe.evaluation.answers import Outcome, Row, Subject
from promptlathe.evaluation.summary import RunSummary
from promptlathe.messages import Message
from promptlathe.tasks.case import Case

Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class ExportedRun:
    """`tallies` counts the outcomes of all that is exported, repeats included; times are UTC."""

    summary: RunSummary
    is_finished: bool
    started_at: datetime
    finished_at: datetime | None
    sampling: Sampling
    repeats: int
    tallies: Mapping[Subject, Mapping[Outcome, int]]


@dataclass(frozen=True, slots=True)
class Record:
    """One answer, the case it answers and the messages that asked for it."""

    row: Row
    case: Case
    messages: tuple[Message, ...]


def cells(run: ExportedRun, record: Record) -> dict[str, Cell]:
    """The record without its messages, by column name. What an error has no value for is None."""
    row, case, response, grade = record.row, record.case, record.row.response, record.row.grade
    return {
        "run": run.summary.run_id,
        "task": run.summary.task,
        "split": case.split,
        "prompt": row.prompt,
        "model": row.model,
        "case": case.id,
        "stratum": case.stratum,
        "language": case.language,
        "repeat": row.repeat,
        "question": case.question,
        "expected": case.expected,
        "answer": grade.answer if grade else None,
        "verdict": row.outcome,
        "reason": grade.reason if grade else "",
        "contradicts": grade.contradicts if grade else None,
        "text": response.text if response else None,
        "error": row.error,
        "finish_reason": response.finish_reason if response else None,
        "prompt_tokens": response.prompt_tokens if response else None,
        "completion_tokens": response.completion_tokens if response else None,
        "seconds": response.seconds if response else None,
        "is_cached": row.is_cached,
        "key": row.key,
    }
