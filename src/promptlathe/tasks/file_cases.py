"""From the records of a task file to checked cases, and from these to the order they are asked in."""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar, get_args

from promptlathe.errors import TaskError, UnknownNameError
from promptlathe.source_files import Scalar, Value
from promptlathe.tasks.case import Case, Language, Split
from promptlathe.tasks.combined_graders import needs_expected
from promptlathe.tasks.records import Record

WORDS = ("id", "question", "expected", "options", "stratum", "cluster", "split", "language", "grader")
"""What a key of a case means; every other key is a variable."""

Questions = Mapping[Language, tuple[str, ...]]
Word = TypeVar("Word", bound=str)

_SPLITS: tuple[Split, ...] = get_args(Split)
_LANGUAGES: tuple[Language, ...] = get_args(Language)

_VARIABLE = re.compile(r"\{\{[ \t]*([^\W\d]\w{0,63})[ \t]*\}\}")
_LONGEST_ID = 100
# What the expected answer is called elsewhere: only for the hint.
_ANSWER_NAMES = (
    "answer",
    "answers",
    "label",
    "target",
    "ideal",
    "output",
    "gold",
    "答案",
    "标准答案",
    "期望",
)


@dataclass(frozen=True, slots=True)
class Asking:
    """How a file asks its cases. `shares` are the weights of the splits, `columns` names for `WORDS`."""

    questions: Questions
    sealed_questions: Questions
    options: tuple[str, ...]
    columns: Mapping[str, str]
    shares: Mapping[Split, int]
    is_expected_needed: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """One record in one language: the same question in each of its phrasings."""

    key: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class FileCases:
    """The `CaseSource` of a task file: the seed decides the order and the phrasing, never the split.

    First each record is asked in one phrasing, then each in another one, and so on. Strata and languages are
    spread evenly, so that every prefix is about balanced.
    """

    asked: tuple[Asked, ...]

    def __call__(self, split: Split, seed: int, languages: tuple[Language, ...]) -> Iterator[Case]:
        order = _spread(
            [
                (_hash(f"{seed}/{split}/{one.key}"), one)
                for one in self.asked
                if one.cases[0].split == split and one.cases[0].language in languages
            ]
        )
        for turn in range(max((len(one.cases) for _, one in order), default=0)):
            for number, one in order:
                if turn < len(one.cases):
                    yield one.cases[(number + turn) % len(one.cases)]

    @property
    def cases(self) -> tuple[Case, ...]:
        """All there are, in the order of the file."""
        return tuple(case for one in self.asked for case in one.cases)


def file_cases(records: Sequence[Record], asking: Asking) -> tuple[FileCases, dict[str, tuple[Value, str]]]:
    """The checked cases; and by case id the grader that a case has of its own, as written, and where.

    Raises TaskError `path:line: …` for the first record that is no case.
    """
    rows = [_Row(record, asking) for record in records]
    _check_ids(rows)
    splits = _splits(rows, asking.shares)
    asked: list[Asked] = []
    graders: dict[str, tuple[Value, str]] = {}
    for row in rows:
        for language in row.languages:
            cases = row.cases(language, splits[row.cluster])
            asked.append(Asked(f"{row.id}/{language}", cases))
            if row.grader is not None:
                graders |= {case.id: (row.grader, row.where) for case in cases}
    return FileCases(tuple(asked)), graders


class _Row:
    """A record, read and checked. `grader` is a block that was not looked at yet."""

    def __init__(self, record: Record, asking: Asking) -> None:
        self.where, self._asking, self._values = record.where, asking, record.values
        self.grader = record.values.get(asking.columns.get("grader", "grader"))
        named = {asking.columns.get(word, word) for word in WORDS}
        own = {word for word in WORDS if word not in asking.columns}
        self.variables = {
            key: self._scalar(key, value) for key, value in record.values.items() if key not in own
        }
        self._own_question = self._text("question")
        self.languages = self._languages()
        used = self._used()
        self._check_names(used, named)
        self.expected = self._text("expected") or ""
        is_needed = asking.is_expected_needed if self.grader is None else needs_expected(self.grader)
        if is_needed and not self.expected:
            self._fail_without_expected()
        self.options = self._options()
        self.stratum = self._text("stratum") or "all"
        self.given_split = self._one_of("split", _SPLITS)
        self.given_id = self._text("id")
        self.id = self.given_id or self._content_id(used)
        if len(self.id) > _LONGEST_ID or not self.id.isprintable():
            raise self.error(f"id: at most {_LONGEST_ID} characters, none of them a line break or a control")
        self.cluster = self._text("cluster") or self.id

    def error(self, reason: str, hint: str | None = None) -> TaskError:
        return TaskError(f"{self.where}: {reason}", hint=hint)

    def cases(self, language: Language, split: Split) -> tuple[Case, ...]:
        templates = self._templates(language, is_sealed=split == "sealed")
        parts = [self.id, *([language] if len(self.languages) > 1 else [])]
        return tuple(
            Case(
                id=":".join([*parts, *([str(number)] if len(templates) > 1 else [])]),
                variables=self.variables,
                question=self._filled(template, language),
                expected=self.expected,
                stratum=self.stratum,
                cluster=self.cluster,
                split=split,
                language=language,
                options=self.options,
            )
            for number, template in enumerate(templates, 1)
        )

    def _filled(self, template: str, language: Language) -> str:
        listed = {"options": ("、" if language == "zh" else ", ").join(self.options)} if self.options else {}
        values = listed | self.variables
        for name in template_names(template):
            if name not in values:
                near = get_close_matches(name, self.variables, n=1)
                hint = (
                    f"it has {near[0]!r}: is that meant?"
                    if near
                    else "give it a value, or change the question"
                )
                raise self.error(f"the question asks for {{{{{name}}}}}, which this case lacks", hint)
        question = filled(template, values)
        if not question.strip():
            raise self.error("the question is empty")
        return question

    def _templates(self, language: Language, *, is_sealed: bool) -> tuple[str, ...]:
        if self._own_question:
            return (self._own_question,)
        sealed = self._asking.sealed_questions if is_sealed else {}
        return sealed.get(language) or self._asking.questions[language]

    def _languages(self) -> tuple[Language, ...]:
        given = self._one_of("language", _LANGUAGES)
        known = tuple(self._asking.questions)
        if given:
            if not self._own_question and given not in known:
                raise self.error(
                    f"language: there is no question in {given}", hint=f"questions: {', '.join(known)}"
                )
            return (given,)
        if self._own_question:
            return (language_of(self._own_question),)
        if not known:
            raise self.error("there is no question", hint="give `question:` for all cases, or one for each")
        return known

    def _options(self) -> tuple[str, ...]:
        word = self._asking.columns.get("options", "options")
        given = self._values.get(word)
        if given is None:
            options = self._asking.options
        elif isinstance(given, list):
            options = tuple(self._scalar("options", item).strip() for item in given)
        else:
            options = tuple(part.strip() for part in self._scalar("options", given).split("|"))
        if not options:
            return ()
        check_options(options, self.where)
        if self.expected and self.expected not in options:
            raise self.error(
                f"expected {self.expected!r} is not one of the options",
                UnknownNameError("option", self.expected, options).hint,
            )
        return options

    def _used(self) -> set[str]:
        """The variables that a question asks for, in whatever split the case is."""
        return {
            name
            for language in self.languages
            for is_sealed in (False, True)
            for template in self._templates(language, is_sealed=is_sealed)
            for name in template_names(template)
        }

    def _check_names(self, used: set[str], named: set[str]) -> None:
        """A variable that no question uses may be for prompts; but if it looks like a word, it is a slip."""
        for key in self.variables.keys() - used - named:
            if near := get_close_matches(key.lower(), named - self._values.keys(), n=1, cutoff=0.8):
                raise self.error(f"unknown key {key!r}", f"did you mean {near[0]!r}?")

    def _fail_without_expected(self) -> None:
        if "expected" in self._asking.columns:
            raise self.error(f"the expected answer ({self._asking.columns['expected']}) is empty")
        other = next((name for name in self._values if name.lower() in _ANSWER_NAMES), None)
        raise self.error(
            "there is no expected answer"
            if "expected" not in self._values
            else "the expected answer is empty",
            f"is it {other!r}? Then say so: `columns: {{expected: {other}}}`" if other else "give `expected`",
        )

    def _text(self, word: str) -> str | None:
        column = self._asking.columns.get(word, word)
        value = self._values.get(column)
        return None if value is None else self._scalar(column, value).strip() or None

    def _one_of(self, word: str, known: tuple[Word, ...]) -> Word | None:
        given = self._text(word)
        found = next((one for one in known if one == given), None)
        if given and not found:
            raise self.error(f"{word}: no {given!r}", f"choose from: {', '.join(known)}")
        return found

    def _scalar(self, key: str, value: Value) -> str:
        if not isinstance(value, Scalar):
            kind = (
                "a list" if isinstance(value, list) else "a block" if isinstance(value, dict) else "nothing"
            )
            raise self.error(f"{key} must be text, not {kind}", "write it between quotes")
        return str(value)

    def _content_id(self, used: set[str]) -> str:
        """Of what is asked only: a case whose answer is corrected stays the same, and in its split."""
        asked = [(name, self.variables.get(name)) for name in sorted(used)]
        content = [asked, self._own_question, self.languages]
        return hashlib.sha256(json.dumps(content).encode("ascii")).hexdigest()[:12]


def template_names(template: str) -> list[str]:
    """The variables that a template asks for, each once."""
    return list(dict.fromkeys(_VARIABLE.findall(template)))


def filled(template: str, values: Mapping[str, str]) -> str:
    """Once: braces in a value stay. Raises KeyError for a variable without one."""
    return _VARIABLE.sub(lambda match: values[match[1]], template)


def language_of(text: str) -> Language:
    """Chinese, if it has a Chinese character."""
    return "zh" if any("\u4e00" <= character <= "\u9fff" for character in text) else "en"


def check_options(options: Sequence[str], where: str) -> None:
    """Raises TaskError unless these are two or more different ones."""
    if len(options) < 2:
        raise TaskError(f"{where}: options: there must be two or more", hint="options: [yes, no]")
    for index, option in enumerate(options):
        if not option or option in options[:index]:
            raise TaskError(
                f"{where}: options: {option!r} is there twice"
                if option
                else f"{where}: options: one is empty"
            )


def _check_ids(rows: Sequence[_Row]) -> None:
    seen: dict[str, _Row] = {}
    for row in rows:
        if (other := seen.setdefault(row.id, row)) is not row:
            same = (
                f"id {row.id!r} is that of {other.where} too"
                if row.given_id
                else f"the same case as {other.where}"
            )
            raise row.error(same, None if row.given_id else "take it out, or give the two an `id`")


def _splits(rows: Sequence[_Row], shares: Mapping[Split, int]) -> dict[str, Split]:
    """The split of each cluster: the one given, else by a hash of the cluster, so that a case keeps its split
    whatever is added to the file, and cases of one cluster are never in two."""
    given: dict[str, tuple[Split, str]] = {}
    for row in rows:
        if row.given_split:
            split, where = given.setdefault(row.cluster, (row.given_split, row.where))
            if split != row.given_split:
                raise row.error(
                    f"cluster {row.cluster!r} is in {row.given_split} here, and in {split} at {where}",
                    "cases of one cluster share a split",
                )
    return {
        row.cluster: given[row.cluster][0] if row.cluster in given else _drawn(row.cluster, shares)
        for row in rows
    }


def _drawn(cluster: str, shares: Mapping[Split, int]) -> Split:
    point = _hash(f"split/{cluster}") % sum(shares.values())
    for split, share in shares.items():
        if point < share:
            return split
        point -= share
    raise AssertionError


def _spread(numbered: list[tuple[int, Asked]]) -> list[tuple[int, Asked]]:
    """Each group of stratum and language evenly over the whole, in the order of its numbers."""
    groups: dict[tuple[str, str], list[tuple[int, Asked]]] = defaultdict(list)
    for number, one in sorted(numbered, key=lambda pair: (pair[0], pair[1].key)):
        groups[one.cases[0].stratum, one.cases[0].language].append((number, one))
    placed = [
        ((2 * index + 1) / (2 * len(group)), number, one)
        for group in groups.values()
        for index, (number, one) in enumerate(group)
    ]
    return [(number, one) for _, number, one in sorted(placed, key=lambda place: place[:2])]


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
