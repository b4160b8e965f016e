"""The database: its forms, what it refuses, and what it keeps."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

import promptlathe.workspace.database as module
from promptlathe.errors import UnknownNameError, WorkspaceError
from promptlathe.evaluation.answers import Response, Row
from promptlathe.tasks.grading import Grade
from promptlathe.workspace.database import Database, RunRecorder
from promptlathe.workspace.tables import metadata

MIGRATIONS = Path(module.__file__).parent / "migrations"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "lathe.db", now=lambda: datetime(2026, 5, 1, 8, tzinfo=UTC))
    yield opened
    opened.close()


def a_row(case_id: str = "case", text: str = "13.8", *, is_cached: bool = False, key: str = "") -> Row:
    response = Response(text, "stop", 20, 3, 0.25)
    grade = Grade("correct", text, contradicts=False)
    return Row("expert", "tiny", case_id, 0, key or f"key of {case_id}", response, grade, None, is_cached)


def a_failed_row(case_id: str = "case") -> Row:
    return Row("expert", "tiny", case_id, 0, f"key of {case_id}", None, None, "too long", is_cached=False)


def tables(path: Path) -> set[str]:
    with sqlite3.connect(path) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_migrations_make_the_tables_and_take_them_away(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        assert MigrationContext.configure(connection).get_current_revision() == module._REVISION
        found = inspect(connection)
        for table in metadata.sorted_tables:
            columns = {column["name"]: column["nullable"] for column in found.get_columns(table.name)}
            assert columns == {column.name: column.nullable for column in table.columns}
            indexes = {index["name"] for index in found.get_indexes(table.name)}
            assert indexes == {index.name for index in table.indexes}
        command.downgrade(config, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_answers_of_before_there_were_models_are_their_runs_only_ones(tmp_path: Path) -> None:
    """And back: a later model's answers have no place in the older form."""
    path = tmp_path / "old.db"
    opened = Database(path)
    for run, models in [("a", ["tiny", "other"]), ("b", ["tiny.gguf"])]:
        opened.start_run(run, "eval", {"task": "t", "models": models})
        opened.record(run, [replace(a_row(), model=model) for model in models])
    opened.close()
    engine = create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
        found = connection.execute(
            text("SELECT run_id, spec FROM runs JOIN answers ON id = run_id ORDER BY id")
        )
        assert found.all() == [
            ("a", '{"task": "t", "model": "tiny"}'),
            ("b", '{"task": "t", "model": "tiny.gguf"}'),
        ]
    engine.dispose()
    migrated = Database(path)
    assert migrated.rows("a") == [replace(a_row(), model="tiny")]
    assert migrated.rows("b") == [replace(a_row(), model="tiny.gguf")]
    assert migrated.run("b").spec == {"task": "t", "models": ["tiny.gguf"]}
    migrated.close()


def test_a_migration_that_breaks_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def upgrade_then_die(config: Config, revision: str) -> None:
        upgrade(config, revision)
        raise KeyboardInterrupt

    upgrade = command.upgrade
    with monkeypatch.context() as patched:
        patched.setattr(command, "upgrade", upgrade_then_die)
        with pytest.raises(KeyboardInterrupt):
            Database(tmp_path / "lathe.db")
    assert tables(tmp_path / "lathe.db") == set()
    Database(tmp_path / "lathe.db").close()
    assert "answers" in tables(tmp_path / "lathe.db")


def test_a_database_of_a_newer_lathe_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "lathe.db"
    Database(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(WorkspaceError, match=r"made by a newer lathe \(its form is 9999\)") as caught:
        Database(path)
    assert caught.value.hint == "update promptlathe"
    assert "answers" in tables(path)


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough" * 100, b"SQLite format 3\0" + b"x" * 900]
)
def test_a_file_that_is_no_database_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lathe.db"
    path.write_bytes(content)
    with pytest.raises(WorkspaceError, match=r"cannot open the database .*lathe\.db: ") as caught:
        Database(path)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert path.read_bytes() == content


def test_a_folder_in_the_databases_place_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "lathe.db").mkdir()
    with pytest.raises(WorkspaceError, match="unable to open database file"):
        Database(tmp_path / "lathe.db")


def test_rows_come_back_as_they_went_in(database: Database) -> None:
    database.start_run("run", "eval", {"a": "中文"})
    rows = [a_row("a"), a_failed_row("b"), a_row("c", "二 \N{GRINNING FACE}\x00", is_cached=False)]
    database.record("run", rows)
    database.record("run", [])
    assert database.rows("run") == rows
    assert database.cached(["key of a", "key of b", "nothing"]) == {"key of a": rows[0].response}
    assert database.run("run").spec == {"a": "中文"}


def test_many_keys_are_found(database: Database) -> None:
    database.start_run("run", "eval", {})
    database.record("run", [a_row(f"case {index}") for index in range(1200)])
    assert len(database.cached([f"key of case {index}" for index in range(1200)] * 2)) == 1200


@pytest.mark.parametrize(
    ("before", "after", "is_cached"),
    [
        pytest.param(a_row(), a_row(is_cached=True), False, id="own answer again"),
        pytest.param(a_row(is_cached=True), a_row(is_cached=True), True, id="another run's answer again"),
        pytest.param(a_failed_row(), a_row(), False, id="a failure mended"),
        pytest.param(a_failed_row(), a_row(is_cached=True), True, id="a failure mended by another run"),
        pytest.param(a_row(key="old"), a_row(is_cached=True), True, id="another model, known"),
        pytest.param(a_row(key="old", is_cached=True), a_row(), False, id="another model, new"),
    ],
)
def test_a_row_takes_the_place_of_an_earlier_one(
    database: Database, before: Row, after: Row, is_cached: bool
) -> None:
    database.start_run("other", "eval", {})
    database.start_run("run", "eval", {})
    database.record("other", [a_row()])
    database.record("run", [before])
    database.record("run", [after])
    (row,) = database.rows("run")
    assert (row.key, row.error, row.is_cached) == (after.key, None, is_cached)


def test_two_programs_write_at_once(database: Database, tmp_path: Path) -> None:
    other = Database(tmp_path / "lathe.db")
    for opened, run in [(database, "a"), (other, "b")]:
        opened.start_run(run, "eval", {})
        RunRecorder(opened, run).record([a_row(), a_row("more")])
    assert database.rows("a") == other.rows("b")
    other.close()


def test_times_keep_their_zone(database: Database) -> None:
    database.start_run("run", "eval", {})
    database.set_status("run", "finished")
    record = database.run("run")
    assert record.created_at == record.finished_at == datetime(2026, 5, 1, 8, tzinfo=UTC)


def test_a_run_is_found_by_how_it_begins(database: Database) -> None:
    for name in ("eval-1", "eval-12", "demo-1"):
        database.start_run(name, "eval", {})
    assert database.run("demo").id == "demo-1"
    assert database.run("eval-1").id == "eval-1"
    with pytest.raises(UnknownNameError) as caught:
        database.run("eval")
    assert caught.value.hint == "2 runs start so: give more of the id"
    with pytest.raises(UnknownNameError) as caught:
        database.run("evil-12")
    assert caught.value.hint == "did you mean 'eval-12'?"


def test_events_are_kept_in_order(database: Database) -> None:
    database.start_run("run", "eval", {})
    for number in range(3):
        database.log("run", "seen", {"number": number})
    assert database.events("run") == [("seen", {"number": number}) for number in range(3)]
