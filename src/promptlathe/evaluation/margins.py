"""By how much the right option is likelier than the others, where options were scored."""

from collections.abc import Mapping, Sequence

from promptlathe.evaluation.answers import Row
from promptlathe.evaluation.options import margin
from promptlathe.statistics.means import Mean, cluster_mean
from promptlathe.tasks.case import Case


def mean_margin(cases: Sequence[Case], rows: Mapping[str, Row]) -> Mean | None:
    """Over `cases`, all of which are scored, in nats; see `options.margin`. None for fewer than two clusters,
    of which there is no interval."""
    return _mean(cases, _margins(cases, rows))


def mean_gain(cases: Sequence[Case], before: Mapping[str, Row], after: Mapping[str, Row]) -> Mean | None:
    """How the margin changes from `before` to `after`, which both have all `cases`."""
    changes = zip(_margins(cases, before), _margins(cases, after), strict=True)
    return _mean(cases, [became - was for was, became in changes])


def _mean(cases: Sequence[Case], values: Sequence[float]) -> Mean | None:
    clusters = [case.cluster for case in cases]
    return cluster_mean(values, clusters) if len(set(clusters)) > 1 else None


def _margins(cases: Sequence[Case], rows: Mapping[str, Row]) -> list[float]:
    return [margin(case, response.text) for case in cases if (response := rows[case.id].response)]
