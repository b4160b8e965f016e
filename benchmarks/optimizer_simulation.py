"""Does the search keep its promises? Many searches on a simulated model whose true skill with every prompt is known.

    python benchmarks/optimizer_simulation.py [--searches 500] [--first-seed 0]

Three kinds of model, as many searches of each:
  no gain         every prompt is right half of the time: what is certified is false, at most 5 in 100 may be
  gain            prompts with one certain line are right 15 points more often, each answer by its own luck
  gain, alike     the same, but two prompts agree on 4 cases of 10, as they do on a real model
Printed of each: real gains certified, false ones, how many of the certificates' 95 % intervals hold the truth, and the
largest number of calls (the budget is 1,500, and never exceeded). Half a CPU second a search.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from scipy.stats import binomtest

from tests.optimization.simulated_search import BUDGET, GAIN, Outcome, coverage, outcome

KINDS = {"no gain": (0.0, 0.0), "gain": (GAIN, 0.0), "gain, alike": (GAIN, 0.4)}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--searches", type=int, default=500)
    arguments.add_argument("--first-seed", type=int, default=0)
    given = arguments.parse_args()
    seeds = range(given.first_seed, given.first_seed + given.searches)
    for kind, (gain, agreement) in KINDS.items():
        began = time.process_time()
        outcomes = asyncio.run(searches(seeds, gain, agreement))
        show(kind, outcomes, (time.process_time() - began) / len(seeds))


async def searches(seeds: Sequence[int], gain: float, agreement: float) -> list[Outcome]:
    return [await outcome(seed, gain, agreement=agreement) for seed in seeds]


def show(kind: str, outcomes: Sequence[Outcome], seconds: float) -> None:
    print(f"{kind}: found and certified {of(sum(one.is_found for one in outcomes), len(outcomes))}")
    print(f"  certified without a gain {of(sum(one.is_false for one in outcomes), len(outcomes))}")
    print(f"  intervals that hold the truth {of(*coverage(outcomes))}")
    print(
        f"  most calls {max(one.calls for one in outcomes)} of {BUDGET}; {seconds:.2f} CPU s a search",
        flush=True,
    )


def of(count: int, n: int) -> str:
    """With the exact 95 % interval of the share."""
    if not n:
        return "0 of 0"
    interval = binomtest(count, n).proportion_ci()
    return f"{count} of {n}, {count / n:.1%} [{interval.low:.1%}, {interval.high:.1%}]"


if __name__ == "__main__":
    main()
