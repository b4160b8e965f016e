"""Prompts of the workspace as models."""

from typing import Any

import openai
import pytest

from tests.contract.conftest import PROMPT, Asker

pytestmark = pytest.mark.model


@pytest.mark.parametrize(
    "options",
    [{"metadata": {"place": "Rome"}}, {"extra_body": {"variables": {"place": "Rome"}}}],
    ids=["metadata", "variables"],
)
def test_a_prompt_is_applied_with_its_variables(ask: Asker, options: dict[str, Any]) -> None:
    model = f"{ask.served.model}@guide"
    body = {"max_tokens": openai.NOT_GIVEN, "temperature": openai.NOT_GIVEN}
    answer = ask.chat("Where am I?", model=model, **body, **options)
    assert answer.model == model
    assert answer.usage is not None
    assert answer.usage.completion_tokens <= 6, "its author wants six tokens"
    plain = ask.chat(
        messages=[
            {"role": "system", "content": "# Role: guide of Rome\nSpeak in a calm way."},
            {"role": "user", "content": "Where am I?"},
        ]
    )
    assert plain.usage is not None
    assert answer.usage.prompt_tokens == plain.usage.prompt_tokens


@pytest.mark.parametrize(
    ("options", "param", "said"),
    [
        ({}, "variables", "needs a value for {{place}}"),
        ({"messages": [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]},
         "messages[0].role", "send none"),
        ({"messages": [{"role": "assistant", "content": "a"}]}, "messages[0].role", "must be the user's"),
    ],
)  # fmt: skip
def test_what_a_prompt_needs(ask: Asker, options: dict[str, Any], param: str, said: str) -> None:
    with pytest.raises(openai.BadRequestError, match=said) as caught:
        ask.chat("Where am I?", model=f"{ask.served.model}@guide", **options)
    assert caught.value.param == param


def test_a_changed_prompt_counts_at_once(ask: Asker) -> None:
    path = ask.served.folder / "prompts" / "changing.md"
    tokens = []
    for text in ("# Role\nA guide.", "# Role\nA guide who has many words, and uses them all, every time."):
        path.write_text(text, encoding="utf-8")
        usage = ask.chat("Hi", model=f"{ask.served.model}@changing").usage
        assert usage is not None
        tokens.append(usage.prompt_tokens)
    assert tokens[0] < tokens[1]
    path.unlink()
    with pytest.raises(openai.NotFoundError):
        ask.chat("Hi", model=f"{ask.served.model}@changing")


def test_no_file_outside_is_a_prompt(ask: Asker) -> None:
    (ask.served.folder / "secret.md").write_text(PROMPT, encoding="utf-8")
    for name in ("../secret", "../secret.md", str(ask.served.folder / "secret.md")):
        with pytest.raises(openai.NotFoundError):
            ask.chat("Hi", model=f"{ask.served.model}@{name}")
