"""Structured prompts: read, render, write. Knows nothing of tasks, models or storage."""

from promptlathe.prompts.commands import Command
from promptlathe.prompts.conversion import FORM_IDS, Conversion, FormId, convert_prompt
from promptlathe.prompts.dialects import DIALECT_IDS, Detection, DialectId, detect
from promptlathe.prompts.document import Layout, PromptDocument, Section
from promptlathe.prompts.examples import Example, examples_body, read_examples
from promptlathe.prompts.file import Prompt, read_prompt, write_prompt
from promptlathe.prompts.frameworks import FrameworkDetection, detect_framework
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
    "FORM_IDS",
    "CanonicalName",
    "Command",
    "Conversion",
    "Detection",
    "DialectId",
    "Example",
    "ExamplesMode",
    "FormId",
    "FrameworkDetection",
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
    "detect_framework",
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
