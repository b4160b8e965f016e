"""Text completions, tokens, models, metrics: the rest of the API."""

from typing import Any

import openai
import pytest
import requests

from tests.contract.conftest import KEY, Asker, Served

pytestmark = pytest.mark.model

HEADERS = {"Authorization": f"Bearer {KEY}"}


def test_a_text_goes_on(ask: Asker) -> None:
    answer = ask.complete()
    assert answer.object == "text_completion"
    assert answer.choices[0].text == " D, E,"
    assert answer.usage.completion_tokens == 4


def test_a_text_streams(ask: Asker) -> None:
    chunks = ask.text_chunks(stream_options={"include_usage": True})
    assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == " D, E,"
    assert chunks[-1].usage.completion_tokens == 4


def test_several_prompts(ask: Asker) -> None:
    answer = ask.complete(["A, B, C,", "1, 2, 3, 4,"], n=2)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert answer.choices[0].text == answer.choices[1].text == " D, E,"
    assert "5" in answer.choices[2].text


def test_echo(ask: Asker) -> None:
    assert ask.complete(echo=True).choices[0].text == "A, B, C, D, E,"
    chunks = ask.text_chunks(echo=True)
    assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == "A, B, C, D, E,"


def test_token_ids_are_a_prompt(ask: Asker) -> None:
    tokens = tokenized(ask.served, prompt="A, B, C,")["tokens"]
    for prompt in (tokens, [tokens, tokens]):
        assert ask.complete(prompt).choices[0].text == " D, E,"
    assert ask.complete(tokens, echo=True).choices[0].text == "A, B, C, D, E,"


def test_log_probabilities_of_a_text(ask: Asker) -> None:
    found = ask.complete(logprobs=0).choices[0].logprobs
    assert "".join(found.tokens) == " D, E,"
    assert found.text_offset[1] == len(found.tokens[0])
    assert all(number <= 0 for number in found.token_logprobs)


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"suffix": "x"}, "suffix"), ({"best_of": 3}, "best_of"), ({"prompt": []}, "prompt"),
        ({"prompt": [10**9]}, None), ({"prompt": 5}, "prompt"), ({"prompt": ""}, None),
        ({"logprobs": 9}, "logprobs"), ({"prompt": "x " * 9000}, "prompt"),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_text_cannot_be(ask: Asker, options: dict[str, Any], param: str | None) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask.complete(**options)
    assert caught.value.param == param


def test_models(ask: Asker) -> None:
    models = ask.call(lambda client: client.models.list()).data
    assert models[0].id == ask.served.model
    assert models[0].max_model_len == 8192
    assert f"{ask.served.model}@guide" in [model.id for model in models]
    for model in (ask.served.model, f"{ask.served.model}@guide"):
        assert ask.call(lambda client, model=model: client.models.retrieve(model)).id == model
    with pytest.raises(openai.NotFoundError, match="no model named 'nope'"):
        ask.call(lambda client: client.models.retrieve("nope"))


def test_no_embeddings(ask: Asker) -> None:
    with pytest.raises(openai.InternalServerError, match="makes no embeddings") as caught:
        ask.call(lambda client: client.embeddings.create(model=ask.served.model, input="a"))
    assert (caught.value.status_code, caught.value.code) == (501, "unsupported")


def post(served: Served, path: str, **body: Any) -> requests.Response:
    return requests.post(f"{served.root}{path}", json=body, headers=HEADERS, timeout=60)


def tokenized(served: Served, **body: Any) -> Any:
    response = post(served, "/tokenize", **body)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("text", ["Hello, world", "13.8 和 13.11 哪个更大？", "", "word " * 9000])
def test_tokens_and_back(served: Served, text: str) -> None:
    for field in ("prompt", "content"):
        found = tokenized(served, **{field: text})
        assert (found["count"], found["max_model_len"]) == (len(found["tokens"]), 8192)
    assert post(served, "/detokenize", tokens=found["tokens"]).json() == {"prompt": text, "content": text}


def test_tokens_of_a_conversation(served: Served) -> None:
    messages = [{"role": "user", "content": "Hello"}]
    found = tokenized(served, messages=messages)
    with openai.OpenAI(base_url=served.url, api_key=KEY) as client:
        answer = client.chat.completions.create(model=served.model, messages=messages, max_tokens=1)
    assert answer.usage is not None
    assert found["count"] == answer.usage.prompt_tokens


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/tokenize", {}), ("/tokenize", {"prompt": "a", "content": "b"}), ("/tokenize", {"messages": []}),
        ("/detokenize", {}), ("/detokenize", {"tokens": [-1]}), ("/detokenize", {"tokens": [10**7]}),
        ("/detokenize", {"tokens": ["a"]}),
    ],
)  # fmt: skip
def test_what_is_no_text_or_token(served: Served, path: str, body: dict[str, Any]) -> None:
    response = post(served, path, **body)
    assert response.status_code == 400
    assert response.json()["error"]["message"]


def test_health_and_metrics(served: Served) -> None:
    health = requests.get(f"{served.root}/health", timeout=10)
    assert (health.status_code, health.json()["state"]) == (200, "ready")
    text = requests.get(f"{served.root}/metrics", headers=HEADERS, timeout=10).text
    for name in (
        "lathe_requests_total", "lathe_prompt_tokens_total", "lathe_completion_tokens_total", "lathe_batch_size",
        "lathe_waiting_requests", "lathe_cached_prompt_tokens_total", "lathe_time_to_first_token_seconds_bucket",
        "lathe_time_per_output_token_seconds_bucket",
    ):  # fmt: skip
        assert f"\n{name}" in text


def test_the_page_of_the_api_needs_no_network(served: Served) -> None:
    page = requests.get(served.root, timeout=10)
    assert page.url == f"{served.root}/docs"
    assert "https://" not in page.text
    script = requests.get(f"{served.root}/static-offline-docs/swagger-ui-bundle.js", timeout=10)
    assert script.status_code == 200
    described = requests.get(f"{served.root}/openapi.json", timeout=10).json()
    assert "422" not in described["paths"]["/v1/chat/completions"]["post"]["responses"]
