"""The terminal table: fits 80 columns, says the summary's numbers, and never reads a name as markup."""

import io

import pytest
from rich.console import Console

from promptlathe.cli.tables import summary_table
from promptlathe.evaluation.numerals import p_value, percent, points


def _printed(run, language="en", width=80) -> str:
    written = io.StringIO()
    Console(file=written, width=width, no_color=True).print(summary_table(run.summary, language))
    return written.getvalue()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_fits_80_columns_and_says_the_summarys_numbers(make_run, language):
    run = make_run({"no-prompt": "cw", "decimal-expert-with-24-examples": "cccw?", "broken": "!"}, count=400)
    printed = _printed(run, language)
    assert "…" not in printed
    assert max(map(len, printed.splitlines())) <= 80
    for prompt in run.summary.prompts[:2]:
        assert percent(prompt.total.accuracy) in printed
    for made in run.summary.comparisons:
        assert points(made.paired.difference) in printed
        assert p_value(made.adjusted_p) in printed


def test_the_bar_marks_share_interval_and_chance(make_run):
    assert "......|.=O..." in _printed(make_run({"a": "cccw"}, count=400))
    assert "." * 13 in _printed(make_run({"a": "!"}))


def test_a_name_with_brackets_stays_a_name(make_run):
    assert "[red]a[/]" in _printed(make_run({"[red]a[/]": "c"}))
