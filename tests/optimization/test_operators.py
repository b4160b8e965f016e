"""Changes made without a model: what each one touches, and what it never does."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from promptlathe.optimization.candidates import Candidate, Proposal
from promptlathe.optimization.operators import (
    OPERATORS,
    BatteryProposer,
    SectionProposer,
    contrastive,
    keeps_frozen,
)
from promptlathe.optimization.search import Situation
from promptlathe.prompts import (
    DialectId,
    Example,
    Prompt,
    examples_body,
    library_prompt,
    parse,
    read_examples,
    render_messages,
    write,
)
from promptlathe.tasks.task import Task, get_task
from tests.optimization.simulated import TASK

HINTS = TASK.hints["en"]
TEXT = """# Role: Judge

## Profile
- Language: English

### Skills
- Reads slowly.

## Goals
- Say yes or no.

## Constraints
- Be brief.
- Be right.
- Be kind.

## OutputFormat
One word.

## Workflow
1. Read.
2. Think.
3. Answer.

## Initialization
Hello! Greet the user and introduce yourself.
"""
START = Prompt("start", parse(TEXT))
DECIMALS = get_task("decimal-comparison")


def situation(
    prompt: Prompt = START, *, task: Task = TASK, cases: int = 40, failed: Sequence[int] = ()
) -> Situation:
    propose = task.cases("propose", cases)
    candidate = Candidate.start(prompt)
    return Situation(
        task, candidate, propose, [(propose[i], "no") for i in failed], frozenset({prompt.digest})
    )


async def proposals(seen: Situation) -> list[Proposal]:
    return list(await SectionProposer().propose(seen, 1000))


async def by_operator(seen: Situation) -> dict[str, list[Proposal]]:
    found: dict[str, list[Proposal]] = {}
    for proposal in await proposals(seen):
        found.setdefault(proposal.operator, []).append(proposal)
    return found


def body(prompt: Prompt, name: str) -> str | None:
    section = prompt.document.section(name)
    return section.body if section else None


def changed_sections(before: Prompt, after: Prompt) -> set[str]:
    names = {section.name for prompt in (before, after) for section in prompt.document.sections}
    return {name for name in names if body(before, name) != body(after, name)}


CHANGES: list[tuple[str, str, str, Callable[[Prompt], object]]] = [
    (
        "output-format",
        "another way of asking for an answer that can be read",
        "OutputFormat",
        lambda prompt: body(prompt, "OutputFormat") == HINTS.output_formats[0],
    ),
    (
        "rules",
        "all rules that the task knows",
        "Constraints",
        lambda prompt: (
            body(prompt, "Constraints").splitlines()
            == ["- Be brief.", "- Be right.", "- Be kind.", *(f"- {rule}" for rule in HINTS.rules)]
        ),
    ),
    (
        "rules",
        f"the rule: {HINTS.rules[2]}",
        "Constraints",
        lambda prompt: body(prompt, "Constraints").splitlines()[3:] == [f"- {HINTS.rules[2]}"],
    ),
    (
        "workflow",
        "the steps that the task knows",
        "Workflow",
        lambda prompt: body(prompt, "Workflow") == "1. Read the question.\n2. Answer it.",
    ),
    (
        "shorten",
        "the first half of its lines",
        "Constraints",
        lambda prompt: body(prompt, "Constraints") == "- Be brief.\n- Be right.",
    ),
    (
        "api-initialization",
        "called by programs: no greeting",
        "Initialization",
        lambda prompt: "Do not introduce yourself" in body(prompt, "Initialization"),
    ),
    (
        "drop",
        "without Goals: is it worth its tokens?",
        "Goals",
        lambda prompt: prompt.document.section("Goals") is None,
    ),
    (
        "examples",
        "4 examples as turns of the conversation, the failing kinds first",
        "Examples",
        lambda prompt: prompt.examples == "messages" and len(read_examples(body(prompt, "Examples"))) == 4,
    ),
    (
        "examples",
        "8 examples as text, the failing kinds first",
        "Examples",
        lambda prompt: prompt.examples == "text" and len(read_examples(body(prompt, "Examples"))) == 8,
    ),
]


@pytest.mark.parametrize(("operator", "reason", "section", "is_so"), CHANGES)
async def test_an_operator_changes_its_section_and_no_other(
    operator: str, reason: str, section: str, is_so: Callable[[Prompt], object]
) -> None:
    made = [
        one.prompt
        for one in (await by_operator(situation()))[operator]
        if one.reason == reason and one.section == section
    ]
    assert [bool(is_so(prompt)) for prompt in made].count(True) == 1
    for prompt in made:
        assert changed_sections(START, prompt) == {section}
        assert prompt.name == "start"


async def test_every_section_is_dropped_once_the_longest_first() -> None:
    dropped = [made.section for made in (await by_operator(situation()))["drop"]]
    lengths = {section.name: len(section.source) for section in START.document.sections}
    assert dropped == sorted(lengths, key=lambda name: -lengths[name])


async def test_a_section_is_moved_to_the_end_and_says_the_same() -> None:
    seen = situation()
    made = {one.section: one.prompt for one in (await by_operator(seen))["format-last"]}
    assert set(made) == {"OutputFormat", "Constraints"}
    for name, prompt in made.items():
        assert prompt.document.sections[-1].name == name
        assert changed_sections(START, prompt) == set()


async def test_the_flat_form_says_the_same_without_headings() -> None:
    (made,) = (await by_operator(situation()))["flatten"]
    assert made.section is None
    assert "#" not in made.prompt.document.text
    assert "Be brief." in made.prompt.document.text
    assert made.prompt.document.text.startswith("1.")


async def test_examples_are_turned_round() -> None:
    pairs = [Example(f"question {number}?", "yes") for number in range(3)]
    prompt = replace(START, document=START.document.with_section("Examples", examples_body(pairs, "en")))
    (made,) = (await by_operator(situation(prompt)))["example-order"]
    assert list(read_examples(body(made.prompt, "Examples"))) == pairs[::-1]


async def test_the_operators_take_turns() -> None:
    first = [made.operator for made in await SectionProposer().propose(situation(), len(OPERATORS) - 1)]
    names = [
        operator.__name__.replace("_", "-") for operator in OPERATORS if operator.__name__ != "example_order"
    ]
    assert first == names


async def test_what_was_tried_is_not_proposed_again_and_nothing_is_there_twice() -> None:
    seen = situation()
    made = await proposals(seen)
    digests = [one.prompt.digest for one in made]
    assert len(set(digests)) == len(digests)
    assert seen.incumbent.prompt.digest not in digests
    again = await proposals(replace(seen, tried=seen.tried | set(digests[:10])))
    assert [one.prompt.digest for one in again] == digests[10:] or set(digests[:10]).isdisjoint(
        one.prompt.digest for one in again
    )
    assert await proposals(replace(seen, tried=seen.tried | set(digests))) == []


@pytest.mark.parametrize("name", [section.name for section in START.document.sections])
async def test_a_frozen_section_never_changes(name: str) -> None:
    frozen = replace(START, frozen=(name,))
    made = await proposals(situation(frozen))
    assert made
    for one in made:
        assert body(one.prompt, name) == body(START, name), one.operator
        assert one.prompt.frozen == (name,)
    assert await BatteryProposer().propose(situation(frozen), 100) == ()


async def test_frozen_examples_keep_the_way_they_are_sent() -> None:
    pairs = [Example(f"question {number}?", "yes") for number in range(3)]
    document = START.document.with_section("Examples", examples_body(pairs, "en"))
    prompt = replace(START, document=document, frozen=("Examples",), examples="messages")
    for one in await proposals(situation(prompt)):
        assert one.operator not in ("examples", "example-order")
        assert render_messages(one.prompt, "?", {})[1:] == render_messages(prompt, "?", {})[1:]
    assert not keeps_frozen(prompt, replace(prompt, examples="text"))
    assert not keeps_frozen(prompt, replace(prompt, document=document.without_section("Examples")))


@pytest.mark.parametrize("text", ["", "Answer the question.", "回答问题。"])
async def test_a_prompt_without_sections_gets_some(text: str) -> None:
    found = await by_operator(situation(Prompt("plain", parse(text)), task=DECIMALS))
    assert set(found) == {"examples", "output-format", "rules", "workflow"}
    for made in found.values():
        assert all(one.prompt.document.text.startswith(text) for one in made)
        assert all(one.prompt.document.section(one.section) for one in made)


async def test_a_chinese_prompt_is_improved_in_chinese() -> None:
    prompt = library_prompt("decimal-expert")
    hints = DECIMALS.hints["zh"]
    found = await by_operator(situation(prompt, task=DECIMALS))
    assert [body(one.prompt, "OutputFormat") for one in found["output-format"]] == list(hints.output_formats)
    assert all(rule in found["rules"][0].prompt.document.text for rule in hints.rules)
    assert "问：" in body(found["examples"][0].prompt, "Examples")


async def test_a_task_in_one_language_helps_prompts_in_another() -> None:
    found = await by_operator(situation(Prompt("zh", parse("# 角色：裁判\n\n## 约束\n- 简短。\n"))))
    assert HINTS.rules[0] in found["rules"][0].prompt.document.text


async def test_a_task_without_hints_still_has_examples_and_the_prompt_itself() -> None:
    found = await by_operator(situation(task=replace(TASK, hints={})))
    assert {"examples", "drop", "shorten"} <= set(found)
    assert {"rules", "workflow", "output-format"}.isdisjoint(found)


@pytest.mark.parametrize("dialect", ["role", "bullet", "flat", "plain", "json-nested", "json-flat"])
async def test_any_dialect_is_changed_in_its_own_way(dialect: DialectId) -> None:
    prompt = Prompt("start", parse(write(START.document, dialect).text))
    found = await by_operator(situation(prompt))
    assert {"examples", "output-format", "workflow", "drop"} <= set(found)
    for made in (*found["output-format"], *found["workflow"]):
        assert made.prompt.document.layout.kind == prompt.document.layout.kind
        assert changed_sections(prompt, made.prompt) == {made.section}


def test_examples_come_from_what_fails_first_one_of_a_cluster() -> None:
    propose = DECIMALS.cases("propose", 100)
    failing = [index for index, case in enumerate(propose) if case.stratum == "negative"]
    chosen = contrastive(situation(task=DECIMALS, cases=100, failed=failing), 8)
    assert chosen[0].stratum == "negative"
    assert len({case.cluster for case in chosen}) == len(chosen) == 8
    assert len({case.stratum for case in chosen}) > 4
    assert len({case.expected for case in chosen}) > 1


async def test_fewer_cases_than_examples_are_no_proposal() -> None:
    found = await by_operator(situation(cases=3))
    counts = {len(read_examples(body(one.prompt, "Examples"))) for one in found["examples"]}
    assert counts == {2}


async def test_the_battery_is_for_the_start_and_its_own_forms() -> None:
    seen = situation()
    made = await BatteryProposer().propose(seen, 100)
    assert {"none", "direct-en", "answer-line-en", "flat-en", "text-8", "turns-2"} <= {
        one.operator for one in made
    }
    assert all(one.section is None for one in made)
    assert len(await BatteryProposer().propose(seen, 3)) == 3
    won = replace(seen.incumbent, parent=seen.incumbent, operator="turns-2")
    assert [one.operator for one in await BatteryProposer().propose(replace(seen, incumbent=won), 100)] == [
        one.operator for one in made
    ]
    worked_on = replace(won, operator="rules", section="Rules")
    assert await BatteryProposer().propose(replace(seen, incumbent=worked_on), 100) == ()
    rest = await BatteryProposer().propose(replace(seen, tried=frozenset({made[0].prompt.digest})), 100)
    assert [one.operator for one in rest] == [one.operator for one in made[1:]]
