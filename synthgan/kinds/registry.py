"""The registry of kinds; adding a kind is a folder and a line here, or a call of `register`."""

from __future__ import annotations

import importlib

from synthgan.exceptions import ParameterError
from synthgan.kinds.kind import Kind

__all__ = ["all_kinds", "find_kind", "register"]

# Modules that hold a KIND, in the order in which they are asked whether a file is theirs.
_MODULES = ("synthgan.kinds.signal", "synthgan.kinds.image", "synthgan.kinds.table")
_REGISTERED: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Add a kind of records, or replace one of the same name, in this process.

    Parameters
    ----------
    kind : Kind
    """
    _REGISTERED[kind.name] = kind


def all_kinds() -> dict[str, Kind]:
    """Return name to kind; registered ones come first."""
    own = (importlib.import_module(module).KIND for module in _MODULES)
    return {**_REGISTERED, **{kind.name: kind for kind in own if kind.name not in _REGISTERED}}


def find_kind(name: str) -> Kind:
    """Return a kind by its name.

    Raises
    ------
    ParameterError
        No such kind.
    """
    kinds = all_kinds()
    if name not in kinds:
        raise ParameterError(f"kind={name!r} is not allowed; give one of {sorted(kinds)}.")
    return kinds[name]
