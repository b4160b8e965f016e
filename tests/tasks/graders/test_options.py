# ruff: noqa: E501 - tables
"""What stands under `grader:` in a task file: read strictly, told apart in digests, open to others."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from promptlathe.errors import TaskError
from promptlathe.tasks.graders import grader_types, make_grader
from promptlathe.tasks.graders.numerals import read_numeral
from promptlathe.tasks.grading import Grade
from promptlathe.tasks.task import get_task
from tests.tasks.graders.test_answers import asked


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({}, "grader: `type` is missing", "choose from: choice, comparison, contains, exact"),
        ({"type": 3}, "grader: `type` is missing", "choose from"),
        ({"type": "exakt"}, "grader: no type 'exakt'", "did you mean 'exact'?"),
        ({"type": "exact", "ignor": []}, "grader exact: unknown option 'ignor'", "did you mean 'ignore'?"),
        ({"type": "exact", "ignore": ["cases"]}, "grader exact: ignore.0: Input should be 'case', 'space'", None),
        ({"type": "exact", "ignore": "case"}, "grader exact: ignore: Input should be a valid tuple", None),
        ({"type": "number", "tolerance": -1}, "grader number: tolerance: Input should be greater than", None),
        ({"type": "number", "tolerance": "NaN"}, "grader number: tolerance: Input should be", None),
        ({"type": "number", "tolerance": "much"}, "grader number: tolerance: Input should be", None),
        ({"type": "comparison", "name": 3}, "grader comparison: unknown option 'name'", "choose from: none"),
        ({"type": "choice", "options": ["Yes", "yes "]}, "grader choice: options: two of them are the same", None),
        ({"type": "contains", "any": ["a", " "]}, "grader contains: any.1: an empty text", None),
        ({"type": "regex"}, "grader regex: `pattern` is missing", None),
        ({"type": "regex", "pattern": "(a"}, r"grader regex: pattern: missing \): \(a", None),
        ({"type": "regex", "pattern": "a(?=b)"}, "grader regex: pattern: invalid perl operator", "look-around"),
        ({"type": "regex", "pattern": "((a{99}){99}){99}"}, "grader regex: pattern: ", None),
        ({"type": "json", "schema": {"type": "objekt"}}, "grader json: schema.type: 'objekt' is not valid", None),
        ({"type": "json", "schema": {"$ref": "#/$defs/a"}}, r"grader json: schema.\$ref: '#/\$defs/a' is not", "under `$defs`"),
        ({"type": "json", "schema": {"$ref": "https://example.org/a"}}, r"schema.\$ref: .* is not in the schema", "under"),
        ({"type": "json", "schema": {"items": {"pattern": "(a"}}}, "grader json: schema.items.pattern: '.a' is not a 'regex'", None),
        ({"type": "json", "schema": {"items": {"pattern": "a(?!b)"}}}, "grader json: schema.items.pattern: invalid perl", "look-around"),
        ({"type": "json", "compare": "none"}, "grader json: with `compare: none` and without `schema`", None),
        ({"type": "judge"}, "grader judge: `rubric` is missing", None),
        ({"type": "judge", "rubric": " "}, "grader judge: rubric: is empty", "say what makes"),
        (
            {"type": "judge", "rubric": "r", "labelled": [{"question": "q", "answer": "a", "verdict": "good"}]},
            "grader judge: labelled.0.verdict: Input should be 'correct' or 'wrong'",
            None,
        ),
        ({"type": "python", "file": "g.py"}, "grader python: g.py: a task's Python code runs only with permission", "--allow-python"),
    ],
)  # fmt: skip
def test_says_where_and_what_is_wrong(options, message, hint):
    with pytest.raises(TaskError, match=message) as caught:
        make_grader(options)
    assert (hint or "") in (caught.value.hint or "")
    assert "\n" not in str(caught.value)


def test_a_schema_that_refers_to_itself_without_end_ends():
    grader = make_grader({"type": "json", "schema": {"$ref": "#"}})
    assert grader.grade(asked(""), "{}").verdict == "wrong"


OPTIONS = [
    {"type": "number"},
    {"type": "number", "tolerance": "0.1"},
    {"type": "number", "relative_tolerance": "0.1"},
    {"type": "comparison"},
    {"type": "choice"},
    {"type": "choice", "letters": False},
    {"type": "choice", "options": ["a", "b"]},
    {"type": "exact"},
    {"type": "exact", "ignore": ["case"]},
    {"type": "contains"},
    {"type": "contains", "any": ["case"]},
    {"type": "contains", "none": ["case"]},
    {"type": "regex", "pattern": "a"},
    {"type": "regex", "pattern": "b"},
    {"type": "regex", "pattern": "b", "dot_all": True},
    {"type": "json"},
    {"type": "json", "schema": {"type": "object"}},
    {"type": "judge", "rubric": "r"},
    {"type": "judge", "rubric": "r", "labelled": [{"question": "q", "answer": "a", "verdict": "wrong"}]},
]


def test_other_options_are_another_grader_in_every_digest():
    task = get_task("letter-count")
    cases = task.cases("select", 2)
    digests = {replace(task, grader=make_grader(options)).digest(cases) for options in OPTIONS}
    assert len(digests) == len(OPTIONS)
    again = {replace(task, grader=make_grader(options)).digest(cases) for options in OPTIONS}
    assert digests == again


def test_an_option_given_as_it_is_by_default_changes_no_digest():
    assert (
        make_grader({"type": "exact", "ignore": []}).name == make_grader({"type": "exact"}).name == "exact{}"
    )
    assert make_grader({"type": "number", "tolerance": 0}).name == "number{}"


def test_others_bring_their_own_by_entry_point(tmp_path, monkeypatch):
    about = tmp_path / "shouting-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[promptlathe.graders]\nloud = shouting:Loud\nlost = shouting:Lost\n"
    )
    (tmp_path / "shouting.py").write_text(
        "from promptlathe.tasks.grading import Grade\n"
        "class Loud:\n"
        "    def __init__(self, options): self.name = f'loud{sorted(options)}'\n"
        "    def grade(self, case, answer):\n"
        "        return Grade('correct' if answer.isupper() else 'wrong', answer, False)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert "loud" in grader_types()
    grader = make_grader({"type": "loud", "much": 1})
    assert (grader.name, grader.grade(asked(), "A")) == (
        "loud['much']",
        Grade("correct", "A", contradicts=False),
    )
    with pytest.raises(TaskError, match="grader 'lost' cannot be used") as caught:
        make_grader({"type": "lost"})
    assert caught.value.hint == "reinstall the package of shouting:Lost"


PYTHON = """
print("loading")

def grade(answer, case):
    print("grading")
    if answer == "raise":
        return 1 / 0
    if answer == "exit":
        raise SystemExit(3)
    if answer == "map":
        return {"verdict": "wrong", "answer": "m", "reason": "because"}
    if answer == "none":
        return None
    if answer == "odd":
        return {"verdict": "good"}
    if answer == "verdict":
        return "unparsed"
    return answer == case["expected"] + case["variables"]["a"]
"""


@pytest.mark.parametrize(
    ("answer", "grade"),
    [
        ("any1", Grade("correct", "any1", contradicts=False)),
        ("any", Grade("wrong", "any", contradicts=False)),
        ("map", Grade("wrong", "m", contradicts=False, reason="because")),
        ("verdict", Grade("unparsed", None, contradicts=False)),
        (
            "raise",
            Grade(
                "unparsed", None, contradicts=False, reason="own/g.py:7: ZeroDivisionError: division by zero"
            ),
        ),
        ("exit", Grade("unparsed", None, contradicts=False, reason="own/g.py:9: SystemExit: 3")),
        ("none", Grade("unparsed", None, contradicts=False, reason="own/g.py: grade returned None")),
        (
            "odd",
            Grade("unparsed", None, contradicts=False, reason="own/g.py: grade returned {'verdict': 'good'}"),
        ),
    ],
)
def test_a_function_of_the_workspace_grades_and_its_faults_are_reasons(tmp_path, capsys, answer, grade):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "g.py").write_text(PYTHON)
    grader = make_grader({"type": "python", "file": "own/g.py"}, allow_python=tmp_path)
    assert grader.grade(asked("any"), answer) == grade
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "loading\ngrading\n")


def test_another_content_is_another_grader(tmp_path):
    names = set()
    for content in ("def grade(a, c): return True", "def grade(a, c): return False"):
        (tmp_path / "g.py").write_text(content)
        names.add(make_grader({"type": "python", "file": "g.py"}, allow_python=tmp_path).name)
    assert len(names) == 2


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("g.py", "def grade(:", r"g\.py:1: invalid syntax"),
        ("g.py", "x = 1\ny = 1 / 0", r"g\.py:2: ZeroDivisionError: division by zero"),
        ("g.py", "import sys\n\nsys.exit('no')", r"g\.py:3: SystemExit: no"),
        ("g.py", "grade = 3", r"g\.py: has no function 'grade'"),
        ("g.py", "a\0b", r"g\.py(:1)?: source code (string )?cannot contain null bytes"),
        ("missing.py", "", r"missing\.py: No such file or directory"),
        ("../g.py", "", r"\.\./g\.py: lies outside the workspace"),
        ("/etc/passwd", "", "lies outside the workspace"),
        ("link.py", "", "lies outside the workspace"),
        (".", "", "Is a directory"),
    ],
)
def test_a_file_that_cannot_grade_is_refused_with_its_line(tmp_path, file, content, message):
    root = tmp_path / "workspace"
    root.mkdir()
    (tmp_path / "g.py").write_text("def grade(a, c): return True")
    (root / "link.py").symlink_to(tmp_path / "g.py")
    (root / "g.py").write_text(content)
    with pytest.raises(TaskError, match=message):
        make_grader({"type": "python", "file": file}, allow_python=Path(root))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("三百二十", 320), ("一万二千零五", 12005), ("二〇二四", 2024), ("三点一四", "3.14"), ("十", 10), ("二十一", 21),
        ("一百零三", 103), ("三亿五千万", 350_000_000), ("一万亿", 10**12), ("一万二", 12000), ("三百二", 320), ("一百零五万", 1_050_000), ("零", 0), ("〇", 0), ("负七", -7), ("百分之三十", 30), ("五分之二", "2/5"), ("两千", 2000),
        ("twenty-one", 21), ("one hundred and five", 105), ("two thousand three hundred", 2300), ("nineteen", 19),
        ("three million", 3_000_000), ("1.5 million", 1_500_000), ("5千克", 5), ("3千", 3000), ("-1/4", "-1/4"), ("2 3/8", "19/8"),
        ("1,000,000", 1_000_000), ("$1,250.75", "1250.75"), ("€-3", -3), ("6.02×10^23", 602 * 10**21), ("1e-3", "1/1000"),
    ],
)  # fmt: skip
def test_reads_numerals_of_both_languages(text, value):
    found = read_numeral(text)
    assert found is not None
    assert found.value == Fraction(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "none",
        "1 and 2",
        "1.2.3",
        "3rd",
        "第3",
        "step 3",
        "x^2",
        "三角形",
        "1e99999",
        "9" * 50,
        "1/0",
        "r2d2",
    ],
)
def test_reads_no_number_where_there_is_none_or_two(text):
    assert read_numeral(text) is None
