"""The conditions every function here puts on what it is given."""

from collections.abc import Sized

from promptlathe.errors import InputError


def require_share(name: str, value: float) -> None:
    """Raises InputError unless 0 < value < 1 (a level, an alpha, a chance level)."""
    if not 0 < value < 1:
        raise InputError(f"{name} must lie between 0 and 1, got {value}")


def require_positive(name: str, value: int) -> None:
    if value < 1:
        raise InputError(f"{name} must be at least 1, got {value}")


def require_rows(**rows: Sized) -> None:
    """Raises InputError unless all have one and the same length, which is not 0."""
    lengths = {name: len(row) for name, row in rows.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise InputError(f"one entry per case is needed in each: {found}")
    if 0 in lengths.values():
        raise InputError(f"there are no cases: {' and '.join(lengths)} empty")
