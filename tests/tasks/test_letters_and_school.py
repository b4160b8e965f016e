"""`letter-count` and `school-math`: what every built-in task promises, and what is particular to each."""

import ast
import operator
import re
from collections import Counter, defaultdict
from dataclasses import replace
from fractions import Fraction
from itertools import groupby

import pytest

from promptlathe.errors import TaskError
from promptlathe.tasks import school_math
from promptlathe.tasks.task import get_task

LETTERS, SCHOOL = get_task("letter-count"), get_task("school-math")
TASKS = (LETTERS, SCHOOL)
SPLITS = ("propose", "select", "sealed")
LANGUAGES = (("en",), ("zh",), ("en", "zh"))

every_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)


@pytest.mark.parametrize(
    ("task", "digests"),
    [
        (
            LETTERS,
            {
                "propose": "49e6e6c11c225c9923b8fda0c3aa114dd34afb5a5fc1f9c0b03708bfdafdfb4f",
                "select": "73c04b3b5b772178d69ebccbecf2800d0a8eca51211b5e49eca5a6cae8ebbccc",
                "sealed": "e946226c90b568bebd3e9374bc0613f29eb64a34c420ed24b46b8ad4267fb6de",
            },
        ),
        (
            SCHOOL,
            {
                "propose": "aa769506afc68d543422291caa325e44c0c8ec1e80e1c313b4b14f895a0a5bc5",
                "select": "3fde5cd181a2bab9a5cfa9c80a36f38d8ec02550030b65bf3a20073415005543",
                "sealed": "5e3f33bfa57138ee98f3b4444d48644bfa9bab519555fe29948cb78fe5accfd7",
            },
        ),
    ],
    ids=["letter-count", "school-math"],
)
def test_the_same_seed_makes_the_same_cases_on_every_machine(task, digests):
    assert {split: task.digest(task.cases(split, 200, seed=7)) for split in SPLITS} == digests


@every_task
@pytest.mark.parametrize("split", SPLITS)
def test_ids_are_unique_and_follow_from_the_content(task, split):
    one, other = (task.cases(split, 600, seed=seed) for seed in (1, 2))
    assert len({case.id for case in one}) == len({case.question for case in one}) == 600
    by_id = {case.id: case for case in one}
    assert all(by_id[case.id] == case for case in other if case.id in by_id)
    assert one != other


@every_task
def test_a_larger_count_only_adds_and_the_order_of_languages_is_nothing(task):
    assert task.cases("select", 333)[:100] == task.cases("select", 100)
    assert task.cases("select", 50, languages=["zh", "en"]) == task.cases("select", 50)


@every_task
@pytest.mark.parametrize("languages", LANGUAGES)
@pytest.mark.parametrize("split", SPLITS)
def test_any_prefix_is_about_balanced(task, split, languages):
    whole = 40 * len(languages)
    cases = task.cases(split, 4 * whole, seed=3, languages=languages)
    traits = [lambda case: case.stratum, lambda case: case.language]
    if task is LETTERS:
        traits.append(lambda case: case.expected)
    for trait in traits:
        share = {value: count / whole for value, count in Counter(map(trait, cases[:whole])).items()}
        for count in range(1, len(cases) + 1):
            found = Counter(map(trait, cases[:count]))
            for value, part in share.items():
                assert abs(found[value] - part * count) <= 3.5, (value, count)
    assert {case.stratum for case in cases[:whole]} == set(task.strata)


@every_task
def test_a_cluster_is_one_question_in_two_phrasings_side_by_side(task):
    cases = task.cases("select", 400)
    phrasings = defaultdict(set)
    for one, other in zip(cases[::2], cases[1::2], strict=True):
        assert (one.cluster, one.variables, one.expected) == (other.cluster, other.variables, other.expected)
        assert one.question != other.question
        phrasings[one.language, one.stratum] |= {one.id[-1], other.id[-1]}
    assert all(len(found) >= 2 for found in phrasings.values())


@every_task
def test_splits_share_no_cluster_and_sealed_cases_are_worded_otherwise(task):
    clusters, wordings = {}, {}
    for split in SPLITS:
        cases = [case for seed in (0, 1, 2) for case in task.cases(split, 500, seed=seed)]
        clusters[split] = {case.cluster for case in cases}
        wordings[split] = {_wording(case) for case in cases if case.variables.get("text") != "letter"}
    assert not clusters["propose"] & clusters["select"]
    assert not clusters["sealed"] & (clusters["propose"] | clusters["select"])
    assert wordings["propose"] == wordings["select"]
    assert not wordings["sealed"] & wordings["select"]


def _wording(case):
    """The question without what it asks about."""
    if "letter" not in case.variables:
        return re.sub(r"x?[-+×÷/=\d.x ]*\d[-+×÷/=\d.x ]*", "N", case.question)
    text, letter = case.variables["text"], case.variables["letter"]
    question = re.sub(rf"(?<![a-zA-Z]){text}(?![a-zA-Z])", "T", case.question)
    return re.sub(
        rf"(?<![a-zA-Z']){letter}(?![a-zA-Z])" if letter.isascii() else f"“{letter}”", "L", question
    )


@every_task
@pytest.mark.parametrize("split", SPLITS)
def test_the_grader_reads_the_expected_answer_however_it_is_given(task, split):
    for case in task.cases(split, 200):
        templates = (
            ("{}", "{}.", "The answer is {}.", "\\boxed{{{}}}")
            if case.language == "en"
            else ("{}。", "答案是{}。")
        )
        for template in templates:
            grade = task.grade(case, template.format(case.expected))
            assert (grade.verdict, grade.answer) == ("correct", case.expected), (case, template)
        assert task.grade(case, str(Fraction(case.expected) + 1)).verdict == "wrong"


@every_task
def test_hints_stand_in_both_languages_line_by_line(task):
    for language in task.languages:
        hints = task.hints[language]
        for lines in (hints.rules, hints.workflow, hints.output_formats):
            assert len(lines) >= 3
            assert all(line.strip() == line and "\n" not in line for line in lines)
    assert "Answer with only the number." in task.hints["en"].output_formats


@every_task
@pytest.mark.parametrize("languages", LANGUAGES)
def test_there_are_enough_cases_for_a_proof(task, languages):
    for split in SPLITS:
        assert len(task.cases(split, 400, languages=languages)) == 400


@every_task
@pytest.mark.parametrize("split", SPLITS)
def test_says_so_when_it_runs_out_of_questions(task, split):
    with pytest.raises(TaskError, match=rf"{task.name} has no .* left after \d+ {split} ") as caught:
        task.cases(split, 100_000, languages=["en"])
    assert caught.value.hint == "ask for fewer cases"


@pytest.mark.parametrize("split", SPLITS)
def test_the_letters_are_counted_right_and_the_stratum_is_true(split):
    for case in LETTERS.cases(split, 600, seed=5):
        text, letter = case.variables["text"], case.variables["letter"]
        assert text in case.question
        assert letter in case.question.replace(text, "")
        count = len(re.findall(re.escape(letter), text))
        assert case.expected == str(count)
        is_doubled = any(len(list(run)) > 1 for mark, run in groupby(text) if mark == letter)
        truths = {
            "absent": count == 0,
            "once": count == 1,
            "apart": count == 2 and not is_doubled,
            "doubled": count in (2, 3) and is_doubled,
            "many": count == 4 or (count == 3 and not is_doubled),
            "phrase": len(re.split(r"[ ，]", text)) == 3,
        }
        assert truths[case.stratum], case
        assert (case.stratum == "phrase") == (" " in text or "，" in text)
        assert (case.language == "zh" and case.stratum == "phrase") == (not text.isascii())


@pytest.mark.parametrize("languages", LANGUAGES)
@pytest.mark.parametrize("split", SPLITS)
def test_naming_always_the_same_count_scores_chance(split, languages):
    cases = LETTERS.cases(split, 80 * len(languages), languages=languages)
    assert LETTERS.chance_of(cases) == pytest.approx(LETTERS.chance) == 0.2
    scores = LETTERS.shortcut_scores(cases)
    assert [scores[f"always-{answer}"] for answer in (1, 2, 3)] == pytest.approx([0.2] * 3)
    assert scores["whether-it-is-there"] == pytest.approx(0.4)
    assert scores["doubled-counts-once"] <= 0.8


@pytest.mark.parametrize(
    ("text", "letter", "answers"),
    [
        ("strawberry", "r", "1 2 3 1 2 2"),
        ("banana", "z", "1 2 3 0 0 1"),
        ("mississippi", "s", "1 2 3 1 2 2"),
        ("人山人海，人人为我，自由自在", "人", "1 2 3 1 3 4"),
    ],
)
def test_each_wrong_rule_of_letter_count(text, letter, answers):
    (case,) = LETTERS.cases("select", 1)
    case = replace(case, variables={"text": text, "letter": letter})
    assert [shortcut.answer(case) for shortcut in LETTERS.shortcuts] == answers.split()


@pytest.mark.parametrize("split", SPLITS)
def test_school_answers_are_right_by_another_way_of_computing(split):
    for case in SCHOOL.cases(split, 400, seed=5):
        a, b, c = (Fraction(case.variables.get(name, "0")) for name in "abc")
        expected = Fraction(case.expected)
        by_kind = {
            "rectangle": a * b,
            "triangle": a * b / 2,
            "square": a * a,
            "percent-of": b * a / 100,
            "discount": b * (100 - a) / 100,
            "increase": b * (100 + a) / 100,
            "sum-equation": b - a,
            "product-equation": b / a if a else None,
            "two-step-equation": (c - b) / a if a else None,
            "quotient-equation": a * b,
            "sum": a + b,
            "difference": a - b,
            "product": a * b,
            "quotient": a / b if b else None,
        }
        assert expected == by_kind[case.variables["kind"]], case
        assert re.fullmatch(r"-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?", case.expected), case
        assert len(case.expected.partition(".")[2]) <= 2
        if case.stratum == "decimals":
            expression = re.search(r"\d[\d.]* [-+×÷] \d+(?:\.\d+)?", case.question)[0]
            assert _evaluated(expression) == expected
        if case.stratum == "equation":
            left, right = re.search(r"([\dx][\dx+/ ]*) = (-?\d+)", case.question).groups()
            left = re.sub(r"(\d)x", r"\1 * x", left).replace("x", f"({case.expected})")
            assert _evaluated(left) == Fraction(right)
        assert case.options == ()


_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def _evaluated(expression):
    def value(node):
        if isinstance(node, ast.BinOp):
            return _OPERATORS[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.UnaryOp):
            return -value(node.operand)
        return Fraction(str(node.value))

    return value(ast.parse(expression.replace("×", "*").replace("÷", "/").strip(), mode="eval").body)


def test_open_and_sealed_problems_have_numbers_of_their_own():
    for kind in school_math.KINDS:
        values = {
            split: {
                case.variables["a"]
                for case in SCHOOL.cases(split, 800)
                if case.variables["kind"] == kind.name
            }
            for split in ("select", "sealed")
        }
        if kind.stratum in ("area", "percentage"):
            assert not values["select"] & values["sealed"], kind.name


@pytest.mark.parametrize(
    ("variables", "answers"),
    [
        ({"a": "6", "b": "7.5"}, "13.5 45 1.5 7.5"),
        ({"a": "11"}, "11 11 0 11"),
        ({"a": "10", "b": "7", "c": "207"}, "224 14490 200 207"),
    ],
)
def test_each_wrong_rule_of_school_math(variables, answers):
    (case,) = SCHOOL.cases("select", 1)
    case = replace(case, variables=variables)
    assert [shortcut.answer(case) for shortcut in SCHOOL.shortcuts] == answers.split()


def test_no_wrong_rule_does_well_at_school():
    scores = SCHOOL.shortcut_scores(SCHOOL.cases("sealed", 400))
    assert max(scores.values()) <= 0.3, scores
