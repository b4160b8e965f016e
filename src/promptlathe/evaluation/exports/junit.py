"""JUnit XML, as Jenkins' schema `junit-10.xsd` has it: what CI systems show as test results."""

import re
from collections.abc import Iterable, Iterator
from io import StringIO
from itertools import groupby
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

from promptlathe.evaluation.answers import Subject
from promptlathe.evaluation.exports.record import ExportedRun, Record

_NO_XML_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(run: ExportedRun, records: Iterable[Record]) -> Iterator[str]:
    """A suite for each prompt and model, a test case for each record.

    Wrong and unparsed answers are failures, of that type; requests without an answer are errors. What was asked
    and said stands in `system-out`. Characters that XML cannot hold become U+FFFD.
    """
    written = StringIO()
    xml = XMLGenerator(written, encoding="utf-8")
    xml.startDocument()
    _start(xml, "testsuites", name=f"{run.summary.task} {run.summary.run_id}")
    for subject, group in groupby(records, key=lambda record: record.row.subject):
        _start_suite(xml, run, subject)
        for record in group:
            _case(xml, record)
            yield written.getvalue()
            written.seek(0)
            written.truncate()
        xml.endElement("testsuite")
    xml.endElement("testsuites")
    yield written.getvalue() + "\n"


def _start_suite(xml: XMLGenerator, run: ExportedRun, subject: Subject) -> None:
    tally = run.tallies[subject]
    _start(
        xml,
        "testsuite",
        name=" · ".join(subject),
        tests=str(sum(tally.values())),
        failures=str(tally.get("wrong", 0) + tally.get("unparsed", 0)),
        errors=str(tally.get("error", 0)),
        skipped="0",
        timestamp=f"{run.started_at:%Y-%m-%dT%H:%M:%S}",
    )
    _start(xml, "properties")
    for name, value in subject._asdict().items():
        _element(xml, "property", name=name, value=value)
    xml.endElement("properties")


def _case(xml: XMLGenerator, record: Record) -> None:
    """Programs that know no suites tell test cases apart by class: the class has prompt and model in it."""
    row, case, response, grade = record.row, record.case, record.row.response, record.row.grade
    name = f"{case.id} (repeat {row.repeat + 1})" if row.repeat else case.id
    classes = (*row.subject, case.stratum)
    class_name = ".".join(part.replace(".", "_") for part in classes)
    time = {"time": f"{response.seconds:.3f}"} if response else {}
    _start(xml, "testcase", name=name, classname=class_name, **time)
    if grade is None:
        _element(xml, "error", type="error", message=row.error or "")
    elif not row.is_correct:
        found = grade.answer if grade.answer is not None else grade.reason or "nothing"
        message = f"expected {case.expected}, found {found}"
        _element(xml, "failure", case.question, type=row.outcome, message=message)
    turns = [f"{message.role}: {message.content}" for message in record.messages]
    answer = [f"assistant: {response.text}"] if response else []
    _element(xml, "system-out", "\n\n".join(turns + answer))
    xml.endElement("testcase")


def _element(xml: XMLGenerator, tag: str, text: str = "", **attributes: str) -> None:
    _start(xml, tag, **attributes)
    xml.characters(_clean(text))
    xml.endElement(tag)


def _start(xml: XMLGenerator, tag: str, **attributes: str) -> None:
    xml.startElement(tag, AttributesImpl({name: _clean(value) for name, value in attributes.items()}))


def _clean(text: str) -> str:
    return _NO_XML_CHARACTER.sub("\ufffd", text)
