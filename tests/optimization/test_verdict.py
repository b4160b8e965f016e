"""What a result is called: proven, not proven or nothing, and never better than chance if it is not shown."""

import pytest

from promptlathe.optimization.verdict import verdict


@pytest.mark.parametrize(
    ("letters", "winner", "said", "not_said"),
    [
        pytest.param(
            {"start": "cw", "best": "ccccw"},
            "best",
            [
                "Proven: on 400 sealed cases",
                "best is right on 80",
                "start is right on 50",
                "It beats chance (48.0%",
            ],
            ["Much of this is form", "Not proven"],
            id="proven",
        ),
        pytest.param(
            {"start": "c???", "best": "cw"},
            "best",
            [
                "Proven: ",
                "Much of this is form: 300 answers of start settled on no number, 0 of best did not",
            ],
            ["It beats chance"],
            id="proven, but form",
        ),
        pytest.param(
            {"start": "ccw", "best": "cwc"},
            "best",
            ["Not proven: on 400 sealed cases", "It beats chance"],
            ["Proven:"],
            id="not proven",
        ),
        pytest.param(
            {"start": "ccccw", "best": "cw"},
            "best",
            ["Not proven: "],
            ["Proven:", "beats chance"],
            id="worse",
        ),
        pytest.param(
            {"start": "cw", "none": "w"},
            "start",
            ["Nothing that was tried beats start, which is right on 50", "Guessing would be right on 48"],
            ["Proven", "beats chance"],
            id="none",
        ),
    ],
)
def test_sentences(make_run, letters, winner, said, not_said):
    english = verdict(make_run(letters, count=400).summary, winner, "en")
    for part in said:
        assert part in english
    for part in not_said:
        assert part not in english


def test_in_chinese_it_says_the_same(make_run):
    summary = make_run({"start": "c???", "best": "ccccw"}, count=400).summary
    chinese = verdict(summary, "best", "zh")
    assert chinese.startswith("已证明：在400道从未用于调整的封存题上，best答对80")
    assert "很大一部分来自作答形式：start有300个回答没有给出确定的数" in chinese
    assert "它优于随机猜测" in chinese
