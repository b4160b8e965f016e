"""A prompt as the file of another tool: Prompty, Dotprompt, POML, OpenAI messages, a promptfoo configuration.

The user's text is the variable `question` there (`user_question` where the prompt has a variable of that name).
What a format cannot say is reported.
"""

import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Literal, get_args
from xml.etree import ElementTree as ET

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from promptlathe.errors import PromptError
from promptlathe.messages import Message
from promptlathe.prompts.document import Layout, PromptDocument
from promptlathe.prompts.file import Prompt
from promptlathe.prompts.messages import template_messages
from promptlathe.prompts.outline import Loss, outline_of
from promptlathe.prompts.reading import parse
from promptlathe.prompts.sections import CanonicalName, section_name
from promptlathe.prompts.writing import Written

ExportId = Literal["prompty", "dotprompt", "poml", "messages", "promptfoo"]
EXPORT_IDS: tuple[ExportId, ...] = get_args(ExportId)

_SAMPLING = ("temperature", "top_p", "top_k", "max_tokens", "seed")
# Handlebars, Jinja, Nunjucks and POML would run these; a plain variable is the only thing meant.
_TEMPLATE_CODE = re.compile(r"\\\{\{|\{\{(?!\s*[^\W\d]\w*\s*\}\})|\{%|\{#")
_ROLE_LINE = re.compile(r"\s*#?\s*(?:system|user|assistant|developer)(?:\[.*\])?\s*:\s*", re.IGNORECASE)
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_POML_ESCAPES = {"<": "lt", ">": "gt", "&": "amp", '"': "quot", "#": "hash"}
_POML_ESCAPED = re.compile(r'[<>&"]|#(?=\w+;)')
_POML_MESSAGES: dict[str, str] = {"system": "system-msg", "user": "human-msg", "assistant": "ai-msg"}
_POML_TAGS: dict[CanonicalName | None, str] = {
    "Role": "role",
    "Goals": "task",
    "OutputFormat": "output-format",
    "Workflow": "stepwise-instructions",
}


def export_prompt(prompt: Prompt, target: ExportId) -> Written:
    """The prompt in another tool's format.

    Raises PromptError for text that the format would take for its own code or cannot hold.
    """
    exports: dict[ExportId, Callable[[Prompt], Written]] = {
        "prompty": _prompty,
        "dotprompt": _dotprompt,
        "poml": _poml,
        "messages": _messages,
        "promptfoo": _promptfoo,
    }
    return exports[target](prompt)


def _prompty(prompt: Prompt) -> Written:
    """Prompty 2: https://prompty.ai/specification."""
    matter = _given(
        name=prompt.name,
        description=prompt.description,
        metadata=_given(version=prompt.version) or None,
        model=_given(apiType="chat", options=_sampling(prompt) or None),
        inputs={name: _given(kind="string", default=value) for name, value in _inputs(prompt).items()},
        template={"format": {"kind": "jinja2"}, "parser": {"kind": "prompty"}},
    )
    turns = _turns(prompt)
    for line in (line for turn in turns for line in turn.content.splitlines()):
        if _ROLE_LINE.fullmatch(line):
            raise PromptError(f"Prompty would take the line {line.strip()!r} for the beginning of a message")
    body = "\n\n".join(f"{turn.role}:\n{turn.content}" for turn in turns)
    return Written(
        _with_matter(matter, body),
        left_out(prompt, "examples", *_SAMPLING, "version", "description", "variables"),
    )


def _dotprompt(prompt: Prompt) -> Written:
    """https://google.github.io/dotprompt/reference; `config` takes what the model's provider knows."""
    inputs = _inputs(prompt)
    defaults = _given(**inputs)
    matter = _given(
        name=prompt.name,
        version=prompt.version,
        description=prompt.description,
        config=_sampling(prompt) or None,
        input=_given(
            default=defaults or None,
            schema={f"{name}?" if name in defaults else name: "string" for name in inputs},
        ),
    )
    roles = {"system": "system", "user": "user", "assistant": "model"}
    body = "\n".join(f'{{{{role "{roles[turn.role]}"}}}}\n{turn.content}' for turn in _turns(prompt))
    return Written(
        _with_matter(matter, body),
        left_out(prompt, "examples", *_SAMPLING, "version", "description", "variables"),
    )


def _sampling(prompt: Prompt) -> dict[str, object]:
    """The names that Prompty and Dotprompt give these settings."""
    sampling = prompt.sampling
    return _given(
        temperature=sampling.temperature,
        topP=sampling.top_p,
        topK=sampling.top_k,
        maxOutputTokens=sampling.max_tokens,
        seed=sampling.seed,
    )


def _poml(prompt: Prompt) -> Written:
    """https://microsoft.github.io/poml; only `<p whiteSpace="pre">` keeps a text's lines."""
    root = ET.Element("poml")
    sampling = prompt.sampling
    runtime = {
        "temperature": sampling.temperature,
        "top-p": sampling.top_p,
        "top-k": sampling.top_k,
        "max-output-tokens": sampling.max_tokens,
        "seed": sampling.seed,
    }
    if given := {key: str(value) for key, value in runtime.items() if value is not None}:
        ET.SubElement(root, "runtime", given)
    for name, value in _inputs(prompt).items():
        if value is not None:
            # A JavaScript string.
            written = re.sub(r"[\"'\\<>&#{}\x00-\x1f]", lambda match: f"\\u{ord(match[0]):04x}", value)
            ET.SubElement(root, "let", {"name": name, "default": "true", "value": f"'{_xml(written)}'"})
    for turn in _turns(prompt):
        message = ET.SubElement(root, _POML_MESSAGES[turn.role])
        document = (
            parse(turn.content)
            if turn.role == "system"
            else PromptDocument(turn.content, Layout("plain"), ())
        )
        outline = outline_of(document)
        if outline.preamble:
            _add_text(message, outline.preamble)
        for entry in outline.entries:
            own = entry.canonical == entry.name
            name = section_name(entry.canonical, document.language) if own and entry.canonical else entry.name
            section = ET.SubElement(message, _POML_TAGS.get(entry.canonical, "cp"), {"caption": _xml(name)})
            _add_text(section, entry.body)
    ET.indent(root)
    return Written(
        ET.tostring(root, encoding="unicode") + "\n", left_out(prompt, "examples", *_SAMPLING, "variables")
    )


def _add_text(parent: ET.Element, text: str) -> None:
    ET.SubElement(parent, "p", {"whiteSpace": "pre"}).text = _xml(text)


def _xml(text: str) -> str:
    """The text with POML's own escapes; it does not know XML's. Raises PromptError for control characters."""
    if match := _NOT_XML.search(text):
        raise PromptError(
            f"XML cannot hold the character U+{ord(match[0]):04X}", hint="take it out of the prompt"
        )
    return _POML_ESCAPED.sub(lambda match: f"#{_POML_ESCAPES[match[0][0]]};", text)


def _messages(prompt: Prompt) -> Written:
    turns = [turn.as_dict() for turn in template_messages(prompt)]
    return Written(json.dumps(turns, ensure_ascii=False, indent=2) + "\n", left_out(prompt, "examples"))


def _promptfoo(prompt: Prompt) -> Written:
    """https://www.promptfoo.dev/docs/configuration/reference."""
    sampling = prompt.sampling
    config = _given(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        max_tokens=sampling.max_tokens,
        seed=sampling.seed,
    )
    raw = json.dumps([turn.as_dict() for turn in _turns(prompt)], ensure_ascii=False, indent=2)
    # `echo` is promptfoo's provider that answers with the prompt: the file runs before a model is chosen.
    matter = _given(
        description=prompt.description or prompt.name,
        prompts=[_given(label=prompt.name, raw=raw, config=config or None)],
        providers=["echo"],
        tests=[{"vars": {name: value or "" for name, value in _inputs(prompt).items()}}],
    )
    kept = ("temperature", "top_p", "max_tokens", "seed", "description", "variables")
    return Written(_yaml(matter), left_out(prompt, "examples", *kept))


def left_out(prompt: Prompt, *kept: str) -> tuple[Loss, ...]:
    """The settings of the front matter that a form without place for them loses: all but `kept`."""
    has_defaults = any(value is not None for value in prompt.variables.values())
    settings = {
        **asdict(prompt.sampling),
        "version": prompt.version,
        "description": prompt.description,
        "variables": has_defaults or None,
        "examples": "messages" if prompt.examples == "messages" else None,
        "frozen": prompt.frozen or None,
    }
    return tuple(
        Loss("setting", key) for key, value in settings.items() if value is not None and key not in kept
    )


def _turns(prompt: Prompt) -> list[Message]:
    """All messages, the last with the user's text."""
    turns = [*template_messages(prompt), Message("user", f"{{{{{_question(prompt)}}}}}")]
    for turn in turns:
        if _TEMPLATE_CODE.search(turn.content):
            raise _code_error(turn.content)
    return turns


def _inputs(prompt: Prompt) -> dict[str, str | None]:
    """The variables with their defaults, the user's text first."""
    return {_question(prompt): None} | {
        name: prompt.variables.get(name) for name in prompt.document.variables
    }


def _question(prompt: Prompt) -> str:
    name = "question"
    while name in prompt.document.variables:
        name = f"user_{name}"
    return name


def _code_error(text: str) -> PromptError:
    match = _TEMPLATE_CODE.search(text)
    found = text[match.start() : match.start() + 20].split("\n")[0] if match else ""
    return PromptError(
        f"the other tool would take {found!r} for template code", hint="write it in another way"
    )


def _given(**values: object) -> dict[str, object]:
    return {key: value for key, value in values.items() if value is not None}


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
