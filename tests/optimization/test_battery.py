"""The battery: forms of asking, from the task's own hints and propose cases."""

from dataclasses import replace

from promptlathe.optimization.battery import EXAMPLE_COUNTS, battery
from promptlathe.prompts import read_examples, render_messages
from promptlathe.tasks.task import Hints, get_task
from tests.optimization.simulated import TASK, cases

DECIMALS = get_task("decimal-comparison")


def test_each_language_has_its_instructions_and_each_count_its_examples() -> None:
    prompts = {prompt.name: prompt for prompt in battery(DECIMALS, DECIMALS.cases("propose", 100))}
    forms = {f"{form}-{language}" for form in ("direct", "answer-line", "flat") for language in ("en", "zh")}
    shown = {f"{form}-{count}" for form in ("text", "turns") for count in EXAMPLE_COUNTS}
    assert set(prompts) == {"none"} | forms | shown
    assert prompts["none"].document.instructions == ""
    for language in ("en", "zh"):
        hints = DECIMALS.hints[language]
        assert prompts[f"answer-line-{language}"].document.instructions == hints.output_formats[0]
        assert all(rule in prompts[f"flat-{language}"].document.text for rule in hints.rules)
        assert prompts[f"flat-{language}"].document.sections


def test_examples_are_propose_cases_one_of_a_cluster_and_as_turns_or_text() -> None:
    propose = DECIMALS.cases("propose", 100)
    prompts = {prompt.name: prompt for prompt in battery(DECIMALS, propose)}
    by_question = {case.question: case for case in propose}
    pairs = read_examples(prompts["text-8"].document.section("Examples").body)
    chosen = [by_question[pair.user] for pair in pairs]
    assert [pair.assistant for pair in pairs] == [case.expected for case in chosen]
    assert len({case.cluster for case in chosen}) == 8
    turns = render_messages(prompts["turns-8"], "And now?", {})
    assert [message.role for message in turns] == ["system", *["user", "assistant"] * 8, "user"]
    assert [message.role for message in render_messages(prompts["text-8"], "And now?", {})] == [
        "system",
        "user",
    ]


def test_few_cases_or_no_hints_make_a_shorter_battery() -> None:
    few = {prompt.name for prompt in battery(TASK, cases("propose", 4, seed=0))}
    assert few == {"none", "direct-en", "answer-line-en", "flat-en", "text-2", "turns-2", "text-4", "turns-4"}
    bare = {prompt.name for prompt in battery(replace(TASK, hints={"en": Hints()}), ())}
    assert bare == {"none"}
