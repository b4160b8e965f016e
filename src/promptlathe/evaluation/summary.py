"""What the rows of a run say: shares with intervals, strata, paired comparisons. All outputs show this."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from promptlathe.evaluation.answers import Row, Subject, label
from promptlathe.evaluation.diagnosis import Diagnosis, diagnose
from promptlathe.evaluation.margins import mean_gain, mean_margin
from promptlathe.evaluation.options import AnswerMode
from promptlathe.evaluation.repeated import RepeatSummary, summarise_repeats
from promptlathe.prompts import Prompt
from promptlathe.statistics.chance import AgainstChance, against_chance
from promptlathe.statistics.intervals import Interval, cluster_interval, wilson
from promptlathe.statistics.means import Mean
from promptlathe.statistics.paired import PairedComparison, compare_paired, flips, holm
from promptlathe.tasks.case import Case
from promptlathe.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Share:
    """`correct` of `cases` answers, with the 95 % interval (cluster-robust). Unparsed counts as not correct."""

    cases: int
    correct: int
    accuracy: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class PromptSummary:
    """One prompt's results on one model, by its first answers. Errors are no answers: they are counted here, of
    all repeats, and in nothing else."""

    name: str
    """What it is called in this run, and nothing else in it: see `answers.label`."""
    prompt: str
    model: str
    digest: str
    total: Share
    strata: Mapping[str, Share]
    chance: AgainstChance | None
    """None without answers, or where the answer is open and guessing is hopeless."""
    wrong: int
    unparsed: int
    errors: int
    contradictions: int
    cut_off: int
    """Answers that met the token limit."""
    prompt_tokens: float
    """Mean tokens of the whole prompt, question included."""
    completion_tokens: float
    cached: int
    diagnosis: Diagnosis | None
    repeats: RepeatSummary | None
    margin: Mean | None = None
    """Of scored options: by how much the right one is likelier, in nats."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`after` against `before`, by their names, on the cases both answered; `adjusted_p` is Holm's over the
    run's comparisons."""

    before: str
    after: str
    paired: PairedComparison
    adjusted_p: float
    fixed: tuple[str, ...]
    broken: tuple[str, ...]
    margin: Mean | None = None
    """Of scored options: how the margin changed. Its p is not adjusted: the claim rests on right and wrong."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    run_id: str
    task: str
    split: str
    cases: int
    chance: float
    shortcuts: Mapping[str, float]
    """What each wrong rule would score on these cases: the lines to be above."""
    prompts: tuple[PromptSummary, ...]
    """Model by model, each with all prompts in their order."""
    comparisons: tuple[Comparison, ...]
    provenance: Mapping[str, object]
    """Model, engine, versions, digests, seed, sampling: what is needed to run it again."""

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def summarise(
    *,
    run_id: str,
    task: Task,
    cases: Sequence[Case],
    prompts: Sequence[Prompt],
    models: Sequence[str],
    rows: Sequence[Row],
    provenance: Mapping[str, object],
    answer: AnswerMode = "text",
) -> RunSummary:
    """Compare every prompt on every model with its `baseline`. Only first repeats are counted; rows may be
    incomplete."""
    subjects = [Subject(prompt.name, model) for model in models for prompt in prompts]
    found = by_subject(subjects, cases, rows)
    first = {subject: first_answers(made) for subject, made in found.items()}
    digests = {prompt.name: prompt.digest for prompt in prompts}
    return RunSummary(
        run_id=run_id,
        task=task.name,
        split=cases[0].split if cases else "",
        cases=len(cases),
        chance=task.chance_of(cases),
        shortcuts=task.shortcut_scores(cases),
        prompts=tuple(
            _prompt_summary(
                subject, label(subject, models), digests[subject.prompt], task, cases, made, answer
            )
            for subject, made in found.items()
        ),
        comparisons=adjusted(
            [
                compare(
                    label(before, models),
                    label(subject, models),
                    cases,
                    first[before],
                    first[subject],
                    answer=answer,
                )
                for subject in subjects
                if (before := baseline(subject, subjects))
            ]
        ),
        provenance=provenance,
    )


def by_subject(
    subjects: Iterable[Subject], cases: Sequence[Case], rows: Iterable[Row]
) -> dict[Subject, list[Row]]:
    """The rows of each subject on these cases; those of others are left out."""
    found: dict[Subject, list[Row]] = {subject: [] for subject in subjects}
    ids = {case.id for case in cases}
    for row in rows:
        if row.subject in found and row.case_id in ids:
            found[row.subject].append(row)
    return found


def first_answers(rows: Iterable[Row]) -> dict[str, Row]:
    """One subject's first repeats, by case id: what is counted and compared."""
    return {row.case_id: row for row in rows if row.repeat == 0}


def share(cases: Sequence[Case], rows: Mapping[str, Row]) -> Share:
    """The share of right answers among the answered ones of `cases`; where there are none, of nothing."""
    answered = [case for case in cases if case.id in rows and rows[case.id].error is None]
    correct = [rows[case.id].is_correct for case in answered]
    if not answered:
        return Share(0, 0, 0.0, wilson(0, 0))
    interval = cluster_interval(correct, [case.cluster for case in answered])
    return Share(len(answered), sum(correct), sum(correct) / len(correct), interval)


def compare(
    before: str,
    after: str,
    cases: Sequence[Case],
    before_rows: Mapping[str, Row],
    after_rows: Mapping[str, Row],
    *,
    answer: AnswerMode = "text",
) -> Comparison | None:
    """Paired over the cases that both answered; None if there are none. `adjusted_p` is p, of one comparison."""
    both = [
        case
        for case in cases
        if all(case.id in rows and rows[case.id].error is None for rows in (before_rows, after_rows))
    ]
    if not both:
        return None
    was = [before_rows[case.id].is_correct for case in both]
    became = [after_rows[case.id].is_correct for case in both]
    paired = compare_paired(was, became, clusters=[case.cluster for case in both])
    changed = flips([case.id for case in both], was, became)
    margin = mean_gain(both, before_rows, after_rows) if answer == "score" else None
    return Comparison(before, after, paired, paired.p_value, changed.fixed, changed.broken, margin)


def guessing(answered: Sequence[Case], rows: Mapping[str, Row]) -> AgainstChance | None:
    """The share of right answers against guessing; None without answers, or where guessing is hopeless."""
    chance = sum(case.chance for case in answered) / max(len(answered), 1)
    if not chance:
        return None
    correct = [rows[case.id].is_correct for case in answered]
    return against_chance(correct, chance, [case.cluster for case in answered])


def baseline(subject: Subject, subjects: Sequence[Subject]) -> Subject | None:
    """What a subject is compared with: the first prompt on the same model; where it is that itself, the first
    prompt on the first model. None for the very first, which the others are measured by."""
    on_its_model = next(other for other in subjects if other.model == subject.model)
    before = on_its_model if on_its_model != subject else subjects[0]
    return before if before != subject else None


def adjusted(found: Iterable[Comparison | None]) -> tuple[Comparison, ...]:
    """The comparisons there are, each with Holm's p over all of them."""
    made = [comparison for comparison in found if comparison is not None]
    p_values = holm([comparison.paired.p_value for comparison in made])
    return tuple(replace(comparison, adjusted_p=p) for comparison, p in zip(made, p_values, strict=True))


def _prompt_summary(
    subject: Subject,
    name: str,
    digest: str,
    task: Task,
    cases: Sequence[Case],
    answers: Sequence[Row],
    answer: AnswerMode,
) -> PromptSummary:
    rows = first_answers(answers)
    answered = [case for case in cases if case.id in rows and rows[case.id].error is None]
    responses = [response for case in answered if (response := rows[case.id].response)]
    outcomes = Counter(row.outcome for row in rows.values())
    strata = dict.fromkeys(case.stratum for case in cases)
    count = max(len(responses), 1)
    return PromptSummary(
        name=name,
        prompt=subject.prompt,
        model=subject.model,
        digest=digest,
        total=share(cases, rows),
        strata={name: share([case for case in cases if case.stratum == name], rows) for name in strata},
        chance=guessing(answered, rows),
        wrong=outcomes["wrong"],
        unparsed=outcomes["unparsed"],
        errors=sum(row.error is not None for row in answers),
        contradictions=sum(bool(row.grade and row.grade.contradicts) for row in rows.values()),
        cut_off=sum(response.finish_reason == "length" for response in responses),
        prompt_tokens=sum(response.prompt_tokens for response in responses) / count,
        completion_tokens=sum(response.completion_tokens for response in responses) / count,
        cached=sum(row.is_cached for row in rows.values()),
        diagnosis=diagnose(task, cases, rows),
        repeats=summarise_repeats(cases, answers),
        margin=mean_margin(answered, rows) if answer == "score" else None,
    )
