"""Runs made by hand, as they are exported."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from promptlathe.engines.engine import Sampling
from promptlathe.evaluation.exports import EXPORTERS, ExportedRun, Record, RowFormat
from promptlathe.prompts import render_messages
from tests.conftest import MakeRun

Exported = Callable[..., str]
STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def exported(make_run: MakeRun) -> Exported:
    """exported("csv", {"none": "cw?!"}, repeats=2, text="...") -> the whole file; the rest is `make_run`'s."""

    def export(name: RowFormat, letters: dict[str, str], *, repeats: int = 1, **options: object) -> str:
        run = make_run(letters, **options)
        cases = {case.id: case for case in run.cases}
        prompts = {prompt.name: prompt for prompt in run.prompts}
        records = [
            Record(
                replace(row, repeat=repeat),
                case := cases[row.case_id],
                render_messages(prompts[row.prompt], case.question, case.variables),
            )
            for row in run.rows
            for repeat in range(repeats)
        ]
        tallies: dict = {}
        for record in records:
            tallies.setdefault(record.row.subject, Counter())[record.row.outcome] += 1
        made = ExportedRun(run.summary, True, STARTED, STARTED, Sampling(), repeats, tallies)
        return "".join(EXPORTERS[name](made, records))

    return export
