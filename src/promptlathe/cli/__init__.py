"""The command line, one module per group: parse, call, show. Heavy imports stay inside functions."""
