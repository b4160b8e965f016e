"""`exact` and `contains`: the answer as text."""

import re
import unicodedata
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ConfigDict

from promptlathe.errors import TaskError
from promptlathe.tasks.case import Case
from promptlathe.tasks.graders.options import STRICT, configured_name
from promptlathe.tasks.grading import Grade, unparsed

Ignored = Literal["case", "space", "width", "punctuation"]
"""What is no difference: a and A; any white space, none and more; half and full width, 1 and １; punctuation."""

_TYPOGRAPHIC = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "\N{MINUS SIGN}": "-", "\N{NO-BREAK SPACE}": " "}
)


def normalised(text: str, ignore: tuple[Ignored, ...]) -> str:
    """`text` without what is ignored; accents composed and white space around it gone in any case."""
    if "width" in ignore:
        text = unicodedata.normalize("NFKC", text).translate(_TYPOGRAPHIC)
    text = unicodedata.normalize("NFC", text)
    if "case" in ignore:
        text = unicodedata.normalize("NFC", text.casefold())
    if "punctuation" in ignore:
        text = "".join(mark for mark in text if not unicodedata.category(mark).startswith("P"))
    text = re.sub(r"\s+", "", text) if "space" in ignore else text.strip()
    return text.strip("\u200b\ufeff")


@dataclass(frozen=True, slots=True)
class ExactGrader:
    """Whether the whole answer is the expected one, but for what `ignore` names and white space around it."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    ignore: tuple[Ignored, ...] = ()

    @property
    def name(self) -> str:
        return configured_name("exact", self)

    def grade(self, case: Case, answer: str) -> Grade:
        if not answer.strip():
            return unparsed("empty")
        if normalised(answer, self.ignore) == normalised(case.expected, self.ignore):
            return Grade("correct", case.expected, contradicts=False)
        return Grade("wrong", answer.strip(), contradicts=False)


@dataclass(frozen=True, slots=True)
class ContainsGrader:
    """Whether the answer has every text of `all`, one at least of `any`, and none of `none`.

    Without `all` and `any`, it is the expected answer that must be there. With `whole_words`, "cat" is not in
    "category"; in Chinese, where words have no ends, it changes nothing. A wrong answer's reason names the
    first text that is missing, or is there.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    ignore: tuple[Ignored, ...] = ()
    whole_words: bool = False

    def __post_init__(self) -> None:
        for name in ("all", "any", "none"):
            for place, text in enumerate(getattr(self, name)):
                if not normalised(text, self.ignore):
                    raise TaskError(f"grader contains: {name}.{place}: an empty text is in every answer")

    @property
    def name(self) -> str:
        return configured_name("contains", self)

    def grade(self, case: Case, answer: str) -> Grade:
        if not answer.strip():
            return unparsed("empty")
        said = normalised(answer, self.ignore)
        required = self.all if self.all or self.any else (case.expected,)
        missing = [text for text in required if not self._is_in(text, said)]
        if self.any and not any(self._is_in(text, said) for text in self.any):
            missing.append(" | ".join(self.any))
        forbidden = [text for text in self.none if self._is_in(text, said)]
        if not missing and not forbidden:
            return Grade("correct", case.expected, contradicts=False)
        reason = f"lacks {missing[0]!r}" if missing else f"has {forbidden[0]!r}"
        return Grade("wrong", answer.strip(), contradicts=False, reason=reason)

    def _is_in(self, text: str, said: str) -> bool:
        wanted = normalised(text, self.ignore)
        if not self.whole_words:
            return wanted in said
        return re.search(bounded(wanted), said) is not None


def bounded(text: str) -> str:
    """A pattern for `text` as a whole word, or as a whole number. Beside Chinese characters a word may end."""
    before = r"(?<![0-9A-Za-z_\u00c0-\u024f])" if re.match(r"[^\W\u4e00-\u9fff]", text) else ""
    after = r"(?![0-9A-Za-z_\u00c0-\u024f])" if re.search(r"[^\W\u4e00-\u9fff]$", text) else ""
    if re.match(r"\d", text):
        before += r"(?<!\d[.,])"
    if re.search(r"\d$", text):
        after += r"(?![.,]\d)"
    return before + re.escape(text) + after
