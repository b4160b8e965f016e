"""The two programs of the notes that this project comes from, run as they stand but for address and model."""

import json
from typing import Any

import pytest
import requests
from openai import OpenAI

from tests.contract.conftest import KEY, Served

pytestmark = pytest.mark.model


def test_the_program_with_the_openai_client(served: Served) -> None:
    client = OpenAI(api_key=KEY, base_url=served.url)
    response = client.chat.completions.create(
        model=client.models.list().data[0].id,
        messages=[{"role": "system", "content": "请介绍一下你自己"}],
        max_tokens=30,
        temperature=0,
    )
    assert response.choices[0].message.content
    client.close()


def program_with_requests(served: Served, authorization: str) -> Any:
    text = [{"role": "system", "content": "请介绍一下你自己"}]
    headers = {"Content-Type": "application/json", "Authorization": authorization}
    data = {"model": served.model, "messages": text, "max_tokens": 20, "stream": False}
    response = requests.post(f"{served.url}/chat/completions", headers=headers, json=data, timeout=60)
    return json.loads(response.text)


def test_the_program_with_requests_is_told_what_its_author_could_not_find(served: Served) -> None:
    refused = program_with_requests(served, KEY)
    assert "does not begin with the word Bearer" in refused["error"]["message"]
    answer = program_with_requests(served, f"Bearer {KEY}")
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"]
    assert answer["usage"]["completion_tokens"] <= 20
