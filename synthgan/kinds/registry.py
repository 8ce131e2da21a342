"""The registry of kinds. To add a kind, add a package and a line here, or call `register`."""

from __future__ import annotations

import importlib

from synthgan.exceptions import ParameterError
from synthgan.kinds.kind import Kind

__all__ = ["all_kinds", "find_kind", "register"]

# Modules with a KIND, in the order in which files are matched to kinds.
_MODULES = tuple(f"synthgan.kinds.{name}" for name in ("signal", "image", "relational", "table"))
_REGISTERED: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Add a kind of records in this process, or replace the kind of the same name.

    Parameters
    ----------
    kind : Kind
    """
    _REGISTERED[kind.name] = kind


def all_kinds() -> dict[str, Kind]:
    """Return a mapping of name to kind; registered kinds come first."""
    own = (importlib.import_module(module).KIND for module in _MODULES)
    return {**_REGISTERED, **{kind.name: kind for kind in own if kind.name not in _REGISTERED}}


def find_kind(name: str) -> Kind:
    """Return a kind by its name.

    Raises
    ------
    ParameterError
        If there is no such kind.
    """
    kinds = all_kinds()
    if name not in kinds:
        raise ParameterError(f"kind={name!r} is not allowed; give one of {sorted(kinds)}.")
    return kinds[name]
