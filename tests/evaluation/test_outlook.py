"""What is said before a run, in both languages."""

from dataclasses import replace

import pytest

from promptlathe.evaluation.outlook import outlook
from promptlathe.statistics.power import paired_power
from promptlathe.tasks.task import get_task
from tests.scripted import TASK

PAIRED = get_task(TASK).cases("select", 400)
ALONE = tuple(replace(case, cluster=case.id) for case in PAIRED)


@pytest.mark.parametrize(
    ("count", "comparisons", "english", "chinese"),
    [
        (
            200,
            1,
            "With 200 cases a gain from 50% to 65% will be shown with probability 80%",
            "从 50% 到 65% 的",
        ),
        (200, 1, "; 50% to 70% needs about 100, 70% to 80% needs about 310.", "从 70% 到 80% 约需 310 题。"),
        (200, 5, "a gain from 50% to 68% will be shown", "从 50% 到 68%"),
        (6, 1, "6 cases are too few to show any gain over 50%", "6 题太少"),
        (100, 0, "known to about 10 points either way.", "约正负 10 个百分点。"),
    ],
)
def test_what_a_run_can_show(count: int, comparisons: int, english: str, chinese: str) -> None:
    assert english in outlook(ALONE[:count], comparisons, "en")
    assert chinese in outlook(ALONE[:count], comparisons, "zh")


def test_the_gain_that_is_named_has_the_power_that_is_named() -> None:
    """Rounded up to whole points."""
    for gain, alpha in ((0.15, 0.05), (0.18, 0.01)):
        assert paired_power(200, 0.5, 0.5 + gain, alpha=alpha) >= 0.8
        assert paired_power(200, 0.5, 0.49 + gain, alpha=alpha) < 0.8


@pytest.mark.parametrize("comparisons", [0, 2])
def test_clusters_are_mentioned_where_there_are_any(comparisons: int) -> None:
    assert "As few as 200 of the 400" in outlook(PAIRED, comparisons, "en")
    assert "400 题最少只相当于 200 题" in outlook(PAIRED, comparisons, "zh")
    assert "As few as" not in outlook(ALONE, comparisons, "en")
