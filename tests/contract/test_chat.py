"""Chat completions, whole and streamed, through the real `openai` client."""

import json
import math
import re
from typing import Any

import openai
import pytest

from tests.contract.conftest import Asker

pytestmark = pytest.mark.model

REASONS = ("stop", "length")
SCHEMA = {
    "type": "object",
    "properties": {"larger": {"type": "string", "enum": ["13.8", "13.11"]}},
    "required": ["larger"],
    "additionalProperties": False,
}


def text(chunks: list[Any], index: int = 0) -> str:
    return "".join(
        choice.delta.content or "" for chunk in chunks for choice in chunk.choices if choice.index == index
    )


def test_an_answer_has_all_that_openai_gives(ask: Asker) -> None:
    answer = ask.chat()
    (choice,) = answer.choices
    assert answer.id.startswith("chatcmpl-")
    assert (answer.object, answer.model) == ("chat.completion", ask.served.model)
    assert answer.created > 1_700_000_000
    assert (choice.index, choice.message.role, choice.finish_reason) == (0, "assistant", "length")
    assert choice.message.content
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 6
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 6
    assert answer.usage.prompt_tokens_details is not None


def test_a_stream_is_role_text_reason(ask: Asker) -> None:
    first, *middle, last = ask.chunks()
    assert (first.choices[0].delta.role, first.choices[0].delta.content) == ("assistant", "")
    assert last.choices[0].finish_reason == "length"
    assert not last.choices[0].delta.content
    assert all(chunk.choices[0].finish_reason is None for chunk in [first, *middle])
    assert len({chunk.id for chunk in [first, *middle, last]}) == 1
    assert {chunk.object for chunk in middle} == {"chat.completion.chunk"}
    assert all(chunk.usage is None for chunk in [first, *middle, last])


def test_stream_and_whole_say_the_same(ask: Asker) -> None:
    for _ in range(2):  # the second time from the prefix cache, for both
        whole = ask.chat("Tell me about the sea.", max_tokens=30).choices[0].message.content
    assert text(ask.chunks("Tell me about the sea.", max_tokens=30)) == whole


def test_usage_comes_last_if_asked_for(ask: Asker) -> None:
    *before, last = ask.chunks(stream_options={"include_usage": True})
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.completion_tokens == 6
    assert all(chunk.usage is None and chunk.choices for chunk in before)


def test_several_answers_to_one_question(ask: Asker) -> None:
    answer = ask.chat("Tell me a number.", n=3, temperature=1.5, seed=1, max_tokens=12)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in answer.choices}) > 1
    assert answer.usage is not None
    assert answer.usage.prompt_tokens < 60


def test_several_answers_in_one_stream(ask: Asker) -> None:
    chunks = ask.chunks("Tell me a number.", n=2, temperature=1.5, seed=1, max_tokens=8)
    assert text(chunks, 0) != text(chunks, 1)
    ends = [choice.index for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert sorted(ends) == [0, 1]


@pytest.mark.parametrize("stop", ["three", ["nothing", "three"], None, []])
def test_stop(ask: Asker, stop: str | list[str] | None) -> None:
    prompt = "Repeat after me: one two three four"
    free = ask.chat(prompt, max_tokens=24).choices[0].message.content
    assert "three" in free
    choice = ask.chat(prompt, max_tokens=24, stop=stop).choices[0]
    assert choice.message.content == (free.partition("three")[0] if stop else free)
    assert stop is None or stop == [] or choice.finish_reason == "stop"
    if stop:
        assert text(ask.chunks(prompt, max_tokens=24, stop=stop)) == choice.message.content


def test_a_seed_repeats_a_draw(ask: Asker) -> None:
    def drawn(seed: int) -> str:
        return (
            ask.chat("Tell me about a number.", temperature=1.5, seed=seed, max_tokens=12)
            .choices[0]
            .message.content
        )

    drawn(7)
    assert drawn(7) == drawn(7) != drawn(8)


def test_log_probabilities(ask: Asker) -> None:
    choice = ask.chat(logprobs=True).choices[0]
    assert choice.logprobs is not None
    tokens = choice.logprobs.content
    assert b"".join(bytes(token.bytes) for token in tokens).decode() == choice.message.content
    assert "".join(token.token for token in tokens) == choice.message.content
    assert all(-50 < token.logprob <= 0 for token in tokens)
    assert ask.chat().choices[0].logprobs is None


def test_log_probabilities_in_a_stream(ask: Asker) -> None:
    chunks = ask.chunks(logprobs=True)
    tokens = [
        token
        for chunk in chunks
        for choice in chunk.choices
        if choice.logprobs
        for token in choice.logprobs.content
    ]
    assert "".join(token.token for token in tokens) == text(chunks)
    whole = ask.chat(logprobs=True).choices[0].logprobs
    assert whole is not None
    assert [token.token for token in whole.content] == [token.token for token in tokens]
    assert all(
        math.isclose(one.logprob, other.logprob, abs_tol=0.2)
        for one, other in zip(whole.content, tokens, strict=True)
    )


def test_the_likeliest_others(ask: Asker) -> None:
    if ask.served.lacks("top_logprobs"):
        with pytest.raises(openai.BadRequestError) as caught:
            ask.chat(logprobs=True, top_logprobs=2)
        assert (caught.value.param, caught.value.code) == ("top_logprobs", "unsupported")
    else:
        choice = ask.chat(logprobs=True, top_logprobs=2).choices[0]
        assert all(len(token.top_logprobs) == 2 for token in choice.logprobs.content)


@pytest.mark.parametrize(
    "options",
    [
        {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "a", "schema": SCHEMA, "strict": True},
            }
        },
        {"extra_body": {"guided_json": SCHEMA}},
        {"extra_body": {"guided_json": json.dumps(SCHEMA)}},
        {"extra_body": {"structured_outputs": {"json": SCHEMA}}},
    ],
    ids=["openai", "openai-strict", "vllm-0.11", "vllm-0.11-text", "vllm"],
)
def test_a_schema(ask: Asker, options: dict[str, Any]) -> None:
    answer = ask.chat("Which is larger, 13.8 or 13.11?", max_tokens=40, **options).choices[0]
    assert json.loads(answer.message.content)["larger"] in ("13.8", "13.11")
    assert answer.finish_reason == "stop"


@pytest.mark.parametrize(
    "options",
    [
        {"extra_body": {"guided_regex": "[0-9]{2}[.][0-9]"}},
        {"extra_body": {"structured_outputs": {"regex": "[0-9]{2}[.][0-9]"}}},
        {"response_format": {"type": "regex_schema", "regex_schema": "[0-9]{2}[.][0-9]"}},
    ],
    ids=["vllm-0.11", "vllm", "lmdeploy"],
)
def test_a_regular_expression(ask: Asker, options: dict[str, Any]) -> None:
    answer = ask.chat("Which is larger, 13.8 or 13.11?", max_tokens=12, **options).choices[0]
    assert re.fullmatch(r"[0-9]{2}\.[0-9]", answer.message.content)


@pytest.mark.parametrize(
    "field", [{"guided_choice": ["yes", "no"]}, {"structured_outputs": {"choice": ["yes", "no"]}}], ids=str
)
def test_a_choice(ask: Asker, field: dict[str, Any]) -> None:
    assert ask.chat("Is 2 larger than 1?", extra_body=field).choices[0].message.content in ("yes", "no")
    assert text(ask.chunks("Is 2 larger than 1?", extra_body=field)) in ("yes", "no")


def test_any_object(ask: Asker) -> None:
    answer = ask.chat("An object, please.", max_tokens=60, response_format={"type": "json_object"}).choices[0]
    assert answer.message.content.lstrip().startswith("{")


def test_a_schema_for_a_class(ask: Asker) -> None:
    """`parse` of the client sends the schema of a pydantic model and reads the answer back."""
    from pydantic import BaseModel

    class Verdict(BaseModel):
        is_larger: bool

    body = ask._body("Is 13.8 larger than 13.11?", {"max_tokens": 30, "response_format": Verdict})
    answer = ask.call(lambda client: client.chat.completions.parse(**body))
    assert isinstance(answer.choices[0].message.parsed, Verdict)


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": None}, {"temperature": 2, "seed": 1}, {"top_p": 0.1}, {"presence_penalty": 2.0},
        {"frequency_penalty": -2.0}, {"max_tokens": None, "max_completion_tokens": 3}, {"user": "somebody"},
        {"extra_body": {"top_k": 1}}, {"extra_body": {"top_k": -1}}, {"extra_body": {"min_p": 0.2}},
        {"extra_body": {"repetition_penalty": 1.2}}, {"extra_body": {"ignore_eos": True}},
        {"extra_body": {"something_new": {"deep": [1]}}}, {"n": None}, {"metadata": {"team": "a"}},
        {"response_format": {"type": "text"}}, {"service_tier": "auto"}, {"store": False}, {"tools": []},
    ],
    ids=str,
)  # fmt: skip
def test_all_that_the_client_sends_is_taken(ask: Asker, options: dict[str, Any]) -> None:
    answer = ask.chat(**options)
    assert answer.choices[0].finish_reason in REASONS
    assert answer.usage is not None
    assert 1 <= answer.usage.completion_tokens <= 6


def test_max_completion_tokens_goes_before(ask: Asker) -> None:
    answer = ask.chat(max_tokens=6, max_completion_tokens=2)
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 2


def test_without_a_limit_an_answer_ends_by_itself_or_with_the_context(ask: Asker) -> None:
    answer = ask.chat("Say: yes", max_tokens=None, stop=["\n", "."])
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    "content",
    ["13.8 和 13.11 哪个更大？", [{"type": "text", "text": "13.8 和 "}, {"type": "text", "text": "13.11"}]],
)
def test_chinese_and_parts(ask: Asker, content: Any) -> None:
    answer = ask.chat(content, max_tokens=12).choices[0].message.content
    assert text(ask.chunks(content, max_tokens=12)) == answer


def test_a_conversation(ask: Asker) -> None:
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "How are you?"},
    ]
    assert ask.chat(messages=messages).choices[0].message.content
    as_system = [{"role": "system", "content": "Be brief."}, *messages[1:]]
    assert ask.chat(messages=messages).usage.prompt_tokens == ask.chat(messages=as_system).usage.prompt_tokens


def test_the_cache_is_counted(ask: Asker) -> None:
    long = "A sentence that is repeated. " * 30
    ask.chat(long)
    details = ask.chat(long).usage.prompt_tokens_details
    assert details.cached_tokens >= 96
