"""Every lint rule: fires, does not fire, is fixed; in both languages."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlathe.prompts import library_prompt, read_prompt
from promptlathe.prompts.findings import Lines
from promptlathe.prompts.lint import file_text, fix, lint
from promptlathe.prompts.rules import RULES
from promptlathe.prompts.rules.source import KnownCase, LintOptions

CASES = (
    KnownCase("Which is larger, 13.8 or 13.11?", "13.8"),
    KnownCase("请问4.50和4.7哪个更小？", "4.50"),
    KnownCase("How many letters r are in the long word strawberry please?", "3"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """`bad` and `good` go into a prompt that is right otherwise; `fixed` is in the mended text, "" if no fix."""

    code: str
    bad: str
    good: str
    fixed: str = ""
    is_whole: bool = False
    """The texts are the whole file."""


EN = "# Role: Tester\n\n## Goals\n- Test with care.\n{}\n\n## OutputFormat\nOne sentence.\n"
ZH = "# 角色：测试员\n\n## 目标\n- 仔细测试每一处。\n{}\n\n## 输出格式\n一句话。\n"
DEEP = "- a long item one\n  - b second item\n    - c third item\n      - {}"

ROWS = {
    "en": (
        Row("LG101", "## Goals\n- x y\n## OutputFormat\nOne line.\n", EN, "", True),
        Row(
            "LG101",
            "## Profile\n- Name: Ada\n## Goals\n- x y\n## OutputFormat\nOne line.\n",
            EN,
            "# Role: Ada",
            True,
        ),
        Row(
            "LG101",
            "# Baker\n## Goals\n- x y\n## Rules\n- z\n## OutputFormat\nOne line.\n",
            EN,
            "# Role: Baker",
            True,
        ),
        Row(
            "LG102",
            "## Rules\n- one thing\n## Style\nPlain.\n## Rules\n- other",
            "## Rules\n- one thing",
            "- one thing\n- other",
        ),
        Row("LG103", "## Constrains\n- Be exact.", "## Constraints\n- Be exact.", "## Constraints"),
        Row("LG103", "## Workfolw\n1. Read it.", "## Constants\n1. Read it.", "## Workflow"),
        Row("LG104", "\n    ## Rules\n- Be exact.", "\n  ## Rules\n- Be exact.", "\n## Rules"),
        Row("LG105", "## Style\n", "## Style\nPlain.", "- Test with care.\n## Output"),
        Row("LG106", "- \n- Be exact.", "- Be exact.\n-\n  - nested", "care.\n- Be exact."),
        Row("LG106", "- Be exact. -", "- Be exact - always.", "- Be exact.\n"),
        Row("LG107", "# Role: T\n## Goals\n- x y\n", EN, "", True),
        Row(
            "LG107",
            "# Role: T\n## Rules\n- be exact\n",
            "# Role: T\n## Rules\n- Reply with JSON.\n",
            "",
            True,
        ),
        Row("LG108", "# Role: T\n## OutputFormat\nA clear answer.\n", EN, "answer.\nState", True),
        Row("LG108", "# Role: T\n## OutputFormat\nVivid and moving.\n", EN, "", True),
        Row("LG201", "- Write about {} now.", "- Write about {{topic}} and `{}` now."),
        Row("LG201", "- You are Your_Role_Name.", "- You are a role."),
        Row("LG201", "- Speak as xxx would.", "- Speak as Maxxx would."),
        Row("LG201", "- Sign as [Your name here].", "- Sign with [a link](https://a.b)."),
        Row("LG202", "- Follow <Workflow>.", "- As <Role>, follow <Goals> in <Language>: <br> <b>x</b>."),
        Row(
            "LG202",
            "## Constraints\n- Be exact.\n## Initialization\nFollow <Rules>.",
            "- See <Goals>.",
            "<Constraints>",
        ),
        Row("LG203", "- Translate #text# now.", "- Use C# and colour #ffaa00, rule #1.", "{{text}}"),
        Row("LG203", "- Translate (#text) now.", "- Open a.b/#part now.", "({{text}})"),
        Row("LG204", "```\nx = 1", "```\nx = 1\n```", "```\n\n## OutputFormat"),
        Row("LG205", "- Say “yes“ or no.", "- Say “yes” or no.", "“yes”"),
        Row("LG205", '- Say "yes or no.', '- Say "yes" on a 12" screen.'),
        Row("LG206", "- Translate into {tongue}.", "- Translate into {{tongue}}: {a: 1}", "{{tongue}}"),
        Row("LG206", "- Translate into [tongue].", "- [x] done, [text](a.b)", "{{tongue}}"),
        Row("LG301", "- Please always test with the care.", "- Test the care.", "care.\n\n## Out"),
        Row("LG301", "- You must test with care.", "- Test with speed.", "care.\n\n## Out"),
        Row("LG302", "- Do not test with care.", "- Do not test in haste."),
        Row("LG303", "- 请把每一处都看一遍。", "- Write “请把每一处都看一遍” where needed."),
        Row("LG304", "Context: a\nObjective: b\nTone: c\nAudience: d\nResponse: e\n", EN, "", True),
        Row(
            "LG401",
            "## Initialization\nAs a <Role>, greet the user in <Language>. Round to two digits. How can I help?",
            "## Initialization\nAnswer without any self-introduction.",
            "directly in <Language>, following <OutputFormat>.\nRound to two digits.",
        ),
        Row(
            "LG401",
            "## Initialization\nGreet the user warmly.",
            "## Initialization\nDo not introduce yourself.",
            "Do not introduce",
        ),
        Row("LG402", DEEP.format("d too deep"), DEEP.format("").rstrip(" -")),
        Row("LG403", "- " + "word " * 2000, "- " + "word " * 900),
        Row("LG404", "## Profile\n- Version: v1.2", "## Profile\n- Version: 1.2.0", "- Version: 1.2.0"),
        Row(
            "LG404",
            "---\nversion: '2'\n---\n" + EN,
            "---\nversion: 2.0.0-rc.1\n---\n" + EN,
            "version: '2.0.0'",
            True,
        ),
        Row(
            "LG405",
            "## Examples\nQ: Is 13.110 more than １３．８?\nA: No",
            "## Examples\nQ: Is 13.9 more than 13.11?\nA: Yes",
            "care.\n",
        ),
        Row(
            "LG405",
            "- thirteen point eight beats thirteen point one one",
            "- thirteen point eight is a number",
        ),
        Row(
            "LG405",
            "- Count how many letters r are in the long word strawberry.",
            "- Count letters in words.",
        ),
    ),
    "zh": (
        Row("LG101", "## 目标\n- 测试\n## 输出格式\n一句话。\n", ZH, "", True),
        Row("LG101", "# 面包师\n## 目标\n- 测试\n## 输出格式\n一句话。\n", ZH, "# 角色：面包师", True),
        Row(
            "LG102",
            "## 规则\n- 第一条\n## 风格\n朴素。\n## 规则\n- 第二条",
            "## 规则\n- 第一条",
            "- 第一条\n- 第二条",
        ),
        Row("LG103", "## Constrains\n- 必须准确。", "## 约束\n- 必须准确。", "## Constraints"),
        Row("LG103", "## 初使化\n直接回答。", "## 初始化\n直接回答。", "## 初始化"),
        Row("LG104", "\n    ## 规则\n- 必须准确。", "\n## 规则\n- 必须准确。", "\n## 规则"),
        Row("LG105", "## 风格\n", "## 风格\n朴素。", "每一处。\n## 输出"),
        Row("LG106", "- \n- 必须准确。", "- 必须准确。", "每一处。\n- 必须"),
        Row("LG106", "- 必须准确。 - ", "- 必须准确", "- 必须准确。\n"),
        Row("LG107", "# 角色：甲\n## 目标\n- 测试\n", ZH, "", True),
        Row(
            "LG107", "# 角色：甲\n## 规则\n- 准确\n", "# 角色：甲\n## 规则\n- 只输出一个JSON对象\n", "", True
        ),
        Row("LG108", "# 角色：甲\n## 输出格式\n清晰、严谨的判断。\n", ZH, "判断。\n先用一句话", True),
        Row("LG108", "# 角色：甲\n## 输出格式\n生动、感人。\n", ZH, "", True),
        Row("LG201", "- 你是【请填写角色】。", "- 你是【测试员】。"),
        Row("LG201", "- 主题是 xxx。", "- 主题是 {{主题}}。"),
        Row("LG202", "- 遵循<工作流程>。", "- 作为<角色>，用<语言>完成<目标>。"),
        Row("LG203", "- 翻译#原文#。", "- 用 C# 写，颜色 #ffaa00。", "{{原文}}"),
        Row("LG204", "```\n值 = 1", "```\n值 = 1\n```", "```\n\n## 输出格式"),
        Row("LG205", "- 回答“是“或者否。", "- 回答“是”或者《否》。", "“是”"),
        Row("LG205", "- 回答「是或者否。", "- 回答「是」或者否。"),
        Row("LG206", "- 翻译成{语种}。", "- 翻译成{{语种}}。", "{{语种}}"),
        Row("LG301", "- 务必仔细测试每一处！", "- 快速测试每一页。", "每一处。\n\n## 输出"),
        Row("LG302", "- 不要仔细测试每一处。", "- 不要匆忙测试每一页。"),
        Row(
            "LG303",
            "- Read every single line of the text.",
            "- 使用 Python and PyTorch 编写 deep learning code。",
        ),
        Row("LG304", "能力与角色：甲\n洞察：乙\n指令：丙\n个性：丁\n尝试：戊\n", ZH, "", True),
        Row("LG401", "## 初始化\n您好！我是测试员。", "## 初始化\n不要自我介绍，直接回答。", "不要自我介绍"),
        Row("LG402", DEEP.format("太深"), DEEP.format("").rstrip(" -")),
        Row("LG403", "- " + "字" * 1600, "- " + "字" * 900),
        Row("LG404", "## 简介\n- 版本：1.0", "## 简介\n- 版本：1.0.0", "- 版本：1.0.0"),
        Row(
            "LG405",
            "## 示例\n问：四点七和四点五哪个大？\n答：四点七",
            "## 示例\n问：4.8和4.5哪个大？\n答：4.8",
            "每一处。\n",
        ),
    ),
}
TABLE = [(language, row) for language, rows in ROWS.items() for row in rows]


def _codes(text: str, options: LintOptions | None = None) -> set[str]:
    options = options or LintOptions(cases=CASES)
    return {finding.rule.code for finding in lint(read_prompt(text, name="the-test"), options)}


def _placed(language: str, row: Row, text: str) -> str:
    return text.replace("{}", "") if row.is_whole else (EN if language == "en" else ZH).replace("{}", text, 1)


@pytest.mark.parametrize(("language", "row"), TABLE)
def test_rule_fires(language: str, row: Row) -> None:
    assert row.code in _codes(_placed(language, row, row.bad))


@pytest.mark.parametrize(("language", "row"), TABLE)
def test_rule_does_not_fire(language: str, row: Row) -> None:
    assert _codes(_placed(language, row, row.good)) == set()


@pytest.mark.parametrize(("language", "row"), TABLE)
def test_rule_is_fixed_or_has_no_fix(language: str, row: Row) -> None:
    prompt = read_prompt(_placed(language, row, row.bad), name="the-test")
    options = LintOptions(cases=CASES)
    fixed = fix(prompt, options)
    if not row.fixed:
        assert row.code in {finding.rule.code for finding in fixed.left}
        return
    assert row.fixed in fixed.text
    assert fixed.left == ()
    assert row.code in {finding.rule.code for finding in fixed.mended}


def test_the_table_has_every_rule_in_both_languages() -> None:
    for rows in ROWS.values():
        assert {row.code for row in rows} == {rule.code for rule in RULES} - {"LG001"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_is_explained_in_both_languages(rule) -> None:  # type: ignore[no-untyped-def]
    assert rule.summary("en").isascii()
    assert not rule.summary("zh").isascii()


@pytest.mark.parametrize(
    ("before", "line", "position"),
    [
        ("", "- Say {} now.", (5, 7)),
        ("---\nversion: 1.0.0\n---\n", "- Say {} now.", (8, 7)),
        ("\ufeff---\nversion: 1.0.0\n---\n", "- Say {} now.", (8, 7)),
        ("", "\t- Say\t{} now.", (5, 8)),
        ("", "- 说：{}。", (5, 5)),
        ("", "- 😀👨‍👩‍👧 {}。", (5, 10)),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_positions_are_lines_and_characters_of_the_file(
    before: str, line: str, position: tuple[int, int], line_end: str
) -> None:
    text = (before + EN.replace("{}", line)).replace("\n", line_end)
    prompt = read_prompt(text.encode(), name="p")
    (finding,) = lint(prompt)
    assert file_text(prompt)[finding.start : finding.end] == "{}"
    assert Lines(file_text(prompt)).position(finding.start) == position


def test_a_byte_order_mark_is_no_column() -> None:
    assert Lines("\ufeff# Rolle").position(0) == (1, 1)
    assert Lines("\ufeff# Rolle").position(3) == (1, 3)


def test_findings_say_what_and_where_in_both_languages() -> None:
    (finding,) = lint(read_prompt(EN.replace("{}", "## Constrains\n- Be exact."), name="p"))
    assert finding.message("en") == "section 'Constrains' is misspelt: 'Constraints' is meant"
    assert finding.message("zh") == "部分名称“Constrains”拼写有误，应为“Constraints”"


def test_a_chat_prompt_may_greet() -> None:
    text = EN.replace("{}", "## Initialization\nGreet the user.")
    assert "LG401" in _codes(text)
    assert _codes(text, LintOptions(is_api=False)) == set()


def test_the_models_own_token_count_is_used_and_named() -> None:
    prompt = read_prompt(EN.replace("{}", ""), name="p")
    (finding,) = lint(prompt, LintOptions(count=lambda _: 1501))
    assert finding.message("en") == "the prompt is 1501 tokens long; a small model follows at most 1500"


def test_a_wording_that_all_cases_share_gives_nothing_away() -> None:
    cases = tuple(
        KnownCase(f"Which of the two numbers is the larger one, {n}.5 or {n}.25?") for n in range(200)
    )
    shared = "## Examples\nQ: Which of the two numbers is the larger one, 900.5 or 900.25?\nA: 900.5"
    assert _codes(EN.replace("{}", shared), LintOptions(cases=cases)) == set()
    assert _codes(EN.replace("{}", shared.replace("900", "77")), LintOptions(cases=cases)) == {"LG405"}


def test_only_the_leaking_example_is_taken_out() -> None:
    examples = "## Examples\nQ: Is 3 even?\nA: No\nQ: Which is larger, 13.11 or 13.8?\nA: 13.8"
    fixed = fix(read_prompt(EN.replace("{}", examples), name="p"), LintOptions(cases=CASES))
    assert "Q: Is 3 even?" in fixed.text
    assert "13.8" not in fixed.text


@pytest.mark.parametrize(
    ("name", "findings"),
    [
        # The output format asks for rigour, clarity and no mistakes, and never says what to write.
        ("decimal-expert", [("LG108", 37, 4)]),
        # "Constrains"; a list marker left behind at the end of that line; a greeting where no one is there.
        ("math-teacher", [("LG103", 10, 3), ("LG106", 10, 51), ("LG401", 20, 35)]),
    ],
)
def test_the_seed_prompts_have_the_findings_of_a_careful_reader(
    name: str, findings: list[tuple[str, int, int]]
) -> None:
    prompt = library_prompt(name)
    lines = Lines(file_text(prompt))
    assert [(found.rule.code, *lines.position(found.start)) for found in lint(prompt)] == findings
    fixed = fix(prompt)
    assert fixed.left == ()
    assert lint(read_prompt(fixed.text, name=name)) == ()


_PIECES = st.sampled_from(
    [
        "# Role",
        "## Goals\n",
        "## Rules",
        "- ",
        "1. ",
        "\n",
        "\r\n",
        "```",
        "    ",
        "{}",
        "{a}",
        "[b]",
        "#c#",
        "<Rules>",
        "“",
        "”",
        '"',
        "：",
        "- Role: ",
        "不要",
        "never ",
        "xxx",
        "Version: 1",
        "---\n",
        "\ufeff",
        "13.8",
        "😀",
        "## 示例\n问：a\n答：b",
    ]
)


@given(st.lists(_PIECES | st.text(max_size=8), max_size=30).map("".join))
def test_any_text_can_be_linted_and_mended(text: str) -> None:
    prompt = read_prompt("---\n---\n" + text, name="any")
    options = LintOptions(cases=CASES)
    found = lint(prompt, options)
    whole = file_text(prompt)
    assert all(0 <= finding.start <= finding.end <= len(whole) for finding in found)
    fixed = fix(prompt, options)
    assert len(fixed.left) <= len(found)
    assert lint(read_prompt(fixed.text, name="any"), options) == fixed.left


def test_of_many_faults_only_the_first_get_a_fix_that_needs_the_text_read_again() -> None:
    text = EN.replace("{}", "".join(f"\n## Goals\n- Goal number {number}.\n" for number in range(400)))
    found = [finding for finding in lint(read_prompt(text, name="p")) if finding.rule.code == "LG102"]
    assert len(found) == 400
    assert 1 <= sum(bool(finding.edits) for finding in found) <= 20


def test_ignored_rules_are_neither_found_nor_mended() -> None:
    prompt = read_prompt(EN.replace("{}", "## Constrains\n- Say {} now."), name="p")
    fixed = fix(prompt, LintOptions(ignored=frozenset({"LG103"})))
    assert "## Constrains" in fixed.text
    assert [finding.rule.code for finding in fixed.left] == ["LG201"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ('{"Role": "T", "Constrains": ["a"], "OutputFormat": "One line."}', ["LG103"]),
        ('{"Role": "T", "Rules": ["See <Goals>."], "OutputFormat": "One line."}', ["LG202"]),
        ('{"Rules": ["Say {} now."], "Workflow": ["Reply with one word."]}', ["LG101", "LG201"]),
        ("Role: T\nRules:\n  - a\nWorkflow:\n  - b\n", ["LG107"]),
        ('{"角色": "甲", "目标": "乙", "输出格式": "一句话", "初始化": "您好！"}', ["LG401"]),
    ],
)
def test_structured_prompts(text: str, codes: list[str]) -> None:
    prompt = read_prompt(text, name="p")
    assert [finding.rule.code for finding in lint(prompt)] == codes
    left = fix(prompt).left
    assert {finding.rule.code for finding in left} <= {"LG101", "LG107", "LG201", "LG202"}


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        # Put right, the name is a section's that is there already; then the two become one.
        (EN.replace("{}", "## Workflow\n1. Read.\n\n## Workfolw\n1. Write."), []),
        # Of two Roles nobody knows which one counts, so the second keeps its wrong name.
        ("- Role: T\n- Rolle: Poet\n- Goals: Rhyme.\n- OutputFormat: One line.\n", ["LG103"]),
    ],
)
def test_a_fix_may_need_another_but_none_breaks_something_else(text: str, codes: list[str]) -> None:
    fixed = fix(read_prompt(text, name="p"))
    assert [finding.rule.code for finding in fixed.left] == codes
    assert (fixed.text == text) == bool(codes)


def test_another_framework_is_marked_at_its_field_whatever_ends_the_line() -> None:
    text = "Context\r\na\r\nObjective\r\nb\r\nTone\r\nc\r\nAudience\r\nd\r\nResponse\r\ne\r\n"
    prompt = read_prompt(text, name="the-test")
    (found,) = [finding for finding in lint(prompt) if finding.rule.code == "LG304"]
    assert text[found.start : found.end] == "Context"
