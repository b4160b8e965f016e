"""Servers as processes of this machine: each tells of itself in a record, so that others can find, watch and end it."""
