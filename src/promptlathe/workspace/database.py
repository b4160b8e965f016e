"""A workspace's database: runs, answers, the response cache and the event log."""

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from sqlalchemy import (
    Connection,
    create_engine,
    event,
    func,
    inspect,
    literal,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import Row as SqlRow
from sqlalchemy.exc import DBAPIError

from promptlathe.errors import UnknownNameError, WorkspaceError
from promptlathe.evaluation.answers import Outcome, Response, Row, Subject
from promptlathe.evaluation.listing import Kind
from promptlathe.tasks.case import Case
from promptlathe.workspace.cases import has_cases, insert_cases, select_cases, select_strata
from promptlathe.workspace.picking import pick_cases
from promptlathe.workspace.rows import NEWER_ANSWER, ROW_COLUMNS, answer_values, row_of
from promptlathe.workspace.tables import answers, answers_of, events, responses, runs

RunKind = Literal["eval", "demo", "optimize", "headroom"]
RunStatus = Literal["running", "finished", "failed", "interrupted"]

_REVISION = "0003"
_KEYS_PER_QUERY = 500
_ROWS_PER_FETCH = 1000


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run as it is stored. `spec` holds all that is needed to go on with it."""

    id: str
    kind: RunKind
    status: RunStatus
    created_at: datetime
    finished_at: datetime | None
    spec: Mapping[str, object]


class Database:
    """SQLite in WAL mode: every call is durable when it returns, whatever happens to the process."""

    def __init__(self, path: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Opens or makes the file, and brings an older one up to date. Raises WorkspaceError."""
        self._path = path
        self._now = now
        self._engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
        event.listen(self._engine, "connect", _set_up)
        event.listen(self._engine, "begin", _begin)
        self._writer = self._engine.execution_options(begin="BEGIN IMMEDIATE")
        with self._told("open"), self._writer.begin() as connection:
            _migrate(connection, path)

    def close(self) -> None:
        self._engine.dispose()

    def start_run(
        self, run_id: str, kind: RunKind, spec: Mapping[str, object], cases: Sequence[Case] = ()
    ) -> None:
        """`cases` are what an evaluation will ask."""
        with self._writing() as connection:
            connection.execute(
                insert(runs).values(
                    id=run_id,
                    kind=kind,
                    status="running",
                    created_at=self._now(),
                    spec=json.dumps(spec, ensure_ascii=False),
                )
            )
            insert_cases(connection, run_id, cases)

    def keep_cases(self, run_id: str, cases: Sequence[Case]) -> None:
        """What `start_run` would have kept, of a run that was made before it did."""
        with self._writing() as connection:
            if not has_cases(connection, run_id):
                insert_cases(connection, run_id, cases)

    def has_cases(self, run_id: str) -> bool:
        with self._reading() as connection:
            return has_cases(connection, run_id)

    def cases(
        self, run_id: str, *, at_most: int | None = None, ids: Collection[str] | None = None
    ) -> tuple[Case, ...]:
        """The cases of an evaluation as they were asked, in the task's order; the first ones, or some."""
        with self._reading() as connection:
            return tuple(select_cases(connection, run_id, at_most=at_most, ids=ids))

    def strata(self, run_id: str) -> list[str]:
        """Those of its cases, in the order in which they first appear."""
        with self._reading() as connection:
            return select_strata(connection, run_id)

    def pick_cases(
        self,
        run_id: str,
        kinds: Collection[Kind] = (),
        *,
        prompts: Collection[str] = (),
        models: Collection[str] = (),
        baselines: Mapping[Subject, Subject] = MappingProxyType({}),
        strata: Collection[str] = (),
    ) -> list[str]:
        """See `picking.pick_cases`."""
        with self._reading() as connection:
            return pick_cases(
                connection,
                run_id,
                kinds,
                prompts=prompts,
                models=models,
                baselines=baselines,
                strata=strata,
            )

    def set_status(self, run_id: str, status: RunStatus) -> None:
        finished_at = None if status == "running" else self._now()
        with self._writing() as connection:
            values = {"status": status, "finished_at": finished_at}
            connection.execute(update(runs).where(runs.c.id == run_id).values(values))

    def run(self, run_id: str) -> RunRecord:
        """The run of that id, or the only one whose id starts so. Raises UnknownNameError."""
        known = [record for record in self.runs() if record.id.startswith(run_id)]
        exact = [record for record in known if record.id == run_id]
        if exact or len(known) == 1:
            return (exact or known)[0]
        if known:
            raise UnknownNameError("run", run_id, [], hint=f"{len(known)} runs start so: give more of the id")
        raise UnknownNameError("run", run_id, [record.id for record in self.runs()])

    def runs(self) -> list[RunRecord]:
        """All runs, the newest first."""
        with self._reading() as connection:
            found = connection.execute(select(runs).order_by(runs.c.created_at.desc()))
            return [_record(row) for row in found]

    def rows(self, run_id: str, *, cases: Collection[str] | None = None, has_text: bool = True) -> list[Row]:
        """All of `stream_rows`."""
        return list(self.stream_rows(run_id, cases=cases, has_text=has_text))

    def stream_rows(
        self,
        run_id: str,
        *,
        prompts: Collection[str] = (),
        models: Collection[str] = (),
        cases: Collection[str] | None = None,
        has_text: bool = True,
    ) -> Iterator[Row]:
        """The rows of a run with their responses, or those of some prompts, models or cases, in the order of
        prompt, model, case and repeat. They are read as they are asked for, as the database was at the first.
        Counting needs no texts: without them the responses say "", and take half the time and memory."""
        text_column = responses.c.text if has_text else literal("")
        query = (
            select(*ROW_COLUMNS, text_column)
            .outerjoin(responses, answers.c.response_key == responses.c.key)
            .where(*answers_of(run_id, prompts, models))
            .where(answers.c.case_id.in_(cases) if cases is not None else true())
            .order_by(*answers.primary_key)
            .execution_options(yield_per=_ROWS_PER_FETCH)
        )
        with self._reading() as connection:
            for found in connection.execute(query):
                yield row_of(*tuple(found))

    def tallies(
        self, run_id: str, *, prompts: Collection[str] = (), models: Collection[str] = ()
    ) -> dict[Subject, dict[Outcome, int]]:
        """How many of the rows that `stream_rows` gives have each outcome, by prompt and model."""
        columns = (answers.c.prompt, answers.c.model, answers.c.verdict)
        query = select(*columns, func.count()).where(*answers_of(run_id, prompts, models)).group_by(*columns)
        found: dict[Subject, dict[Outcome, int]] = {}
        with self._reading() as connection:
            for prompt, model, verdict, count in connection.execute(query):
                found.setdefault(Subject(prompt, model), {})[verdict] = count
        return found

    def has_answer(self, run_id: str) -> bool:
        """Whether any request of the run was answered at all."""
        return any(set(tally) - {"error"} for tally in self.tallies(run_id).values())

    def log(self, run_id: str, kind: str, content: Mapping[str, object]) -> None:
        """Append one event."""
        with self._writing() as connection:
            values = {"run_id": run_id, "at": self._now(), "kind": kind}
            connection.execute(
                insert(events).values(content=json.dumps(content, ensure_ascii=False), **values)
            )

    def events(self, run_id: str) -> list[tuple[str, Mapping[str, object]]]:
        """The events of a run as (kind, content), in order."""
        query = select(events.c.kind, events.c.content).where(events.c.run_id == run_id).order_by(events.c.id)
        with self._reading() as connection:
            return [(kind, json.loads(content)) for kind, content in connection.execute(query)]

    def cached(self, keys: Sequence[str]) -> dict[str, Response]:
        """The known responses among `keys`, whichever run they come from."""
        found: dict[str, Response] = {}
        unique = list(dict.fromkeys(keys))
        with self._reading() as connection:
            for start in range(0, len(unique), _KEYS_PER_QUERY):
                part = unique[start : start + _KEYS_PER_QUERY]
                for row in connection.execute(select(responses).where(responses.c.key.in_(part))):
                    found[row.key] = _response(row)
        return found

    def record(self, run_id: str, rows: Sequence[Row]) -> None:
        """See `Recorder.record`. Rows, and the responses that are new, go in by one transaction."""
        if not rows:
            return
        new = [{"key": row.key} | asdict(row.response) for row in rows if row.response and not row.is_cached]
        with self._writing() as connection:
            if new:
                connection.execute(_NEW_RESPONSE, new)
            connection.execute(NEWER_ANSWER, [answer_values(run_id, row) for row in rows])

    def remember(self, responses_by_key: Mapping[str, Response]) -> None:
        """Put responses that are no run's own into the cache."""
        new = [{"key": key} | asdict(response) for key, response in responses_by_key.items()]
        if new:
            with self._writing() as connection:
                connection.execute(_NEW_RESPONSE, new)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._told("write to"), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._told("read"), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise WorkspaceError(
                f"cannot {doing} the database {self._path}: {error.orig}",
                hint="check free space and permissions, and that the file is lathe's own",
            ) from error


@dataclass(frozen=True, slots=True)
class RunRecorder:
    """The `Recorder` of one run: its rows, and the response cache that all runs share."""

    database: Database
    run_id: str

    def cached(self, keys: Sequence[str]) -> Mapping[str, Response]:
        return self.database.cached(keys)

    def record(self, rows: Sequence[Row]) -> None:
        self.database.record(self.run_id, rows)

    def remember(self, key: str, response: Response) -> None:
        self.database.remember({key: response})


_NEW_RESPONSE = insert(responses).on_conflict_do_nothing()


@dataclass(frozen=True, slots=True)
class CacheRecorder:
    """A `Recorder` of answers that are no run's own, such as a judge's verdicts: they are only cached."""

    database: Database

    def cached(self, keys: Sequence[str]) -> Mapping[str, Response]:
        return self.database.cached(keys)

    def record(self, rows: Sequence[Row]) -> None:
        new = {row.key: row.response for row in rows if row.response and not row.is_cached}
        self.database.remember(new)

    def remember(self, key: str, response: Response) -> None:
        self.database.remember({key: response})


def _record(found: SqlRow[Any]) -> RunRecord:
    """SQLite forgets the time zone: what was written is UTC."""
    created_at = found.created_at.replace(tzinfo=UTC)
    finished_at = found.finished_at and found.finished_at.replace(tzinfo=UTC)
    return RunRecord(found.id, found.kind, found.status, created_at, finished_at, json.loads(found.spec))


def _response(found: SqlRow[Any]) -> Response:
    return Response(
        text=found.text,
        finish_reason=found.finish_reason,
        prompt_tokens=found.prompt_tokens,
        completion_tokens=found.completion_tokens,
        seconds=found.seconds,
    )


def _set_up(connection: sqlite3.Connection, _record: object) -> None:
    """WAL with NORMAL: a killed process loses nothing that was committed; readers never block the writer.

    Transactions are begun by `_begin`: the driver's own leave out changes of tables, and a migration that is
    killed would be half done.
    """
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """A writer takes its place at once, so that it never finds that another one changed what it has read."""
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _migrate(connection: Connection, path: Path) -> None:
    """Bring the tables to this version's form; a database from a newer lathe is left alone."""
    has_tables = inspect(connection).has_table("alembic_version")
    current = (
        connection.execute(text("SELECT version_num FROM alembic_version")).scalar() if has_tables else None
    )
    if current == _REVISION:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise WorkspaceError(
            f"{path} was made by a newer lathe (its form is {current})", hint="update promptlathe"
        ) from error
