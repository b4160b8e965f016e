"""JSON and JSON lines: the row, its messages, and the summary."""

import json

import pytest

from tests.evaluation.exports.conftest import Exported

NASTY = 'a\u2028b\u2029c\x00"\\\n</script>\x85是'


@pytest.mark.parametrize("text", ["yes", NASTY])
def test_each_line_is_one_row_with_its_messages(exported: Exported, text: str) -> None:
    lines = exported("jsonl", {"none": "c", "other": "!"}, count=2, text=text).split("\n")
    assert lines.pop() == ""
    found = [json.loads(line) for line in lines]
    assert [row["prompt"] for row in found] == ["none", "none", "other", "other"]
    first = found[0]
    assert first["text"] == text
    assert [message["role"] for message in first["messages"]] == ["system", "user"]
    assert first["messages"][1]["content"] == first["question"]
    assert first["expected"] in first["options"]
    assert first["variables"]["a"]
    assert (found[3]["verdict"], found[3]["error"], found[3]["text"], found[3]["seconds"]) == (
        "error",
        text,
        None,
        None,
    )


def test_the_document_has_the_summary_and_the_same_rows(exported: Exported) -> None:
    document = json.loads(exported("json", {"none": "cw?!"}, repeats=2, count=4))
    rows = [json.loads(line) for line in exported("jsonl", {"none": "cw?!"}, repeats=2, count=4).splitlines()]
    assert document["rows"] == rows
    assert [row["repeat"] for row in rows] == [0, 1] * 4
    assert document["summary"]["prompts"][0]["total"]["cases"] == 3
    assert document["summary"]["run_id"] == rows[0]["run"]


def test_a_run_without_answers_is_a_document_too(exported: Exported) -> None:
    assert json.loads(exported("json", {"none": "-"}))["rows"] == []
    assert exported("jsonl", {"none": "-"}) == ""
