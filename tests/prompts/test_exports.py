import json
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from ruamel.yaml import YAML

from promptlathe.errors import PromptError
from promptlathe.prompts import Prompt, parse, read_prompt
from promptlathe.prompts.exports import EXPORT_IDS, export_prompt

SOURCE = """---
name: greeter
version: 1.0.0
description: says hello
variables:
  place: Paris
  who:
examples: messages
sampling:
  temperature: 0.2
  top_k: 5
  seed: 7
---
# Role: {{who}} in {{place}}
## Goals
- a < b & "c"
## Examples
Q: hi
A: 你好
"""
PROMPT = read_prompt(SOURCE, name="p")
SYSTEM = '# Role: {{who}} in {{place}}\n## Goals\n- a < b & "c"'


def test_messages() -> None:
    assert json.loads(export_prompt(PROMPT, "messages").text) == [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "你好"},
    ]


def parts(text: str) -> tuple[dict[str, object], str]:
    _, matter, body = text.split("---\n", 2)
    return YAML(typ="safe").load(matter), body


def test_prompty() -> None:
    written = export_prompt(PROMPT, "prompty")
    matter, body = parts(written.text)
    assert matter["model"] == {"api": "chat", "parameters": {"temperature": 0.2, "seed": 7}}
    assert matter["sample"] == {"question": "", "who": "", "place": "Paris"}
    assert body == f"system:\n{SYSTEM}\n\nuser:\nhi\n\nassistant:\n你好\n\nuser:\n{{{{question}}}}\n"
    assert [loss.section for loss in written.losses] == ["top_k"]


def test_dotprompt() -> None:
    written = export_prompt(PROMPT, "dotprompt")
    matter, body = parts(written.text)
    assert matter["config"] == {"temperature": 0.2, "topK": 5}
    assert matter["input"] == {
        "default": {"place": "Paris"},
        "schema": {"question": "string", "who": "string", "place?": "string"},
    }
    assert body.startswith('{{role "system"}}\n# Role')
    assert '{{role "model"}}\n你好' in body
    assert [loss.section for loss in written.losses] == ["seed", "version"]


def test_poml() -> None:
    root = ET.fromstring(export_prompt(PROMPT, "poml").text)  # noqa: S314 - our own text
    assert [child.tag for child in root] == ["role", "task", "example", "user-msg"]
    assert root[1].text == '- a < b & "c"'
    assert [child.text for child in root[2]] == ["hi", "你好"]


def test_promptfoo() -> None:
    config = YAML(typ="safe").load(export_prompt(PROMPT, "promptfoo").text)
    assert [turn["role"] for turn in json.loads(config["prompts"][0]["raw"])] == [
        "system", "user", "assistant", "user",
    ]  # fmt: skip
    assert config["tests"] == [{"vars": {"question": "", "who": "", "place": "Paris"}}]


@pytest.mark.parametrize(
    ("target", "text", "message"),
    [
        ("poml", "# Role: a\x01b\n## Goals\ng", r"U\+0001"),
        ("dotprompt", "Say {{#if x}}", "template code"),
        ("promptfoo", "Say {% if %}", "template code"),
        ("prompty", "a\nuser:\nb", "beginning of a message"),
    ],
)
def test_text_that_the_format_cannot_hold_is_an_error(target: str, text: str, message: str) -> None:
    with pytest.raises(PromptError, match=message):
        export_prompt(Prompt("p", parse(text)), target)


def test_frozen_sections_are_named() -> None:
    for target in EXPORT_IDS:
        assert "frozen" in [
            loss.section for loss in export_prompt(replace(PROMPT, frozen=("Role",)), target).losses
        ]
