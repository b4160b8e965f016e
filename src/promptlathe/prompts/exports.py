"""A prompt as the file of another tool: Prompty, Dotprompt, POML, OpenAI messages, a promptfoo configuration.

The user's text is the variable `question` there. What a format cannot say is reported.
"""

import io
import json
import re
from collections.abc import Callable, Mapping
from typing import Literal, get_args
from xml.etree import ElementTree as ET

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from promptlathe.errors import PromptError, UnknownNameError
from promptlathe.messages import Message
from promptlathe.prompts.examples import read_examples
from promptlathe.prompts.file import Prompt
from promptlathe.prompts.messages import template_messages
from promptlathe.prompts.outline import Loss, outline_of
from promptlathe.prompts.sections import CanonicalName
from promptlathe.prompts.writing import Written

ExportId = Literal["prompty", "dotprompt", "poml", "messages", "promptfoo"]
EXPORT_IDS: tuple[ExportId, ...] = get_args(ExportId)

_QUESTION = "question"
# Handlebars and Nunjucks would run these; a plain variable is the only thing meant.
_TEMPLATE_CODE = re.compile(r"\{\{(?!\s*[^\W\d]\w*\s*\}\})|\{%|\{#")
_ROLE_LINE = re.compile(
    r"^[ \t]*#?[ \t]*(?:system|user|assistant)[ \t]*:[ \t]*$", re.IGNORECASE | re.MULTILINE
)
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_POML_TAGS: dict[CanonicalName, str] = {
    "Role": "role",
    "Goals": "task",
    "OutputFormat": "output-format",
    "Workflow": "stepwise-instructions",
}


def export_prompt(prompt: Prompt, target: ExportId) -> Written:
    """The prompt in another tool's format.

    Raises PromptError for text that the format would take for its own code or cannot hold, and
    UnknownNameError for a target that is none.
    """
    exports: dict[ExportId, Callable[[Prompt], Written]] = {
        "prompty": _prompty,
        "dotprompt": _dotprompt,
        "poml": _poml,
        "messages": _messages,
        "promptfoo": _promptfoo,
    }
    if target not in exports:
        raise UnknownNameError("export", target, EXPORT_IDS)
    return exports[target](prompt)


def _prompty(prompt: Prompt) -> Written:
    sampling = prompt.sampling
    parameters = _given(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        max_tokens=sampling.max_tokens,
        seed=sampling.seed,
    )
    matter = _given(
        name=prompt.name,
        version=prompt.version,
        description=prompt.description,
        model=_given(api="chat", parameters=parameters or None),
        sample={_QUESTION: "", **{name: prompt.variables.get(name) or "" for name in _variables(prompt)}},
    )
    turns = _turns(prompt)
    for turn in turns:
        if match := _ROLE_LINE.search(turn.content):
            raise PromptError(
                f"Prompty would take the line {match[0].strip()!r} for the beginning of a message"
            )
    body = "\n\n".join(f"{turn.role}:\n{turn.content}" for turn in turns)
    return Written(_with_matter(matter, body), _left_out(prompt, "top_k"))


def _dotprompt(prompt: Prompt) -> Written:
    sampling = prompt.sampling
    config = _given(
        temperature=sampling.temperature,
        topP=sampling.top_p,
        topK=sampling.top_k,
        maxOutputTokens=sampling.max_tokens,
    )
    defaults = {
        name: value for name in _variables(prompt) if (value := prompt.variables.get(name)) is not None
    }
    schema = {f"{name}?" if name in defaults else name: "string" for name in [_QUESTION, *_variables(prompt)]}
    matter = _given(
        name=prompt.name,
        description=prompt.description,
        config=config or None,
        input=_given(default=defaults or None, schema=schema),
    )
    roles = {"system": "system", "user": "user", "assistant": "model"}
    body = "\n".join(f'{{{{role "{roles[turn.role]}"}}}}\n{turn.content}' for turn in _turns(prompt))
    return Written(_with_matter(matter, body), _left_out(prompt, "seed", "version"))


def _poml(prompt: Prompt) -> Written:
    root = ET.Element("poml")
    outline = outline_of(prompt.document)
    if outline.preamble:
        _add(root, "p", outline.preamble)
    for entry in outline.entries:
        tag = _POML_TAGS.get(entry.canonical) if entry.canonical else None
        if entry.canonical == "Examples" and prompt.examples == "messages":
            for pair in read_examples(entry.body):
                example = ET.SubElement(root, "example")
                _add(example, "input", pair.user)
                _add(example, "output", pair.assistant)
        elif tag:
            _add(root, tag, entry.body)
        else:
            _add(root, "cp", entry.body, caption=entry.name)
    _add(root, "user-msg", f"{{{{{_QUESTION}}}}}")
    ET.indent(root)
    settings = ("temperature", "top_p", "top_k", "max_tokens", "seed", "version", "description", "variables")
    return Written(ET.tostring(root, encoding="unicode") + "\n", _left_out(prompt, *settings))


def _add(parent: ET.Element, tag: str, text: str, **attributes: str) -> None:
    for written in (text, *attributes.values()):
        if match := _NOT_XML.search(written):
            raise PromptError(
                f"XML cannot hold the character U+{ord(match[0]):04X}", hint="take it out of the prompt"
            )
        if _TEMPLATE_CODE.search(written):
            raise _code_error(written)
    ET.SubElement(parent, tag, {"whiteSpace": "pre", **attributes}).text = text


def _messages(prompt: Prompt) -> Written:
    turns = [turn.as_dict() for turn in template_messages(prompt)]
    settings = ("temperature", "top_p", "top_k", "max_tokens", "seed", "version", "description", "variables")
    return Written(json.dumps(turns, ensure_ascii=False, indent=2) + "\n", _left_out(prompt, *settings))


def _promptfoo(prompt: Prompt) -> Written:
    raw = json.dumps([turn.as_dict() for turn in _turns(prompt)], ensure_ascii=False, indent=2)
    values = {_QUESTION: "", **{name: prompt.variables.get(name) or "" for name in _variables(prompt)}}
    sampling = ("temperature", "top_p", "top_k", "max_tokens", "seed", "version")
    # `echo` is promptfoo's provider that answers with the prompt: the file runs before a model is chosen.
    config = _given(
        description=prompt.description or prompt.name,
        prompts=[{"label": prompt.name, "raw": raw}],
        providers=["echo"],
        tests=[{"vars": values}],
    )
    return Written(_yaml(config), _left_out(prompt, *sampling))


def _turns(prompt: Prompt) -> list[Message]:
    """All messages, the last with the user's text."""
    turns = [*template_messages(prompt), Message("user", f"{{{{{_QUESTION}}}}}")]
    for turn in turns:
        if _TEMPLATE_CODE.search(turn.content):
            raise _code_error(turn.content)
    return turns


def _code_error(text: str) -> PromptError:
    match = _TEMPLATE_CODE.search(text)
    found = text[match.start() : match.start() + 20].split("\n")[0] if match else ""
    return PromptError(
        f"the other tool would take {found!r} for template code", hint="write it in another way"
    )


def _variables(prompt: Prompt) -> list[str]:
    return [name for name in prompt.document.variables if name != _QUESTION]


def _given(**values: object) -> dict[str, object]:
    return {key: value for key, value in values.items() if value is not None}


def _left_out(prompt: Prompt, *settings: str) -> tuple[Loss, ...]:
    values = {
        "version": prompt.version,
        "description": prompt.description,
        "variables": any(value is not None for value in prompt.variables.values()) or None,
    }
    return tuple(
        Loss("setting", name)
        for name in (*settings, *(["frozen"] if prompt.frozen else []))
        if name == "frozen" or values.get(name, getattr(prompt.sampling, name, None)) is not None
    )


def _with_matter(matter: Mapping[str, object], body: str) -> str:
    return f"---\n{_yaml(matter)}---\n{body}\n"


def _yaml(value: Mapping[str, object]) -> str:
    yaml = YAML(typ="rt")
    yaml.width = 2**16
    yaml.allow_unicode = True
    stream = io.StringIO()
    try:
        yaml.dump(dict(value), stream)
    except YAMLError:
        raise PromptError("YAML cannot hold a character of this prompt") from None
    return stream.getvalue()
