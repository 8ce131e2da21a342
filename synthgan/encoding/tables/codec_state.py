"""Codecs as plain data and back: what an archive holds of one, and what of it is refused."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np

from synthgan.encoding.groups import NULL, OFF
from synthgan.encoding.tables.codecs import Codec, Codes, Constant, Levels, Linear, Places
from synthgan.encoding.tables.quantile import QuantileTable
from synthgan.exceptions import ArchiveError
from synthgan.state import fields as checks

__all__ = ["from_state", "to_state"]

CODECS = {codec.__name__: codec for codec in (Codes, Constant, Levels, Linear, Places)}


def to_state(codec: Any, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return a codec as JSON-ready plain data; its tables are added to `arrays`."""
    record: dict[str, Any] = {"name": type(codec).__name__}
    for field in fields(codec):
        value = getattr(codec, field.name)
        if isinstance(value, QuantileTable):
            arrays.update(value._asdict())
        elif field.name == "inner":
            record[field.name] = to_state(value, arrays)
        else:
            record[field.name] = list(value) if isinstance(value, tuple) else value
    return record


def from_state(record: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Take back what `to_state` gave.

    Raises
    ------
    ArchiveError
        A record that is none, or tables that do not fit it.
    """
    name = record.get("name") if isinstance(record, dict) else None
    if not isinstance(name, str) or name not in CODECS:
        raise ArchiveError(f"codec is {checks.brief(record)}; one of {sorted(CODECS)} is expected")
    parameters = checks.read_fields(record, f"codec {name}", name=checks.text, **_FIELDS[name])
    del parameters["name"]
    if name == Codes.__name__:
        parameters["inner"] = inner = from_state(parameters["inner"], arrays)
        if not isinstance(inner, Linear | Places):
            raise ArchiveError("codec Codes numbers its levels by no codec of numbers")
    elif name == Places.__name__:
        parameters["table"] = QuantileTable.from_arrays(arrays)
    elif arrays:
        raise ArchiveError(f"codec {name} has the unexpected tables {checks.brief([*arrays])}")
    codec = CODECS[name](**parameters)
    _check(codec)
    return codec


_LEVELS = checks.list_of(checks.scalar)
_FIELDS: dict[str, dict[str, checks.Check]] = {
    "Codes": {"levels": _LEVELS, "inner": checks.plain},
    "Constant": {"levels": _LEVELS},
    "Levels": {"levels": _LEVELS, "shares": checks.list_of(checks.number(0, 1))},
    "Linear": {
        "low": checks.number(),
        "high": checks.number(),
        "lowest": checks.whole(NULL, OFF),
        "rounding": checks.one_of("floor", "round"),
        "whole": checks.flag,
    },
    "Places": {"lattice": checks.number(0)},
}


def _check(codec: Codec) -> None:
    """Refuse a codec that `fit` cannot have made."""
    name, levels = type(codec).__name__, codec.levels
    few = {"Constant": (0, 1), "Levels": (2, math.inf), "Codes": (2, math.inf)}
    low, high = few.get(name, (0, 0))
    if not low <= len(levels) <= high or not checks.all_different(levels):
        raise ArchiveError(f"codec {name} has the levels {checks.brief(levels)}")
    if isinstance(codec, Levels) and (len(codec.shares) != len(levels) or not any(codec.shares)):
        raise ArchiveError(f"codec {name} has {len(codec.shares)} shares of {len(levels)} levels")
    if isinstance(codec, Linear | Places) and codec.limits[0] > codec.limits[1]:
        raise ArchiveError(f"codec {name} has the limits {codec.limits}")
    if isinstance(codec, Codes):
        first, last = codec.inner.limits
        one_each = isinstance(codec.inner, Linear) or len(codec.inner.table.start) == len(levels)
        if first < 0 or last > len(levels) - 1 or not one_each:
            raise ArchiveError(f"codec {name} of {len(levels)} levels numbers {first} to {last}")
