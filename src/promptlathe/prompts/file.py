"""A prompt file: optional YAML front matter, then the prompt's text."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from promptlathe.errors import PromptError, UnknownNameError
from promptlathe.prompts.document import PromptDocument
from promptlathe.prompts.front_matter import (
    ExamplesMode,
    FrontMatter,
    Sampling,
    read_front_matter,
    update_front_matter,
)
from promptlathe.prompts.reading import parse
from promptlathe.prompts.sections import canonical_name
from promptlathe.prompts.writing import render
from promptlathe.source_files import decode

_FRONT_MATTER = re.compile(
    r"(?P<opening>\ufeff?---[ \t]*\r?\n)(?P<yaml>.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)
_UNCLOSED = re.compile(r"\ufeff?---[ \t]*\r?\n[\w-]{1,40}[ \t]{0,4}:")


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a prompt file says. `Prompt("direct", parse("Answer with a number."))` is one without a file."""

    name: str
    document: PromptDocument
    version: str | None = None
    description: str | None = None
    variables: Mapping[str, str | None] = field(default_factory=dict)
    """Defaults of the `{{name}}` placeholders; None where a value must be given."""
    examples: ExamplesMode = "text"
    frozen: tuple[str, ...] = ()
    """Names of the sections that a search must not change."""
    sampling: Sampling = field(default_factory=Sampling)
    certificate: str | None = None
    """The file that proves what this prompt gains, relative to the prompt's own."""
    front_matter: str = ""
    """The file's front matter as it was read, with its `---` lines."""

    @property
    def digest(self) -> str:
        """SHA-256 in hex over what a model will see: the instructions, the examples mode and the defaults."""
        seen = [self.document.instructions, self.examples, sorted(self.variables.items())]
        return hashlib.sha256(json.dumps(seen).encode("ascii")).hexdigest()

    @property
    def first_text_line(self) -> int:
        """The line of the file on which the document's text begins, from 1."""
        return self.front_matter.count("\n") + 1


def read_prompt(source: str | bytes, *, name: str, path: str | None = None) -> Prompt:
    """Reads a prompt file's content. `name` counts if the front matter gives none; `path` is for messages.

    Raises PromptError, its message beginning `path:line:`, for bytes that are not UTF-8 text and for front
    matter with a mistake in it. The prompt's own text cannot be wrong.
    """
    path = path or f"{name}.md"
    text = source if isinstance(source, str) else decode(source, path, PromptError)
    match = _FRONT_MATTER.match(text)
    if match is None:
        if _UNCLOSED.match(text):
            raise PromptError(f"{path}:1: the front matter is not closed", hint="end it with a line '---'")
        return Prompt(name, parse(text))
    found, lines = read_front_matter(match["yaml"], path=path, first_line=2)
    document = parse(text[match.end() :])
    frozen = tuple(_frozen(section, document, f"{path}:{lines['frozen']}") for section in found.frozen)
    return Prompt(
        name=found.name or name,
        document=document,
        version=found.version,
        description=found.description,
        variables=found.variables,
        examples=found.examples,
        frozen=frozen,
        sampling=found.sampling,
        certificate=found.certificate,
        front_matter=match[0],
    )


def write_prompt(prompt: Prompt) -> str:
    """The prompt file's text, byte for byte the one that was read if nothing was changed.

    Changed fields change their lines of the front matter; comments and the other lines stay. The name is
    written only where the front matter has one: otherwise it is the file's.
    """
    text = render(prompt.document)
    match = _FRONT_MATTER.match(prompt.front_matter)
    written = read_front_matter(match["yaml"], path=prompt.name, first_line=2)[0] if match else FrontMatter()
    changes: dict[str, object] = {}
    if written.name not in (None, prompt.name):
        changes["name"] = prompt.name
    if prompt.version != written.version:
        changes["version"] = prompt.version
    if prompt.description != written.description:
        changes["description"] = prompt.description
    if dict(prompt.variables) != dict(written.variables):
        changes["variables"] = dict(prompt.variables) or None
    if prompt.examples != written.examples:
        changes["examples"] = None if prompt.examples == "text" else prompt.examples
    if prompt.frozen != tuple(canonical_name(name) or name for name in written.frozen):
        changes["frozen"] = list(prompt.frozen) or None
    if prompt.sampling != written.sampling:
        given = {key: value for key, value in asdict(prompt.sampling).items() if value is not None}
        changes["sampling"] = given or None
    if prompt.certificate != written.certificate:
        changes["certificate"] = prompt.certificate
    if changes:
        return update_front_matter(prompt.front_matter, changes) + text
    if not prompt.front_matter and (_FRONT_MATTER.match(text) or _UNCLOSED.match(text)):
        # This text would be read as front matter; an empty one before it says that it is not.
        return "---\n---\n" + text
    return prompt.front_matter + text


def _frozen(name: str, document: PromptDocument, where: str) -> str:
    section = document.section(name)
    if section is None:
        known = UnknownNameError("section", name, (section.name for section in document.sections))
        raise PromptError(f"{where}: frozen: the prompt has no section {name!r}", hint=known.hint)
    return section.name
