import math

import pytest

from promptlathe.tasks.case import Case
from promptlathe.tasks.shortcuts import NUMBER_SHORTCUTS, Shortcut


def asked(a, b, polarity, expected):
    return Case(
        id="any",
        variables={"a": a, "b": b, "polarity": polarity},
        question="any",
        expected=expected,
        stratum="any",
        cluster="any",
        split="select",
        language="en",
        options=(a, b),
    )


@pytest.mark.parametrize(
    ("a", "b", "polarity", "answers"),
    [
        ("13.8", "13.11", "larger", "13.8 13.11 13.11 13.8 13.11 13.8 13.11 13.8"),
        ("13.8", "13.11", "smaller", "13.8 13.11 13.11 13.8 13.8 13.11 13.8 13.8"),
        ("13.11", "13.8", "larger", "13.11 13.8 13.11 13.8 13.11 13.8 13.11 13.8"),
        ("3.47", "3.82", "larger", "3.47 3.82 - - - - 3.82 3.82"),
        ("3.05", "3.5", "larger", "3.05 3.5 3.05 3.5 3.05 3.5 - 3.5"),
        ("14", "13.5", "smaller", "14 13.5 13.5 14 14 13.5 13.5 14"),
        ("13", "13.5", "larger", "13 13.5 13.5 13 13.5 13 13.5 13.5"),
        ("-13.8", "-13.11", "larger", "-13.8 -13.11 -13.11 -13.8 -13.11 -13.8 -13.8 -13.11"),
        ("3.1", "3.10", "larger", "3.1 3.10 3.10 3.1 3.10 3.1 3.10 3.1"),
    ],
)
def test_each_rule_names_an_option_or_has_no_opinion(a, b, polarity, answers):
    case = asked(a, b, polarity, a)
    assert [shortcut.answer(case) or "-" for shortcut in NUMBER_SHORTCUTS] == answers.split()


def test_no_opinion_scores_what_a_guess_scores():
    silent = Shortcut("silent", {"en": "silent", "zh": "无"}, lambda _: None)
    assert silent.score([asked("1", "2", "larger", "2")]) == 0.5
    assert math.isnan(silent.score([]))
