from dataclasses import replace

import pytest

from promptlathe.errors import TaskError, UnknownNameError, UsageError
from promptlathe.tasks.draw import Draw
from promptlathe.tasks.task import get_task, task_names

TASK = get_task("decimal-comparison")


def test_tasks_are_found_by_name():
    assert task_names() == ("decimal-comparison", "letter-count", "school-math")
    assert get_task("decimal-comparison") is TASK
    with pytest.raises(UnknownNameError, match="no task named 'decimals-comparison'") as caught:
        get_task("decimals-comparison")
    assert caught.value.hint == "did you mean 'decimal-comparison'?"


def plugin(folder, target):
    """An installed package with one task, as pip would leave it."""
    about = folder / "other_tasks-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: other-tasks\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[promptlathe.tasks]\nother = {target}\n")
    (folder / "other_tasks.py").write_text(
        "from dataclasses import replace\nfrom promptlathe.tasks.task import get_task\n"
        "TASK = get_task('decimal-comparison')\nOTHER = replace(TASK, name='other')\n"
    )


def test_installed_packages_bring_tasks(tmp_path, monkeypatch):
    plugin(tmp_path, "other_tasks:OTHER")
    monkeypatch.syspath_prepend(tmp_path)
    assert "other" in task_names()
    assert get_task("other").name == "other"


@pytest.mark.parametrize(
    "target", ["other_tasks:TASK", "other_tasks:NONE", "no_such_module:TASK", "json:loads"]
)
def test_a_broken_package_is_named(tmp_path, monkeypatch, target):
    plugin(tmp_path, target)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(TaskError, match="task 'other' cannot be used") as caught:
        get_task("other")
    assert target in caught.value.hint


def test_available_counts_without_end_only_so_far():
    assert TASK.available("select", 7) == 7
    assert TASK.available("select", 7, languages=["zh"]) == 7
    assert TASK.available("select", 7, languages=[]) == 0


@pytest.mark.parametrize(
    ("count", "languages", "message"),
    [
        (10, ["fr"], "has no cases in fr"),
        (10, [], "has no cases in no language at all"),
        (-1, ["en"], "cannot make -1 cases"),
    ],
)
def test_refuses_what_it_cannot_make(count, languages, message):
    with pytest.raises(UsageError, match=message):
        TASK.cases("select", count, languages=languages)


def test_a_task_with_few_cases_says_how_many():
    few = replace(TASK, name="few", source=lambda split, *_: iter(TASK.cases(split, 5)))
    assert few.cases("select", 5) == TASK.cases("select", 5)
    with pytest.raises(TaskError, match="task 'few' has only 5 select cases, not 6"):
        few.cases("select", 6)


def test_grades_and_scores_through_the_task():
    cases = TASK.cases("select", 100)
    assert {TASK.grade(case, case.expected).verdict for case in cases} == {"correct"}
    assert set(TASK.shortcut_scores(cases)) == {shortcut.name for shortcut in TASK.shortcuts}
    assert TASK.chance_of([]) == TASK.chance
    assert len({*cases, *cases}) == 100


def test_the_digest_follows_every_part_of_the_cases():
    cases = TASK.cases("select", 10)
    digest = TASK.digest(cases)
    assert digest == TASK.digest(TASK.cases("select", 10))
    assert digest != TASK.digest(cases[:9])
    assert digest != TASK.digest(cases[::-1])
    assert digest != TASK.digest([*cases[:9], replace(cases[9], variables={})])
    assert digest != replace(TASK, name="other").digest(cases)


def test_draws_are_pinned_and_stay_in_range():
    draw = Draw("a", 1)
    assert [draw.between(1, 6) for _ in range(10)] == [3, 2, 1, 2, 5, 5, 2, 4, 1, 1]
    assert {Draw(seed).pick("abc") for seed in range(50)} == set("abc")
