"""A prompt and a user's text as the messages that a model gets."""

from collections.abc import Mapping, Sequence

from promptlathe.errors import PromptError
from promptlathe.messages import Message
from promptlathe.prompts.document import fill
from promptlathe.prompts.examples import read_examples
from promptlathe.prompts.file import Prompt


def render_messages(
    prompt: Prompt,
    user_text: str,
    variables: Mapping[str, str] | None = None,
    *,
    history: Sequence[Message] = (),
) -> tuple[Message, ...]:
    """The instructions as system message, if there are any; the examples, if they are turns; the earlier turns of
    the conversation, as they are; the user's text.

    `{{name}}` is filled from `variables`, then from the prompt's defaults, once: braces in a value or in the
    user's text stay as they are. Values that the prompt does not ask for are ignored.

    Raises PromptError if a variable has no value, or the examples cannot be read as turns.
    """
    values = _values(prompt, variables or {})
    filled = [Message(message.role, fill(message.content, values)) for message in template_messages(prompt)]
    return (*filled, *history, Message("user", user_text))


def template_messages(prompt: Prompt) -> tuple[Message, ...]:
    """The system message and the examples that are turns, with `{{name}}` not filled. Raises PromptError."""
    document, turns = prompt.document, []
    if prompt.examples == "messages" and (section := document.section("Examples")):
        document = document.without_section("Examples")
        for example in read_examples(section.body):
            turns += [Message("user", example.user), Message("assistant", example.assistant)]
    system = [Message("system", document.instructions)] if document.instructions else []
    return (*system, *turns)


def _values(prompt: Prompt, given: Mapping[str, str]) -> dict[str, str]:
    values = {name: default for name, default in prompt.variables.items() if default is not None} | dict(
        given
    )
    missing = [name for name in prompt.document.variables if name not in values]
    if missing:
        names = ", ".join(f"{{{{{name}}}}}" for name in missing)
        raise PromptError(
            f"prompt {prompt.name!r} needs a value for {names}",
            hint="give one, or a default under `variables:` in the front matter",
        )
    return values
