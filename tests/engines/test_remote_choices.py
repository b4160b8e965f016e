"""Holding served models to given answers, over real HTTP."""

import json
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlathe.engines.choices import holding
from promptlathe.engines.endpoint import read_endpoint
from promptlathe.engines.engine import Answer, Delta, Failure, Request, Sampling
from promptlathe.engines.remote import RemoteEngine
from promptlathe.errors import UsageError
from promptlathe.messages import Message
from tests.chat_server import ChatServer, Reply, completion, models

Serve = Callable[..., ChatServer]
CHOICES = ("13.1", "13.11", 'a "b" (c)')
REGEX = r'(13\.1|13\.11|a "b" \(c\))'
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string", "enum": list(CHOICES)}},
    "required": ["answer"],
    "additionalProperties": False,
}
WRAPPED = {
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "choice", "strict": True, "schema": SCHEMA},
    }
}
OWNERS = ("vllm", "sglang", "lmdeploy", "llamacpp", "library", "somebody")
WRAPPING = ("library", "somebody")


def engine_for(server: ChatServer) -> RemoteEngine:
    endpoint = read_endpoint(server.url)
    assert endpoint is not None
    return RemoteEngine(endpoint, timeout_s=10)


def ask(*, is_streamed: bool = False) -> Request:
    sampling = Sampling(max_tokens=1, stop=("1",))
    return Request("q", (Message("user", "Which?"),), sampling, is_streamed=is_streamed, choices=CHOICES)


def serve_as(serve: Serve, owner: str, text: str) -> ChatServer:
    return serve(lambda _: completion(text), {"/v1/models": models("tiny", owned_by=owner)})


@pytest.mark.parametrize(
    ("owner", "text", "sent", "max_tokens"),
    [
        (
            "vllm",
            "13.11",
            {"structured_outputs": {"choice": list(CHOICES)}, "guided_choice": list(CHOICES)},
            10,
        ),
        ("sglang", "13.11", {"regex": REGEX}, 10),
        ("lmdeploy", "13.11", {"response_format": {"type": "regex_schema", "regex_schema": REGEX}}, 10),
        ("llamacpp", "13.11", {"grammar": r'root ::= "13.1" | "13.11" | "a \"b\" (c)"'}, 10),
        ("library", '{"answer": "13.11"}', WRAPPED, 42),
        ("somebody", '{ "answer":\n"13.11" }', WRAPPED, 42),
    ],
)
async def test_each_kind_of_server_is_told_in_its_own_words(
    serve: Serve, owner: str, text: str, sent: dict[str, object], max_tokens: int
) -> None:
    server = serve_as(serve, owner, text)
    (answer,) = [output async for output in engine_for(server).generate([ask()])]
    assert isinstance(answer, Answer)
    assert (answer.text, answer.completion_tokens) == ("13.11", 3)
    content = server.asked[0].content
    constraints = ("structured_outputs", "guided_choice", "regex", "response_format", "grammar", "stop")
    assert {name: content[name] for name in constraints if name in content} == sent
    assert content["max_tokens"] == max_tokens


@pytest.mark.parametrize("owner", OWNERS)
async def test_a_choice_comes_as_one_piece_where_a_stream_is_wanted(serve: Serve, owner: str) -> None:
    server = serve_as(serve, owner, json.dumps({"answer": "13.1"}) if owner in WRAPPING else "13.1")
    delta, answer = [output async for output in engine_for(server).generate([ask(is_streamed=True)])]
    assert delta == Delta("q", "13.1")
    assert isinstance(answer, Answer)
    assert answer.text == "13.1"
    assert "stream" not in server.asked[0].content


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize(
    "text",
    ["13.2", "", "13.1.", "I think 13.1", '{"answer": "13.2"}', '{"result": "13.1"}', '["13.1"]', "null"],
)
async def test_an_answer_that_is_none_of_the_choices_is_a_failure(
    serve: Serve, owner: str, text: str
) -> None:
    server = serve_as(serve, owner, text)
    (failure,) = [output async for output in engine_for(server).generate([ask()])]
    assert isinstance(failure, Failure)
    told = 'the server was to hold the model to 13.1, 13.11, a "b" (c), and gave '
    assert failure.error.message == f"{server.url}: {told}{text!r}"
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("owner", "is_declared"), [(owner, owner != "somebody") for owner in OWNERS], ids=OWNERS
)
def test_a_server_of_a_known_kind_declares_it(serve: Serve, owner: str, is_declared: bool) -> None:
    described = engine_for(serve_as(serve, owner, "")).describe()
    assert ("choice" in described.capabilities) == is_declared
    assert "score" not in described.capabilities


async def test_to_score_is_refused(serve: Serve) -> None:
    server = serve(lambda _: Reply(status=500))
    with pytest.raises(UsageError, match="cannot tell how likely given answers are"):
        [output async for output in engine_for(server).score([ask()])]
    assert server.asked == []


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4), st.text())
def test_the_regular_expression_matches_the_choices_and_nothing_else(choices: list[str], other: str) -> None:
    pattern = re.compile(str(holding(choices, "sglang")["regex"]))
    for text in [*choices, other]:
        assert bool(pattern.fullmatch(text)) == (text in choices)
