"""A run as a table for the terminal: 80 columns are enough, and nothing is said by colour alone."""

from typing import TYPE_CHECKING

from promptlathe.evaluation import numerals

if TYPE_CHECKING:
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
            prompt.name,
            _bar(prompt),
            _share(prompt, language),
            *_difference(comparisons.get(prompt.name), language),
            f"{prompt.prompt_tokens:.0f}\n+{prompt.completion_tokens:.0f}",
            f"{prompt.unparsed}\n{prompt.errors}",
        )
        # Text, so that a name with brackets is not taken for markup.
        table.add_row(*map(Text, cells))
    return table


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
