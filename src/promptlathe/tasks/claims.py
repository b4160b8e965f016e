"""What an answer about two numbers asserts, in order: which is the answer, which is larger, that they are equal.

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

    | kind    | numbers | relation | example |
    |---------|---------|----------|---------|
    | answer  | 1       | "" or "!" | the answer is (not) 13.8 |
    | alone   | 1       | ""       | 13.8 (a sentence of nothing else) |
    | extreme | 1       | > or <   | 13.8 is larger |
    | order   | n       | n - 1 of < > = | 13.8 = 13.80 > 13.11 |
    | equal   | 0       | ""       | they are equal |

    `correction` counts the "wait, no" before it: a claim is retracted by any claim with a higher count.
    """

    kind: ClaimKind
    numbers: tuple[Number, ...]
    relation: str
    is_sure: bool
    correction: int


_ONE = r"n(?!&n|,n(?![v!:]*[<>=LSEb]))"
"""A number that is not the first of several named together."""

_CLAIM = re.compile(
    rf"""
      (?P<answer>   A[Av:,]*[v:][Av:,]*!?v?{_ONE}(?![v!]*[<>=LSbm])
                  | (?<!!)Kv?{_ONE}
                  | (?<!n&)nv!?A(?![v:]+n) )
    | (?P<equal>    A[Av:,]*E | n[&b]n[v,p]*E | p[v,&p]*E )
    | (?P<by>       nvn[<>]n )
    | (?P<order>    n(?:P*[v!]*[<>=]P*n)+ )
    | (?P<than>     &nbn[v!]*[LS] | nP*[v!]*bnP*[v!]*[LS] | nmn[v!]*[LS] )
    | (?P<extreme>  [LS](?:,?n[&,]n,?)?,?[v:=]+,?v?!?{_ONE}
                  | (?<!n&)(?<!nv)nP*,?[v:]*!?v?(?:[LS]|[<>](?!P*n))(?!P|[v:=]+n) )
    | (?P<unsure>   [LS]{_ONE} | [<>]P*n | E )
    """,
    re.VERBOSE,
)
_ALONE = re.compile(r"(?:^|c)((?:n&n[:v]+)?[A,:vK]*n[,A]*)$")
_NOT_THIS = r",?!v?n,?"
_UNASSERTED = r"[fr][^,]*"
_INTERROGATIVE = r"(?<!n)(?<!n,)qv?[LSE<>](?!vn)|q[LSE]?"
_AS_RELATION = {"L": ">", "S": "<", ">": ">", "<": "<", "=": "="}
_TURNED = {">": "<", "<": ">", "=": "="}


def claims(answer: str) -> list[Claim]:
    """Everything the answer asserts, as far as it is an answer: what follows another question is not read."""
    found: list[Claim] = []
    corrections = 0
    for sentence in sentences(answer):
        asks_again = "T" in sentence.kinds or (sentence.is_question and len(sentence.numbers) > 1)
        if found and asks_again:
            break
        if not sentence.is_question:
            found += _claims_in(sentence, corrections)
        corrections += sentence.kinds.count("c")
    return found


def _claims_in(sentence: Sentence, corrections: int) -> Iterator[Claim]:
    if len(sentence.numbers) > 1:
        sentence = sentence.without(_NOT_THIS)
    if alone := _ALONE.search(sentence.kinds):
        count = corrections + sentence.kinds.count("c")
        yield Claim("alone", sentence.part(alone.start(1)).numbers[-1:], "", is_sure=True, correction=count)
        return
    is_conditional = "f" in sentence.kinds
    sentence = sentence.without("w").without(_UNASSERTED).without(_INTERROGATIVE)
    said = sentence.without("[hc]")
    counts, hedges = _corrections_and_hedges(sentence.kinds)
    for match in _CLAIM.finditer(said.kinds):
        how, text, last = str(match.lastgroup), match.group(), match.end() - 1
        clause = said.kinds[said.kinds.rfind(",", 0, last) + 1 :].partition(",")[0]
        if text.endswith("E") and (
            "P" in clause or is_conditional or said.kinds[match.start() - 1 : match.start()] == "!"
        ):
            continue
        is_sure = how != "unsure" and not hedges[last] and "P" not in text
        kind, relation, numbers = _meaning(how, text, said.part(match.start(), match.end()).numbers)
        yield Claim(kind, numbers, relation, is_sure, corrections + counts[last])


def _meaning(how: str, text: str, numbers: tuple[Number, ...]) -> tuple[ClaimKind, str, tuple[Number, ...]]:
    """The kind, relation and numbers of one match, denials worked in."""
    if text.endswith("E"):
        return "equal", "", ()
    if how == "answer":
        return "answer", "!" if "!" in text else "", numbers
    relation = "".join(_AS_RELATION.get(kind, "") for kind in text)
    is_turned = ("!" in text) != (how == "than" and (text[0] == "&" or "m" in text))
    if is_turned:
        relation = "".join(_TURNED[sign] for sign in relation)
    if how in ("order", "than"):
        return "order", relation, numbers
    if how == "by":
        return "order", relation, (numbers[0], numbers[2])
    # "larger: 13.8" and "13.8 is larger" name the number meant; "larger than 13.11" names the other one.
    names_the_other = how == "unsure" and text[0] in "<>"
    return "extreme", _TURNED[relation] if names_the_other else relation, numbers[-1:]


def _corrections_and_hedges(kinds: str) -> tuple[list[int], list[bool]]:
    """For each token but `c` and `h`: how many corrections come before it, and whether its clause is hedged."""
    counts: list[int] = []
    hedges: list[bool] = []
    count = 0
    for clause in kinds.split(","):
        for kind in clause + ",":
            if kind == "c":
                count += 1
            elif kind != "h":
                counts.append(count)
                hedges.append("h" in clause)
    return counts, hedges
