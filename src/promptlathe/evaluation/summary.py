"""What the rows of a run say: shares with intervals, strata, paired comparisons. All outputs show this."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from promptlathe.evaluation.answers import Row
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
    """One prompt's results. Errors are no answers: they are counted here and in nothing else."""

    name: str
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
    """`after` against `before` on the cases both answered; `adjusted_p` is Holm's over the run's comparisons."""

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
    rows: Sequence[Row],
    provenance: Mapping[str, object],
) -> RunSummary:
    """Compare every prompt with the first one. Only first repeats are counted; rows may be incomplete."""
    by_prompt: dict[str, dict[str, Row]] = {prompt.name: {} for prompt in prompts}
    ids = {case.id for case in cases}
    for row in rows:
        if row.repeat == 0 and row.prompt in by_prompt and row.case_id in ids:
            by_prompt[row.prompt][row.case_id] = row
    return RunSummary(
        run_id=run_id,
        task=task.name,
        split=cases[0].split if cases else "",
        cases=len(cases),
        chance=task.chance_of(cases),
        shortcuts=task.shortcut_scores(cases),
        prompts=tuple(_prompt_summary(prompt, cases, by_prompt[prompt.name]) for prompt in prompts),
        comparisons=_comparisons([prompt.name for prompt in prompts], cases, by_prompt),
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


def _comparisons(
    names: Sequence[str], cases: Sequence[Case], by_prompt: Mapping[str, Mapping[str, Row]]
) -> tuple[Comparison, ...]:
    if not names:
        return ()
    first = names[0]
    found = [compare(first, name, cases, by_prompt[first], by_prompt[name]) for name in names[1:]]
    made = [comparison for comparison in found if comparison is not None]
    adjusted = holm([comparison.paired.p_value for comparison in made])
    return tuple(
        Comparison(made.before, made.after, made.paired, p, made.fixed, made.broken)
        for made, p in zip(made, adjusted, strict=True)
    )


def _prompt_summary(prompt: Prompt, cases: Sequence[Case], rows: Mapping[str, Row]) -> PromptSummary:
    answered = [case for case in cases if case.id in rows and rows[case.id].error is None]
    responses = [response for case in answered if (response := rows[case.id].response)]
    outcomes = Counter(row.outcome for row in rows.values())
    strata = dict.fromkeys(case.stratum for case in cases)
    count = max(len(responses), 1)
    return PromptSummary(
        name=prompt.name,
        digest=prompt.digest,
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
