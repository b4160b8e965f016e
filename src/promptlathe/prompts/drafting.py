"""A first draft of a prompt, from answers to a few questions."""

from dataclasses import dataclass

from promptlathe.prompts.dialects import DialectId
from promptlathe.prompts.examples import Example, examples_body
from promptlathe.prompts.file import Prompt, write_prompt
from promptlathe.prompts.reading import parse
from promptlathe.prompts.sections import CanonicalName, Language
from promptlathe.prompts.writing import Written, write

_INITIALIZATION = {
    "en": "Do not introduce yourself. Answer the user's message, following {names}.",
    "zh": "不要自我介绍。遵循{names}，直接回答用户的消息。",
}


_EMPTY = {"en": "# Role: x\n", "zh": "# 角色：x\n"}
_LANGUAGE = {"en": "- Language: English", "zh": "- 语言：中文"}
_DESCRIPTION = {"en": "\n- Description: ", "zh": "\n- 描述："}


@dataclass(frozen=True, slots=True)
class Answers:
    """What the author says. `role` and `output_format` are needed, everything else may be empty."""

    role: str
    output_format: str
    background: str = ""
    skills: tuple[str, ...] = ()
    goals: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    workflow: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()


def draft(
    name: str, answers: Answers, *, language: Language, dialect: DialectId, description: str
) -> Written:
    """The file's text, version 0.1.0. Raises PromptError for an answer that would be read as other sections."""
    document = parse(_EMPTY[language])
    profile = _LANGUAGE[language] + (_DESCRIPTION[language] + description if description else "")
    bodies: tuple[tuple[CanonicalName, str], ...] = (
        ("Role", answers.role),
        ("Background", answers.background),
        ("Profile", profile),
        ("Skills", _list(answers.skills)),
        ("Goals", _list(answers.goals)),
        ("Constraints", _list(answers.constraints)),
        ("Workflow", "\n".join(f"{at}. {step}" for at, step in enumerate(answers.workflow, start=1))),
        ("OutputFormat", answers.output_format),
        ("Examples", examples_body(answers.examples, language)),
    )
    for section, body in bodies:
        if body.strip():
            document = document.with_section(section, body)
    following = filter(None, map(document.section, ("Workflow", "Constraints", "OutputFormat")))
    names = ("、" if language == "zh" else " and ").join(f"<{section.written}>" for section in following)
    document = document.with_section("Initialization", _INITIALIZATION[language].format(names=names))
    written = write(document, dialect)
    prompt = Prompt(
        name, parse(written.text.rstrip("\n") + "\n"), version="0.1.0", description=description or None
    )
    return Written(write_prompt(prompt), written.losses)


def _list(items: tuple[str, ...]) -> str:
    return "\n".join(f"- {item}" for item in items)
