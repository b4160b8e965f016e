"""The front of accuracy against tokens."""

import pytest

from promptlathe.optimization.front import front
from promptlathe.optimization.search import Standing

Given = tuple[str, int, int, float]


@pytest.mark.parametrize(
    ("given", "names"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([("a", 0, 0, 0.0)], [], id="not asked"),
        pytest.param(
            [("a", 50, 100, 90.0), ("b", 80, 100, 200.0)], ["b", "a"], id="each is best at something"
        ),
        pytest.param([("a", 80, 100, 90.0), ("b", 50, 100, 200.0)], ["a"], id="longer and worse"),
        pytest.param([("a", 80, 100, 90.0), ("b", 80, 100, 70.0)], ["b"], id="as good and shorter"),
        pytest.param([("a", 80, 100, 90.0), ("b", 48, 49, 10.0)], ["a"], id="hardly known"),
        pytest.param([("a", 80, 100, 90.0), ("b", 49, 50, 10.0)], ["b"], id="known well enough"),
    ],
)
def test_front(given: list[Given], names: list[str]) -> None:
    standings = [Standing(name, cases, right, 0, 0, 1.0, tokens) for name, right, cases, tokens in given]
    for order in (standings, standings[::-1]):
        assert [standing.name for standing in front(order)] == names
