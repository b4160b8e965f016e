"""Lint findings as a compiler prints them, as JSON, as SARIF 2.1.0 and as GitHub annotations."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal
from urllib.parse import quote

from promptlathe import __version__
from promptlathe.prompts.findings import Finding, Lines
from promptlathe.prompts.rules import RULES
from promptlathe.prompts.sections import Language

OutputFormat = Literal["text", "json", "sarif", "github"]

_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True, slots=True)
class Checked:
    """One file's findings; their offsets are in `text`. `fixed` is how many were mended before."""

    path: str
    text: str
    findings: tuple[Finding, ...]
    fixed: int = 0


def as_lines(checked: Checked, language: Language) -> Iterator[str]:
    lines = Lines(checked.text)
    for finding in checked.findings:
        line, column = lines.position(finding.start)
        fixable = " [*]" if finding.edits else ""
        yield (
            f"{checked.path}:{line}:{column}: {finding.severity} {finding.rule.code} "
            f"{finding.message(language)}{fixable}"
        )


def as_json(files: Sequence[Checked], language: Language) -> dict[str, object]:
    return {
        "version": 1,
        "files": [
            {
                "path": checked.path,
                "fixed": checked.fixed,
                "findings": [
                    _finding(Lines(checked.text), finding, language) for finding in checked.findings
                ],
            }
            for checked in files
        ],
    }


def _finding(lines: Lines, finding: Finding, language: Language) -> dict[str, object]:
    return {
        "code": finding.rule.code,
        "rule": finding.rule.name,
        "severity": finding.severity,
        "message": finding.message(language),
        **_region(lines, finding.start, finding.end),
        "fix": [
            {**_region(lines, edit.start, edit.end), "replacement": edit.replacement}
            for edit in finding.edits
        ]
        or None,
    }


def _region(lines: Lines, start: int, end: int) -> dict[str, int]:
    line, column = lines.position(start)
    end_line, end_column = lines.position(end)
    return {"line": line, "column": column, "end_line": end_line, "end_column": end_column}


def as_sarif(files: Sequence[Checked], language: Language) -> dict[str, object]:
    rules = [
        {
            "id": rule.code,
            "name": "".join(part.capitalize() for part in rule.name.split("-")),
            "shortDescription": {"text": rule.summary(language)},
            "defaultConfiguration": {"level": rule.severity},
        }
        for rule in RULES
    ]
    results = [
        _sarif_result(checked, Lines(checked.text), finding, language)
        for checked in files
        for finding in checked.findings
    ]
    driver = {"name": "lathe prompt lint", "semanticVersion": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _sarif_result(checked: Checked, lines: Lines, finding: Finding, language: Language) -> dict[str, object]:
    path = PurePath(checked.path)
    artifact = {"uri": path.as_uri() if path.is_absolute() else quote(path.as_posix())}
    location = {
        "physicalLocation": {
            "artifactLocation": artifact,
            "region": _sarif_region(lines, finding.start, finding.end),
        }
    }
    result: dict[str, object] = {
        "ruleId": finding.rule.code,
        "ruleIndex": RULES.index(finding.rule),
        "level": finding.severity,
        "message": {"text": finding.message(language)},
        "locations": [location],
    }
    if finding.edits:
        replacements = [
            {
                "deletedRegion": _sarif_region(lines, edit.start, edit.end),
                "insertedContent": {"text": edit.replacement},
            }
            for edit in finding.edits
        ]
        result["fixes"] = [
            {"artifactChanges": [{"artifactLocation": artifact, "replacements": replacements}]}
        ]
    return result


def _sarif_region(lines: Lines, start: int, end: int) -> dict[str, int]:
    region = _region(lines, start, end)
    return {
        "startLine": region["line"],
        "startColumn": region["column"],
        "endLine": region["end_line"],
        "endColumn": region["end_column"],
    }


def as_github(checked: Checked, language: Language) -> Iterator[str]:
    """Workflow commands, which GitHub Actions shows beside the lines of a pull request."""
    lines = Lines(checked.text)
    for finding in checked.findings:
        region = _region(lines, finding.start, finding.end)
        level = "notice" if finding.severity == "note" else finding.severity
        yield (
            f"::{level} file={_escaped(checked.path, is_property=True)},line={region['line']},"
            f"col={region['column']},endLine={region['end_line']},title={finding.rule.code}"
            f"::{_escaped(finding.message(language))}"
        )


def _escaped(text: str, *, is_property: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if is_property else text
