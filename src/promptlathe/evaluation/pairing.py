"""Two runs, or two results of one run, side by side on the cases that they share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from promptlathe.errors import UsageError
from promptlathe.evaluation.answers import Row, Subject, label
from promptlathe.evaluation.plan import Plan
from promptlathe.evaluation.summary import Comparison, adjusted, baseline, by_subject, compare, first_answers
from promptlathe.tasks.case import Case


@dataclass(frozen=True, slots=True)
class RunAnswers:
    """The first answers of a run, by subject and case id; `models` are all that the run has."""

    run_id: str
    models: tuple[str, ...]
    cases: tuple[Case, ...]
    answers: Mapping[Subject, Mapping[str, Row]]

    @classmethod
    def of(
        cls, run_id: str, plan: Plan, subjects: Sequence[Subject], cases: Sequence[Case], rows: Iterable[Row]
    ) -> "RunAnswers":
        """What `rows` hold of `subjects`, which are some of the plan's."""
        found = by_subject(subjects, cases, rows)
        answers = {subject: first_answers(made) for subject, made in found.items()}
        return cls(run_id, plan.models, tuple(cases), answers)

    def label(self, subject: Subject) -> str:
        return label(subject, self.models)


def compare_within(run: RunAnswers) -> tuple[Comparison, ...]:
    """Each subject with its `baseline`, as a run's own summary does. Raises UsageError for a single one."""
    subjects = list(run.answers)
    if len(subjects) < 2:
        raise UsageError(
            f"run {run.run_id} has only {run.label(subjects[0])!r} to compare",
            hint="name a second run, or leave out --prompt and --model",
        )
    return adjusted(
        compare(run.label(before), run.label(after), run.cases, run.answers[before], run.answers[after])
        for after in subjects
        if (before := baseline(after, subjects))
    )


def compare_across(before: RunAnswers, after: RunAnswers) -> tuple[Comparison, ...]:
    """What both runs have, by prompt and model; or, where each has a single subject, these two whatever they
    are called. Only cases that are the same in both count. Raises UsageError where nothing is shared.
    """
    in_both = shared_cases(before, after)
    pairs = subject_pairs(before, after)
    return adjusted(
        compare(
            f"{before.run_id}:{before.label(one)}",
            f"{after.run_id}:{after.label(other)}",
            in_both,
            before.answers[one],
            after.answers[other],
        )
        for one, other in pairs
    )


def shared_cases(before: RunAnswers, after: RunAnswers) -> list[Case]:
    known = {case.id: case for case in before.cases}
    shared = [case for case in after.cases if known.get(case.id) == case]
    if not shared:
        raise UsageError(
            f"runs {before.run_id} and {after.run_id} have no case in common",
            hint="compare runs of one task, split, language and seed",
        )
    return shared


def subject_pairs(before: RunAnswers, after: RunAnswers) -> list[tuple[Subject, Subject]]:
    if len(before.answers) == len(after.answers) == 1:
        return list(zip(before.answers, after.answers, strict=True))
    shared = [(subject, subject) for subject in after.answers if subject in before.answers]
    if not shared:
        raise UsageError(
            f"runs {before.run_id} and {after.run_id} have no prompt on the same model in common",
            hint="choose one of each with --prompt and --model",
        )
    return shared
