"""Smoke cases: the file, the check, and those of the library."""

import pytest

from promptlathe.errors import PromptError
from promptlathe.prompts import library_names, library_prompt, render_messages
from promptlathe.prompts.library import library_smoke_cases
from promptlathe.prompts.lint import lint
from promptlathe.prompts.smoke import SmokeCase, read_smoke_cases

SEEDS = {"decimal-expert", "math-teacher"}
"""Kept as they were published, faults and all; tests/prompts/test_lint.py says which. NAME-zh is ours."""
KINDS = {
    "decimal-expert",
    "math-teacher",
    "translator",
    "code-reviewer",
    "structured-extractor",
    "summariser",
    "sql-writer",
    "customer-service",
    "interviewer",
    "story-writer",
    "letter-counter",
    "prompt-generator",
}


def test_the_library_has_every_kind_in_both_languages() -> None:
    assert {*library_names()} >= KINDS | {f"{kind}-en" for kind in KINDS}
    for kind in KINDS:
        assert library_prompt(f"{kind}-zh" if kind in SEEDS else kind).document.language == "zh"
        assert library_prompt(f"{kind}-en").document.language == "en"


@pytest.mark.parametrize("name", sorted({*library_names()} - SEEDS))
def test_library_prompts_lint_clean(name: str) -> None:
    assert lint(library_prompt(name)) == ()


@pytest.mark.parametrize("name", library_names())
def test_library_prompts_have_smoke_cases_that_render_and_can_fail(name: str) -> None:
    cases = library_smoke_cases(name)
    assert len(cases) >= 2
    for case in cases:
        messages = render_messages(library_prompt(name), case.input, case.variables)
        assert "{{" not in messages[0].content
        assert case.failures("")


@pytest.mark.parametrize(
    ("answer", "failures"),
    [
        ("The Answer: 3", ()),
        ("answer: 4", ("does not match 3$",)),
        ("3", ("lacks 'answer'",)),
        ("answer sorry 3", ("has 'Sorry'",)),
    ],
)
def test_failures(answer: str, failures: tuple[str, ...]) -> None:
    case = SmokeCase(input="q", contains=("answer",), lacks=("Sorry",), matches="3$")
    assert case.failures(answer) == failures


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cases: []", "c.yaml: cases: "),
        ("cases: [{input: a, contain: [b]}]", "c.yaml: cases.0.contain: "),
        ("cases: [{input: a, matches: '('}]", "c.yaml: cases.0.matches: "),
        ("cases: [", "c.yaml: not YAML"),
        ("", "c.yaml: "),
    ],
)
def test_a_wrong_file_is_one_clear_line(text: str, message: str) -> None:
    with pytest.raises(PromptError, match=message.replace(".", r"\.")) as caught:
        read_smoke_cases(text, path="c.yaml")
    assert "\n" not in str(caught.value)
