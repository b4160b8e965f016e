"""The tables of a workspace's database. A change here needs a new migration in `migrations/versions`."""

from collections.abc import Collection

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("status", String(20), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    Column("spec", Text, nullable=False),
)

responses = Table(
    "responses",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("text", Text, nullable=False),
    Column("finish_reason", String(20), nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
)

answers = Table(
    "answers",
    metadata,
    Column("run_id", String(40), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("prompt", String(200), primary_key=True),
    Column("model", String(500), primary_key=True),
    Column("case_id", String(200), primary_key=True),
    Column("repeat", Integer, primary_key=True),
    Column("response_key", String(64), nullable=False),
    Column("verdict", String(20), nullable=False),
    Column("answer", Text),
    Column("contradicts", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("error", Text),
    Column("is_cached", Boolean, nullable=False),
    Index("answers_by_response", "response_key"),
)

cases = Table(
    "cases",
    metadata,
    Column("run_id", String(40), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("case_id", String(200), nullable=False),
    Column("variables", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("expected", Text, nullable=False),
    Column("stratum", Text, nullable=False),
    Column("cluster", Text, nullable=False),
    Column("split", String(20), nullable=False),
    Column("language", String(20), nullable=False),
    Column("options", Text, nullable=False),
)
"""What an evaluation asks, in the task's order. `variables` and `options` are JSON."""

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String(40), ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("content", Text, nullable=False),
)
"""Append-only: what happened in a run, in order. A look at sealed cases is an event of kind `sealed-read`."""


def answers_of(run_id: str, prompts: Collection[str], models: Collection[str]) -> list[ColumnElement[bool]]:
    """What the answers of these prompts and models (of none: of all) have in common."""
    chosen = [(answers.c.prompt, prompts), (answers.c.model, models)]
    return [answers.c.run_id == run_id, *(column.in_(names) for column, names in chosen if names)]
