"""JUnit XML: valid by its schema, and read by a reader of CI systems."""

from pathlib import Path

import pytest
import xmlschema
from junitparser import Error, Failure, JUnitXml

from tests.evaluation.exports.conftest import Exported

SCHEMA = xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))
NASTY = "]]> <b a='\"'>&amp; \x00\x08\x1b \ufffe \ud83d é \U0001f600 \u2028 </system-out>"


@pytest.mark.parametrize("text", ["", NASTY, "是" * 10_000])
@pytest.mark.parametrize("letters", [{}, {"a": "-"}, {"a": "cw?!", f"b{NASTY}": "c"}])
def test_it_is_valid(exported: Exported, letters: dict[str, str], text: str) -> None:
    SCHEMA.validate(exported("junit", letters, count=4, text=text, question=text or None))


def test_a_reader_finds_suites_and_outcomes(exported: Exported) -> None:
    document = JUnitXml.fromstring(
        exported("junit", {"none": "cw?!", "v1.2": "cc"}, repeats=2, count=4).encode()
    )
    none, other = document
    assert (none.name, none.tests, none.failures, none.errors) == ("none · tiny", 8, 4, 2)
    assert (other.name, other.tests, other.failures, other.errors) == ("v1.2 · tiny", 8, 0, 0)
    assert none.timestamp == "2026-01-02T03:04:05"
    assert {found.name: found.value for found in none.properties()} == {"prompt": "none", "model": "tiny"}
    right, again, wrong, _, unparsed, _, failed, _ = none
    assert right.is_passed
    assert (right.time, again.name) == (0.1, f"{right.name} (repeat 2)")
    assert [type(case.result[0]) for case in (wrong, unparsed, failed)] == [Failure, Failure, Error]
    assert [case.result[0].type for case in (wrong, unparsed, failed)] == ["wrong", "unparsed", "error"]
    assert wrong.result[0].message.startswith("expected ")
    assert "no choice" in unparsed.result[0].message
    assert failed.result[0].message == "too long"
    assert "assistant: The answer is" in right.system_out
    assert "system: # Role" in right.system_out
    assert next(iter(other)).classname.startswith("v1_2.tiny.")


def test_no_two_cases_share_class_and_name(exported: Exported) -> None:
    document = JUnitXml.fromstring(exported("junit", {"a": "cw", "b": "c"}, repeats=3, count=20).encode())
    names = [(case.classname, case.name) for suite in document for case in suite]
    assert len(set(names)) == len(names) == 120


def test_what_xml_cannot_hold_is_replaced(exported: Exported) -> None:
    (suite,) = JUnitXml.fromstring(exported("junit", {"a": "c"}, count=1, text="a\x00b\x1bc").encode())
    assert "assistant: a\ufffdb\ufffdc" in next(iter(suite)).system_out
