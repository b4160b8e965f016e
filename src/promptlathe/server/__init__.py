"""The OpenAI-compatible API: HTTP in front of an engine that runs in a process of its own."""
