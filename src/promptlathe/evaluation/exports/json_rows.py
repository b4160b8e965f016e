"""JSON: one object a line, or one document with the summary on top."""

import json
from collections.abc import Iterable, Iterator

from promptlathe.evaluation.exports.record import ExportedRun, Record, cells


def json_lines(run: ExportedRun, records: Iterable[Record]) -> Iterator[str]:
    """One object for each record, with its full messages."""
    for record in records:
        yield dumps(_object(run, record)) + "\n"


def json_document(run: ExportedRun, records: Iterable[Record]) -> Iterator[str]:
    """`{"summary": what `lathe runs show --json` says, "rows": the objects of `json_lines`}`."""
    yield f'{{"summary": {dumps(run.summary.as_json())},\n"rows": ['
    yield from separated(dumps(_object(run, record)) for record in records)
    yield "]}\n"


def separated(items: Iterable[str]) -> Iterator[str]:
    """The inside of a JSON array, an item a line."""
    for number, item in enumerate(items):
        yield f",\n{item}" if number else f"\n{item}"


def dumps(value: object) -> str:
    """On one line, and UTF-8 as it is. U+2028 and U+2029, which some readers take for line ends, are escaped."""
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _object(run: ExportedRun, record: Record) -> dict[str, object]:
    return {
        **cells(run, record),
        "cluster": record.case.cluster,
        "options": list(record.case.options),
        "variables": dict(record.case.variables),
        "messages": [message.as_dict() for message in record.messages],
    }
