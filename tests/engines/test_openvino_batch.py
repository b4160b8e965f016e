"""Requests that come and go while others are answered, on the real embedded model."""

import re
from collections.abc import Iterable
from dataclasses import replace

import pytest

from promptlathe.engines.engine import Answer, Constraint, Delta, Failure, Output, Request, Sampling
from promptlathe.engines.openvino import OpenVinoEngine
from promptlathe.engines.openvino_batch import Batch
from promptlathe.errors import EngineError, InputError
from promptlathe.messages import Message

pytestmark = pytest.mark.model


class Driven:
    """A batch, stepped by hand; `outputs` are all it gave."""

    def __init__(self, engine: OpenVinoEngine) -> None:
        self.batch = Batch(engine._load())
        self.outputs: list[Output] = []

    def submit(self, *requests: Request) -> None:
        pipeline = self.batch.pipeline
        self.outputs += self.batch.admit(
            iter(
                [
                    pipeline.admission.candidate(one, pipeline.encode(pipeline.prompt(one.messages)))
                    for one in requests
                ]
            )
        )

    def step(self, times: int = 1) -> None:
        for _ in range(times):
            self.outputs += self.batch.step()

    def finish(self) -> None:
        for _ in range(500):
            self.outputs += self.batch.admit(iter(()))
            if self.batch.is_empty:
                self.batch.close()
                return
            self.step()
        raise AssertionError("it does not end")

    def text(self, request_id: str) -> str:
        (answer,) = [one for one in self.outputs if isinstance(one, Answer) and one.request_id == request_id]
        deltas = [one.text for one in self.outputs if isinstance(one, Delta) and one.request_id == request_id]
        assert not deltas or "".join(deltas) == answer.text
        return answer.text

    def of(self, request_id: str) -> list[Output]:
        return [one for one in self.outputs if one.request_id == request_id]


def ask(name: str, text: str, *, max_tokens: int = 16, **options: object) -> Request:
    return Request(name, (Message("user", text),), Sampling(max_tokens=max_tokens), **options)


def texts(engine: OpenVinoEngine, requests: Iterable[Request]) -> dict[str, str]:
    driven = Driven(engine)
    driven.submit(*requests)
    driven.finish()
    return {one.request_id: one.text for one in driven.outputs if isinstance(one, Answer)}


SEA = ask("sea", "Tell me about the sea.", is_streamed=True)
MOON = ask("moon", "Tell me about the moon.")


def test_a_cancelled_request_says_nothing_more_and_spoils_nothing(engine: OpenVinoEngine) -> None:
    texts(engine, [SEA, MOON])
    expected = texts(engine, [SEA, MOON])
    driven = Driven(engine)
    long = ask("long", "Tell me a long story about a fox.", max_tokens=500, is_streamed=True)
    driven.submit(SEA, long, MOON)
    driven.step(4)
    driven.batch.cancel("long")
    said = len(driven.of("long"))
    assert said >= 1
    driven.finish()
    assert len(driven.of("long")) == said
    assert {name: driven.text(name) for name in ("sea", "moon")} == expected
    assert driven.batch.pipeline.admission.running == 0


def test_one_that_waits_for_its_prefix_can_be_cancelled(engine: OpenVinoEngine) -> None:
    shared = "A long beginning that several questions share. " * 12
    first, second = (ask(name, f"{shared}{name}?", max_tokens=3) for name in ("one", "two"))
    driven = Driven(engine)
    driven.submit(first, second)
    assert driven.batch.size == 1, "the second waits until the prefix is computed"
    driven.batch.cancel("two")
    driven.finish()
    assert [type(one) for one in driven.outputs] == [Answer]
    driven.batch.cancel("never seen")


def test_a_constraint_that_cannot_be_used_fails_alone(engine: OpenVinoEngine) -> None:
    """OpenVINO breaks a whole step on it; what is answered beside goes on where it was."""
    expected = texts(engine, [SEA])["sea"]
    driven = Driven(engine)
    driven.submit(SEA)
    driven.step(5)
    driven.submit(
        ask("bad", "A word?", constraint=Constraint("regex", r"\bfoo\b")),
        ask("good", "A number?", constraint=Constraint("regex", "[0-9]{2}")),
        ask("worse", "A word?", constraint=Constraint("grammar", "no root ::=")),
        ask("cut", "A word?", constraint=Constraint("grammar", "13.8 和")),
        MOON,
    )
    driven.finish()
    for name, said in (
        ("bad", "regex cannot be used: .*Word boundary"),
        ("worse", "grammar cannot be used"),
        ("cut", "grammar cannot be used"),
    ):
        (failure,) = driven.of(name)
        assert isinstance(failure, Failure)
        assert isinstance(failure.error, InputError)
        assert re.search(said, failure.error.message)
        assert "/" not in failure.error.message, "no path of OpenVINO's sources"
    assert re.fullmatch("[0-9]{2}", driven.text("good"))
    assert driven.text("sea")[:20] == expected[:20]
    assert driven.text("moon")
    assert driven.batch.pipeline.admission.running == 0
    assert texts(engine, [SEA])["sea"]


def test_constraints_good_and_bad_that_come_together_end_each_by_itself(engine: OpenVinoEngine) -> None:
    """A step that broke leaves the good ones beside it unusable, too: OpenVINO's process died of the next step."""
    constraints = [
        Constraint("json_schema", '{"type": "array", "minItems": 1000, "items": {"type": "array"}}'),
        Constraint("json_schema", '{"$ref": "#/nowhere"}'),
        Constraint("regex", "<|im_start|>system"),
        Constraint("regex", "(?i)abc"),
        Constraint("grammar", 'root ::= ("a"?)*' + ' ("b"?)*' * 100),
        Constraint("grammar", "root ::= root"),
        Constraint("json_schema", '{"type": "integer", "minimum": 1000000000000000000000000000000}'),
        Constraint("grammar", 'root ::= "a" root | root "b"'),
        Constraint("regex", "[0-9]{2}"),
    ]
    driven = Driven(engine)
    driven.submit(
        *(
            ask(f"{turn} {number}", "Hello", max_tokens=3, constraint=one)
            for turn in range(2)
            for number, one in enumerate(constraints)
        )
    )
    driven.finish()
    for turn in range(2):
        ends = [driven.of(f"{turn} {number}")[-1] for number in range(len(constraints))]
        refused = [end for end in ends if isinstance(end, Failure)]
        assert refused == [ends[1], ends[3], ends[6]]
        assert all(isinstance(end.error, InputError) for end in refused)
    assert re.fullmatch("[0-9]{2}", driven.text("0 8"))
    driven.submit(ask("again", "Hello", constraint=constraints[1]))
    (end,) = driven.of("again")
    assert isinstance(end, Failure), "it is known, and breaks no step again"
    assert texts(engine, [SEA])["sea"]


def test_a_held_answer_that_was_interrupted_has_failed(engine: OpenVinoEngine) -> None:
    held = ask("held", "Numbers?", constraint=Constraint("regex", "[0-9 ]{30}"), is_streamed=True)
    driven = Driven(engine)
    driven.submit(held)
    driven.step(4)
    assert driven.of("held")
    driven.submit(ask("bad", "A word?", constraint=Constraint("regex", r"\Bfoo")))
    driven.finish()
    last = driven.of("held")[-1]
    assert isinstance(last, Failure)
    assert isinstance(last.error, EngineError)


def test_a_broken_step_without_a_constraint_to_blame_is_raised(
    engine: OpenVinoEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    driven = Driven(engine)
    driven.submit(MOON)
    pipeline = driven.batch.pipeline

    def broken() -> None:
        raise EngineError("out of memory")

    monkeypatch.setattr(pipeline, "step", broken)
    with pytest.raises(EngineError, match="out of memory"):
        driven.step()
    monkeypatch.undo()
    driven.batch.close()
    assert texts(engine, [MOON])["moon"]


@pytest.mark.parametrize("text", ["13.8 和 13.11 哪个更大？😀👩‍👩‍👧🎉", "Count: one, two, three, four,"])
@pytest.mark.parametrize("has_log_probabilities", [False, True])
def test_a_long_stream_adds_up(engine: OpenVinoEngine, text: str, has_log_probabilities: bool) -> None:
    """Only a window of the last tokens is decoded at each step."""
    turns = (Message("user", text), Message("assistant", text)) * 3
    request = Request(
        "long",
        (*turns, Message("user", text)),
        Sampling(max_tokens=120, ignore_eos=True),
        is_streamed=True,
        has_log_probabilities=has_log_probabilities,
    )
    driven = Driven(engine)
    driven.submit(request)
    driven.finish()
    assert len(driven.text("long")) > 80
    *deltas, answer = driven.of("long")
    assert isinstance(answer, Answer)
    assert len(deltas) > 40
    shown = [one for delta in deltas if isinstance(delta, Delta) for one in delta.tokens]
    assert shown == list(answer.tokens)
    if has_log_probabilities:
        assert b"".join(one.data for one in shown).decode(errors="replace").startswith(answer.text[:20])
        assert all(-50 < one.log_probability <= 0 for one in shown)


def test_what_openvino_refuses_fails_alone(engine: OpenVinoEngine) -> None:
    driven = Driven(engine)
    refused = replace(MOON, id="no", sampling=Sampling(temperature=1, top_p=1e-300))
    driven.submit(refused, MOON)
    driven.finish()
    (failure,) = driven.of("no")
    assert isinstance(failure, Failure)
    assert "top_p" in failure.error.message
    assert driven.text("moon")
    assert driven.batch.pipeline.admission.running == 0
