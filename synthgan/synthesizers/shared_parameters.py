"""Parameters that several classes share: documented once, in the base class, and stored."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["inherit_parameters", "store_parameters"]

_SECTION = re.compile(r"\n\nParameters\n-{10}\n(.*?)(?=\n\n[A-Z][\w ]+\n-{3,}\n|\Z)", re.DOTALL)
_ENTRY = re.compile(r"^([a-z_]\w*(?:, \w+)*) :.*(?:\n[ ]+.*)*", re.MULTILINE)


def store_parameters(estimator: Any, given: Mapping[str, Any]) -> None:
    """Set each parameter as an attribute, unchanged, as scikit-learn asks of constructors.

    Parameters
    ----------
    estimator : estimator
    given : mapping of str to object
        The ``locals()`` of a constructor that does nothing else.
    """
    vars(estimator).update({name: value for name, value in given.items() if name != "self"})


def inherit_parameters(cls: type) -> None:
    """Add the parameters of the constructor that only base classes document to the docstring.

    Parameters
    ----------
    cls : type
        Its numpydoc docstring lists its own parameters. The section is then in the order of the
        signature.

    Examples
    --------
    >>> class Base:
    ...     '''Fit.
    ...
    ...     Parameters
    ...     ----------
    ...     seed : int
    ...     '''
    >>> class Forest(Base):
    ...     '''Fit trees.
    ...
    ...     Parameters
    ...     ----------
    ...     n_trees : int
    ...     '''
    ...     def __init__(self, seed, n_trees): ...
    >>> inherit_parameters(Forest)
    >>> Forest.__doc__.splitlines()[-2:]
    ['seed : int', 'n_trees : int']
    """
    entries: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        section = _SECTION.search(inspect.cleandoc(base.__doc__ or ""))
        for entry in _ENTRY.finditer(section[1] if section else ""):
            entries.update(dict.fromkeys(entry[1].split(", "), entry[0]))
    names = inspect.signature(cls).parameters
    listed = "\n".join(dict.fromkeys(entries[name] for name in names if name in entries))
    doc = inspect.cleandoc(cls.__doc__ or "")
    cls.__doc__ = _SECTION.sub(lambda found: found[0].replace(found[1], listed), doc, count=1)
