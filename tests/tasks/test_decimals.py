import re
from collections import Counter, defaultdict
from decimal import Decimal
from itertools import islice

import pytest

from promptlathe.errors import TaskError
from promptlathe.tasks import decimals
from promptlathe.tasks.task import get_task

TASK = get_task("decimal-comparison")
SPLITS = ("propose", "select", "sealed")
NUMBER = r"-?\d+(?:\.\d+)?"
LANGUAGES = (("en",), ("zh",), ("en", "zh"))


def numbers(case):
    return case.variables["a"], case.variables["b"]


@pytest.mark.parametrize("languages", LANGUAGES)
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("seed", [0, 1, 20260])
def test_every_shortcut_scores_chance_over_each_balanced_set(split, seed, languages):
    block = 100 * len(languages)
    cases = TASK.cases(split, 4 * block, seed=seed, languages=languages)
    for count in (block, 2 * block, 4 * block):
        assert TASK.chance_of(cases[:count]) == pytest.approx(TASK.chance) == 0.48
        for name, score in TASK.shortcut_scores(cases[:count]).items():
            assert score == pytest.approx(TASK.chance), (name, count)


@pytest.mark.parametrize("languages", LANGUAGES)
@pytest.mark.parametrize("split", SPLITS)
def test_every_shortcut_scores_chance_within_three_cases_at_any_count(split, languages):
    cases = TASK.cases(split, 450, seed=3, languages=languages)
    for count in range(1, len(cases) + 1):
        chance = count * TASK.chance_of(cases[:count])
        for name, score in TASK.shortcut_scores(cases[:count]).items():
            assert abs(count * score - chance) < 3, (name, count)


@pytest.mark.parametrize("languages", LANGUAGES)
def test_any_prefix_is_about_balanced(languages):
    cases = TASK.cases("select", 400, languages=languages)
    whole = {
        "stratum": Counter(case.stratum for case in cases),
        "polarity": Counter(case.variables["polarity"] for case in cases),
        "language": Counter(case.language for case in cases),
    }
    assert set(whole["stratum"]) == set(TASK.strata)
    assert len(set(whole["polarity"].values())) == len(set(whole["language"].values())) == 1
    for count in range(1, 401):
        part = cases[:count]
        for name, trait in (("stratum", "stratum"), ("language", "language")):
            found = Counter(getattr(case, trait) for case in part)
            for value, total in whole[name].items():
                assert abs(found[value] - count * total / 400) <= 3, (name, value, count)
        larger = sum(case.variables["polarity"] == "larger" for case in part)
        assert abs(larger - count / 2) <= 3


def test_version_number_order_fails_where_the_task_is_about_it():
    cases = TASK.cases("select", 400)
    scores = {
        stratum: TASK.shortcut_scores([case for case in cases if case.stratum == stratum])[
            "version-number-order"
        ]
        for stratum in TASK.strata
    }
    assert scores["longer-is-smaller"] == 0
    assert scores["equal"] == 0
    for stratum in ("same-length", "longer-is-larger", "integer", "different-integer"):
        assert scores[stratum] == 1


@pytest.mark.parametrize("split", SPLITS)
def test_the_expected_answer_is_right_and_the_stratum_true(split):
    for case in TASK.cases(split, 2_000, seed=5):
        a, b = numbers(case)
        small, large = sorted((a, b), key=lambda number: (Decimal(number), len(number)))
        is_equal = Decimal(a) == Decimal(b)
        if is_equal:
            assert case.expected == {"en": "equal", "zh": "相等"}[case.language]
        else:
            assert case.expected == (large if case.variables["polarity"] == "larger" else small)
        assert case.expected in case.options
        assert case.options[:2] == (a, b)
        whole_a, fraction_a = (a + ".").split(".")[:2]
        whole_b, fraction_b = (b + ".").split(".")[:2]
        same_whole = whole_a == whole_b
        is_negative = a.startswith("-") and b.startswith("-")
        has_leading_zero = fraction_a.startswith("0") or fraction_b.startswith("0")
        truths = {
            "same-length": same_whole and len(a) == len(b),
            "longer-is-smaller": same_whole and len(small) > len(large),
            "longer-is-larger": same_whole and len(large) > len(small),
            "equal": is_equal and a != b,
            "integer": (fraction_a == "") != (fraction_b == ""),
            "negative": is_negative and same_whole,
            "leading-zero": has_leading_zero and same_whole,
            "different-integer": not same_whole and "" not in (fraction_a, fraction_b),
        }
        assert truths[case.stratum], case
        assert is_negative == (case.stratum == "negative")
        assert is_equal == (case.stratum == "equal")
        assert has_leading_zero == (case.stratum == "leading-zero")


def test_a_cluster_is_one_pair_in_both_orders():
    clusters = defaultdict(list)
    for case in TASK.cases("select", 600):
        clusters[case.cluster].append(case)
    first_is_larger = Counter()
    for one, other in clusters.values():
        assert numbers(one) == numbers(other)[::-1]
        assert (one.stratum, one.language, one.expected) == (other.stratum, other.language, other.expected)
        assert one.variables["polarity"] == other.variables["polarity"]
        assert re.split(NUMBER, one.question) == re.split(NUMBER, other.question)
        assert re.findall(NUMBER, one.question) == re.findall(NUMBER, other.question)[::-1]
        first_is_larger[Decimal(numbers(one)[0]) > Decimal(numbers(one)[1])] += 1
    assert min(first_is_larger.values()) > 100


def test_equality_is_offered_where_it_holds_and_where_it_does_not():
    offered = [case for case in TASK.cases("select", 1_000) if len(case.options) == 3]
    assert Counter(case.stratum == "equal" for case in offered) == {True: 40, False: 80}
    for case in offered:
        assert case.options[2] in case.question
        assert any("." in number and number.endswith("0") for number in numbers(case))


def test_a_larger_count_only_adds_and_the_order_of_languages_is_nothing():
    assert TASK.cases("select", 333)[:100] == TASK.cases("select", 100)
    assert TASK.cases("select", 50, languages=["zh", "en"]) == TASK.cases("select", 50)
    assert TASK.cases("select", 0) == ()


def test_the_same_seed_makes_the_same_cases_on_every_machine():
    digests = {split: TASK.digest(TASK.cases(split, 200, seed=7)) for split in SPLITS}
    assert digests == {
        "propose": "5e7b76a75517021d116d6c421973dcd2dd7ca6143d4d99f86627c71b926df907",
        "select": "87cf25b641cf29911a8d6dd5a6459ec6a38e5d53353c71f19d2e91711ae4769b",
        "sealed": "454ba44c4e657435274797f5d72beb7be2191f537affe9ad52ec68d6130cd829",
    }


def test_seeds_make_other_cases_and_ids_follow_from_the_content():
    one, other = (TASK.cases("select", 1_000, seed=seed) for seed in (1, 2))
    assert len({case.id for case in one}) == 1_000
    by_id = {case.id: case for case in one}
    shared = [case for case in other if case.id in by_id]
    assert len(shared) < 100
    assert all(by_id[case.id] == case for case in shared)


def test_splits_share_no_pair_and_sealed_differs_in_range_and_wording():
    values = {
        split: {
            frozenset(Decimal(number).normalize() for number in numbers(case))
            for seed in (0, 1, 2)
            for case in TASK.cases(split, 1_000, seed=seed)
        }
        for split in SPLITS
    }
    assert not values["propose"] & values["select"]
    wholes = {split: {abs(int(number)) for pair in values[split] for number in pair} for split in SPLITS}
    assert max(wholes["propose"] | wholes["select"]) < min(wholes["sealed"])
    wordings = {
        split: {re.sub(NUMBER, "N", case.question) for case in TASK.cases(split, 1_000)} for split in SPLITS
    }
    assert wordings["propose"] == wordings["select"]
    assert not wordings["select"] & wordings["sealed"]
    assert min(map(len, wordings.values())) >= 16


def test_says_so_when_it_runs_out_of_pairs(monkeypatch):
    monkeypatch.setattr(decimals, "OPEN_WHOLE_NUMBERS", range(2))
    with pytest.raises(TaskError, match=r"decimal-comparison has no \S+ pair left after \d+ select pairs"):
        list(islice(decimals.cases("select", 0, ("en",)), 20_000))


def test_hints_stand_in_both_languages_line_by_line():
    for language in TASK.languages:
        hints = TASK.hints[language]
        for lines in (hints.rules, hints.workflow, hints.output_formats):
            assert len(lines) >= 3
            assert all(line.strip() == line and "\n" not in line for line in lines)
    assert "Answer with only the number." in TASK.hints["en"].output_formats
