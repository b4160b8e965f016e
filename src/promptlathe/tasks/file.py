"""A task that a person wrote: a YAML file with its cases in it or in a table beside it, or just the table.

Every mistake is a TaskError that begins `path:line:` and says what is wrong with what stands there.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import PurePath
from typing import get_args

from promptlathe.errors import TaskError, UnknownNameError
from promptlathe.source_files import Located, Scalar, Value, decode, read_yaml, unknown_key
from promptlathe.tasks.case import Case, Language, Split
from promptlathe.tasks.combined_graders import (
    GradersByCase,
    MakeGrader,
    needs_expected,
    read_grader,
    read_pure_grader,
)
from promptlathe.tasks.file_cases import WORDS, Asking, Questions, check_options, file_cases, language_of
from promptlathe.tasks.grading import Grader
from promptlathe.tasks.records import LARGEST_FILE_BYTES, Record, inline_records, read_records
from promptlathe.tasks.shortcuts import Shortcut
from promptlathe.tasks.task import Hints, Task

SUFFIXES = (".yaml", ".yml", ".csv", ".jsonl")
TABLE_SUFFIXES = (".csv", ".jsonl")
KEYS = (
    "name", "description", "language", "question", "sealed_question", "grader", "options", "columns", "splits",
    "hints", "cases",
)  # fmt: skip
DEFAULT_SHARES: Mapping[Split, int] = {"propose": 20, "select": 40, "sealed": 40}

LARGEST_YAML_BYTES = 1024 * 1024
"""About ten seconds of reading; a table is read a hundred times as fast."""
_LANGUAGES: tuple[Language, ...] = get_args(Language)
_MIXED = "use one question for all, or `en:` and `zh:` below it"

ReadBeside = Callable[[str], bytes]
"""The content of the file of that name, relative to the task's own. Raises OSError."""


def read_task(content: bytes, *, name: str, path: str, beside: ReadBeside, make_grader: MakeGrader) -> Task:
    """The task in a file's content. `name` is the task's, and `path` tells by its ending what the file is.

    Raises TaskError.
    """
    if PurePath(path).suffix.lower() in TABLE_SUFFIXES:
        return _task(Located({}, path), _read_table(content, path), name, make_grader)
    if len(content) > LARGEST_YAML_BYTES:
        raise TaskError(
            f"{path}:1: {len(content) / 1e6:.0f} MB of YAML are too much",
            hint="put the cases into a .csv or .jsonl file, and name it: `cases: FILE`",
        )
    file = read_yaml(decode(content, path, TaskError), path=path, error=TaskError)
    if not isinstance(file.value, dict):
        raise TaskError(
            f"{path}:1: this is no task: there are no `key: value` lines", hint="lathe task new NAME"
        )
    for key in file.value:
        if key not in KEYS:
            raise unknown_key(file.where(key), key, list(KEYS), TaskError, "a task")
    given = _text(file, "name")
    if given is not None and given != name:
        raise TaskError(
            f"{file.where('name')}: name: the file is called {name!r}, not {given!r}",
            hint="rename one of them",
        )
    return _task(file, _records(file, beside), name, make_grader)


def _records(file: Located, beside: ReadBeside) -> tuple[Record, ...]:
    """Those under `cases`; in the file that it names; or in the table of the same name beside the YAML."""
    cases = _get(file, "cases")
    own = PurePath(file.path)
    if isinstance(cases, Scalar):
        if PurePath(cases).suffix.lower() not in TABLE_SUFFIXES:
            raise TaskError(
                f"{file.where('cases')}: cases: {cases!r} is no .csv or .jsonl file",
                hint="list the cases below `cases:`, each beginning with `- `",
            )
        try:
            content = beside(cases)
        except OSError as error:
            reason = error.strerror or error
            raise TaskError(
                f"{file.where('cases')}: cases: cannot read {cases}: {reason}",
                hint="the path is relative to this file",
            ) from error
        return _read_table(content, str(own.parent / cases))
    if cases is not None:
        return inline_records(file, "cases")
    for suffix in TABLE_SUFFIXES:
        table = own.with_suffix(suffix)
        try:
            return _read_table(beside(table.name), str(table))
        except FileNotFoundError:
            continue
    raise TaskError(
        f"{file.where('cases')}: there are no cases",
        hint=f"list them below `cases:`, or put {own.with_suffix('.csv').name} beside this file",
    )


def _read_table(content: bytes, path: str) -> tuple[Record, ...]:
    if len(content) > LARGEST_FILE_BYTES:
        raise TaskError(f"{path}:1: {len(content) / 1e6:.0f} MB are too much", hint="ask fewer cases")
    return read_records(decode(content, path, TaskError), path=path)


def _task(file: Located, records: Sequence[Record], name: str, make_grader: MakeGrader) -> Task:
    if not records:
        raise TaskError(f"{file.where('cases')}: there are no cases")
    asking = _asking(file, records)
    block = _get(file, "grader") or Scalar("exact")
    source, own_blocks = file_cases(records, asking)
    grader = _grader(block, file.where("grader"), make_grader, is_alone=not own_blocks)
    if own_blocks:
        own = {key: _grader(*written, make_grader, is_alone=False) for key, written in own_blocks.items()}
        grader = GradersByCase(grader, own)
    cases = source.cases
    languages = tuple(language for language in _LANGUAGES if any(case.language == language for case in cases))
    return Task(
        name=name,
        description=_descriptions(file, name),
        languages=languages,
        strata=tuple(dict.fromkeys(case.stratum for case in cases)),
        chance=sum(case.chance for case in cases) / len(cases),
        source=source,
        grader=grader,
        shortcuts=_shortcuts(cases),
        hints=_hints(file, languages),
    )


def _asking(file: Located, records: Sequence[Record]) -> Asking:
    columns = _columns(file, records)
    options = _texts(file, "options")
    if options:
        check_options(options, file.where("options"))
    sealed = _questions(file, "sealed_question")
    questions = _questions(file, "question")
    if sealed.keys() - questions.keys():
        raise TaskError(
            f"{file.where('sealed_question')}: sealed_question: not the languages of `question`", hint=_MIXED
        )
    return Asking(
        questions=questions,
        sealed_questions=sealed,
        options=options,
        columns=columns,
        shares=_shares(file),
        is_expected_needed=needs_expected(_get(file, "grader") or Scalar("exact")),
    )


def _grader(block: Value, where: str, make_grader: MakeGrader, *, is_alone: bool) -> Grader:
    try:
        return (read_grader if is_alone else read_pure_grader)(block, make_grader)
    except TaskError as error:
        raise TaskError(f"{where}: {error.message}", hint=error.hint) from error


def _questions(file: Located, key: str) -> Questions:
    """Templates by language: for one question, that which it is written in, or `language` says."""
    value = _get(file, key)
    if isinstance(value, dict):
        _mapping(file, key, known=_LANGUAGES)
        return {language: _texts(file, key, language) for language in _LANGUAGES if language in value}
    templates = _texts(file, key)
    if not templates:
        return {}
    given = _text(file, "language")
    if given is not None and given not in _LANGUAGES:
        raise TaskError(
            f"{file.where('language')}: language: no {given!r}", hint=f"choose from: {', '.join(_LANGUAGES)}"
        )
    language = next((one for one in _LANGUAGES if one == given), None) or language_of(" ".join(templates))
    return {language: templates}


def _columns(file: Located, records: Sequence[Record]) -> dict[str, str]:
    given = _mapping(file, "columns", known=WORDS)
    known = {key for record in records for key in record.values}
    columns = {word: _text(file, "columns", word) or "" for word in given}
    for word, column in columns.items():
        if column not in known:
            raise TaskError(
                f"{file.where('columns', word)}: columns: no case has {column!r}",
                hint=UnknownNameError("column", column, known).hint,
            )
    return columns


def _shares(file: Located) -> Mapping[Split, int]:
    splits: tuple[Split, ...] = get_args(Split)
    if not _mapping(file, "splits", known=splits):
        return DEFAULT_SHARES
    shares = {split: _whole_number(file, "splits", split) for split in splits}
    if not sum(shares.values()):
        raise TaskError(
            f"{file.where('splits')}: splits: all are 0", hint="splits: {propose: 20, select: 80}"
        )
    return shares


def _whole_number(file: Located, *place: str) -> int:
    written = _text(file, *place) or "0"
    if not (written.isascii() and written.isdigit() and len(written) < 7):
        raise TaskError(f"{file.where(*place)}: {'.'.join(place)}: {written!r} is not a whole number from 0")
    return int(written)


def _descriptions(file: Located, name: str) -> dict[Language, str]:
    value = _get(file, "description")
    if not isinstance(value, dict):
        text = _text(file, "description") or name
        return dict.fromkeys(_LANGUAGES, text)
    _mapping(file, "description", known=_LANGUAGES)
    texts = {language: _text(file, "description", language) for language in _LANGUAGES if language in value}
    other = next((text for text in texts.values() if text), name)
    return {language: texts.get(language) or other for language in _LANGUAGES}


def _hints(file: Located, languages: Sequence[Language]) -> dict[Language, Hints]:
    names = tuple(item.name for item in fields(Hints))
    value = _mapping(file, "hints", known=(*names, *_LANGUAGES))
    is_by_language = bool(value.keys() & {*_LANGUAGES})
    if is_by_language and value.keys() & {*names}:
        raise TaskError(f"{file.where('hints')}: hints: some are in a language, and some not", hint=_MIXED)
    hints: dict[Language, Hints] = {}
    for language in _LANGUAGES:
        place = ("hints", language) if is_by_language else ("hints",)
        _mapping(file, *place, known=names)
        is_meant = is_by_language or language in languages[:1]
        hints[language] = (
            Hints(**{name: _texts(file, *place, name) for name in names}) if is_meant else Hints()
        )
    return hints


def _shortcuts(cases: Sequence[Case]) -> tuple[Shortcut, ...]:
    """What needs no thought: the first or last option, and the commonest answer where one comes twice."""
    found = []
    if any(case.options for case in cases):
        found += [
            Shortcut("first-option", {"en": "first option", "zh": "第一个选项"}, _first_option),
            Shortcut("last-option", {"en": "last option", "zh": "最后一个选项"}, _last_option),
        ]
    ((commonest, count),) = Counter(case.expected for case in cases).most_common(1)
    if count > 1 and commonest:
        label: Mapping[Language, str] = {"en": f"always {commonest!r}", "zh": f"总答“{commonest}”"}
        found.append(Shortcut("commonest-answer", label, lambda _: commonest))
    return tuple(found)


def _first_option(case: Case) -> str | None:
    return case.options[0] if case.options else None


def _last_option(case: Case) -> str | None:
    return case.options[-1] if case.options else None


def _get(file: Located, *place: str) -> Value:
    value = file.value
    for key in place:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _text(file: Located, *place: str) -> str | None:
    value = _get(file, *place)
    if value is None:
        return None
    if not isinstance(value, Scalar):
        raise TaskError(f"{file.where(*place)}: {'.'.join(place)}: this must be text")
    if not value.strip():
        raise TaskError(f"{file.where(*place)}: {'.'.join(place)} is empty")
    return str(value).strip()


def _texts(file: Located, *place: str) -> tuple[str, ...]:
    """A list of texts; a text alone is a list of one."""
    value = _get(file, *place)
    if not isinstance(value, list):
        text = _text(file, *place)
        return () if text is None else (text,)
    texts = []
    for index, item in enumerate(value):
        if not isinstance(item, Scalar) or not item.strip():
            raise TaskError(
                f"{file.where(*place, index)}: {'.'.join(place)}: each must be text, and not empty",
                hint="write it between quotes",
            )
        texts.append(str(item).strip())
    return tuple(texts)


def _mapping(file: Located, *place: str, known: Sequence[str]) -> dict[str, Value]:
    value = _get(file, *place)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TaskError(f"{file.where(*place)}: {'.'.join(place)}: this must be `key: value` lines")
    for key in value:
        if key not in known:
            raise unknown_key(file.where(*place, key), key, list(known), TaskError, f"`{'.'.join(place)}`")
    return value
