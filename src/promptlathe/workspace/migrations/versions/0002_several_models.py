"""A run may have several models: each answer says which one gave it."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SHARED = "case_id, repeat, response_key, verdict, answer, contradicts, reason, error, is_cached"


def upgrade() -> None:
    """The answers of a run so far are its only model's, whose name stands in its spec."""
    _make_answers("new_answers", has_model=True)
    for run_id, spec in _specs():
        model = spec.pop("model", "")
        _copy("new_answers", f"prompt, model, {_SHARED}", f"prompt, :model, {_SHARED}", run_id, model)
        _store(run_id, spec | {"models": [model]})
    _put_in_place("new_answers")


def downgrade() -> None:
    """Only the answers of a run's first model have a place in the older form."""
    _make_answers("old_answers", has_model=False)
    for run_id, spec in _specs():
        models = spec.pop("models", [])
        model = models[0] if isinstance(models, list) and models else ""
        columns = f"prompt, {_SHARED}"
        _copy("old_answers", columns, columns, run_id, model, condition="AND model = :model")
        _store(run_id, spec | {"model": model})
    _put_in_place("old_answers")


def _make_answers(name: str, *, has_model: bool) -> None:
    op.create_table(
        name,
        sa.Column("run_id", sa.String(40), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("prompt", sa.String(200), primary_key=True),
        *([sa.Column("model", sa.String(500), primary_key=True)] if has_model else []),
        sa.Column("case_id", sa.String(200), primary_key=True),
        sa.Column("repeat", sa.Integer, primary_key=True),
        sa.Column("response_key", sa.String(64), nullable=False),
        sa.Column("verdict", sa.String(20), nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("contradicts", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("is_cached", sa.Boolean, nullable=False),
    )


def _specs() -> list[tuple[str, dict[str, object]]]:
    found = op.get_bind().execute(sa.text("SELECT id, spec FROM runs")).all()
    return [(run_id, json.loads(spec)) for run_id, spec in found]


def _store(run_id: str, spec: dict[str, object]) -> None:
    statement = sa.text("UPDATE runs SET spec = :spec WHERE id = :id")
    op.get_bind().execute(statement, {"id": run_id, "spec": json.dumps(spec, ensure_ascii=False)})


def _copy(table: str, into: str, out_of: str, run_id: str, model: object, *, condition: str = "") -> None:
    """Column lists and condition are this module's own; values go in as parameters."""
    statement = (
        f"INSERT INTO {table} (run_id, {into}) "  # noqa: S608
        f"SELECT run_id, {out_of} FROM answers WHERE run_id = :run_id {condition}"
    )
    op.get_bind().execute(sa.text(statement), {"run_id": run_id, "model": model})


def _put_in_place(table: str) -> None:
    op.drop_table("answers")
    op.rename_table(table, "answers")
    op.create_index("answers_by_response", "answers", ["response_key"])
