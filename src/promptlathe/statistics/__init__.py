"""Intervals and tests over rows of right and wrong. Pure functions, no state."""
