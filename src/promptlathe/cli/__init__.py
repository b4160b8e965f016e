"""The command line: one module per group, each parses, calls and shows. Heavy imports stay inside functions."""
