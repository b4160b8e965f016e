"""`lathe eval --fail-under` and `--no-regression-from`: a run that a machine judges, by its exit code."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

from promptlathe.cli.console import err, escape_markup
from promptlathe.errors import UsageError

if TYPE_CHECKING:
    from promptlathe.evaluation.pairing import RunAnswers
    from promptlathe.evaluation.plan import Plan
    from promptlathe.evaluation.summary import Comparison, PromptSummary, RunSummary
    from promptlathe.workspace.workspace import Workspace

INCOMPLETE = 1
BELOW_THRESHOLD = 3
REGRESSION = 4


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What was asked for on the command line. `baseline` is a run, `margin` a share (0.02 is two points)."""

    fail_under: float | None = None
    baseline: "RunAnswers | None" = None
    margin: float | None = None

    @classmethod
    def read(
        cls,
        workspace: "Workspace",
        plans: "Sequence[Plan]",
        *,
        fail_under: float | None,
        no_regression_from: str | None,
        margin: float | None,
        allow_python: bool = False,
    ) -> "Thresholds":
        """Raises UsageError, before anything is asked, for what could not be judged afterwards."""
        from promptlathe.cli.evaluating import run_answers
        from promptlathe.evaluation.pairing import RunAnswers, shared_cases, subject_pairs

        if no_regression_from is None:
            if margin is not None:
                raise UsageError("--margin needs --no-regression-from", hint="name the run to compare with")
            return cls(fail_under)
        if len(plans) > 1:
            raise UsageError(
                "--no-regression-from is for one task at a time", hint="run lathe eval once for each task"
            )
        baseline, (plan,) = run_answers(workspace, no_regression_from, allow_python=allow_python), plans
        planned = RunAnswers.of("this one", plan, plan.subjects(), plan.cases(), ())
        shared_cases(baseline, planned)
        subject_pairs(baseline, planned)
        return cls(fail_under, baseline, margin)

    @property
    def is_any(self) -> bool:
        return self.fail_under is not None or self.baseline is not None

    def judge(self, summary: "RunSummary", run: "RunAnswers") -> "Judgement":
        """Where answers are missing nothing is judged: what is not whole can neither pass nor fail."""
        from promptlathe.evaluation.pairing import compare_across
        from promptlathe.evaluation.thresholds import below, regressions

        missing = sum(summary.cases - prompt.total.cases for prompt in summary.prompts)
        if missing:
            return Judgement(self, missing)
        short = below(summary, self.fail_under) if self.fail_under is not None else ()
        compared = compare_across(self.baseline, run) if self.baseline else ()
        return Judgement(self, 0, short, compared, regressions(compared, self.margin))


@dataclass(frozen=True, slots=True)
class Judgement:
    thresholds: Thresholds
    missing: int
    below: "tuple[PromptSummary, ...]" = ()
    comparisons: "tuple[Comparison, ...]" = ()
    regressions: "tuple[Comparison, ...]" = ()

    @property
    def exit_code(self) -> int:
        if self.missing:
            return INCOMPLETE
        return REGRESSION if self.regressions else BELOW_THRESHOLD if self.below else 0

    def as_json(self) -> dict[str, object]:
        asked = self.thresholds
        return {
            "missing": self.missing,
            "fail_under": asked.fail_under,
            "below": [prompt.name for prompt in self.below],
            "no_regression_from": asked.baseline.run_id if asked.baseline else None,
            "margin": asked.margin,
            "comparisons": [asdict(made) for made in self.comparisons],
            "regressions": [made.after for made in self.regressions],
            "is_met": self.exit_code == 0,
        }

    def show(self) -> None:
        """One line on stderr for each condition that is not met, and one if all are."""
        from promptlathe.evaluation import numerals

        if self.missing:
            _say_unmet(f"{self.missing} answers are missing, so nothing can be judged; ask again")
        for prompt in self.below:
            interval = numerals.percent_interval(prompt.total.interval, "en")
            _say_unmet(
                f"{prompt.name}: {numerals.percent(prompt.total.accuracy)} right (95% interval {interval}) is "
                f"not shown to be {numerals.percent(self.thresholds.fail_under or 0)} or more"
            )
        for made in self.regressions:
            margin = self.thresholds.margin
            found = (
                f"{numerals.points(made.paired.difference)} points "
                f"(95% interval {numerals.points_interval(made.paired.interval, 'en')}, "
                f"p {numerals.p_value(made.adjusted_p)}) on {made.paired.cases} shared cases"
            )
            claim = "worse than" if margin is None else f"not shown to be within {100 * margin:g} points of"
            _say_unmet(f"{made.after} is {claim} {made.before}: {found}")
        if self.exit_code == 0:
            err.print("[green]thresholds met[/]")


def _say_unmet(text: str) -> None:
    err.print(f"[bold red]threshold not met:[/] {escape_markup(text)}", soft_wrap=True)


def leave(judgements: Sequence[Judgement]) -> None:
    """End the program with the code of the worst judgement, if any failed."""
    code = max((judgement.exit_code for judgement in judgements), default=0)
    if code:
        raise typer.Exit(code)
