import pytest

from promptlathe.prompts import Layout, PromptDocument, canonical_name, library_prompt, parse, render

SEED_SECTIONS = {
    "math-teacher": (
        Layout("bullet", 1),
        [
            ("Role", "Role", 1, "数学专家", 1),
            ("Background", "Background", 1, "用户需要", 2),
            ("Profile", "Profile", 1, "你是一位", 3),
            ("Skills", "Skills", 1, "你具备扎实", 4),
            ("Goals", "Goals", 1, "提供准确", 5),
            ("Constraints", "Constrains", 1, "解答应适合", 6),
            ("OutputFormat", "OutputFormat", 1, "解答应包括", 7),
            ("Workflow", "Workflow", 1, "1. 仔细阅读", 8),
            ("Examples", "Examples", 1, "- 例子1：问题：“一个长方形", 13),
            ("Initialization", "Initialization", 1, "在第一次对话中", 16),
        ],
    ),
    "decimal-expert": (
        Layout("heading", 2),
        [
            ("Role", "Role", 1, "数学逻辑专家", 1),
            ("Background", "Background", 2, "我是一名", 3),
            ("Attention", "Attention", 2, "在比较数字大小时", 6),
            ("Profile", "Profile", 2, "- 姓名: 数学逻辑专家", 9),
            ("Skills", "Skills", 3, "- 深入理解", 14),
            ("Goals", "Goals", 2, "- 通过标准", 19),
            ("Constraints", "Constraints", 2, "- 不能忽视", 24),
            ("Workflow", "Workflow", 2, "1. 接受两个", 28),
            ("OutputFormat", "OutputFormat", 2, "- 逻辑严谨", 33),
            ("Initialization", "Initialization", 2, "在进行数值比较时", 38),
        ],
    ),
}


@pytest.mark.parametrize("name", SEED_SECTIONS)
def test_a_seed_prompt_has_exactly_the_sections_a_reader_sees(name: str) -> None:
    document = library_prompt(name).document
    layout, expected = SEED_SECTIONS[name]
    assert document.layout == layout
    found = [
        (s.canonical, s.written, s.level, s.body[: len(e[3])], s.line)
        for s, e in zip(document.sections, expected, strict=True)
    ]
    assert found == expected
    assert document.preamble == ""
    assert render(document) == document.text


def test_the_bodies_of_the_bullet_seed_keep_their_lists_and_stray_dash() -> None:
    document = library_prompt("math-teacher").document
    assert [item.marker for item in section_of(document, "Workflow").items] == ["1.", "2.", "3.", "4."]
    assert [item.text[:4] for item in section_of(document, "Examples").items] == ["例子1：", "例子2："]
    assert section_of(document, "Constraints").body.endswith("数学概念。 -")
    assert section_of(document, "Initialization").body.endswith("需要解决的数学问题。")


def test_profile_of_the_heading_seed() -> None:
    profile = library_prompt("decimal-expert").document.profile
    assert profile == {
        "姓名": "数学逻辑专家",
        "专业领域": "数学、逻辑分析、数值比较",
        "座右铭": "以精确为准则",
    }


def section_of(document: PromptDocument, name: str):
    section = document.section(name)
    assert section is not None
    return section


def shape(text: str) -> tuple[str, list[tuple[str, str]]]:
    document = parse(text)
    return document.layout.kind, [(section.name, section.body) for section in document.sections]


READINGS = {
    "empty": ("", "heading", []),
    "a direct instruction": ("Name the larger number.\nExample: 13.8", "heading", []),
    "few-shot lines are no sections": ("Input: 1\nOutput: 2\n", "heading", []),
    "role form": (
        "# Role: X\n## Profile\n- Language: zh\n### Skill-1\n1.a\n2.b\n### Skill-2\n1.c\n## Rules\n1. r\n",
        "heading",
        [
            ("Role", "X"),
            ("Profile", "- Language: zh"),
            ("Skills", "1.a\n2.b\n### Skill-2\n1.c"),
            ("Rules", "1. r"),
        ],
    ),
    "lesson form": (
        "# Role: X\n## Profile\n- author: y\n## Skills\na\n## Constraints\nb\n## Workflows\nc\n",
        "heading",
        [("Role", "X"), ("Profile", "- author: y"), ("Skills", "a"), ("Constraints", "b"), ("Workflow", "c")],
    ),
    "goal form": (
        "# Role: X\n## Goal\n- Outcome: a\n### Non-Goals\nb\n",
        "heading",
        [("Role", "X"), ("Goals", "- Outcome: a\n### Non-Goals\nb")],
    ),
    "chinese, full width": (
        "# 角色：老师\n## 输出要求：\n一个数\n## 初始化\n好",
        "heading",
        [("Role", "老师"), ("OutputFormat", "一个数"), ("Initialization", "好")],
    ),
    "decorated names": (
        "# **Role**: X\n## 🎯 Goals 🎯\na\n## 2. 约束 (Constraints)\nb\n## **Rules:** c\n",
        "heading",
        [("Role", "X"), ("Goals", "a"), ("Constraints", "b"), ("Rules", "c")],
    ),
    "hashes without a space": (
        "#Role: X\n##Goals\na\n#tag\n",
        "heading",
        [("Role", "X"), ("Goals", "a\n#tag")],
    ),
    "underlined headings": ("Role\n====\nX\n\nGoals\n-----\na\n", "heading", [("Role", "X"), ("Goals", "a")]),
    "a rule below a line is no heading": (
        "# Role: X\n## Goals\na\n---\nb\n",
        "heading",
        [("Role", "X"), ("Goals", "a\n---\nb")],
    ),
    "unknown sections": (
        "# Role: X\n## Motto\na\n### part\nb\n## Goals\nc\n",
        "heading",
        [("Role", "X"), ("Motto", "a\n### part\nb"), ("Goals", "c")],
    ),
    "headings in a fence are content": (
        "# Role: X\n## Goals\n```md\n# Role: Y\n## Rules\n```\n## Tools\nt\n",
        "heading",
        [("Role", "X"), ("Goals", "```md\n# Role: Y\n## Rules\n```"), ("Tools", "t")],
    ),
    "an unclosed fence runs to the end": (
        "# Role: X\n## Goals\n~~~\n## Rules\n",
        "heading",
        [("Role", "X"), ("Goals", "~~~\n## Rules")],
    ),
    "headings below Examples are content": (
        "# Role: X\n## Examples\n### Input\n1\n### Goals\n2\n## Rules\nr",
        "heading",
        [("Role", "X"), ("Examples", "### Input\n1\n### Goals\n2"), ("Rules", "r")],
    ),
    "a series of examples is one section": (
        "# Role: X\n## Example 1\na\n## Example 2\nb\n",
        "heading",
        [("Role", "X"), ("Examples", "a\n## Example 2\nb")],
    ),
    "coze form": (
        "# 角色\n你是老师\n## 技能\n### 技能 1: 讲\na\n### 技能 2: 练\nb\n## 限制\nc",
        "heading",
        [("Role", "你是老师"), ("Skills", "### 技能 1: 讲\na\n### 技能 2: 练\nb"), ("Constraints", "c")],
    ),
    "bullets": (
        "- **Role**: X\n- **Goals**:\n  - a\n  - Rules: b\n- Motto: z\n",
        "bullet",
        [("Role", "X"), ("Goals", "- a\n- Rules: b"), ("Motto", "z")],
    ),
    "bullets that go on with bullets": (
        "- Role: X\n- Profile:\n- Motto: m\n- stray\n- Examples:\n- Input: 1\n- Output: 2\n- Goals: g\n",
        "bullet",
        [
            ("Role", "X"),
            ("Profile", "- Motto: m\n- stray"),
            ("Examples", "- Input: 1\n- Output: 2"),
            ("Goals", "g"),
        ],
    ),
    "flat": (
        "1.Expert: X\n2.Profile:\n- a\n3.Motto: m\n4.Workflow:\n1. Read: it\n2. Say: it\n5.Init: hi",
        "flat",
        [
            ("Role", "X"),
            ("Profile", "- a"),
            ("Motto", "m"),
            ("Workflow", "1. Read: it\n2. Say: it"),
            ("Initialization", "hi"),
        ],
    ),
    "plain": (
        "You help.\nRole: X\nGoals: a\nb\nNote: c\nConstraints：d\n",
        "plain",
        [("Role", "X"), ("Goals", "a\nb\nNote: c"), ("Constraints", "d")],
    ),
    "a byte order mark": ("\ufeff# Role: X\n## Goals\na", "heading", [("Role", "X"), ("Goals", "a")]),
    "windows line ends": (
        "# Role: X\r\n## Goals\r\n- a\r\n- b\r\n",
        "heading",
        [("Role", "X"), ("Goals", "- a\n- b")],
    ),
}


@pytest.mark.parametrize(("text", "kind", "sections"), READINGS.values(), ids=READINGS)
def test_reading(text: str, kind: str, sections: list[tuple[str, str]]) -> None:
    assert shape(text) == (kind, sections)


def test_text_before_the_first_section_is_the_preamble() -> None:
    assert parse("Please.\n\n# Role: X\n## Goals\na").preamble == "Please.\n\n"


def test_sections_are_found_by_any_of_their_names() -> None:
    document = parse("# Role: X\n## Constrains\na\n## Motto\nb\n")
    for name in ("Constraints", "constraint", "约束", "限制条件", "CONSTRAINS"):
        assert section_of(document, name).written == "Constrains"
    assert section_of(document, "motto").body == "b"
    assert document.section("Goals") is None


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("# Role: 老师\n## Goals\n教", "en"),
        ("# 角色: X\n## 目标\na", "zh"),
        ("比较大小", "zh"),
        ("Compare", "en"),
        ("", "en"),
    ],
)
def test_language_is_that_of_the_section_names(text: str, language: str) -> None:
    assert parse(text).language == language


def test_variables_and_references() -> None:
    document = parse(
        "# Role: {{who}}\n## Goals\nAs <Role> obey <Rules>: {{ who }} {{级别}} {x} {{1}} 1 <2> 3"
    )
    assert document.variables == ("who", "级别")
    assert document.references == ("Role", "Rules")


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("role", "Role"),
        (" Ｒｏｌｅ ", "Role"),
        ("output format", "OutputFormat"),
        ("Output_Format", "OutputFormat"),
        ("Response Format", "OutputFormat"),
        ("Skill-1", "Skills"),
        ("例子一", "Examples"),
        ("3、工作流程", "Workflow"),
        ("目标（Goals）", "Goals"),
        ("Role 角色", "Role"),
        ("Goals (what we want)", "Goals"),
        ("Output 示例", None),
        ("Motto", None),
        ("", None),
        ("🎯", None),
        ("goals " * 40, None),
    ],
)
def test_canonical_names(written: str, canonical: str | None) -> None:
    assert canonical_name(written) == canonical
