"""`comparison`: which of two numbers an answer settles on, where a question asks for the larger or the smaller."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from pydantic import ConfigDict

from promptlathe.tasks.answer_text import Number, sentences
from promptlathe.tasks.case import Case
from promptlathe.tasks.claims import Claim, claims
from promptlathe.tasks.graders.options import STRICT
from promptlathe.tasks.grading import Grade, Reason, unparsed


@dataclass(frozen=True, slots=True)
class ComparisonGrader:
    """Which of two numbers an answer settles on, where `variables` has `a`, `b` and `polarity`.

    The final answer counts, not the first number: the last one stated as the answer ("the answer is 13.8",
    \\boxed{13.8}, a line with 13.8 alone), else the last assertion, else the last reason or remark about
    the other number ("13.11 is smaller" answers "which is larger?"). "Wait, no" retracts what came before.
    Numbers are compared by value where their spelling does not tell the options apart (13.80 is 13.8).

    A number that is not an option is a wrong answer when it is stated as the answer, or when nothing else is;
    in passing it is ignored (8 > 1, 0.8 > 0.11). Both numbers without a choice, a refusal, or an answer cut
    off before it settles are unparsed. `contradicts` looks at assertions about the two numbers only: not at
    what merely seems so, or holds for versions, nor at whether the reasons given are good ones.

    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    @property
    def name(self) -> str:
        """Given when there was no other grader of numbers: certificates stand on it."""
        return "number"

    def grade(self, case: Case, answer: str) -> Grade:
        chosen = [(claim, choice) for claim in claims(answer) if (choice := _choice(claim, case)) is not None]
        standing = _standing(chosen, case)
        if not standing:
            return unparsed(_why_unparsed(case, answer))
        highest = max(_rank(claim, case) for claim, _ in standing)
        final = [choice for claim, choice in standing if _rank(claim, case) == highest][-1]
        return Grade(
            "correct" if final == case.expected else "wrong",
            final,
            contradicts=any(
                choice != final and _is_sure(claim, case) and _is_among(choice, case)
                for claim, choice in standing
            ),
            reason="" if _is_among(final, case) else "not an option",
        )


def _rank(claim: Claim, case: Case) -> int:
    """How directly a claim answers the question: of those that do so most directly, the last one counts."""
    if claim.kind in ("answer", "alone"):
        return 3
    if not _is_sure(claim, case):
        return 0
    is_about_the_other = claim.kind == "extreme" and claim.relation not in _asked(case)
    return 1 if claim.is_reason or is_about_the_other else 2


def _is_sure(claim: Claim, case: Case) -> bool:
    """Where they may be equal, "not larger" decides nothing for certain."""
    return claim.is_sure and not ({"≤", "≥"} & {*claim.relation} and _equal(case) in case.options)


def _standing(chosen: list[tuple[Claim, str]], case: Case) -> list[tuple[Claim, str]]:
    """Those that count: not retracted, no mere list of numbers, no other number where an option is chosen."""
    newest = max((claim.correction for claim, _ in chosen if _is_sure(claim, case)), default=0)
    standing = [(claim, choice) for claim, choice in chosen if claim.correction >= newest]
    is_list = len({choice for claim, choice in standing if claim.kind == "alone"}) > 1
    standing = [
        (claim, choice)
        for claim, choice in standing
        if claim.relation != "?" and not (is_list and claim.kind == "alone")
    ]
    among = [
        (claim, choice) for claim, choice in standing if claim.kind == "answer" or _is_among(choice, case)
    ]
    return among or standing


def _choice(claim: Claim, case: Case) -> str | None:
    """What the claim comes to as an answer: an option, "equal", another number, or nothing."""
    a, b = case.variables["a"], case.variables["b"]
    if not claim.numbers:
        return _equal(case)
    if claim.kind == "order":
        return _choice_of_order(claim, case)
    number = claim.numbers[0]
    option = _option(number, case)
    if option is None:
        return _other_number(number, claim, case)
    is_meant = claim.relation in ("", "?", *_asked(case))
    return option if is_meant else b if option == a else a


def _choice_of_order(claim: Claim, case: Case) -> str | None:
    """The two options' order in a chain such as 13.8 = 13.80 > 13.11, if it has both."""
    options = [_option(number, case) for number in claim.numbers]
    places = [place for place, option in enumerate(options) if option is not None]
    if len({options[place] for place in places}) < 2:
        # "34.7 and 34.7 are equal", of 34.70 and 34.7: both as one of them is spelled.
        is_of_both = len(places) > 1 and Decimal(case.variables["a"]) == Decimal(case.variables["b"])
        return _equal(case) if is_of_both and set(claim.relation) == {"="} else None
    first = places[0]
    second = next(place for place in places if options[place] != options[first])
    signs = set(claim.relation[first:second]) - {"="}
    if not signs:
        return _equal(case)
    if len(signs) > 1 or signs == {"≠"}:
        return None
    return options[first] if signs.pop() in _asked(case) else options[second]


def _other_number(number: Number, claim: Claim, case: Case) -> str | None:
    """A number that is no option, where it is given as the answer; None in passing, or if it was cut off."""
    is_given = claim.relation in ("", "?", *_asked(case)) and ("." in number.text or claim.kind != "extreme")
    return number.text if is_given and not _is_cut_off(number, case) else None


def _option(number: Number, case: Case) -> str | None:
    """The option that a number is: as spelled, else by value."""
    pair = (case.variables["a"], case.variables["b"])
    if number.text in pair:
        return number.text
    if number.text in ("first", "second"):
        return pair[number.text == "second"]
    return next((option for option in pair if Decimal(option) == Decimal(number.text)), None)


def _is_cut_off(number: Number, case: Case) -> bool:
    """Whether the answer ends in the middle of an option."""
    begins_an_option = any(option.startswith(number.text) for option in case.options)
    return number.is_last and begins_an_option and _option(number, case) is None


def _asked(case: Case) -> str:
    """The relation of the number asked for to the other one, strict or not."""
    return ">≥" if case.variables["polarity"] == "larger" else "<≤"


def _equal(case: Case) -> str:
    """How the case spells equality; "equal" where it is not an option."""
    return next(
        (option for option in case.options if option not in (case.variables["a"], case.variables["b"])),
        "equal",
    )


def _is_among(choice: str, case: Case) -> bool:
    return choice in case.options or choice == _equal(case)


def _why_unparsed(case: Case, answer: str) -> Reason:
    if not answer.strip():
        return "empty"
    said = list(sentences(answer))
    numbers = [number for sentence in said for number in sentence.numbers]
    if any("r" in sentence.kinds for sentence in said):
        return "refused"
    if len({_option(number, case) for number in numbers} - {None}) > 1:
        return "named both"
    return "cut off" if numbers and _is_cut_off(numbers[-1], case) else "no choice"
