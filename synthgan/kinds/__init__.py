"""Kinds of records: one folder for each, and the registry of them.

A kind defines how its records are named, read, written, learned, measured and drawn.
Other packages get kinds from the registry and use their attributes and methods; they do not compare
names.
"""

from synthgan.kinds.kind import Kind
from synthgan.kinds.registry import all_kinds, find_kind, register

__all__ = ["Kind", "all_kinds", "find_kind", "register"]
