"""Structured prompts: read, render, write. Knows nothing of tasks, models or storage."""

from promptlathe.prompts.conversion import convert_prompt
from promptlathe.prompts.dialects import DIALECT_IDS, Detection, DialectId, detect
from promptlathe.prompts.document import Layout, PromptDocument, Section
from promptlathe.prompts.examples import Example, examples_body, read_examples
from promptlathe.prompts.file import Prompt, read_prompt, write_prompt
from promptlathe.prompts.front_matter import ExamplesMode, Sampling
from promptlathe.prompts.items import Item
from promptlathe.prompts.library import library_names, library_prompt
from promptlathe.prompts.messages import render_messages
from promptlathe.prompts.outline import Loss
from promptlathe.prompts.placeholders import Placeholder, find_placeholders
from promptlathe.prompts.reading import parse
from promptlathe.prompts.sections import CanonicalName, Language, canonical_name
from promptlathe.prompts.writing import Written, render, write

__all__ = [
    "DIALECT_IDS",
    "CanonicalName",
    "Detection",
    "DialectId",
    "Example",
    "ExamplesMode",
    "Item",
    "Language",
    "Layout",
    "Loss",
    "Placeholder",
    "Prompt",
    "PromptDocument",
    "Sampling",
    "Section",
    "Written",
    "canonical_name",
    "convert_prompt",
    "detect",
    "examples_body",
    "find_placeholders",
    "library_names",
    "library_prompt",
    "parse",
    "read_examples",
    "read_prompt",
    "render",
    "render_messages",
    "write",
    "write_prompt",
]
