"""The shortcut past lines that are alike must not be seen in what is found."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlathe.prompts.scanning import Candidate, Scan

_LINES = [
    "- a", "* a", "1. a", "2. a", "3) a", "12. a", "  - a", "    - a", "      a", "a", "  a", "    a", "   1. a",
    "- 2. a", "```", "  ```", "~~~", "---", "===", "> a", "> - a", "", "# Goals", "  ## Rules", "- # Role",
    "\ta", "Goals: x", "#", "####### x", "#x", "-     a", "-     Goals: x", "1.     Goals: x",
    "1.      # a", ">     a", "> ```", "- ```", "a\r", "\t# a",
    "  ===", "--- ", "===\t", "- - -", "+", "*\ta", "     ", "```\r", "# X\r", "~~~ `", "a ```", "## Y\t",
]  # fmt: skip
texts = st.builds(
    str.__add__,
    st.sampled_from(["", "", "\ufeff"]),
    st.lists(st.tuples(st.sampled_from(_LINES), st.sampled_from([1, 1, 2, 3, 4, 7])), max_size=14).map(
        lambda parts: "\n".join(line for line, count in parts for _ in range(count))
    ),
)


class EveryLine(Scan):
    """As `Scan`, with all lines shown to the Markdown library."""

    def _take_out_fences(self) -> None:
        pass

    def _parts(self) -> tuple[list[int], list[tuple[int, int]]]:
        return [*range(len(self.starts))], []

    def _telling_lines(self, shown: Sequence[int]) -> list[int]:
        return [*shown]


def found(scan: Scan) -> list[list[Candidate]]:
    return [scan.headings(), *(scan.labels(kind) for kind in ("bullet", "flat", "plain"))]


@settings(max_examples=300)
@given(texts)
def test_lines_that_are_passed_over_make_no_difference(text: str) -> None:
    assert found(Scan(text)) == found(EveryLine(text))


@pytest.mark.parametrize("line", _LINES)
def test_no_line_is_taken_for_harmless_that_is_not(line: str) -> None:
    for text in (f"# A\n\n{line}\n# X\n", f"# A\na\n{line}\n## Rules\n- b\n\n# C\nRole: x\n"):
        assert found(Scan(text)) == found(EveryLine(text))


def test_fenced_code_at_the_margin_ends_a_list() -> None:
    text = "# A\n- a\n```\nb\n```\n  ## Motto\n"
    assert [heading.written for heading in Scan(text).headings()] == ["A", "Motto"]
    assert found(Scan(text)) == found(EveryLine(text))


@pytest.mark.slow
@settings(max_examples=20_000, deadline=None)
@given(texts)
def test_lines_that_are_passed_over_make_no_difference_in_many_texts(text: str) -> None:
    assert found(Scan(text)) == found(EveryLine(text))


@pytest.mark.parametrize("item", ["- item\n", "## Rules\n- item\n\nText, 1.5 of it.\n", "    - item\n"])
def test_most_of_a_long_text_is_passed_over(item: str) -> None:
    scan = Scan("# Role: X\n" + item * 1000 + "## Goals\n")
    assert len(scan._telling_lines(scan._parts()[0])) < 10
