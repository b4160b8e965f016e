"""What each section of a prompt is worth: the prompt without it, on the same cases."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from promptlathe.errors import PromptError
from promptlathe.optimization.ledger import Ledger
from promptlathe.prompts import Prompt
from promptlathe.statistics.paired import PairedComparison, compare_paired
from promptlathe.tasks.case import Case


@dataclass(frozen=True, slots=True)
class SectionWorth:
    """`comparison.difference` is the share right with the section minus that without it, `tokens` what the section
    costs in each request."""

    section: str
    tokens: float
    comparison: PairedComparison

    @property
    def is_idle(self) -> bool:
        """Whether it may go: nothing shows that it helps, and it costs tokens."""
        return self.comparison.interval.low <= 0 and self.comparison.difference <= 0.01 and self.tokens > 0

    def as_json(self) -> dict[str, object]:
        return asdict(self) | {"is_idle": self.is_idle}


async def ablate(ledger: Ledger, prompt: Prompt, cases: Sequence[Case]) -> tuple[SectionWorth, ...]:
    """Asks the prompt without each of its sections in turn, on as many of `cases` as the budget has calls for.

    All sections get the same cases, so their worths can be compared; the most useful comes first. Nothing if
    the budget has no calls left, or the prompt no sections.
    """
    shorter = _without_each(prompt)
    count = _affordable(ledger, [prompt, *shorter.values()], cases)
    asked = cases[:count]
    if not shorter or not asked:
        return ()
    await ledger.ask([(each, asked) for each in (prompt, *shorter.values())])
    worths = [_worth(ledger, name, prompt, each, asked) for name, each in shorter.items()]
    found = [worth for worth in worths if worth]
    return tuple(sorted(found, key=lambda worth: -worth.comparison.difference))


def _without_each(prompt: Prompt) -> dict[str, Prompt]:
    found: dict[str, Prompt] = {}
    for section in prompt.document.sections:
        if section.name in found:
            continue
        try:
            document = prompt.document.without(section)
        except PromptError:  # what follows it would be read differently: its worth cannot be told
            continue
        found[section.name] = replace(prompt, name=f"{prompt.name} without {section.name}", document=document)
    return found


def _affordable(ledger: Ledger, prompts: Sequence[Prompt], cases: Sequence[Case]) -> int:
    """The largest number of cases that all can be asked; whole clusters only."""
    count = len(cases)
    while count and ledger.cost([(prompt, cases[:count]) for prompt in prompts]) > ledger.left:
        cluster = cases[count - 1].cluster
        while count and cases[count - 1].cluster == cluster:
            count -= 1
    return count


def _worth(
    ledger: Ledger, name: str, prompt: Prompt, shorter: Prompt, cases: Sequence[Case]
) -> SectionWorth | None:
    with_it, without_it = ledger.rows(prompt.name), ledger.rows(shorter.name)
    both = [
        (case, with_it[case.id], without_it[case.id])
        for case in cases
        if not (with_it[case.id].error or without_it[case.id].error)
    ]
    if not both:
        return None
    comparison = compare_paired(
        [after.is_correct for _, _, after in both],
        [before.is_correct for _, before, _ in both],
        clusters=[case.cluster for case, _, _ in both],
    )
    tokens = [
        before.response.prompt_tokens - after.response.prompt_tokens
        for _, before, after in both
        if before.response and after.response
    ]
    return SectionWorth(name, sum(tokens) / len(tokens), comparison)
