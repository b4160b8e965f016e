"""What an answer about two numbers asserts, in order: which is the answer, which is larger, which are equal.

A sentence is matched as the string of its tokens' kinds (`answer_words` lists the letters). Questions,
conditions and refusals assert nothing; what only seems so, or holds for version numbers, is not sure.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from promptlathe.tasks.answer_text import Number, Sentence, sentences

ClaimKind = Literal["answer", "alone", "extreme", "order", "equal"]


@dataclass(frozen=True, slots=True)
class Claim:
    """One assertion.

    | kind    | numbers     | relation             | example |
    |---------|-------------|----------------------|---------|
    | answer  | 1, 0: equal | "" or "!" for not    | the answer is 13.8 |
    | alone   | 1, 0: equal | "" or "?"            | 13.8 (a sentence of nothing else) |
    | extreme | 1           | > < or, denied, ≤ ≥  | 13.8 is larger |
    | order   | k           | k - 1 of > < = ≤ ≥ ≠ | 13.8 = 13.80 > 13.11 |
    | equal   | 0           | ""                   | they are equal |

    An alone number in a question ("13.8?") has the relation "?". `is_reason`: it follows a "because".
    `correction` counts the "wait, no" before it: a claim is retracted by any claim with a higher count.
    """

    kind: ClaimKind
    numbers: tuple[Number, ...]
    relation: str
    correction: int
    is_sure: bool = True
    is_reason: bool = False


_ONE = r"n(?!o|&n|,n(?![v!:]*[<>=LSEb]))"
"""A number that is not the first of several named together, nor part of a sum."""

_CLAIM = re.compile(
    rf"""
      (?P<answer>   A(?=[A,]*[v:=])[Av:=,]*!?v?{_ONE}(?![v!]*[<>=LSbm])     # the answer is 13.8
                  | A[Av:=,]*E                                              # the answer: equal
                  | (?<!!)Kv?{_ONE}                                         # I choose 13.8
                  | (?<!n&)nv!?A(?![v:]+n) )                                # 13.8 is the answer
    | (?P<by>       n,?vn[<>]n )                                            # 13.8 is 0.69 larger than 13.11
    | (?P<order>    (?<!o)n(?:P*[v!m]*[<>=]P*n)+(?!o)                       # 13.8 = 13.80 > 13.11
                  | n[&b]n[v,p]*E )                                         # 3.1 and 3.10 are equal
    | (?P<than>     &nbn[v!]*[LS]                                           # 与13.11相比13.8更大
                  | nP*[v!m]*bnP*[v!]*[LS]                                  # 13.8比13.11大
                  | nmn[v!]*[LS] )                                          # 13.11没有13.8大
    | (?P<extreme>  [LS]p?(?:,?n[&,]n)?,*[v:=]+,?v?!?{_ONE}                 # the larger of the two is 13.8
                  | (?<!n&)(?<!nv)nP*,?[v:]*!?v?(?:[LS]|[<>](?!P*n))(?!P|[v:=]+n) )   # 13.8 is larger
    | (?P<equal>    p[v,&p]*(?:E|=n)                                        # they are equal
                  | Ev[LS] )                                                # neither is larger
    | (?P<unsure>   [LS]{_ONE}                                              # the larger 13.8
                  | [LS],n,(?!n)                                            # the larger number, 13.8, ...
                  | [<>]P*n                                                 # it is larger than 13.11
                  | (?<!n&)n[^n]*?,v*[LS](?!P|[v:=]*n) )                    # 13.8 is short, so it is larger
    """,
    re.VERBOSE,
)
_ALONE = re.compile(r"(?:^|(?<!v)[cs])((?:(?:n&n[,:v]+)?[A,:=vKo]*n|[A,:v=p]*E)[,A]*)(?:y.*)?$")
"""Nothing but a number or "equal": in the whole sentence, after "so" or a correction, or before "because"."""

_NOT_THIS = r",?!v?n,?"
_UNASSERTED = r"[fru][^,hd]*"
_INTERROGATIVE = r"(?<!n)(?<!n,)qv?[LSE<>](?!vn)|q[LSE]|(?<=n)q|(?<=n,)q"
_RELATIONS = {"L": ">", "S": "<", ">": ">", "<": "<", "=": "=", "E": "="}
_TURNED = {">": "<", "<": ">", "=": "="}
_DENIED = {">": "≤", "<": "≥", "=": "≠"}


def claims(answer: str) -> list[Claim]:
    """Everything the answer asserts, as far as it is an answer: what follows another question is not read."""
    found: list[Claim] = []
    corrections = 0
    for sentence in sentences(answer):
        asks_again = "T" in sentence.kinds or (sentence.is_question and len(sentence.numbers) > 1)
        if found and asks_again:
            break
        found += _claims_in(sentence, corrections)
        corrections += sentence.kinds.count("c")
    return found


def _claims_in(sentence: Sentence, corrections: int) -> Iterator[Claim]:
    is_conditional = "f" in sentence.kinds
    sentence = sentence.without(_UNASSERTED)
    if len(sentence.numbers) > 1:
        sentence = sentence.without(_NOT_THIS)
    if (alone := _ALONE.search(sentence.kinds)) and not (is_conditional and "E" in alone[1]):
        how: ClaimKind = "answer" if re.search("[AK]", alone[1]) else "alone"
        numbers = () if "E" in alone[1] else sentence.part(*alone.span(1)).numbers[-1:]
        count = corrections + sentence.kinds[: alone.end(1)].count("c")
        yield Claim(how, numbers, "?" if sentence.is_question else "", count)
    if sentence.is_question:
        return
    sentence = sentence.without("[ws]").without(_INTERROGATIVE)
    said = sentence.without("[hdcy]")
    settings = _settings(sentence.kinds)
    for match in _CLAIM.finditer(said.kinds):
        setting = settings[match.end() - 1]
        if match[0].endswith("E") and (is_conditional or _is_not_of_the_numbers(said.kinds, match)):
            continue
        is_sure = match.lastgroup != "unsure" and not setting.hedge and "P" not in match[0]
        kind, relation, numbers = _meaning(
            match, said.part(*match.span()).numbers, is_denied=setting.hedge == "d"
        )
        yield Claim(kind, numbers, relation, corrections + setting.corrections, is_sure, setting.is_reason)


def _is_not_of_the_numbers(kinds: str, match: re.Match[str]) -> bool:
    """Whether an "equal" is denied, or about a part of the numbers (the same whole part)."""
    clause = kinds[kinds.rfind(",", 0, match.end() - 1) + 1 :].partition(",")[0]
    return "P" in clause or kinds[: match.start()].endswith("!")


def _meaning(
    match: re.Match[str], numbers: tuple[Number, ...], *, is_denied: bool
) -> tuple[ClaimKind, str, tuple[Number, ...]]:
    """The kind, relation and numbers of one match, with every denial worked in."""
    how, text = match.lastgroup, match[0]
    if how == "equal" or not numbers:
        return ("answer" if how == "answer" else "equal"), "", ()
    if how == "answer":
        return "answer", "!" if is_denied != ("!" in text) else "", numbers[-1:]
    relation = "".join(_RELATIONS.get(kind, "") for kind in text)
    is_less = how == "than" and (text[0] == "&" or text[1:3] == "mn")
    if is_less or (how == "unsure" and text[0] in "<>"):
        relation = "".join(_TURNED[sign] for sign in relation)
    if is_denied != ("!" in text or ("m" in text and not is_less)):
        relation = "".join(_DENIED[sign] for sign in relation)
    if how == "by":
        return "order", relation, (numbers[0], numbers[2])
    if how in ("order", "than"):
        return "order", relation, numbers
    return "extreme", relation.strip("=≠")[-1:], numbers[-1:]


@dataclass(frozen=True, slots=True)
class _Setting:
    """What the clause around a claim does to it: weakens ("h") or denies ("d") it, or makes it a reason."""

    hedge: str
    is_reason: bool
    corrections: int


def _settings(kinds: str) -> list[_Setting]:
    """One for each token but the `h`, `d`, `c` and `y` themselves.

    A hedge without a number ("as versions, ...") is about the clause after it.
    """
    settings: list[_Setting] = []
    corrections, carried, is_reason = 0, "", False
    for clause in kinds.split(","):
        hedge = "d" if "d" in clause else "h" if "h" in clause else carried
        for kind in clause + ",":
            corrections += kind == "c"
            if kind not in "hdcy":
                settings.append(_Setting(hedge, is_reason, corrections))
        carried = "h" if "h" in clause and "n" not in clause else ""
        is_reason = clause.endswith("y")
    return settings
