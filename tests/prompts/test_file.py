from dataclasses import replace

import pytest

from promptlathe.errors import PromptError
from promptlathe.prompts import Prompt, Sampling, parse, read_prompt, write_prompt

FULL = """---
# who wrote it
name: decimals  # short
version: 1.10
description: "compare"
variables:
  digits: 3.10
  topic:
examples: messages
frozen: [role, 输出格式]
sampling:
  temperature: 0
  max_tokens: 32
---
# Role: X
## OutputFormat
{{digits}} {{topic}}
"""


def test_front_matter_is_read_as_it_is_written() -> None:
    prompt = read_prompt(FULL, name="file-name")
    assert (prompt.name, prompt.version, prompt.description) == ("decimals", "1.10", "compare")
    assert prompt.variables == {"digits": "3.10", "topic": None}
    assert prompt.examples == "messages"
    assert prompt.frozen == ("Role", "OutputFormat")
    assert prompt.sampling == Sampling(temperature=0.0, max_tokens=32)
    assert prompt.document.text.startswith("# Role: X\n")
    assert prompt.first_text_line == 15


def test_a_file_without_front_matter_is_all_text() -> None:
    assert read_prompt("# Role: X\n", name="p") == Prompt("p", parse("# Role: X\n"))
    assert read_prompt(b"", name="p") == Prompt("p", parse(""))
    assert read_prompt("---\nnot a key\n", name="p").document.text == "---\nnot a key\n"


UNCHANGED = [
    FULL,
    FULL.replace("\n", "\r\n"),
    "\ufeff" + FULL,
    "---\n---\nhi",
    "---\nversion: 1.0.0\n---",
    "\ufeffhi\n",
]


@pytest.mark.parametrize("text", UNCHANGED)
def test_an_unedited_prompt_is_written_byte_for_byte(text: str) -> None:
    assert write_prompt(read_prompt(text.encode(), name="p")) == text


def test_an_edited_field_changes_its_line_only() -> None:
    prompt = replace(read_prompt(FULL, name="p"), version="1.11", description=None)
    expected = FULL.replace("version: 1.10", "version: '1.11'").replace('description: "compare"\n', "")
    written = write_prompt(prompt)
    assert written.replace("[role, 输出格式]", "[role, 输出格式]") == expected
    assert read_prompt(written, name="p").version == "1.11"


def test_fields_of_a_prompt_made_in_code_are_written_and_read_back() -> None:
    prompt = Prompt(
        "p",
        parse("# Role: {{a}}\n## Goals\n- b\n"),
        version="1.0",
        description="说明: yes",
        variables={"a": "3.10", "b": None},
        examples="messages",
        frozen=("Role",),
        sampling=Sampling(temperature=0.5, top_p=0.9, top_k=5, max_tokens=7, seed=1),
    )
    read = read_prompt(write_prompt(prompt), name="p")
    assert replace(read, front_matter="") == prompt
    assert write_prompt(read) == write_prompt(prompt)
    assert (
        write_prompt(
            replace(
                read,
                version=None,
                description=None,
                variables={},
                examples="text",
                frozen=(),
                sampling=Sampling(),
            )
        )
        == "---\n---\n# Role: {{a}}\n## Goals\n- b\n"
    )


def test_a_name_is_written_only_where_the_file_has_one() -> None:
    assert (
        write_prompt(replace(read_prompt("---\nversion: 1.0.0\n---\n", name="p"), name="q"))
        == "---\nversion: 1.0.0\n---\n"
    )
    assert "name: q" in write_prompt(replace(read_prompt("---\nname: p\n---\n", name="p"), name="q"))


def test_text_that_looks_like_front_matter_survives() -> None:
    prompt = Prompt("p", parse("---\nname: not mine\n---\nhi"))
    assert read_prompt(write_prompt(prompt), name="p").document == prompt.document


MISTAKES = {
    "unknown key": ("nmae: x", 2, "unknown key 'nmae' in the front matter", "did you mean 'name'?"),
    "unknown nested key": (
        "name: x\nsampling:\n  temprature: 1",
        4,
        "unknown key 'sampling.temprature' in the front matter",
        "did you mean 'temperature'?",
    ),
    "twice": ("name: x\n\nname: y", 4, "'name' is given twice", None),
    "no mapping": ("- a", 2, "the front matter is not a list of `key: value` lines", None),
    "not YAML": ("a: b: c", 2, "the front matter is not YAML: mapping values are not allowed here", None),
    "control character": ("a: \x01", 2, "the front matter has a control character in it", None),
    "too deep": ("a: " + "[" * 2000, 2, "the front matter is nested too deeply", None),
    "an anchor": ("name: &a x", 2, "anchors (&a) cannot be used in the front matter", None),
    "a wrong choice": ("examples: mesages", 2, "examples: input should be 'text' or 'messages'", None),
    "variables as list": ("name: x\nvariables: [a]", 3, "variables: must be `key: value` lines", None),
    "a variable that is no text": ("variables:\n  a: [b]", 3, "variables.a: must be text", None),
    "frozen as text": ("frozen: Role", 2, "frozen: must be a list", None),
    "frozen section missing": (
        "frozen: [Rloe]",
        2,
        "frozen: the prompt has no section 'Rloe'",
        "did you mean 'Role'?",
    ),
    "out of range": (
        "sampling:\n  top_p: 2",
        3,
        "sampling.top_p: input should be less than or equal to 1",
        None,
    ),
    "not finite": (
        "sampling: {temperature: nan}",
        2,
        "sampling.temperature: input should be a finite number",
        None,
    ),
}


@pytest.mark.parametrize(("yaml", "line", "message", "hint"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_the_front_matter_is_one_line_with_its_place(
    yaml: str, line: int, message: str, hint: str | None
) -> None:
    with pytest.raises(PromptError) as caught:
        read_prompt(f"---\n{yaml}\n---\n# Role: X\n", name="p", path="prompts/p.md")
    assert str(caught.value) == f"prompts/p.md:{line}: {message}"
    assert caught.value.hint == hint


def test_front_matter_that_is_not_closed() -> None:
    with pytest.raises(PromptError, match=r"^p.md:1: the front matter is not closed$"):
        read_prompt("---\nname: x\n# Role: X\n", name="p")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("数学老师\n".encode("gbk"), "p.md:1: not UTF-8 text (it looks like GBK)"),
        ("hi".encode("utf-16"), "p.md:1: not UTF-8 text (it looks like UTF-16)"),
        (b"a\nb\xff\xff", "p.md:2: not UTF-8 text (byte 0xff)"),
        (b"a\n\0b", "p.md:2: not a text file: it has zero bytes in it"),
    ],
)
def test_bytes_that_are_no_utf8_text(data: bytes, message: str) -> None:
    with pytest.raises(PromptError) as caught:
        read_prompt(data, name="p")
    assert str(caught.value) == message


def test_the_digest_is_over_what_a_model_sees() -> None:
    prompt = Prompt("p", parse("hi"))
    assert (
        prompt.digest
        == Prompt("q", parse("\ufeffhi\n"), version="2.0.0", description="d", frozen=("x",)).digest
    )
    others = [
        replace(prompt, document=parse("ho")),
        replace(prompt, examples="messages"),
        replace(prompt, variables={"a": "1"}),
        replace(prompt, variables={"a": None}),
    ]
    assert len({other.digest for other in [prompt, *others]}) == 5
    assert len(prompt.digest) == 64
