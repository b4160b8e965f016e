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
    assert matter == {
        "name": "greeter",
        "description": "says hello",
        "metadata": {"version": "1.0.0"},
        "model": {"apiType": "chat", "options": {"temperature": 0.2, "topK": 5, "seed": 7}},
        "inputs": {
            "question": {"kind": "string"},
            "who": {"kind": "string"},
            "place": {"kind": "string", "default": "Paris"},
        },
        "template": {"format": {"kind": "jinja2"}, "parser": {"kind": "prompty"}},
    }
    assert body == f"system:\n{SYSTEM}\n\nuser:\nhi\n\nassistant:\n你好\n\nuser:\n{{{{question}}}}\n"
    assert written.losses == ()


def test_dotprompt() -> None:
    written = export_prompt(PROMPT, "dotprompt")
    matter, body = parts(written.text)
    assert matter["config"] == {"temperature": 0.2, "topK": 5, "seed": 7}
    assert matter["version"] == "1.0.0"
    assert matter["input"] == {
        "default": {"place": "Paris"},
        "schema": {"question": "string", "who": "string", "place?": "string"},
    }
    assert body.startswith('{{role "system"}}\n# Role')
    assert '{{role "model"}}\n你好' in body
    assert written.losses == ()


def test_poml() -> None:
    """As POML's own renderer reads it: its escapes are not XML's, only `<p whiteSpace="pre">` keeps lines."""
    prompt = replace(PROMPT, variables={"place": "it's\n<b>", "who": None})
    written = export_prompt(prompt, "poml")
    root = ET.fromstring(written.text)  # noqa: S314 - our own text
    assert [child.tag for child in root] == [
        "runtime", "let", "system-msg", "human-msg", "ai-msg", "human-msg",
    ]  # fmt: skip
    assert root[0].attrib == {"temperature": "0.2", "top-k": "5", "seed": "7"}
    assert root[1].attrib == {
        "name": "place",
        "default": "true",
        "value": r"'it\u0027s\u000a\u003cb\u003e'",
    }
    assert [(child.tag, child.get("caption")) for child in root[2]] == [("role", "Role"), ("task", "Goals")]
    assert root[2][1][0].text == "- a #lt; b #amp; #quot;c#quot;"
    assert {paragraph.get("whiteSpace") for paragraph in root.iter("p")} == {"pre"}
    assert [message[0].text for message in root[3:]] == ["hi", "你好", "{{question}}"]
    assert [loss.section for loss in written.losses] == ["version", "description"]


def test_poml_escapes_only_what_it_would_read_as_an_escape() -> None:
    text = export_prompt(Prompt("p", parse("before\n# 角色：甲\n## 目标\n#lt; #tag & x")), "poml").text
    root = ET.fromstring(text)  # noqa: S314 - our own text
    assert root[0][0].text == "before"
    assert (root[0][1].get("caption"), root[0][2][0].text) == ("角色", "#hash;lt; #tag #amp; x")


def test_promptfoo() -> None:
    written = export_prompt(PROMPT, "promptfoo")
    config = YAML(typ="safe").load(written.text)
    [prompt] = config["prompts"]
    assert [turn["role"] for turn in json.loads(prompt["raw"])] == ["system", "user", "assistant", "user"]
    assert (prompt["label"], prompt["config"]) == ("greeter", {"temperature": 0.2, "seed": 7})
    assert config["tests"] == [{"vars": {"question": "", "who": "", "place": "Paris"}}]
    assert [loss.section for loss in written.losses] == ["top_k", "version"]


def test_a_variable_named_question_stays_apart_from_the_users_text() -> None:
    text = export_prompt(Prompt("p", parse("Answer {{question}}.")), "prompty").text
    assert text.endswith("system:\nAnswer {{question}}.\n\nuser:\n{{user_question}}\n")


def test_a_prompt_without_instructions_is_the_users_text() -> None:
    assert "<system-msg" not in export_prompt(Prompt("p", parse("")), "poml").text


@pytest.mark.parametrize(
    ("target", "text", "message"),
    [
        ("poml", "# Role: a\x01b\n## Goals\ng", r"U\+0001"),
        ("dotprompt", "Say {{#if x}}", "template code"),
        ("promptfoo", "Say {% if %}", "template code"),
        ("prompty", "a\n #Developer :\nb", "beginning of a message"),
        ("poml", r"Say \{{x}}", "template code"),
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
