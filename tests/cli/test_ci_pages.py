"""The pages about continuous integration: their commands are ones that lathe has, in both languages alike."""

import io
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from promptlathe.cli.thresholds import BELOW_THRESHOLD, INCOMPLETE, REGRESSION
from tests.cli.conftest import Lathe

PAGES = [Path(__file__).parents[2] / "docs" / language / "ci.md" for language in ("en", "zh")]


def workflow(page: Path) -> dict[str, object]:
    (block,) = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return YAML(typ="safe").load(io.StringIO(block))


def scripts(page: Path) -> list[str]:
    return [step["run"] for step in workflow(page)["jobs"]["measure"]["steps"] if "run" in step]


def test_both_languages_run_the_same() -> None:
    english, chinese = map(scripts, PAGES)
    assert english == chinese
    assert sum("lathe eval" in script for script in english) == 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_every_option_and_exit_code_is_one_that_there_is(
    page: Path, lathe_anywhere: Lathe, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = page.read_text(encoding="utf-8")
    monkeypatch.setenv("COLUMNS", "200")
    known = "".join(lathe_anywhere(command, "--help")[1] for command in ("eval", "compare"))
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
    assert {"--fail-under", "--no-regression-from", "--margin"} <= options
    assert {option for option in options if option not in known} == set()
    codes = [int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)]
    assert codes == [0, INCOMPLETE, 2, BELOW_THRESHOLD, REGRESSION, 130]
