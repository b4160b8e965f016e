"""Which prompts are worth looking at: none other is right as often for fewer tokens."""

from collections.abc import Sequence

from promptlathe.optimization.search import Standing


def front(standings: Sequence[Standing]) -> tuple[Standing, ...]:
    """The Pareto front of accuracy against tokens, the most accurate first.

    Prompts that were dropped early are known on few cases only; those with fewer than half as many as the
    best-known one stay out.
    """
    most = max((standing.cases for standing in standings), default=0)
    known = [standing for standing in standings if standing.cases and 2 * standing.cases >= most]
    ordered = sorted(known, key=lambda standing: (-standing.accuracy, standing.prompt_tokens))
    chosen: list[Standing] = []
    for standing in ordered:
        if not chosen or standing.prompt_tokens < chosen[-1].prompt_tokens:
            chosen.append(standing)
    return tuple(chosen)
