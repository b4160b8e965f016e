import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa

from promptlathe.errors import InputError
from promptlathe.statistics.agreement import agreement
from promptlathe.statistics.intervals import wilson

LABELS = st.sampled_from("cwu")


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=60))
def test_kappa_is_that_of_statsmodels(pairs):
    one, other = zip(*pairs, strict=True)
    found = agreement(one, other)
    table = np.array([[pairs.count((a, b)) for b in "cwu"] for a in "cwu"])
    if found.kappa is None:
        assert len({*one, *other}) == 1
    else:
        assert found.kappa == pytest.approx(cohens_kappa(table, return_results=False))
    assert (found.cases, found.agreed) == (len(pairs), int(np.trace(table)))
    assert found.interval == wilson(found.agreed, found.cases)


@pytest.mark.parametrize(
    ("one", "other", "agreed", "kappa"),
    [
        ("ccww", "ccww", 4, 1.0),
        ("ccww", "cwcw", 2, 0.0),
        ("cw", "wc", 0, -1.0),
        ("cccc", "cccc", 4, None),
        ("cccw", "cccc", 3, 0.0),
    ],
)
def test_kappa_of_known_tables(one, other, agreed, kappa):
    found = agreement(one, other)
    assert (found.agreed, found.kappa) == (agreed, kappa)


@pytest.mark.parametrize(("one", "other"), [("", ""), ("c", "cw")])
def test_nothing_and_unequal_lengths_are_refused(one, other):
    with pytest.raises(InputError):
        agreement(one, other)
