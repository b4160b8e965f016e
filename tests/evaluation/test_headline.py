"""The sentence of every situation, in both languages."""

import pytest

from promptlathe.evaluation.headline import headline

SITUATIONS = [
    # prompts -> what must stand in the English and in the Chinese sentence
    (
        {"a": "cw", "b": "cccw"},
        "“b” is better than “a”: 75.0% of 400 cases right, +25.0 points",
        "“b”比“a”好",
    ),
    ({"a": "cccw", "b": "cw"}, "“b” is worse than “a”: 50.0% of 400 cases right, -25.0 points", "“b”比“a”差"),
    (
        {"a": "cw", "b": "wc"},
        "No difference is shown between “a” (50.0% of 400 cases right) and “b”",
        "看不出",
    ),
    ({"a": "cw"}, "“a” gets 50.0% of 400 cases right (95% interval", "“a”：400 题答对 50.0%（95% 区间"),
    ({"a": "cw", "b": "cccw", "c": "w"}, "“b” is the best of 3 prompts, and better than “a”", "“b”最好"),
    ({"a": "cccw", "b": "cw", "c": "w"}, "“a” stays the best of 3 prompts", "仍是“a”最好"),
    ({"a": "cw", "b": "cw", "c": "w"}, "None of the 2 others is shown to be better than “a”", "都没有显示出"),
    ({"a": "cw", "b": "cccw"}, "“b” beats chance, which is 48.0%", "“b”胜过随机猜测（48.0%）"),
    (
        {"a": "cw"},
        "“a” is not shown to be above chance, which is 48.0%",
        "没有显示出“a”高于随机猜测（48.0%）",
    ),
    ({"a": "c!"}, "Not every case has an answer: “a” 200 of 400 (errors: 200).", "“a” 200/400（出错 200）"),
    ({"a": "c-"}, "Not every case has an answer: “a” 200 of 400.", "“a” 200/400。"),
    ({"a": "!", "b": "c"}, "“b” gets 100.0% of 400 cases right", "“b”：400 题答对 100.0%"),
    ({"a": "!"}, "There are no answers: all 400 requests failed.", "没有任何回答：400 个请求全部失败。"),
    ({"a": "-"}, "There are no answers yet.", "还没有任何回答。"),
    ({}, "There are no answers yet.", "还没有任何回答。"),
]


@pytest.mark.parametrize(("letters", "english", "chinese"), SITUATIONS)
def test_situation(make_run, letters, english, chinese):
    summary = make_run(letters, count=400).summary
    assert english in headline(summary, "en")
    assert chinese in headline(summary, "zh")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("letters", [letters for letters, _, _ in SITUATIONS])
def test_beats_chance_is_said_of_a_prompt_that_does_and_of_no_other(make_run, letters, language):
    summary = make_run(letters, count=400).summary
    said = {
        prompt.name for prompt in summary.prompts if _says_beats(headline(summary, language), prompt.name)
    }
    assert said <= {prompt.name for prompt in summary.prompts if prompt.chance and prompt.chance.beats()}


def _says_beats(text: str, name: str) -> bool:
    return f"“{name}” beats chance" in text or f"“{name}”胜过随机猜测" in text


def test_the_adjusted_p_decides(make_run):
    """Better by p alone, not so among many comparisons."""
    letters = {"a": "w" * 36 + "cccc", "b": "w" * 24 + "c" * 16}
    alone = make_run(letters).summary
    among = make_run(letters | {f"other-{index}": "w" * 36 + "cccc" for index in range(3)}).summary
    assert alone.comparisons[0].adjusted_p <= 0.05 < among.comparisons[0].adjusted_p
    assert "“b” is better" in headline(alone, "en")
    assert "None of the 4 others is shown to be better" in headline(among, "en")
