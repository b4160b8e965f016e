"""Intervals and tests over rows of right and wrong. Pure functions, no state.

    intervals   how far the measured share can be from the true one; with clusters too
    chance      does a share beat guessing?
    means       numbers that are more than right or wrong: mean, interval, p
    paired      two prompts on the same cases: difference, interval, exact p; Holm for several
    anytime     a race that may be looked at after every case
    power       how many cases a difference needs, and what a number of cases can show
    repeats     the same case asked again: stability, usability, pass^k; optimism of a selection

A *cluster* is a set of cases made from one thing (the two orders of one pair): their answers depend on
each other, so they count for less than as many unrelated cases. Import from the module that has it;
numpy and scipy, which are slow to load, are imported where they are used: a stored summary is shown without them.
"""
