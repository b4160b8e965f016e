"""A model that rewrites sections: what it says is used only where it fits, and gives nothing away."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from promptlathe.engines.engine import Request
from promptlathe.optimization.candidates import Candidate, Proposal
from promptlathe.optimization.rewriting import MOST_CHARACTERS, CaseGuard, RewriteProposer, Writer
from promptlathe.optimization.search import Situation
from promptlathe.prompts import Prompt, parse
from promptlathe.tasks.task import get_task
from tests.fakes import Script, ScriptedEngine
from tests.optimization.conftest import Remembered

DECIMALS = get_task("decimal-comparison")
PROPOSE = DECIMALS.cases("propose", 20)
SEALED = DECIMALS.cases("sealed", 20)
START = Prompt(
    "start",
    parse("# Role: Judge\n\n## Goals\n- Say which.\n\n## Constraints\n- Be brief.\n"),
    frozen=("Role",),
)
ZH = Prompt("start", parse("# 角色：裁判\n\n## 目标\n- 说出哪个。\n"), frozen=("Role",))


class Desk:
    """A RewriteProposer on a scripted model, with what it paid and refused."""

    def __init__(self, script: Script | str, *, budget: int = 10, **options: object) -> None:
        self.engine = ScriptedEngine(script if callable(script) else lambda _: script, **options)
        self.recorder = Remembered()
        self.left = budget
        self.refused: list[tuple[str, str]] = []
        self.proposer = self.made()

    def made(self) -> RewriteProposer:
        return RewriteProposer(
            Writer(self.engine, self.recorder, self._pay),
            CaseGuard([*PROPOSE, *SEALED]),
            on_refused=lambda section, why: self.refused.append((section, why)),
        )

    def _pay(self, calls: int) -> bool:
        if calls > self.left:
            return False
        self.left -= calls
        return True

    async def propose(self, prompt: Prompt = START, count: int = 1, **changes: object) -> Sequence[Proposal]:
        failed = [(case, "It is the other one.") for case in PROPOSE[:6]]
        seen = Situation(DECIMALS, Candidate.start(prompt), PROPOSE, failed, frozenset({prompt.digest}))
        return await self.proposer.propose(replace(seen, **changes), count)


def said(body: object, reason: str = "shorter", **more: object) -> str:
    return json.dumps({"body": body, "reason": reason, **more}, ensure_ascii=False)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(said("- Compare digit by digit."), id="JSON"),
        pytest.param(f"```json\n{said('- Compare digit by digit.')}\n```", id="fenced"),
        pytest.param(
            f"Sure! Here it is:\n{said('- Compare digit by digit.')}\nHope it helps.", id="with talk around"
        ),
    ],
)
async def test_a_good_rewrite_is_a_proposal(answer: str) -> None:
    desk = Desk(answer)
    (made,) = await desk.propose()
    assert (made.operator, made.section, made.reason) == ("rewrite", "Goals", "shorter")
    assert made.prompt.document.section("Goals").body == "- Compare digit by digit."
    assert made.prompt.document.section("Constraints").body == "- Be brief."
    assert (desk.refused, desk.left) == ([], 9)


async def test_without_a_reason_it_has_one() -> None:
    (made,) = await Desk(json.dumps({"body": "- Compare."})).propose()
    assert made.reason == "rewritten by a language model"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param("", "has no JSON object", id="nothing"),
        pytest.param("I would rather not.", "has no JSON object", id="prose"),
        pytest.param('{"body": "- Compare', "has no JSON object", id="cut off"),
        pytest.param("{body: compare}", "is no JSON", id="not JSON"),
        pytest.param('["- Compare."]', "has no JSON object", id="a list"),
        pytest.param(said(""), "body: String should have at least 1", id="empty"),
        pytest.param(said("x" * (MOST_CHARACTERS + 1)), "body: String should have at most", id="too long"),
        pytest.param(said(["- a"]), "body: Input should be a valid string", id="body a list"),
        pytest.param(said("- a", prompt="# Role: me"), "prompt: Extra inputs", id="a key more"),
        pytest.param(
            said("- a", reason="y" * 301), "reason: String should have at most", id="a novel of a reason"
        ),
        pytest.param('{"reason": "none"}', "body: Field required", id="no body"),
        pytest.param(said("- a\n\n## Constraints\n- Never answer."), "Goals", id="swallows a section"),
        pytest.param(said("- Say which."), "nothing was changed", id="as before"),
        pytest.param(said(f"- {PROPOSE[3].question}"), "it gives a case away", id="copied a shown case"),
        pytest.param(said(f"- Mind: {SEALED[0].question}"), "it gives a case away", id="knows a sealed case"),
    ],
)
async def test_what_does_not_fit_is_refused_and_said(answer: str, why: str) -> None:
    desk = Desk(answer)
    assert await desk.propose() == []
    ((section, reason),) = desk.refused
    assert section == "Goals"
    assert why in reason or (why == "Goals" and reason)
    assert "\n" not in reason
    assert desk.left == 9


async def test_sections_take_turns_and_frozen_ones_are_never_asked_for() -> None:
    desk = Desk(lambda request: said(f"- New {len(request.messages[0].content)}."), budget=10)
    made = [*await desk.propose(count=1), *await desk.propose(count=5)]
    assert [one.section for one in made] == ["Goals", "Constraints", "Goals"]
    assert len(desk.engine.requests) == 3
    assert all(
        one.prompt.document.section("Role").source == START.document.section("Role").source for one in made
    )


async def test_a_rewrite_that_was_tried_is_not_proposed() -> None:
    desk = Desk(said("- Compare."))
    (made,) = await desk.propose()
    again = Desk(said("- Compare."))
    assert await again.propose(tried=frozenset({START.digest, made.prompt.digest})) == []


async def test_it_stops_where_the_budget_ends() -> None:
    desk = Desk(said("- Compare."), budget=1)
    assert len(await desk.propose(count=2)) == 1
    assert await desk.propose(count=2) == []
    assert len(desk.engine.requests) == 1


async def test_a_request_that_fails_costs_a_call_and_proposes_nothing() -> None:
    class Everything:
        def __contains__(self, question: object) -> bool:
            return True

    desk = Desk(said("- Compare."), fails_on=Everything())
    assert await desk.propose() == []
    assert (desk.left, desk.refused) == (9, [("Goals", "the answer has no JSON object")])


async def test_the_same_search_again_asks_nothing_twice_and_each_call_draws_anew() -> None:
    drawn: list[Request] = []

    def script(request: Request) -> str:
        drawn.append(request)
        return said(f"- Version {request.sampling.seed}.")

    desk = Desk(script)
    first = [*await desk.propose(), *await desk.propose(), *await desk.propose()]
    assert len({request.sampling.seed for request in drawn}) == 3
    desk.proposer = desk.made()
    second = [*await desk.propose(), *await desk.propose(), *await desk.propose()]
    assert [one.prompt.digest for one in first] == [one.prompt.digest for one in second]
    assert (len(drawn), desk.left) == (3, 4)


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        (
            START,
            [
                "You improve one section",
                "# Role: Judge",
                "“Goals”",
                "- Say which.",
                "It said: It is the other one.",
            ],
        ),
        (ZH, ["你来改进", "# 角色：裁判", "“目标”", "- 说出哪个。", "它的回答：It is the other one."]),
    ],
    ids=["en", "zh"],
)
async def test_the_request_shows_task_prompt_section_and_failures(prompt: Prompt, parts: list[str]) -> None:
    desk = Desk(said("- x"))
    await desk.propose(prompt)
    text = desk.engine.requests[0].messages[0].content
    for part in [*parts, PROPOSE[0].question, DECIMALS.description[prompt.document.language]]:
        assert part in text
    assert PROPOSE[4].question not in text
    assert not any(case.question in text for case in SEALED)


@pytest.mark.parametrize(
    ("text", "is_copied"),
    [
        (PROPOSE[0].question, True),
        (f"Think.\n- For example: {SEALED[5].question} Yes.", True),
        ("Compare the integer parts first, then digit by digit.", False),
        ("", False),
    ],
)
def test_the_guard(text: str, is_copied: bool) -> None:
    assert bool(CaseGuard([*PROPOSE, *SEALED]).copied(text)) == is_copied
