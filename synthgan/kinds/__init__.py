"""Kinds of records: one folder for each, and the registry of them.

A kind says how its records are called, learnt, read, written, measured and drawn.
The registry loads kinds by name, so that other rooms ask for a kind and never for its name.
"""

from synthgan.kinds.kind import Kind
from synthgan.kinds.registry import all_kinds, find_kind, register

__all__ = ["Kind", "all_kinds", "find_kind", "register"]
