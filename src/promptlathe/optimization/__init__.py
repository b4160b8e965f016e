"""Finds a better prompt and proves it, only through evaluation."""
