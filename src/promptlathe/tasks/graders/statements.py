"""An answer sentence by sentence, and the words by which people state, retract and refuse: for any grader that
looks for a final answer in prose. Text is as `answer_text.plain` leaves it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

ANSWER = re.compile(
    r"""
      \b(?:final\ |correct\ |right\ |best\ |my\ )*(?:answer|result|solution|verdict|final\ count)\b
          (?:\ (?:to|of|for)\b[^.:=\n]{0,60}?)? [\s*"']*
          (?:\s*(?:is|are|was|would\ be|should\ be|equals|comes\ to)\b|:|=|-?->|→|\n)
          \s*(?:that\b|:)?
    | \#{3,}\s*
    | (?:最终|正确|最后)?(?:答案|结果|结论)(?:应该|应当|应|就)?\s*(?:是|为|:|=)\s*:?
    | (?<![回解作])答\s*(?:[:是]|(?=\d))
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What comes before a stated answer."""

_END = re.compile(
    r"\n+|(?<=\S)(?<!\A[A-Za-z])(?<!\n[A-Za-z])\.(?=\s|$|[\"”'’)\]*])|(?<=[^\d\s.])\.(?=[^\d\s])|[!?;。]"
)
_LONGEST_SENTENCE = 300
"""In characters. A longer run without a full stop is read in pieces, which bounds what matching it can cost."""

_QUOTED_QUESTION = re.compile(r"[\"“][^\"“”\n]{1,200}\?[\"”]")
_HANGING_COLON = re.compile(r": *\n+")
_CORRECTION = re.compile(
    r"\b(?:wait|actually|oops|sorry|correction|my mistake|scratch that|on second thought|i was wrong|"
    r"let me (?:re)?-?(?:check|count|consider|correct)(?: again| that)?)\b|\bno,(?= )|不对|等等|"
    r"等一下|更正|纠正|抱歉|说错|我错了|重新(?:数|算|计算|来)",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"\b(?:cannot|can't|can not|unable|don't know|do not know|not sure|unsure|won't|not able|sorry)\b|"
    r"无法|不能|不知道|不确定|不清楚|没法|抱歉",
    re.IGNORECASE,
)
_NEXT_TURN = re.compile(r"\n *(?:user|human|question|q|用户|问题|问)\s*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence. `correction` counts the "wait, no" before it: any later count retracts it."""

    text: str
    correction: int
    is_question: bool


def sentences_of(text: str) -> Iterator[Said]:
    """The sentences in order, each cut where it is taken back: "3, no, 4" is two."""
    text = _QUOTED_QUESTION.sub(" ", _HANGING_COLON.sub(": ", text))
    corrections = start = 0
    for end, after, mark in _ends(text):
        sentence, start_of, start = text[start:end], start, after
        place = 0
        for correction in _CORRECTION.finditer(sentence):
            if not text[: start_of + correction.start()].strip():
                continue
            if before := sentence[place : correction.start()].strip():
                yield Said(before, corrections, is_question=False)
            corrections += 1
            place = correction.end()
        if rest := sentence[place:].strip():
            yield Said(rest, corrections, is_question=mark == "?")


def _ends(text: str) -> Iterator[tuple[int, int, str]]:
    """(where a sentence ends, where the next begins, the mark between them)."""
    start = 0
    for end, after, mark in [
        *((end.start(), end.end(), end.group()) for end in _END.finditer(text)),
        (len(text),) * 2 + ("",),
    ]:
        for cut in range(start + _LONGEST_SENTENCE, end, _LONGEST_SENTENCE):
            yield cut, cut, ""
        yield end, after, mark
        start = after


def is_refusal(text: str) -> bool:
    return bool(_REFUSAL.search(text))


def next_turn(text: str) -> int:
    """Where the model begins to ask itself another question; the end of the text if it does not."""
    asked = _NEXT_TURN.search(text, pos=1)
    return asked.start() if asked and text[: asked.start()].strip() else len(text)
