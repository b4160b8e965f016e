"""The rule that a prompt must not contain the cases it will be measured on.

Numbers are compared by value in any notation and order; text by runs of words that only few cases have, so that
a wording that all cases of a task share gives nothing away.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from promptlathe.errors import PromptError
from promptlathe.prompts.document import PromptDocument
from promptlathe.prompts.examples import Example, examples_body, read_examples
from promptlathe.prompts.findings import Finding, Rule
from promptlathe.prompts.rules.numbers import numbers_in, other_readings
from promptlathe.prompts.rules.source import KnownCase, LintSource

LEAKED_CASE = Rule(
    "LG405", "leaked-case", "error", "the prompt gives a case of the task away", "提示词泄露了任务的题目"
)

_RUN = 8
"""Words (Chinese characters) in a row that make a text recognisable."""
_SHORTEST = 3
"""Words of the shortest question that counts when it is there as a whole."""
_LARGE = 100
_COMMON_SHARE = 0.02
_TOKEN = re.compile(r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+")


@dataclass(frozen=True, slots=True)
class _Unit:
    """A piece of the prompt that could give a case away: an example, or a line."""

    text: str
    start: int
    end: int


class CaseIndex:
    """The cases, looked up by their numbers, by their whole question and by their runs of words."""

    def __init__(self, cases: Sequence[KnownCase]) -> None:
        self._by_number: dict[Decimal, list[tuple[Counter[Decimal], KnownCase]]] = {}
        self._by_question: dict[tuple[str, ...], list[tuple[tuple[str, ...], KnownCase]]] = {}
        runs: dict[tuple[str, ...], list[KnownCase]] = {}
        seen: set[object] = set()
        for case in cases:
            numbers = Counter(numbers_in(case.question))
            values = frozenset(numbers.items())
            is_telling = _is_telling(numbers)
            if is_telling and values not in seen:
                seen.add(values)
                self._by_number.setdefault(max(numbers), []).append((numbers, case))
            words = _tokens(case.question)
            if len(words) >= _SHORTEST and words not in seen:
                seen.add(words)
                self._by_question.setdefault(words[:_SHORTEST], []).append((words, case))
            texts = () if is_telling else (case.question, case.answer)
            for run in {run for text in texts for run in _runs(text)}:
                runs.setdefault(run, []).append(case)
        common = max(2, int(_COMMON_SHARE * len(cases)))
        self._by_run = {run: found for run, found in runs.items() if len(found) <= common}

    def find(self, text: str) -> KnownCase | None:
        """A case that `text` gives away."""
        found = [*numbers_in(text), *other_readings(text)]
        numbers = Counter(found)
        return (
            self._find_numbers(found, numbers) or self._find_question(text) or self._find_run(text, numbers)
        )

    def _find_numbers(self, found: Sequence[Decimal], numbers: Counter[Decimal]) -> KnownCase | None:
        """Whether 3.1 and 3.10 are equal is given away only by who writes both."""
        spellings: dict[Decimal, set[str]] = {}
        for number in found:
            spellings.setdefault(number, set()).add(str(number))
        for number in numbers:
            for wanted, case in self._by_number.get(number, ()):
                if wanted <= numbers and (len(wanted) > 1 or len(spellings[number]) > 1):
                    return case
        return None

    def _find_question(self, text: str) -> KnownCase | None:
        words = _tokens(text)
        for at in range(len(words) - _SHORTEST + 1):
            for wanted, case in self._by_question.get(words[at : at + _SHORTEST], ()):
                if words[at : at + len(wanted)] == wanted:
                    return case
        return None

    def _find_run(self, text: str, numbers: Counter[Decimal]) -> KnownCase | None:
        cases = (case for run in _runs(text) for case in self._by_run.get(run, ()))
        return next((case for case in cases if Counter(numbers_in(case.question)) <= numbers), None)


def _is_telling(numbers: Counter[Decimal]) -> bool:
    """Whether a case can be known by its numbers alone: 3 and 5 stand together in many a text, 13.8 and 13.11 not."""
    return numbers.total() >= 2 and any(
        number != number.to_integral_value() or abs(number) >= _LARGE for number in numbers
    )


def leaked_case(source: LintSource) -> Iterator[Finding]:
    if not source.options.cases:
        return
    index = CaseIndex(source.options.cases)
    edits = source.edits_to(_without_leaks(index))
    examples = source.document.section("Examples")
    span = range(examples.start, examples.start + len(examples.source)) if examples else range(0)
    for unit in _units(source):
        case = index.find(unit.text)
        if case is None:
            continue
        question = " ".join(case.question.split())
        shown = question if len(question) <= 60 else question[:59] + "…"
        yield Finding(
            LEAKED_CASE,
            f"this gives away a case of the task: {shown}",
            f"这里泄露了任务的一道题：{shown}",
            unit.start,
            unit.end,
            edits if unit.start in span else (),
        )


def _without_leaks(index: CaseIndex) -> Callable[[PromptDocument], PromptDocument]:
    """Takes the leaking pairs out of Examples, and Examples out if none is left."""

    def change(document: PromptDocument) -> PromptDocument:
        section = document.section("Examples")
        if section is None:
            return document
        pairs = read_examples(section.body)
        kept = [pair for pair in pairs if index.find(_joined(pair)) is None]
        if len(kept) == len(pairs):
            return document
        if not kept:
            return document.without_section("Examples")
        return document.with_section("Examples", examples_body(kept, document.language))

    return change


def _units(source: LintSource) -> Iterator[_Unit]:
    """Examples pair by pair, where they can be read as pairs; all other text line by line."""
    examples = source.document.section("Examples")
    pairs: tuple[Example, ...] = ()
    if examples:
        try:
            pairs = read_examples(examples.body)
        except PromptError:
            examples = None
    at = examples.start + len(examples.header) if examples else 0
    for pair in pairs:
        first = pair.user.split("\n", 1)[0]
        found = source.text.find(first, at)
        at = found if found >= 0 else at
        yield _Unit(_joined(pair), at, at + len(first))
    inside = range(examples.start, examples.start + len(examples.source)) if examples else range(0)
    for line in source.lines_from(0):
        if line.start not in inside and line.text.strip():
            indent = len(line.text) - len(line.text.lstrip())
            yield _Unit(line.text, line.start + indent, line.end)


def _joined(pair: Example) -> str:
    return f"{pair.user}\n{pair.assistant}"


def _tokens(text: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(unicodedata.normalize("NFKC", text).casefold()))


def _runs(text: str) -> Iterator[tuple[str, ...]]:
    tokens = _tokens(text)
    return (tokens[at : at + _RUN] for at in range(len(tokens) - _RUN + 1))
