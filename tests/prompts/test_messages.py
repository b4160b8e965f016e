import pytest

from promptlathe.errors import PromptError
from promptlathe.messages import Message
from promptlathe.prompts import Prompt, library_names, library_prompt, parse, render_messages

EXAMPLES = "# Role: {{who}}\n\n## Examples\nQ: {{a}}\nA: 2\n\n## Goals\ng\n"


def test_the_text_is_the_system_message() -> None:
    prompts = [library_prompt(name) for name in library_names()]
    for prompt in (prompt for prompt in prompts if not prompt.document.variables):
        assert render_messages(prompt, " hi\n") == (
            Message("system", prompt.document.text.strip()),
            Message("user", " hi\n"),
        )


@pytest.mark.parametrize("text", ["", " \n", "\ufeff\n"])
def test_an_empty_prompt_has_no_system_message(text: str) -> None:
    assert render_messages(Prompt("none", parse(text)), "hi") == (Message("user", "hi"),)


def test_examples_as_messages_leave_the_system_text() -> None:
    prompt = Prompt("p", parse(EXAMPLES), examples="messages")
    assert render_messages(prompt, "{{a}}?", {"who": "{{a}}", "a": "1"}) == (
        Message("system", "# Role: {{a}}\n\n## Goals\ng"),
        Message("user", "1"),
        Message("assistant", "2"),
        Message("user", "{{a}}?"),
    )


def test_examples_as_messages_without_examples() -> None:
    prompt = Prompt("p", parse("Be brief."), examples="messages")
    assert render_messages(prompt, "hi") == (Message("system", "Be brief."), Message("user", "hi"))


def test_examples_alone_leave_no_system_message() -> None:
    prompt = Prompt("p", parse("## Examples\nQ: 1\nA: 2\n"), examples="messages")
    assert [message.role for message in render_messages(prompt, "hi")] == ["user", "assistant", "user"]


def test_values_come_before_defaults() -> None:
    prompt = Prompt("p", parse("{{a}} {{ b }}{{c}}"), variables={"a": "1", "b": "2", "c": None})
    assert render_messages(prompt, "hi", {"b": "3", "c": "4", "unused": "5"})[0].content == "1 34"


def test_a_missing_value_is_named() -> None:
    prompt = Prompt("p", parse("{{a}} {{b}} {{c}}"), variables={"a": "1", "b": None})
    with pytest.raises(PromptError, match=r"prompt 'p' needs a value for {{b}}, {{c}}"):
        render_messages(prompt, "hi")


@pytest.mark.parametrize("text", ["{a} {} {{}} {{1}} {{ a", "```\n{\n```"])
def test_other_braces_pass_untouched(text: str) -> None:
    assert render_messages(Prompt("p", parse(text)), "hi")[0].content == text
