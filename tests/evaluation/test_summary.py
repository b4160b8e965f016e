"""The summary of several models and repeats: who is compared with whom, and what repeats show."""

import pytest

from promptlathe.evaluation.answers import Response, Row, Subject
from promptlathe.evaluation.headline import headline, sentences
from promptlathe.evaluation.repeated import summarise_repeats
from promptlathe.evaluation.summary import RunSummary, baseline, summarise
from promptlathe.prompts import Prompt, parse
from promptlathe.statistics.intervals import cluster_interval
from promptlathe.statistics.paired import holm
from promptlathe.tasks.grading import Grade
from promptlathe.tasks.task import get_task
from tests.scripted import TASK

TASKS = get_task(TASK)
CASES = TASKS.cases("select", 40)
PROMPTS = [Prompt(name, parse(name)) for name in ("plain", "expert")]


def row(subject: Subject, index: int, letter: str, repeat: int = 0, finish_reason: str = "stop") -> Row:
    """c correct, w wrong, ? unparsed, ! error."""
    case = CASES[index]
    common = (*subject, case.id, repeat, f"{subject} {index} {repeat}")
    if letter == "!":
        return Row(*common, None, None, "too long", is_cached=False)
    said = {"c": case.expected, "w": "1.5", "?": None}[letter]
    verdict = {"c": "correct", "w": "wrong", "?": "unparsed"}[letter]
    response = Response(str(said), finish_reason, 20, 3, 0.1)
    return Row(*common, response, Grade(verdict, said, contradicts=False), None, is_cached=False)


def summary(letters: dict[Subject, str], models: tuple[str, ...]) -> RunSummary:
    rows = [
        row(subject, index, spelled[index % len(spelled)])
        for subject, spelled in letters.items()
        for index in range(len(CASES))
    ]
    return summarise(
        run_id="run", task=TASKS, cases=CASES, prompts=PROMPTS, models=models, rows=rows, provenance={}
    )


@pytest.mark.parametrize(
    ("subjects", "pairs"),
    [
        (["a1"], {"a1": None}),
        (["a1", "b1", "c1"], {"a1": None, "b1": "a1", "c1": "a1"}),
        (["a1", "a2"], {"a1": None, "a2": "a1"}),
        (["a1", "b1", "a2", "b2"], {"a1": None, "b1": "a1", "a2": "a1", "b2": "a2"}),
    ],
)
def test_prompts_are_compared_on_their_model_and_models_by_their_first_prompt(
    subjects: list[str], pairs: dict[str, str | None]
) -> None:
    made = [Subject(*name) for name in subjects]
    found = {"".join(subject): baseline(subject, made) for subject in made}
    assert {name: before and "".join(before) for name, before in found.items()} == pairs


def test_several_models_are_told_apart_and_compared() -> None:
    letters = {
        Subject("plain", "small"): "cw",
        Subject("expert", "small"): "cccw",
        Subject("plain", "big"): "ccw",
        Subject("expert", "big"): "c",
    }
    found = summary(letters, ("small", "big"))
    assert [(made.name, made.prompt, made.model) for made in found.prompts] == [
        ("small@plain", "plain", "small"),
        ("small@expert", "expert", "small"),
        ("big@plain", "plain", "big"),
        ("big@expert", "expert", "big"),
    ]
    assert [made.total.correct for made in found.prompts] == [20, 30, 27, 40]
    assert [(made.before, made.after) for made in found.comparisons] == [
        ("small@plain", "small@expert"),
        ("small@plain", "big@plain"),
        ("big@plain", "big@expert"),
    ]
    assert [made.adjusted_p for made in found.comparisons] == list(
        holm([made.paired.p_value for made in found.comparisons])
    )


def test_the_sentences_speak_of_the_prompts_of_each_model_and_then_of_the_models() -> None:
    letters = {
        Subject("plain", "small"): "cw",
        Subject("expert", "small"): "cccw",
        Subject("plain", "big"): "ccccccccw",
        Subject("expert", "big"): "w",
    }
    found = summary(letters, ("small", "big"))
    english, chinese = sentences(found, "en"), sentences(found, "zh")
    verdicts = [sentence for sentence in english if "points" in sentence]
    assert [sentence.partition(":")[0].partition(" (")[0] for sentence in verdicts] == [
        "“small@expert” is better than “small@plain”",
        "“big@expert” is worse than “big@plain”",
        "“big@plain” is better than “small@plain”",
    ]
    assert all("after Holm's adjustment for 3 comparisons" in sentence for sentence in verdicts)
    assert chinese[0].startswith("“small@expert”比“small@plain”好：")
    assert "“big@plain” beats chance, which is 48.3%." in english
    assert len(english) == len(set(english)) == len(chinese)


def test_of_several_models_with_one_prompt_the_best_is_named() -> None:
    models = ("a", "b", "c")
    rows = [
        row(Subject("plain", model), index, spelled[index % len(spelled)])
        for model, spelled in zip(models, ("w", "c", "cw"), strict=True)
        for index in range(len(CASES))
    ]
    found = summarise(
        run_id="run", task=TASKS, cases=CASES, prompts=PROMPTS[:1], models=models, rows=rows, provenance={}
    )
    assert headline(found, "en").startswith("“b@plain” is the best of 3 models, and better than “a@plain”: ")
    assert headline(found, "zh").startswith("3 个模型中“b@plain”最好")


def test_a_failure_of_any_repeat_is_counted() -> None:
    rows = [row(Subject("plain", "tiny"), 0, "c"), row(Subject("plain", "tiny"), 0, "!", 1)]
    found = summarise(
        run_id="run", task=TASKS, cases=CASES, prompts=PROMPTS, models=("tiny",), rows=rows, provenance={}
    )
    assert [(made.errors, made.total.cases) for made in found.prompts] == [(1, 1), (0, 0)]


def test_one_model_needs_no_name() -> None:
    found = summary({Subject("plain", "small"): "c", Subject("expert", "small"): "w"}, ("small",))
    assert [made.name for made in found.prompts] == ["plain", "expert"]
    assert {made.model for made in found.prompts} == {"small"}


def test_rows_of_a_model_that_is_not_of_the_run_do_not_count() -> None:
    found = summary({Subject("plain", "small"): "c", Subject("plain", "other"): "w"}, ("small",))
    assert [(made.total.cases, made.total.correct) for made in found.prompts] == [(40, 40), (0, 0)]


EXPERT = Subject("expert", "tiny")


def test_repeats_are_measured_over_the_cases_answered_every_time() -> None:
    """Cases by their three answers; the last one failed once."""
    asked = ["ccc", "ccw", "cww", "?ww", "cc!"]
    rows = [
        row(EXPERT, index, letter, repeat)
        for index, letters in enumerate(asked)
        for repeat, letter in enumerate(letters)
    ]
    found = summarise_repeats(CASES, rows)
    assert found is not None
    assert (found.repeats, found.cases) == (3, 4)
    assert found.accuracy == pytest.approx(6 / 12)
    assert found.stability == pytest.approx((3 + 2 + 2 + 2) / 12)
    assert found.usability == pytest.approx(11 / 12)
    # pass^1 is the accuracy; pass^2 = C(c, 2) / C(3, 2): 1, 1/3, 0, 0; pass^3: 1, 0, 0, 0.
    assert found.pass_hat_k == pytest.approx((6 / 12, (1 + 1 / 3) / 4, 1 / 4))
    right = [letter == "c" for letters in asked[:4] for letter in letters]
    clusters = [case.cluster for case in CASES[:4] for _ in range(3)]
    assert found.interval == cluster_interval(right, clusters)


def test_an_answer_that_met_the_token_limit_is_not_usable() -> None:
    rows = [row(EXPERT, 0, "c"), row(EXPERT, 0, "c", 1, "length")]
    found = summarise_repeats(CASES, rows)
    assert found is not None
    assert (found.usability, found.stability, found.accuracy) == (0.5, 1.0, 1.0)


@pytest.mark.parametrize("letters", ["", "c", "!!"])
def test_without_repeats_there_is_nothing_to_say(letters: str) -> None:
    rows = [row(EXPERT, 0, letter, repeat) for repeat, letter in enumerate(letters)]
    assert summarise_repeats(CASES, rows) is None
