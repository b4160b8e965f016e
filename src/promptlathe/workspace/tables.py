"""The tables of a workspace's database. A change here needs a new migration in `migrations/versions`."""

from sqlalchemy import (
    Boolean,
    Column,
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
