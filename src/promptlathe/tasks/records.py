"""The cases of a task file as they are written: inline in YAML, rows of CSV, or lines of JSON."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from promptlathe.errors import TaskError
from promptlathe.source_files import Located, Scalar, Value

LARGEST_FILE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Record:
    """One case as written, by key or column. A key without a value is not in it. `where` is `path:line`."""

    values: Mapping[str, Value]
    where: str


def inline_records(file: Located, place: str) -> tuple[Record, ...]:
    """The list under the key `place`. Raises TaskError for what is no list of `key: value` lines."""
    listed = file.value[place] if isinstance(file.value, dict) else None
    if not isinstance(listed, list):
        raise TaskError(
            f"{file.where(place)}: {place} is neither a list nor the name of a file",
            hint="begin each case with `- `",
        )
    records = []
    for index, value in enumerate(listed):
        where = file.where(place, index)
        if not isinstance(value, dict):
            raise TaskError(f"{where}: this case is not `key: value` lines", hint="- {country: France, …}")
        records.append(Record(_given(value), where))
    return tuple(records)


def read_records(text: str, *, path: str) -> tuple[Record, ...]:
    """All records of a `.csv` or `.jsonl` file. Raises TaskError `path:line: …`."""
    text = text.removeprefix("\ufeff")
    return tuple(_csv_records(text, path) if path.lower().endswith(".csv") else _json_records(text, path))


def _csv_records(text: str, path: str) -> Iterator[Record]:
    """The first line names the columns. Commas divide them; or semicolons or tabs, if the header has only these."""
    header = text.partition("\n")[0]
    delimiter = next((mark for mark in ",;\t" if mark in header), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            where, line = f"{path}:{line}", reader.line_num + 1
            if not any(cells):
                continue
            if columns is None:
                columns = _columns(cells, where)
            elif len(cells) != len(columns):
                raise TaskError(
                    f"{where}: {len(cells)} cells, but the header names {len(columns)} columns",
                    hint="put text with a comma in it between double quotes" if delimiter == "," else None,
                )
            else:
                yield Record(
                    {column: Scalar(cell) for column, cell in zip(columns, cells, strict=True) if cell}, where
                )
    except csv.Error as error:
        raise TaskError(
            f"{path}:{line}: not CSV: {error}",
            hint='a double quote inside a quoted cell is written twice: "say ""yes"""',
        ) from None
    if columns is None:
        raise TaskError(f"{path}:1: the file is empty", hint="the first line names the columns")


def _columns(cells: list[str], where: str) -> list[str]:
    names = [cell.strip() for cell in cells]
    for index, name in enumerate(names):
        if not name:
            raise TaskError(f"{where}: column {index + 1} has no name")
        if name in names[:index]:
            raise TaskError(f"{where}: two columns are called {name!r}")
    return names


def _json_records(text: str, path: str) -> Iterator[Record]:
    # Not splitlines(): U+2028 and its like may stand inside a string.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            where = f"{path}:{number}"
            value = _json_value(line, where)
            if not isinstance(value, dict):
                raise TaskError(f"{where}: the line is not a JSON object", hint='{"question": "…", …}')
            yield Record(_given(value), where)


def _json_value(line: str, where: str) -> Value:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise TaskError(f"{where}: {twice!r} is given twice")
        return found

    def refuse(name: str) -> object:
        raise TaskError(f"{where}: {name} is not a JSON value")

    try:
        return _as_written(
            json.loads(
                line,
                object_pairs_hook=once,
                parse_int=lambda digits: Scalar(digits, "int"),
                parse_float=lambda digits: Scalar(digits, "float"),
                parse_constant=refuse,
            )
        )
    except json.JSONDecodeError as error:
        raise TaskError(f"{where}: not JSON: {error.msg} (column {error.colno})") from None
    except RecursionError:
        raise TaskError(f"{where}: nested too deeply") from None


def _as_written(value: object) -> Value:
    if isinstance(value, dict):
        return {str(key): _as_written(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_written(item) for item in value]
    if value is None or isinstance(value, Scalar):
        return value
    return Scalar(str(value).lower(), "bool") if isinstance(value, bool) else Scalar(str(value))


def _given(value: dict[str, Value]) -> dict[str, Value]:
    return {key: item for key, item in value.items() if item is not None}
