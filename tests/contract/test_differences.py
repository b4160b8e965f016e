"""The documents list the same differences between back-ends as the tests allow."""

import re
from pathlib import Path

import pytest

from tests.contract.differences import MISSING

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_documents_name_every_difference(language: str) -> None:
    text = (DOCS / language / "serve.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"
    ]
    (columns,) = [row[1:] for row in rows if row[0] == "" and row[1:] == list(MISSING)]
    refused = {
        (name, backend)
        for row in rows
        if (found := re.match(r"`(\w+)`", row[0])) and len(row) == len(columns) + 1
        for name in found.groups()
        for backend, cell in zip(columns, row[1:], strict=True)
        if cell == "400"
    }
    assert refused == {(name, backend) for backend, missing in MISSING.items() for name in missing}
