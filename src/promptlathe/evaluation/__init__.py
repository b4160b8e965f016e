"""Runs prompts on cases through an engine; every answer becomes one row."""
