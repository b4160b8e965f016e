"""One style, no other meaning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlathe.errors import PromptError
from promptlathe.prompts import library_names, library_prompt, read_prompt
from promptlathe.prompts.formatting import format_prompt


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\ufeff# Role: T\r\n## Goals:  \r\n* a\r\n", "# Role: T\n\n## Goals\n- a\n"),
        ("＃ 角色：甲\n##目标：\n• 一\n\n\n\n• 二", "# 角色：甲\n\n## 目标\n- 一\n\n- 二\n"),
        ("# Role: T\n\n## Goals\n```\n* a  \n\n\n```\n", "# Role: T\n\n## Goals\n```\n* a  \n\n\n```\n"),
        ("- Role: T \n- Goals: a  \n", "- Role: T\n- Goals: a\n"),
        ("---\nversion: 1.0.0\n---\n# Role: T", "---\nversion: 1.0.0\n---\n# Role: T\n"),
    ],
)
def test_style(text: str, expected: str) -> None:
    assert format_prompt(read_prompt(text, name="p")) == expected


@pytest.mark.parametrize("name", library_names())
def test_library_prompts_keep_their_sections(name: str) -> None:
    prompt = library_prompt(name)
    again = read_prompt(format_prompt(prompt), name=name)
    assert [section.name for section in again.document.sections] == [
        section.name for section in prompt.document.sections
    ]


@given(st.text(alphabet="#* -\n\r`：a角\t", max_size=60))
def test_twice_is_once(text: str) -> None:
    try:
        once = format_prompt(read_prompt("---\n---\n# Role: T\n## Goals\n" + text, name="p"))
    except PromptError:
        return
    assert format_prompt(read_prompt(once, name="p")) == once
