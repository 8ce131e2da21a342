"""Read and check the fields of archive records; unexpected fields are refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from synthgan.exceptions import ArchiveError

__all__ = [
    "all_different",
    "array_of",
    "brief",
    "flag",
    "list_of",
    "name",
    "number",
    "one_of",
    "one_or_more",
    "optional",
    "plain",
    "plain_number",
    "read_arrays",
    "read_fields",
    "scalar",
    "short",
    "text",
    "tuple_of",
    "whole",
]

Check = Callable[[Any], Any]  # returns the value, or raises ValueError with the expected type

_MOST_SHOWN = 60
_LARGEST_WHOLE = 2**63 - 1
LONGEST_SHORT = 1000  # characters


def read_fields(record: Any, what: str, **checks: Check) -> dict[str, Any]:
    """Read a record that must have these fields and no others.

    Parameters
    ----------
    record : object
        Data from the archive.
    what : str
        Name of the record, for the message.
    **checks : callable
        Check of each field.

    Returns
    -------
    fields : dict
        Results of the checks.

    Raises
    ------
    ArchiveError
        The record does not pass the checks.

    Examples
    --------
    >>> read_fields({"kind": "array", "n": 3}, "form", kind=one_of("array", "table"), n=whole(0))
    {'kind': 'array', 'n': 3}
    """
    if not isinstance(record, dict):
        raise ArchiveError(f"{what} is {brief(record)}, where an object is expected")
    missing = [field for field in checks if field not in record]
    unexpected = [field for field in record if field not in checks]
    if missing or unexpected:
        wrong = [f"lacks {brief(missing)}"] * bool(missing)
        wrong += [f"has the unexpected {brief(unexpected)}"] * bool(unexpected)
        raise ArchiveError(f"{what} {' and '.join(wrong)}")
    fields = {}
    for field, check in checks.items():
        try:
            fields[field] = check(record[field])
        except ValueError as error:
            if isinstance(error, ArchiveError):
                raise
            raise ArchiveError(
                f"{what} has {field}={brief(record[field])}, where {error} is expected"
            ) from None
    return fields


def read_arrays(arrays: Any, what: str, **checks: Check) -> dict[str, np.ndarray]:
    """Read arrays like `read_fields`."""
    return read_fields(arrays, f"the tables of {what}", **checks)


def brief(value: Any) -> str:
    """Format a value for a message; long values are cut."""
    shown = f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)
    return shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]} ..."


def flag(value: Any) -> bool:
    """Check for true or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def text(value: Any) -> str:
    """Check for a string."""
    if not isinstance(value, str):
        raise ValueError("a string")
    return value


def name(value: Any) -> str | int | float:
    """Check for the name of a column: a string or a finite number."""
    is_name = isinstance(value, str | int | float) and not isinstance(value, bool)
    if not is_name or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError("a string or a finite number")
    return value


def scalar(value: Any) -> str | int | float | bool:
    """Check for a string, a number, or true or false."""
    if not isinstance(value, str | int | float):
        raise ValueError("a string, a number, true or false")
    return value


def short(value: Any) -> str | int | float | bool:
    """Check for a short scalar: parsing dates takes quadratic time in their length."""
    if isinstance(value, str) and len(value) > LONGEST_SHORT:
        raise ValueError(f"a string of up to {LONGEST_SHORT} characters, or a number")
    return scalar(value)


def plain(value: Any) -> Any:
    """Accept anything; the caller checks it."""
    return value


def whole(low: int, high: int = _LARGEST_WHOLE) -> Check:
    """Check for an integer in an inclusive range."""

    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"a whole number of {low} to {high}")
        return value

    return check


def number(low: float = -math.inf, high: float = math.inf) -> Check:
    """Check for a finite number in an inclusive range."""

    def check(value: Any) -> int | float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or not low <= value <= high:
            ends = "" if math.isinf(low) and math.isinf(high) else f" of {low} to {high}"
            raise ValueError(f"a finite number{ends}")
        return value

    return check


def plain_number(value: Any) -> int | float:
    """Check for a number, which may be infinite or NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number")
    return value


def one_of(*values: str) -> Check:
    """Check for one of the given strings."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in values:
            raise ValueError(f"one of {list(values)}")
        return value

    return check


def optional(check: Check) -> Check:
    """Accept null, or apply the check."""

    def check_or_none(value: Any) -> Any:
        try:
            return None if value is None else check(value)
        except ValueError as error:
            if isinstance(error, ArchiveError):
                raise
            raise ValueError(f"null or {error}") from None

    return check_or_none


def list_of(check: Check) -> Check:
    """Check for a list, whose items all pass a check; returns a tuple."""

    def check_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError("a list")
        try:
            return tuple(check(item) for item in value)
        except ValueError as error:
            if isinstance(error, ArchiveError):
                raise
            raise ValueError(f"a list, of which each item is {error},") from None

    return check_all


def one_or_more(check: Check) -> Check:
    """Check for one item, or for a list of items; returns the item or a list."""

    def check_one_or_all(value: Any) -> Any:
        return list(list_of(check)(value)) if isinstance(value, list | tuple) else check(value)

    return check_one_or_all


def tuple_of(*checks: Check) -> Check:
    """Check for a list of as many items as checks, in their order; returns a tuple."""

    def check_each(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or len(value) != len(checks):
            raise ValueError(f"a list of {len(checks)}")
        taken = []
        for i, (check, item) in enumerate(zip(checks, value, strict=True)):
            try:
                taken.append(check(item))
            except ValueError as error:
                if isinstance(error, ArchiveError):
                    raise
                raise ValueError(f"a list of {len(checks)} with {error} as item {i}") from None
        return tuple(taken)

    return check_each


def array_of(*shape: int | None, kinds: str = "f", finite: bool = True) -> Check:
    """Check for an array of a shape (None for any length) with one of the dtype kinds."""

    def check(value: Any) -> np.ndarray:
        fits = isinstance(value, np.ndarray) and value.ndim == len(shape)
        fits = fits and all(
            want in (None, got) for want, got in zip(shape, value.shape, strict=True)
        )
        if not fits or value.dtype.kind not in kinds:
            sizes = ", ".join("n" if want is None else str(want) for want in shape)
            raise ValueError(f"an array of shape ({sizes}) and kind {kinds!r}")
        if finite and not np.isfinite(value).all():
            raise ValueError("an array of finite numbers")
        return value

    return check


def all_different(values: Sequence[Any]) -> bool:
    """Return whether all values differ; 1 and True are different."""
    return len({(type(value), value) for value in values}) == len(values)
