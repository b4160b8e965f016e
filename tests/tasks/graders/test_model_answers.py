"""What the real embedded model says to open questions, and whether the number in it is found."""

import asyncio
import re

import pytest

from promptlathe.engines.choose import open_engine
from promptlathe.engines.engine import Answer, Request, Sampling
from promptlathe.messages import Message
from promptlathe.models.reference import Model
from promptlathe.tasks.case import Case
from promptlathe.tasks.task import get_task

PLAIN = re.compile(
    r'The letter "\w" (?:appears|occurs) (\d+) times? in the (?:word|phrase) "[a-z ]+[."]*|.* = (-?[\d.]*\d)\.?'
)
"""Answers that leave no doubt: the number is in the group."""


@pytest.fixture(scope="module")
def answers(embedded_model: Model) -> list[tuple[Case, str]]:
    cases = {
        case.id: case
        for name in ("letter-count", "school-math")
        for case in get_task(name).cases("select", 12, languages=["en"])
    }
    instruction = Message("system", "Answer with only the number.")
    engine = open_engine(embedded_model)

    async def ask() -> list[tuple[Case, str]]:
        requests = (
            Request(case.id, (instruction, Message("user", case.question)), Sampling(max_tokens=40))
            for case in cases.values()
        )
        outputs = [output async for output in engine.generate(requests)]
        return [(cases[output.request_id], output.text) for output in outputs if isinstance(output, Answer)]

    try:
        return asyncio.run(ask())
    finally:
        engine.close()


@pytest.mark.model
def test_every_real_answer_is_graded_and_plain_ones_as_they_stand(answers: list[tuple[Case, str]]) -> None:
    assert len(answers) == 24
    plain = 0
    for case, text in answers:
        grade = get_task("letter-count").grade(case, text)
        if match := PLAIN.fullmatch(text.strip()):
            plain += 1
            stated = match[1] or match[2]
            assert grade.verdict == ("correct" if float(stated) == float(case.expected) else "wrong"), text
        if grade.verdict == "correct":
            assert re.search(
                rf"(?<!\d){re.escape(case.expected)}|\bno\b|\bonce\b|\btwice\b|\bone\b|\btwo\b|\bthree\b",
                text,
            ), text
    assert plain >= 2
