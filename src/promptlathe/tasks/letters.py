"""`letter-count`: how often does a letter stand in a word, or a character in a phrase?

Over one of each kind per unit of weight (20 in all), each of the answers 0 to 4 is right equally often: naming
always the same one scores what a guess scores, 20 %. Each word is asked about twice in a row, in two phrasings,
as one cluster.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import count, groupby, product

from promptlathe.errors import TaskError
from promptlathe.tasks.balance import balanced
from promptlathe.tasks.case import Case, Language, Split
from promptlathe.tasks.draw import Draw
from promptlathe.tasks.graders.number import NumberGrader
from promptlathe.tasks.letter_wording import DESCRIPTION, HINTS, OPEN_PHRASINGS, SEALED_PHRASINGS, Asked
from promptlathe.tasks.letter_words import OPEN_PHRASES, OPEN_WORDS, SEALED_PHRASES, SEALED_WORDS
from promptlathe.tasks.shortcuts import Shortcut
from promptlathe.tasks.task import Task

OPTIONS = ("0", "1", "2", "3", "4")
_MOST_DRAWS = 10_000
_MOST_ROUNDS = 2
"""How often a word may be asked about: there are four phrasings, and each time takes two."""
_SEPARATOR: dict[Language, str] = {"en": " ", "zh": "，"}


@dataclass(frozen=True, slots=True)
class Kind:
    """`weight` is how many stand in every 20. In a `doubled` word the letter stands twice side by side."""

    stratum: str
    answer: int
    weight: int


KINDS = (
    Kind("absent", 0, 3),
    Kind("once", 1, 3),
    Kind("apart", 2, 1),
    Kind("doubled", 2, 2),
    Kind("doubled", 3, 1),
    Kind("many", 3, 1),
    Kind("many", 4, 1),
    Kind("phrase", 0, 1),
    Kind("phrase", 1, 1),
    Kind("phrase", 2, 1),
    Kind("phrase", 3, 2),
    Kind("phrase", 4, 3),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """What is settled about a cluster before its word is drawn."""

    kind: Kind
    language: Language


def cases(split: Split, seed: int, languages: tuple[Language, ...]) -> Iterator[Case]:
    """The balanced schedule over and over, each time with words not asked about before in that language."""
    order = schedule(languages)
    used: Counter[tuple[Language, str, str]] = Counter()
    for index in count():
        cell = order[index % len(order)]
        text, letter = _new_pair(cell, Draw("letter-count", split, seed, index), split, used)
        phrasings = (SEALED_PHRASINGS if split == "sealed" else OPEN_PHRASINGS)[cell.language][_asked(cell)]
        earlier = 2 * used[cell.language, text, letter]
        used[cell.language, text, letter] += 1
        first = earlier + hashlib.sha256(text.encode()).digest()[1]
        for phrasing in (first % len(phrasings), (first + 1) % len(phrasings)):
            yield _case(cell, split, text, letter, phrasing, phrasings[phrasing])


@lru_cache
def schedule(languages: tuple[Language, ...]) -> tuple[Cell, ...]:
    """Every kind, as often as it weighs, in each language; each prefix is about balanced."""
    kinds = [kind for kind in KINDS for _ in range(kind.weight)]
    return balanced([Cell(*settled) for settled in product(kinds, languages)], _traits)


def _traits(cell: Cell) -> list[int]:
    return [
        *(cell.kind.stratum == stratum for stratum in STRATA),
        *(cell.kind.answer == answer for answer in range(len(OPTIONS))),
        cell.language == "en",
    ]


def _asked(cell: Cell) -> Asked:
    if cell.kind.stratum != "phrase":
        return "word"
    return "phrase" if cell.language == "en" else "characters"


def _new_pair(
    cell: Cell, draw: Draw, split: Split, used: Mapping[tuple[Language, str, str], int]
) -> tuple[str, str]:
    """(text, letter) of the cell's kind, of this split whatever the seed: one that is not in `used`, or else a
    word that is there once, as there are phrasings left for it."""
    if cell.kind.stratum == "phrase":
        phrases = filter(None, (_phrase(cell, draw, split) for _ in range(_MOST_DRAWS)))
        pair = next((pair for pair in phrases if not used.get((cell.language, *pair))), None)
    else:
        pool = _words(cell.kind, split)
        start = draw.between(0, len(pool) - 1)
        pair = min(pool[start:] + pool[:start], key=lambda pair: used.get((cell.language, *pair), 0))
    if pair is None or used.get((cell.language, *pair), 0) >= _MOST_ROUNDS:
        raise TaskError(
            f"letter-count has no {cell.kind.stratum} text with {cell.kind.answer} of a letter left "
            f"after {len(used)} {split} ones",
            hint="ask for fewer cases",
        )
    return pair


@lru_cache
def _words(kind: Kind, split: Split) -> tuple[tuple[str, str], ...]:
    """All (word, letter) of a kind. Half of the open words are for `propose`, the others for `select`."""
    words = SEALED_WORDS if split == "sealed" else OPEN_WORDS
    found = [
        (word, letter)
        for word in words
        if _is_in(split, word)
        for letter in "abcdefghijklmnopqrstuvwxyz"
        if word.count(letter) == kind.answer and _fits(kind, word, letter)
    ]
    # As a hash has it, so that neighbours are not of one word.
    return tuple(sorted(found, key=lambda pair: hashlib.sha256("/".join(pair).encode()).digest()))


def _fits(kind: Kind, word: str, letter: str) -> bool:
    """Whether the word is of this kind and of no other with the same count."""
    if kind.stratum == "absent":
        return letter in "aeiorstlnc"
    return kind.answer in (1, 4) or (letter * 2 in word) == (kind.stratum == "doubled")


def _phrase(cell: Cell, draw: Draw, split: Split) -> tuple[str, str] | None:
    """Three words, or Chinese phrases, and a letter or character of one such; None if it stands in them otherwise
    than so often."""
    letter = draw.pick(draw.pick(_parts(cell.language, split, "", True)))
    having = draw.between(1, min(3, cell.kind.answer)) if cell.kind.answer else 0
    parts = [draw.pick(_parts(cell.language, split, letter, place < having)) for place in range(3)]
    turn = draw.between(0, 2)
    text = _SEPARATOR[cell.language].join(parts[turn:] + parts[:turn])
    if len(set(parts)) < 3 or text.count(letter) != cell.kind.answer or not _is_in(split, text):
        return None
    return text, letter


@cache
def _parts(language: Language, split: Split, letter: str, has_letter: bool) -> tuple[str, ...]:
    """What phrases are made of: all that has the letter, or all that has not."""
    is_sealed = split == "sealed"
    if language == "en":
        pool = SEALED_WORDS if is_sealed else OPEN_WORDS
    else:
        pool = SEALED_PHRASES if is_sealed else OPEN_PHRASES
    return tuple(part for part in pool if (letter in part) == has_letter)


def _is_in(split: Split, text: str) -> bool:
    is_for_propose = hashlib.sha256(text.encode()).digest()[0] % 2 == 0
    return split in ("sealed", "propose" if is_for_propose else "select")


def _case(cell: Cell, split: Split, text: str, letter: str, phrasing: int, template: str) -> Case:
    return Case(
        id=f"{split}:{cell.language}:{letter},{text}:{phrasing + 1}",
        variables={"text": text, "letter": letter},
        question=template.format(text=text, letter=letter),
        expected=str(cell.kind.answer),
        stratum=cell.kind.stratum,
        cluster=f"{letter} in {text}",
        split=split,
        language=cell.language,
        options=OPTIONS,
    )


def _always(answer: str) -> Shortcut:
    label: dict[Language, str] = {"en": f"always {answer}", "zh": f"总答{answer}"}
    return Shortcut(f"always-{answer}", label, lambda _: answer)


def whether_it_is_there(case: Case) -> str:
    """1 if the letter is there at all, else 0."""
    return str(int(case.variables["letter"] in case.variables["text"]))


def doubled_counts_once(case: Case) -> str:
    """rr is heard as one r: 2 in strawberry."""
    return _within(sum(one == case.variables["letter"] for one, _ in groupby(case.variables["text"])))


def longer_has_more(case: Case) -> str:
    """One for every five letters, or every three Chinese characters, whatever the letter is."""
    text = case.variables["text"]
    return _within(round(len(text) / (5 if text.isascii() else 3)))


def _within(answer: int) -> str:
    return OPTIONS[min(answer, len(OPTIONS) - 1)]


STRATA = tuple(dict.fromkeys(kind.stratum for kind in KINDS))

SHORTCUTS = (
    _always("1"),
    _always("2"),
    _always("3"),
    Shortcut("whether-it-is-there", {"en": "1 if it is there", "zh": "有就答1"}, whether_it_is_there),
    Shortcut(
        "doubled-counts-once",
        {"en": "counts a double letter once", "zh": "叠字母只算一个"},
        doubled_counts_once,
    ),
    Shortcut("longer-has-more", {"en": "longer has more", "zh": "越长越多"}, longer_has_more),
)
"""For cases whose variables are `text` and `letter`."""

TASK = Task(
    name="letter-count",
    description=DESCRIPTION,
    languages=("en", "zh"),
    strata=STRATA,
    chance=0.2,
    source=cases,
    grader=NumberGrader(),
    shortcuts=SHORTCUTS,
    hints=HINTS,
)
