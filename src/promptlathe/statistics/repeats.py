"""The same case asked several times, and the winner of a selection measured again."""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from promptlathe.errors import InputError
from promptlathe.statistics.checks import require_positive, require_rows
from promptlathe.statistics.intervals import Interval, cluster_interval, difference_of_independent


def stability(results: Sequence[Hashable]) -> float:
    """Share of the most frequent distinct result among the repeats of one case (LangGPT's measure).

    Right or wrong does not matter. Give parsed results (an unparsed one as None), not raw text.
    """
    require_rows(results=results)
    return Counter(results).most_common(1)[0][1] / len(results)


def usability(is_usable: Sequence[bool]) -> float:
    """Share of results that could be used at all: parsed, not cut off, not refused (LangGPT's measure)."""
    require_rows(is_usable=is_usable)
    return sum(is_usable) / len(is_usable)


def pass_hat_k(correct: Sequence[Sequence[bool]], k: int) -> float:
    """pass^k: the chance that k repeats of a case are all right, averaged over cases.

    `correct[i]` holds the repeats of case i, n of them, c right. C(c, k) / C(n, k) is the unbiased estimate
    (Yao et al. 2024, tau-bench); (c / n)**k is too high. Raises InputError where a case has under k repeats.
    """
    require_positive("k", k)
    require_rows(correct=correct)
    fewest = min(len(repeats) for repeats in correct)
    if fewest < k:
        raise InputError(f"pass^{k} needs {k} repeats of every case; one has {fewest}")
    return sum(math.comb(sum(repeats), k) / math.comb(len(repeats), k) for repeats in correct) / len(correct)


@dataclass(frozen=True, slots=True)
class Optimism:
    """What the selection promised minus what the sealed cases kept."""

    select: float
    sealed: float
    difference: float
    interval: Interval


def optimism(
    select: Sequence[bool],
    sealed: Sequence[bool],
    *,
    select_clusters: Sequence[str] | None = None,
    sealed_clusters: Sequence[str] | None = None,
    level: float = 0.95,
) -> Optimism:
    """Optimism of a chosen prompt, from its answers on the cases it was chosen on and on the sealed ones."""
    select_interval = cluster_interval(select, select_clusters, level)
    sealed_interval = cluster_interval(sealed, sealed_clusters, level)
    select_share, sealed_share = sum(select) / len(select), sum(sealed) / len(sealed)
    interval = difference_of_independent(select_share, select_interval, sealed_share, sealed_interval)
    return Optimism(select_share, sealed_share, select_share - sealed_share, interval)


def expected_optimism(candidates: int, cases: int, share: float) -> float:
    """How much better than its true `share` the best of so many equal prompts looks on so many cases.

    Mean of the largest of `candidates` independent binomials. Prompts that answer alike look alike, so for
    real ones this is the most to expect. 20 prompts, 100 cases, share 0.5: 9 points.
    """
    import numpy as np
    from scipy.stats import binom

    require_positive("candidates", candidates)
    require_positive("cases", cases)
    if not 0 <= share <= 1:
        raise InputError(f"share must lie between 0 and 1, got {share}")
    # E[max] is the sum of P(max > x) over x = 0, 1, ..., cases - 1.
    all_at_most = binom.cdf(np.arange(cases), cases, share) ** candidates
    return float(np.sum(1 - all_at_most)) / cases - share
