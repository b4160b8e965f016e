"""A run for other programs. Every format is written piece by piece, so that memory stays flat however many rows."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from promptlathe.evaluation.exports.inspect_log import inspect_log
from promptlathe.evaluation.exports.json_rows import json_document, json_lines
from promptlathe.evaluation.exports.junit import junit
from promptlathe.evaluation.exports.record import ExportedRun, Record
from promptlathe.evaluation.exports.spreadsheet import spreadsheet

RowFormat = Literal["csv", "jsonl", "json", "junit", "inspect"]

EXPORTERS: dict[RowFormat, Callable[[ExportedRun, Iterable[Record]], Iterator[str]]] = {
    "csv": spreadsheet,
    "jsonl": json_lines,
    "json": json_document,
    "junit": junit,
    "inspect": inspect_log,
}
"""Each takes the records of one prompt and model next to each other, and gives the file's text in pieces."""

__all__ = ["EXPORTERS", "ExportedRun", "Record", "RowFormat"]
