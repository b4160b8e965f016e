import pytest

from promptlathe.errors import PromptError
from promptlathe.prompts import Example, examples_body, library_prompt, read_examples

PAIR = Example("1+2", "3")
CASES = {
    "two lines": ("Q: 1+2\nA: 3", [PAIR]),
    "two lines, chinese": ("问：1+2\n答：3\n\n问：2\n答：4", [PAIR, Example("2", "4")]),
    "one line": ("- Q: 1+2 A: 3\n- Q: 2 A: 4", [PAIR, Example("2", "4")]),
    "one line with a semicolon": ("Input: 1+2; Output: 3", [PAIR]),
    "one line, chinese, quoted": ("- 例子1：问题：“1+2” 解答：“3”", [PAIR]),
    "quoted, two lines": ('User: "1+2"\nAssistant: "3"', [PAIR]),
    "quotes that are not around it": ('Q: "1" + "2"\nA: 3', [Example('"1" + "2"', "3")]),
    "bold": ("**Input:** 1+2\n**Output**: 3", [PAIR]),
    "numbered": ("Q1: 1+2\nA1: 3", [PAIR]),
    "nested": (
        "- Example 1:\n  - User: 1+2\n  - Assistant: 3\n- Example 2:\n  - User: 2\n  - Assistant: 4",
        [PAIR, Example("2", "4")],
    ),
    "answer below its question": ("- 用户：1+2\n  - 助手：3", [PAIR]),
    "headed": (
        "### Example 1\nInput:\n1+2\nOutput:\n3\n---\n### 示例二\n输入：2\n输出：4",
        [PAIR, Example("2", "4")],
    ),
    "fenced": ("Input:\n```\n1+2\n```\nOutput:\n3", [Example("```\n1+2\n```", "3")]),
    "choices are no answers": ("1. Q: which? A: 3 B: 4\n   A: B", [Example("which? A: 3 B: 4", "B")]),
    "several lines": ("Q: a\n   b\n\n   c\nA: d\n      e\n    f", [Example("a\nb\n\nc", "d\n  e\nf")]),
    "an introduction": ("For instance:\nQ: 1+2\nA: 3", [PAIR]),
}


@pytest.mark.parametrize(("body", "pairs"), CASES.values(), ids=CASES)
def test_examples(body: str, pairs: list[Example]) -> None:
    assert list(read_examples(body)) == pairs


def test_examples_of_the_seed() -> None:
    section = library_prompt("math-teacher").document.section("Examples")
    assert section is not None
    first, second = read_examples(section.body)
    assert first.user == "一个长方形的长是15厘米，宽是10厘米，求它的面积。"
    assert first.assistant.startswith("首先，")
    assert first.assistant.endswith("= 150平方厘米。")
    assert second.user == "一个数的3倍加上8等于26，求这个数。"
    assert second.assistant.startswith("设这个数为x")
    assert second.assistant.endswith("得到x = 6。")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "no question with an answer"),
        ("- just some text", "no question with an answer"),
        ("A: 3", "no question with an answer"),
        ("Q: 1+2\nA: 3\nQ: 2", "line 3 of the Examples section: this question has no answer"),
        ("Q: 1+2\nA: 3\nA: 4", "line 3 of the Examples section: this answer has no question"),
        ("Q: 1+2\nA:", "line 1 of the Examples section: this question has no answer"),
    ],
)
def test_examples_that_are_no_turns(body: str, message: str) -> None:
    with pytest.raises(PromptError, match=message):
        read_examples(body)


def test_written_examples_are_compact() -> None:
    pairs = [PAIR, Example("a\nb", "“c”")]
    assert examples_body(pairs, "en") == "Q: 1+2\nA: 3\nQ: a\n    b\nA:\n    “c”"
    assert examples_body(pairs[:1], "zh") == "问：1+2\n答：3"
    assert examples_body([], "en") == ""


@pytest.mark.parametrize("pair", [Example(" ", "3"), Example("1", "\n")])
def test_an_empty_turn_cannot_be_written(pair: Example) -> None:
    with pytest.raises(PromptError, match="example 1 has an empty"):
        examples_body([pair], "en")
