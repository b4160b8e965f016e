"""What the rows of a run say: shares with intervals, strata, paired comparisons. All outputs show this."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from promptlathe.evaluation.answers import Row, Subject, label
from promptlathe.prompts import Prompt
from promptlathe.statistics.chance import AgainstChance, against_chance
from promptlathe.statistics.intervals import Interval, cluster_interval, wilson
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
    """One prompt's results on one model. Errors are no answers: they are counted here and in nothing else."""

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
) -> RunSummary:
    """Compare every prompt on every model with its `baseline`. Only first repeats are counted; rows may be
    incomplete."""
    found: dict[Subject, dict[str, Row]] = {
        Subject(prompt.name, model): {} for model in models for prompt in prompts
    }
    ids = {case.id for case in cases}
    for row in rows:
        if row.repeat == 0 and row.subject in found and row.case_id in ids:
            found[row.subject][row.case_id] = row
    digests = {prompt.name: prompt.digest for prompt in prompts}
    return RunSummary(
        run_id=run_id,
        task=task.name,
        split=cases[0].split if cases else "",
        cases=len(cases),
        chance=task.chance_of(cases),
        shortcuts=task.shortcut_scores(cases),
        prompts=tuple(
            _prompt_summary(subject, label(subject, models), digests[subject.prompt], cases, answered)
            for subject, answered in found.items()
        ),
        comparisons=_comparisons(models, cases, found),
        provenance=provenance,
    )


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
    return Comparison(before, after, paired, paired.p_value, changed.fixed, changed.broken)


def guessing(answered: Sequence[Case], rows: Mapping[str, Row]) -> AgainstChance | None:
    """The share of right answers against guessing; None without answers, or where guessing is hopeless."""
    chance = sum(case.chance for case in answered) / max(len(answered), 1)
    if not chance:
        return None
    correct = [rows[case.id].is_correct for case in answered]
    return against_chance(correct, chance, [case.cluster for case in answered])


def baseline(subject: Subject, subjects: Iterable[Subject]) -> Subject | None:
    """What a subject is compared with: the first prompt on the same model; where it is that itself, the first
    prompt on the first model. None for the very first, which the others are measured by."""
    first, *_ = known = list(subjects)
    on_its_model = next(other for other in known if other.model == subject.model)
    before = on_its_model if on_its_model != subject else first
    return before if before != subject else None


def _comparisons(
    models: Sequence[str], cases: Sequence[Case], rows: Mapping[Subject, Mapping[str, Row]]
) -> tuple[Comparison, ...]:
    found = [
        compare(label(before, models), label(subject, models), cases, rows[before], rows[subject])
        for subject in rows
        if (before := baseline(subject, rows))
    ]
    made = [comparison for comparison in found if comparison is not None]
    adjusted = holm([comparison.paired.p_value for comparison in made])
    return tuple(
        Comparison(made.before, made.after, made.paired, p, made.fixed, made.broken)
        for made, p in zip(made, adjusted, strict=True)
    )


def _prompt_summary(
    subject: Subject, name: str, digest: str, cases: Sequence[Case], rows: Mapping[str, Row]
) -> PromptSummary:
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
        errors=outcomes["error"],
        contradictions=sum(bool(row.grade and row.grade.contradicts) for row in rows.values()),
        cut_off=sum(response.finish_reason == "length" for response in responses),
        prompt_tokens=sum(response.prompt_tokens for response in responses) / count,
        completion_tokens=sum(response.completion_tokens for response in responses) / count,
        cached=sum(row.is_cached for row in rows.values()),
    )
