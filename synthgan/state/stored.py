"""Dataclasses as records of archives: the annotation of a field is also its check."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from functools import cache
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from synthgan.exceptions import ArchiveError
from synthgan.state import fields
from synthgan.state.fields import Check

__all__ = ["Name", "Scalar", "Share", "Stored", "checks_of", "one_class_of", "to_plain"]

Name = Annotated[Hashable, fields.name]
Scalar = Annotated[Any, fields.scalar]
Share = Annotated[float, fields.number(0, 1)]

S = TypeVar("S", bound="Stored")

_CHECKS: dict[Any, Check] = {bool: fields.flag, str: fields.text, float: fields.number()}


class Stored:
    """Base class of dataclasses that an archive holds as records.

    A field is read with the check that its annotation gives, see `checks_of`. A record must have
    all fields and no others; ``field(metadata={"stored": name})`` gives a field another name there,
    and with ``metadata={"sparse": True}`` it is there only where it differs from its default.
    """

    _record_name = "record"  # in messages
    _class_name: str | None = None  # in the record, where it may be of one of several classes

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready plain data."""
        defaults = _sparse(type(self))
        record = {
            key: to_plain(getattr(self, name))
            for name, key in _names(type(self))
            if name not in defaults or getattr(self, name) != defaults[name]
        }
        return record if self._class_name is None else {"name": self._class_name, **record}

    @classmethod
    def from_dict(cls: type[S], record: Any) -> S:
        """Build an object from the output of `to_dict`, read from JSON.

        Raises
        ------
        ArchiveError
            An invalid record.
        """
        checks = {key: checks_of(cls)[name] for name, key in _names(cls)}
        if cls._class_name is not None:
            checks["name"] = fields.one_of(cls._class_name)
        if isinstance(record, dict):
            record = {**_sparse(cls), **record}
        read = fields.read_fields(record, cls._describe(record), **checks)
        made = cls(**{name: read[key] for name, key in _names(cls)})
        made._check_record()
        return made

    @classmethod
    def _describe(cls, record: Any) -> str:
        """Name a record in messages."""
        return cls._record_name

    def _check_record(self) -> None:
        """Raise ArchiveError if fields from an archive do not fit together."""


def to_plain(value: Any) -> Any:
    """Return a value as JSON-ready plain data."""
    if isinstance(value, Stored):
        return value.to_dict()
    return [to_plain(item) for item in value] if type(value) in (list, tuple) else value


def checks_of(annotated: Any) -> dict[str, Check]:
    """Return the checks that annotations give, of the attributes of a class or of parameters.

    These are: ``bool``, ``str``, ``float`` (also whole numbers), classes with ``from_dict``,
    ``list[X]``, ``tuple[X, ...]``, ``tuple[X, Y]``, ``X | None``, and ``Annotated[type, check]``
    for all else. Other annotations give none.
    """
    return _checks_of(annotated)


def one_class_of(what: str, *classes: Any) -> Check:
    """Check for a record of one of several classes, by the name that it gives."""
    named = {getattr(cls, "_class_name", cls.__name__): cls for cls in classes}

    def read(record: Any) -> Any:
        name = record.get("name") if isinstance(record, dict) else record
        if not isinstance(record, dict) or not isinstance(name, str) or name not in named:
            raise ArchiveError(
                f"{what} is {fields.brief(name)}; one of {sorted(named)} is expected"
            )
        return named[name].from_dict(record)

    return read


@cache
def _checks_of(annotated: Any) -> dict[str, Check]:
    hints = get_type_hints(annotated, include_extras=True)
    return {name: check for name, hint in hints.items() if (check := _check_of(hint)) is not None}


def _names(cls: Any) -> list[tuple[str, str]]:
    """Return the name of each field, and its name in archives."""
    return [(f.name, f.metadata.get("stored", f.name)) for f in dataclasses.fields(cls)]


def _sparse(cls: Any) -> dict[str, Any]:
    """Return the defaults of fields that records may lack."""
    return {f.name: f.default for f in dataclasses.fields(cls) if f.metadata.get("sparse")}


def _check_of(hint: Any) -> Check | None:
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return inner[1]
    if origin in (Union, UnionType):
        return fields.optional(_known(inner[0]))
    if origin is list or (origin is tuple and inner[-1] is ...):
        check = fields.list_of(_known(inner[0]))
        return check if origin is tuple else lambda value: list(check(value))
    if origin is tuple:
        return fields.tuple_of(*map(_known, inner))
    found: Callable[[Any], Any] | None = getattr(hint, "from_dict", None)
    return found or _CHECKS.get(hint)


def _known(hint: Any) -> Check:
    check = _check_of(hint)
    if check is None:
        raise TypeError(f"{hint} gives no check")
    return check
