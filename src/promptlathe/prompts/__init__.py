"""Structured prompts: read, render, write. Knows nothing of tasks, models or storage."""
