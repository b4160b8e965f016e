"""What a careful user of another evaluator would look for in an answer: a regular expression for each case, in the
notation that JavaScript and Python share."""

from promptlathe.tasks.case import Case

_WORDS = {"larger": "larger|bigger|greater|more", "smaller": "smaller|less|lower"}
_CHARACTERS = {"larger": "大", "smaller": "小"}
_SIGNS = {"larger": ">", "smaller": "<"}
_AROUND = r"[\s*“”\".。]*"
_OTHER = {"larger": "smaller", "smaller": "larger"}


def settling_pattern(case: Case) -> str:
    """Matches every place where an answer settles on an option; group 1 takes part where it is the right one.

    The last match counts. "13.8 is the larger", "13.11 is smaller than 13.8", "13.8比13.11大", "13.8 > 13.11",
    "the answer is 13.8" and 13.8 alone all settle on 13.8, where the larger one is asked for.
    """
    right = _settling_on(case.expected, case)
    wrong = "|".join(_settling_on(option, case) for option in case.options if option != case.expected)
    return f"({right})|{wrong}"


def _settling_on(option: str, case: Case) -> str:
    number = _exactly(option)
    stated = rf"(?:answer|答案)(?: is|是|为)?[:：]? ?\**{number}"
    if not option[-1].isdigit():
        equal_zh = "(?<!如果)(?<!“)(?:相等|一样大)"
        return rf"{stated}|(?<!If they )(?:are|is) (?:equal|the same)|{equal_zh}|^{_AROUND}{option}{_AROUND}$"
    polarity = case.variables["polarity"]
    (other,) = (_exactly(each) for each in case.options if each != option and each[-1].isdigit())
    return "|".join(
        [
            stated,
            rf"^{_AROUND}{number}{_AROUND}$",
            _is_more(number, other, polarity),
            _is_more(other, number, _OTHER[polarity]),
        ]
    )


def _is_more(number: str, other: str, polarity: str) -> str:
    """`number` is the larger, or smaller, one of the two."""
    words, character, sign = _WORDS[polarity], _CHARACTERS[polarity], _SIGNS[polarity]
    return (
        rf"{number} is (?:the |a )?(?:{words})|{number}是?(?:更|较|最)?{character}"
        rf"|{number} ?比 ?{other} ?[更要]?{character}|{number} ?(?:{sign}|{character}于) ?{other}"
    )


def _exactly(number: str) -> str:
    """Not as a part of a longer number."""
    return r"(?<![\d.-])" + number.replace(".", r"\.") + r"(?!\.?\d)"
