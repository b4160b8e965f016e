"""Structured prompts: read, render, write. Knows nothing of tasks, models or storage."""

from promptlathe.prompts.document import Layout, PromptDocument, Section
from promptlathe.prompts.examples import Example, examples_body, read_examples
from promptlathe.prompts.file import Prompt, read_prompt, write_prompt
from promptlathe.prompts.front_matter import ExamplesMode, Sampling
from promptlathe.prompts.items import Item
from promptlathe.prompts.library import library_names, library_prompt
from promptlathe.prompts.messages import render_messages
from promptlathe.prompts.reading import parse
from promptlathe.prompts.sections import CanonicalName, Language, canonical_name
from promptlathe.prompts.writing import render

__all__ = [
    "CanonicalName",
    "Example",
    "ExamplesMode",
    "Item",
    "Language",
    "Layout",
    "Prompt",
    "PromptDocument",
    "Sampling",
    "Section",
    "canonical_name",
    "examples_body",
    "library_names",
    "library_prompt",
    "parse",
    "read_examples",
    "read_prompt",
    "render",
    "render_messages",
    "write_prompt",
]
