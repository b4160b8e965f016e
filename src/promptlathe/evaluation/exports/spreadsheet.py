"""CSV (RFC 4180, UTF-8) that a spreadsheet program opens as text, whatever a model has answered."""

import csv
import re
from collections.abc import Iterable, Iterator
from io import StringIO

from promptlathe.evaluation.exports.record import Cell, ExportedRun, Record, cells

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_FORMULA_STARTS = tuple("=+-@＝＋－＠'")


def spreadsheet(run: ExportedRun, records: Iterable[Record]) -> Iterator[str]:
    """A line of names, then a line for each record.

    It begins with a byte order mark, without which Excel does not read Chinese. Text that a spreadsheet would
    take for a formula has an apostrophe before it (see `guarded`).
    """
    line = StringIO()
    writer = csv.writer(line)
    yield "\ufeff"
    for number, record in enumerate(records):
        found = cells(run, record)
        if number == 0:
            writer.writerow(found)
        writer.writerow(map(guarded, found.values()))
        yield _taken(line)


def guarded(cell: Cell) -> Cell:
    """A cell that no spreadsheet evaluates: text which begins, after blanks, with = + - @ (also full-width) or
    with a tab or line break gets an apostrophe before it, unless all of it is a plain number such as -3.5.

    Text that begins with an apostrophe gets one too, so that taking one away always gives the text back.
    """
    if not isinstance(cell, str) or _NUMBER.fullmatch(cell):
        return cell
    is_risky = cell.lstrip().startswith(_FORMULA_STARTS) or cell.startswith(("\t", "\r", "\n"))
    return f"'{cell}" if is_risky else cell


def _taken(written: StringIO) -> str:
    text = written.getvalue()
    written.seek(0)
    written.truncate()
    return text
