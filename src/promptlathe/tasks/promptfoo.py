"""A promptfoo configuration as a task and prompts, with a note for all that it says and we cannot."""

import io
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from ruamel.yaml import YAML

from promptlathe.errors import TaskError
from promptlathe.source_files import Located, Scalar, Value, decode, read_yaml
from promptlathe.tasks.file import ReadBeside
from promptlathe.tasks.file_cases import WORDS, template_names
from promptlathe.tasks.promptfoo_assertions import (
    Assertion,
    Block,
    NotImportableError,
    has_code,
    read_assertion,
)

_TEST_KEYS = {"vars", "assert", "description", "metadata"}
_MOST_COMBINATIONS = 10_000


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was left out or means something else now. `where` is `path:line`."""

    where: str
    message: str


@dataclass(frozen=True, slots=True)
class Imported:
    """`task` is a task file in YAML; `prompts` are system messages with `{{name}}` in them, in their order."""

    task: str
    prompts: tuple[str, ...]
    cases: int
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class _Prompt:
    """promptfoo's prompt, parted: `system` and `user` are templates."""

    system: str
    user: str


def import_promptfoo(content: bytes, *, path: str, beside: ReadBeside) -> Imported:
    """Raises TaskError `path:line: …` for what is no promptfoo configuration with a test that can be taken."""
    file = read_yaml(decode(content, path, TaskError), path=path, error=TaskError)
    if not isinstance(file.value, dict) or "tests" not in file.value:
        raise TaskError(f"{path}:1: no promptfoo configuration: there are no `tests`")
    importing = _Importing(file, beside)
    prompts = list(importing.prompts())
    cases = list(importing.cases())
    if not cases:
        reasons = "; ".join(note.message for note in importing.notes[:3])
        raise TaskError(f"{file.where('tests')}: no test can be taken over", hint=reasons or None)
    importing.note_other_keys()
    return importing.written(prompts, cases)


@dataclass(frozen=True, slots=True)
class _Case:
    variables: Mapping[str, str]
    assertions: tuple[Assertion, ...]

    @property
    def expected(self) -> str | None:
        return next((made.expected for made in self.assertions if made.expected is not None), None)

    @property
    def grader(self) -> object:
        blocks: list[Block] = [made.block for made in self.assertions]
        return blocks[0] if len(blocks) == 1 else blocks


@dataclass(slots=True)
class _Importing:
    file: Located
    beside: ReadBeside
    notes: list[Note] = field(default_factory=list)

    def prompts(self) -> Iterator[_Prompt]:
        """One after the other; those that cannot be taken are noted."""
        for place, written in self._listed("prompts"):
            raw = (written.get("raw") or written.get("id")) if isinstance(written, dict) else written
            try:
                if not isinstance(raw, Scalar):
                    raise NotImportableError("a prompt that is no text")
                for text in self._texts(raw):
                    yield _parted(text)
            except NotImportableError as error:
                self._note(place, f"left out: {error}")

    def cases(self) -> Iterator[_Case]:
        """Every test, its lists of values multiplied out as promptfoo does."""
        default = self._mapping(("defaultTest",))
        for place, written in self._listed("tests"):
            if not isinstance(written, dict):
                self._note(place, f"test left out: tests elsewhere ({written}); copy them into this file")
                continue
            for key in written.keys() - _TEST_KEYS:
                self._note((*place, key), f"left out: `{key}` of a test")
            try:
                combinations = _combinations(_merged(default.get("vars"), written.get("vars")))
                for variables in combinations:
                    assertions = [
                        *self._assertions((*place, "assert"), variables),
                        *self._assertions(("defaultTest", "assert"), variables),
                    ]
                    if not assertions:
                        raise NotImportableError("no assertion of it can be taken")
                    yield _Case(variables, _agreeing(assertions))
            except NotImportableError as error:
                self._note(place, f"test left out: {error}")

    def note_other_keys(self) -> None:
        """Models are chosen elsewhere here; whatever else there is has no counterpart."""
        value = self.file.value if isinstance(self.file.value, dict) else {}
        for key in value:
            if key in ("providers", "targets"):
                self._note((key,), f"left out: `{key}`; choose models with --model")
            elif key not in ("prompts", "tests", "defaultTest", "description"):
                self._note((key,), f"left out: `{key}`")
        for key in self._mapping(("defaultTest",)).keys() - _TEST_KEYS:
            self._note(("defaultTest", key), f"left out: `{key}` of defaultTest")

    def written(self, prompts: list[_Prompt], cases: list[_Case]) -> Imported:
        names = list(dict.fromkeys(name for case in cases for name in case.variables))
        prompts = [prompt for prompt in prompts if self._is_answerable(prompt, names)]
        users = list(dict.fromkeys(prompt.user for prompt in prompts if prompt.user))
        user = users[0] if users else _question_of(names)
        if len(users) > 1:
            self._note(("prompts",), f"the prompts end in different questions; taken for all: {user!r}")
        systems = tuple(dict.fromkeys(prompt.system for prompt in prompts if prompt.system))
        renamed = {name: f"{name}_" for name in names if name in WORDS}
        is_plain = user.strip() == "{{question}}" and not any(
            "question" in template_names(text) for text in systems
        )
        if is_plain:
            renamed.pop("question", None)
        for old, new in renamed.items():
            self._note(
                ("tests",), f"the variable {old!r} is called {new!r} now: {old} is a word of task files"
            )
        # As promptfoo does: a variable that a test does not give is empty.
        asked = {name: "" for text in (user, *systems) for name in template_names(text)}
        description = self.file.value.get("description") if isinstance(self.file.value, dict) else None
        task: dict[str, object] = {"description": str(description or f"From {PurePath(self.file.path).name}")}
        if not is_plain:
            task["question"] = _renamed(user, renamed)
        graders = [case.grader for case in cases]
        is_one = all(grader == graders[0] for grader in graders)
        if is_one:
            task["grader"] = graders[0]
        task["cases"] = [
            {renamed.get(name, name): value for name, value in (asked | dict(case.variables)).items()}
            | ({"expected": case.expected} if case.expected is not None else {})
            | ({} if is_one else {"grader": case.grader})
            for case in cases
        ]
        if systems:
            self._note(("prompts",), f"the prompts are system messages now; the user's message is {user!r}")
        prompts_now = tuple(_renamed(text, renamed) for text in systems)
        return Imported(_yaml(task), prompts_now, len(cases), tuple(self.notes))

    def _is_answerable(self, prompt: _Prompt, names: list[str]) -> bool:
        lost = [name for name in template_names(prompt.system + prompt.user) if name not in names]
        if lost:
            self._note(("prompts",), f"left out: a prompt asks for {', '.join(lost)}, which no test gives")
        return not lost

    def _texts(self, raw: str) -> Iterator[str]:
        """A prompt's text; of a file, the parts between `---` lines."""
        is_file = raw.startswith("file://") or (
            len(raw) < 200 and PurePath(raw).suffix in (".txt", ".json", ".md")
        )
        if not is_file:
            yield raw
            return
        name = raw.removeprefix("file://")
        if PurePath(name).suffix not in (".txt", ".json", ".md"):
            raise NotImportableError(f"a prompt made by code or a pattern of files ({raw})")
        try:
            text = decode(self.beside(name), name, TaskError)
        except OSError as error:
            raise NotImportableError(f"cannot read {name}: {error.strerror or error}") from error
        yield from (part.strip() for part in text.removeprefix("\ufeff").split("\n---\n") if part.strip())

    def _assertions(self, place: tuple[str | int, ...], variables: Mapping[str, str]) -> Iterator[Assertion]:
        for inner, written in self._listed(*place):
            try:
                yield read_assertion(written, variables)
            except NotImportableError as error:
                self._note(inner, f"assertion left out: {error}")

    def _listed(self, *place: str | int) -> Iterator[tuple[tuple[str | int, ...], Value]]:
        """The items at this place, each with its own; one that is no list is the only one."""
        value: Value = self.file.value
        for key in place:
            if isinstance(value, dict) and isinstance(key, str):
                value = value.get(key)
            elif isinstance(value, list) and isinstance(key, int):
                value = value[key] if key < len(value) else None
            else:
                value = None
        if isinstance(value, list):
            yield from (((*place, index), item) for index, item in enumerate(value))
        elif value is not None:
            yield place, value

    def _mapping(self, place: tuple[str, ...]) -> dict[str, Value]:
        value = next((item for _, item in self._listed(*place)), None)
        return value if isinstance(value, dict) else {}

    def _note(self, place: tuple[str | int, ...], message: str) -> None:
        note = Note(self.file.where(*place), message)
        if note not in self.notes:
            self.notes.append(note)


def _parted(text: str) -> _Prompt:
    """Of a chat, the system message and the user's; of a text, what stands before a variable at its end."""
    if has_code(text):
        raise NotImportableError("a prompt with template code in it")
    if text.lstrip().startswith("["):
        return _of_chat(text)
    names = template_names(text)
    if names and text.rstrip().endswith("}}"):
        last = text.rindex("{{")
        if names.index(template_names(text[last:])[0]) == len(names) - 1:
            return _Prompt(text[:last].strip(), text[last:].strip())
    return _Prompt(text.strip(), "")


def _of_chat(text: str) -> _Prompt:
    try:
        turns = [(turn["role"], turn["content"]) for turn in json.loads(text)]
    except (json.JSONDecodeError, TypeError, KeyError) as error:
        raise NotImportableError("a prompt that begins with [ and is no JSON list of messages") from error
    roles = [role for role, _ in turns]
    if roles not in (["system", "user"], ["user"]) or not all(isinstance(said, str) for _, said in turns):
        raise NotImportableError("a conversation of several turns")
    return _Prompt("" if len(turns) == 1 else turns[0][1].strip(), turns[-1][1].strip())


def _question_of(names: list[str]) -> str:
    """The user's message where no prompt has one: the variables, each by its name if there are several."""
    if len(names) == 1:
        return f"{{{{{names[0]}}}}}"
    return "\n".join(f"{name}: {{{{{name}}}}}" for name in names)


def _merged(default: Value, own: Value) -> dict[str, Value]:
    for value in (default, own):
        if value is not None and not isinstance(value, dict):
            raise NotImportableError("its `vars` are elsewhere")
    return {**(default if isinstance(default, dict) else {}), **(own if isinstance(own, dict) else {})}


def _combinations(variables: Mapping[str, Value]) -> list[dict[str, str]]:
    values: list[list[str]] = []
    for name, value in variables.items():
        items = value if isinstance(value, list) else [value]
        texts = [str(item) for item in items if isinstance(item, Scalar)]
        if len(texts) < len(items):
            raise NotImportableError(f"the variable {name!r} is no text")
        if any(text.startswith("file://") or "{{" in text or has_code(text) for text in texts):
            raise NotImportableError(f"the variable {name!r} comes from a file or a template")
        values.append(texts)
    count = 1
    for texts in values:
        count *= len(texts)
    if count > _MOST_COMBINATIONS:
        raise NotImportableError(f"{count} combinations of its values")
    return [dict(zip(variables, chosen, strict=True)) for chosen in itertools.product(*values)]


def _agreeing(assertions: list[Assertion]) -> tuple[Assertion, ...]:
    """A case has one expected answer: where two assertions compare with different ones, `contains` lists its own."""
    expected = next((made.expected for made in assertions if made.expected is not None), None)
    agreeing = []
    for made in assertions:
        if made.expected in (None, expected):
            agreeing.append(made)
            continue
        agreeing.append(Assertion(_listing(made.block, str(made.expected))))
    return tuple(agreeing)


def _listing(block: Block, expected: str) -> Block:
    if isinstance(block, dict) and block.get("type") == "contains":
        return block | {"all": [expected]}
    if isinstance(block, dict) and isinstance(inner := block.get("not"), str | dict):
        return {"not": _listing(inner, expected)}
    raise NotImportableError("it must equal two different texts")


def _renamed(template: str, names: Mapping[str, str]) -> str:
    for old, new in names.items():
        template = re.sub(rf"\{{\{{[ \t]*{old}[ \t]*\}}\}}", f"{{{{{new}}}}}", template)
    return template


def _yaml(value: Mapping[str, object]) -> str:
    yaml = YAML(typ="rt")
    yaml.width = 2**16
    yaml.allow_unicode = True
    stream = io.StringIO()
    yaml.dump(dict(value), stream)
    return stream.getvalue()
