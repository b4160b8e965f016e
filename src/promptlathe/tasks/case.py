"""One question with its expected answer: what a task makes, a model answers and a grader reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Split = Literal["propose", "select", "sealed"]
"""`propose` may be shown to whoever writes prompts; on `select` candidates are chosen; `sealed` is read once
per certificate, and has other phrasings and number ranges."""

Language = Literal["en", "zh"]


@dataclass(frozen=True, slots=True)
class Case:
    """`question` is the rendered user message, `options` the answers that count, in the order they are named.

    `id` follows from the content, so the same id is the same question whatever seed made it. Cases made from
    the same numbers share a `cluster`: their answers are not independent, and statistics must know.
    """

    id: str
    variables: Mapping[str, str] = field(hash=False)
    question: str
    expected: str
    stratum: str
    cluster: str
    split: Split
    language: Language
    options: tuple[str, ...] = ()

    @property
    def chance(self) -> float:
        """What a uniform guess among the options scores; 0 where the answer is open."""
        return 1 / len(self.options) if self.options else 0.0
