"""A run as a table for the terminal: 80 columns are enough, and nothing is said by colour alone."""

from typing import TYPE_CHECKING

from promptlathe.evaluation import numerals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from promptlathe.evaluation.summary import Comparison, PromptSummary, RunSummary
    from promptlathe.tasks.case import Language

_HEADERS: dict["Language", tuple[str, ...]] = {
    "en": (
        "prompt",
        "0 - 100%",
        "right\n95% interval",
        "points to first\n95% interval",
        "p\nHolm",
        "tokens\nin+out",
        "unparsed\nerrors",
    ),
    "zh": (
        "提示词",
        "0 - 100%",
        "答对\n95% 区间",
        "比第一个(百分点)\n95% 区间",
        "p\nHolm",
        "词元\n入+出",
        "读不出\n出错",
    ),
}
_RULE_HEADERS: dict["Language", tuple[str, ...]] = {
    "en": (
        "prompt",
        "wrong rule",
        "answers that agree\n95% interval",
        "where the rule is wrong\n95% interval",
    ),
    "zh": ("提示词", "错误规则", "一致的回答\n95% 区间", "规则出错的题上\n95% 区间"),
}
_BAR_WIDTH = 13


def summary_table(summary: "RunSummary", language: "Language" = "en") -> "Table":
    """Two lines for each prompt. In the bar `=` is the interval, `O` the share and `|` chance."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for index, header in enumerate(_HEADERS[language]):
        is_name = index == 0
        table.add_column(
            header, no_wrap=not is_name, overflow="fold", justify="left" if index < 2 else "right"
        )
    comparisons = {made.after: made for made in summary.comparisons}
    for prompt in summary.prompts:
        cells = (
            _name(prompt, summary),
            _bar(prompt),
            _share(prompt, language),
            *_difference(comparisons.get(prompt.name), language),
            f"{prompt.prompt_tokens:.0f}\n+{prompt.completion_tokens:.0f}",
            f"{prompt.unparsed}\n{prompt.errors}",
        )
        # Text, so that a name with brackets is not taken for markup.
        table.add_row(*map(Text, cells))
    return table


def repeats_table(summary: "RunSummary") -> "Table":
    """Stability, usability and pass^k of what was asked more than once."""
    from rich.table import Table
    from rich.text import Text

    repeats = max(prompt.repeats.repeats for prompt in summary.prompts if prompt.repeats)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column(f"asked {repeats} times", overflow="fold")
    for header in ("right\n95% interval", "stability", "usability", f"pass^{repeats}"):
        table.add_column(header, no_wrap=True, justify="right")
    for prompt in summary.prompts:
        if made := prompt.repeats:
            interval = numerals.percent_interval(made.interval, "en").replace("%", "")
            cells = (
                _name(prompt, summary),
                f"{numerals.percent(made.accuracy)}\n{interval}",
                numerals.percent(made.stability),
                numerals.percent(made.usability),
                numerals.percent(made.pass_hat_k[-1]),
            )
            table.add_row(*map(Text, cells))
    return table


def rules_table(summary: "RunSummary", language: "Language" = "en") -> "Table":
    """How far each result's answers follow each wrong rule: on all cases, and where the rule is wrong."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for index, header in enumerate(_RULE_HEADERS[language]):
        table.add_column(header, overflow="fold", justify="left" if index < 2 else "right")
    for prompt in summary.prompts:
        for made in prompt.diagnosis.rules if prompt.diagnosis else ():
            name = made.label[language] + (" <-" if made.is_followed else "")
            agreements = (
                f"{numerals.percent(found.share)} of {found.cases}\n"
                f"{numerals.percent_interval(found.interval, language)}"
                if found.cases
                else "-"
                for found in (made.overall, made.where_wrong)
            )
            table.add_row(*map(Text, (_name(prompt, summary), name, *agreements)))
    return table


def diagnosis_lines(summary: "RunSummary", language: "Language" = "en") -> list[str]:
    """What is wrong with each result's answers, in plain words."""
    return [
        f"{prompt.name}: {prompt.diagnosis.sentence[language]}"
        for prompt in summary.prompts
        if prompt.diagnosis and prompt.diagnosis.sentence[language]
    ]


def comparison_table(comparisons: "Sequence[Comparison]") -> "Table":
    """One row for each pair: what became better, what worse, and whether that is chance."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("before\nafter", overflow="fold")
    for header in ("cases", "fixed\nbroken", "points\n95% interval", "p\nHolm"):
        table.add_column(header, no_wrap=True, justify="right")
    for made in comparisons:
        cells = (
            f"{made.before}\n{made.after}",
            str(made.paired.cases),
            f"{made.paired.fixed}\n{made.paired.broken}",
            *_difference(made, "en"),
        )
        table.add_row(*map(Text, cells))
    return table


def _name(prompt: "PromptSummary", summary: "RunSummary") -> str:
    """On two lines where there are several models."""
    is_only_model = all(other.model == prompt.model for other in summary.prompts)
    return prompt.name if is_only_model else f"{prompt.model}\n  {prompt.prompt}"


def _bar(prompt: "PromptSummary") -> str:
    cells = ["."] * _BAR_WIDTH

    def cell(share: float) -> int:
        return round(share * (_BAR_WIDTH - 1))

    if prompt.total.cases:
        low, high = cell(prompt.total.interval.low), cell(prompt.total.interval.high)
        cells[low : high + 1] = "=" * (high + 1 - low)
    if prompt.chance:
        cells[cell(prompt.chance.chance)] = "|"
    if prompt.total.cases:
        cells[cell(prompt.total.accuracy)] = "O"
    return "".join(cells)


def _share(prompt: "PromptSummary", language: "Language") -> str:
    if not prompt.total.cases:
        return "-"
    interval = numerals.percent_interval(prompt.total.interval, language).replace("%", "")
    return f"{numerals.percent(prompt.total.accuracy)}\n{interval}"


def _difference(made: "Comparison | None", language: "Language") -> tuple[str, str]:
    if made is None:
        return "-", "-"
    paired = made.paired
    return (
        f"{numerals.points(paired.difference)}\n{numerals.points_interval(paired.interval, language)}",
        f"{numerals.p_value(paired.p_value)}\n{numerals.p_value(made.adjusted_p)}",
    )
