"""Writes a document as text."""

from promptlathe.prompts.document import PromptDocument


def render(document: PromptDocument) -> str:
    """The document's exact text; for one that was read and not edited, the text that was read."""
    return document.preamble + "".join(section.source for section in document.sections)
