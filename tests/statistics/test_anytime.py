import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binom

from promptlathe.errors import InputError
from promptlathe.statistics.anytime import PairedRace, decides, e_value, log_e_value

flip_counts = st.integers(0, 3000)


def exact_e_value(fixed, broken):
    """The mixture integral in rational numbers: B(1+w,1+l) I = B * P(at least l+1 heads of w+l+1)."""
    flips = fixed + broken
    beta = Fraction(math.factorial(fixed) * math.factorial(broken), math.factorial(flips + 1))
    tail = Fraction(
        sum(math.comb(flips + 1, heads) for heads in range(broken + 1, flips + 2)), 2 ** (flips + 1)
    )
    return 2**flips * 2 * beta * tail


@pytest.mark.parametrize(
    ("fixed", "broken"),
    [(0, 0), (1, 0), (0, 1), (5, 0), (30, 10), (10, 30), (100, 99), (99, 100), (0, 300), (300, 0), (2, 400)],
)
def test_e_value_is_the_exact_mixture(fixed, broken):
    assert e_value(fixed, broken) == pytest.approx(float(exact_e_value(fixed, broken)), rel=1e-10)


@pytest.mark.parametrize(("fixed", "broken"), [(0, 0), (3, 1), (1, 3), (20, 12)])
def test_e_value_is_the_averaged_likelihood_ratio(fixed, broken):
    expected, _ = quad(lambda q: 2 * (2 * q) ** fixed * (2 - 2 * q) ** broken, 0.5, 1)
    assert e_value(fixed, broken) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("fixed", "broken", "expected"),
    [
        # No broken: E = 2**(w+1) / (w+1) up to a vanishing term. No fixed: E is nearly 1 / l.
        (1_000_000, 0, 1_000_001 * math.log(2) - math.log(1_000_001)),
        (0, 1_000_000, -math.log(1_000_000)),
        # Even: E = 2**(2w) B(1+w, 1+w), which Stirling gives as sqrt(pi / w) / 2.
        (500_000, 500_000, 0.5 * math.log(math.pi / 500_000) - math.log(2)),
    ],
)
def test_a_million_flips_stay_accurate(fixed, broken, expected):
    assert log_e_value(fixed, broken) == pytest.approx(expected, abs=1e-5)


def test_beyond_a_float_the_e_value_is_infinite_and_still_decides():
    assert e_value(5000, 0) == math.inf
    assert decides(5000, 0, 0.01, 20)


@given(flip_counts, flip_counts)
def test_the_mean_after_one_more_flip_of_an_equal_candidate_is_the_same(fixed, broken):
    """The martingale property that Ville's inequality needs."""
    ahead = log_e_value(fixed + 1, broken) - log_e_value(fixed, broken)
    behind = log_e_value(fixed, broken + 1) - log_e_value(fixed, broken)
    assert (math.exp(ahead) + math.exp(behind)) / 2 == pytest.approx(1, abs=1e-8)


@given(flip_counts, flip_counts)
def test_a_fix_raises_and_a_break_lowers_the_evidence(fixed, broken):
    here = log_e_value(fixed, broken)
    assert log_e_value(fixed + 1, broken) > here > log_e_value(fixed, broken + 1)


def bounds(flips, alpha, candidates):
    """Fewest fixes that decide after 1, 2, ..., `flips` flips (one more than there can be: none do)."""
    fewest, found = [], 0
    for count in range(1, flips + 1):
        while found <= count and not decides(found, count - found, alpha, candidates):
            found += 1
        fewest.append(found)
    return np.array(fewest)


@pytest.mark.parametrize(("alpha", "candidates"), [(0.05, 1), (0.2, 1), (0.1, 4)])
def test_exact_chance_of_ever_calling_an_equal_better_is_below_alpha(alpha, candidates):
    """All paths of 3,000 flips, looked at after each, by dynamic programming; nothing is sampled."""
    flips = 3000
    alive = np.zeros(flips + 2)
    alive[0] = 1.0
    alarm = 0.0
    for fewest in bounds(flips, alpha, candidates):
        alive[1:] = (alive[1:] + alive[:-1]) / 2
        alive[0] /= 2
        alarm += alive[fewest:].sum()
        alive[fewest:] = 0
    assert 0.4 * alpha / candidates < alarm <= alpha / candidates


def share_of_races_with_an_alarm(rng, races, cases, candidates, alpha):
    """Candidates as good as the incumbent (right on 60 %), on the same cases, looked at after every case."""
    fewest = np.concatenate([[cases + 1], bounds(cases, alpha, candidates)])
    alarms = 0
    for _ in range(races):
        incumbent = rng.random(cases) < 0.6
        others = rng.random((candidates, cases)) < 0.6
        fixed = np.cumsum(others & ~incumbent, axis=1)
        broken = np.cumsum(~others & incumbent, axis=1)
        alarms += bool(np.any(fixed >= fewest[fixed + broken]))
    return alarms / races


@pytest.mark.parametrize(("candidates", "alpha"), [(1, 0.05), (1, 0.025), (8, 0.05)])
def test_twenty_thousand_races_among_equals_rarely_have_a_winner(candidates, alpha):
    assert share_of_races_with_an_alarm(np.random.default_rng(2), 20_000, 500, candidates, alpha) <= alpha


def test_peeking_at_mcnemar_instead_gives_far_too_many_winners():
    """Why the e-value is needed: a one-sided 2.5 % test looked at every 25 of 500 cases."""
    rng = np.random.default_rng(5)
    incumbent, candidate = rng.random((2, 4000, 500)) < 0.6
    fixed = np.cumsum(candidate & ~incumbent, axis=1)[:, 24::25]
    broken = np.cumsum(~candidate & incumbent, axis=1)[:, 24::25]
    p_values = binom.sf(fixed - 1, fixed + broken, 0.5)
    assert np.mean(np.any(p_values <= 0.025, axis=1)) > 0.07


@pytest.mark.parametrize(
    ("race", "verdict"),
    [
        (PairedRace(fixed=30, broken=5, seen=100, remaining=300), "better"),
        (PairedRace(fixed=5, broken=30, seen=100, remaining=300), "worse"),
        (PairedRace(fixed=0, broken=0, seen=0, remaining=400), "undecided"),
        (PairedRace(fixed=12, broken=10, seen=60, remaining=340), "undecided"),
        (PairedRace(fixed=12, broken=10, seen=380, remaining=20), "hopeless"),
        (PairedRace(fixed=20, broken=34, seen=150, remaining=250), "hopeless"),
        (PairedRace(fixed=12, broken=10, seen=400, remaining=0), "hopeless"),
        # What one candidate alone may claim, one of twenty may not yet.
        (PairedRace(fixed=16, broken=3, seen=60, remaining=340), "better"),
        (PairedRace(fixed=16, broken=3, seen=60, remaining=340, candidates=20), "undecided"),
    ],
)
def test_verdict(race, verdict):
    assert race.verdict == verdict
    assert race.e_value == e_value(race.fixed, race.broken)


def test_chance_of_winning_is_the_predictive_share_of_simulated_races():
    race = PairedRace(fixed=14, broken=8, seen=98, remaining=100)
    flips_left = round(100 * 23 / 100)
    rng = np.random.default_rng(9)
    more = rng.binomial(flips_left, rng.beta(15, 9, 20_000))
    wins = [decides(14 + count, 8 + flips_left - count) for count in range(flips_left + 1)]
    assert race.chance_of_winning == pytest.approx(np.mean(np.array(wins)[more]), abs=0.015)


def test_a_better_candidate_is_seldom_given_up():
    """0.50 -> 0.70 on 400 cases among 10, looked at every 20 cases: a win nearly always."""
    rng = np.random.default_rng(4)
    verdicts = []
    for _ in range(100):
        change = np.cumsum(rng.choice(3, 400, p=[0.35, 0.15, 0.5])[:, None] == [0, 1], axis=0)
        for seen in range(20, 401, 20):
            fixed, broken = change[seen - 1].tolist()
            verdict = PairedRace(fixed, broken, seen, 400 - seen, candidates=10).verdict
            if verdict != "undecided":
                break
        verdicts.append(verdict)
    assert verdicts.count("better") >= 95


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: e_value(-1, 0), "-1 fixed and 0 broken cannot be"),
        (lambda: decides(1, 0, alpha=0), "alpha must lie between 0 and 1"),
        (lambda: decides(1, 0, candidates=0), "candidates must be at least 1"),
    ],
)
def test_impossible_input_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
