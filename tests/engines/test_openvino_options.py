"""Holding the real embedded model to choices, and scoring them."""

from collections.abc import Iterable

import pytest

from promptlathe.engines.engine import Answer, Delta, Request, Sampling, Scored
from promptlathe.engines.openvino import OpenVinoEngine
from promptlathe.messages import Message
from promptlathe.models.reference import Model

pytestmark = pytest.mark.model

PREFIX = "You compare numbers. Answer with the larger number and nothing else. " * 12
PAIRS = [
    (f"{whole}.{left}", f"{whole}.{right}")
    for whole in (3, 13)
    for left, right in [(9, 11), (8, 13), (1, 11)]
]


@pytest.fixture(scope="module")
def engine(embedded_model: Model) -> OpenVinoEngine:
    return OpenVinoEngine(embedded_model)


def ask(question: str, *choices: str, system: str = PREFIX, **sampling: object) -> Request:
    messages = (Message("system", system), Message("user", question))
    return Request(f"{question} {choices}", messages, Sampling(**sampling), choices=choices)


QUESTIONS = [ask(f"Which is larger, {left} or {right}?", left, right) for left, right in PAIRS] + [
    ask(f"{left}和{right}哪个大？", left, right, "相等") for left, right in PAIRS
]


async def chosen(engine: OpenVinoEngine, requests: Iterable[Request]) -> dict[str, str]:
    got = [output async for output in engine.generate(requests)]
    assert all(isinstance(output, Answer) and output.finish_reason == "stop" for output in got)
    return {output.request_id: output.text for output in got}


async def scores(engine: OpenVinoEngine, requests: Iterable[Request]) -> dict[str, tuple[float, ...]]:
    got = [output async for output in engine.score(requests)]
    assert all(isinstance(output, Scored) for output in got)
    return {output.request_id: output.log_likelihoods for output in got}


@pytest.mark.parametrize(
    "choices",
    [
        ("13.1", "13.11"),
        ("13.11", "13.1"),
        ("相等", "13.8"),
        ("相等",),
        (" 13.8", " 13.11"),
        ('say "no" \\ [x] (y)*\n.', "|"),
        ("a", "ab", "abc", "abcd"),
        ("-3.05", "- 3.05", "−3.05"),
        ("😀", "👩‍👩‍👧"),
        ("tab\there", "don 't ."),
    ],
)
async def test_the_answer_is_one_of_the_choices_to_the_letter(
    engine: OpenVinoEngine, choices: tuple[str, ...]
) -> None:
    for only in [(choice,) for choice in choices] + [choices]:
        ((_, answer),) = (
            await chosen(engine, [ask("Which one?", *only, max_tokens=1, stop=("1", "a"))])
        ).items()
        assert answer in only


async def test_a_choice_does_not_depend_on_the_batch(engine: OpenVinoEngine, embedded_model: Model) -> None:
    free = [ask(f"Count to {number}.", max_tokens=20) for number in range(4)]
    together = [output async for output in engine.generate([*QUESTIONS, *free])]
    texts = {output.request_id: output.text for output in together if isinstance(output, Answer)}
    assert {texts[request.id] in request.choices for request in QUESTIONS} == {True}
    assert len({texts[request.id] for request in QUESTIONS}) > 3
    fresh = OpenVinoEngine(embedded_model)
    for request in QUESTIONS:
        assert (await chosen(fresh, [request]))[request.id] == texts[request.id]


async def test_a_choice_can_be_streamed_and_drawn(engine: OpenVinoEngine) -> None:
    drawn = set()
    for seed in range(8):
        request = ask("Name a number.", "13.8", "13.11", "7", temperature=2.0, seed=seed)
        *deltas, answer = [
            o
            async for o in engine.generate(
                [Request(request.id, request.messages, request.sampling, True, request.choices)]
            )
        ]
        assert isinstance(answer, Answer)
        assert "".join(delta.text for delta in deltas if isinstance(delta, Delta)) == answer.text
        drawn.add(answer.text)
    assert 1 < len(drawn) <= 3


async def test_a_score_does_not_depend_on_the_batch_or_on_what_was_asked_before(
    embedded_model: Model, engine: OpenVinoEngine
) -> None:
    together = await scores(OpenVinoEngine(embedded_model), QUESTIONS)
    assert len(set(together.values())) == len(QUESTIONS)
    await chosen(engine, QUESTIONS[:3])
    for request in [QUESTIONS[2], QUESTIONS[8], QUESTIONS[8]]:
        assert await scores(engine, [request]) == {request.id: together[request.id]}
    assert await scores(engine, QUESTIONS) == together
