"""Codecs to plain data and back: the archive record of a codec, and its checks."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np

from synthgan.encoding.groups import NULL, OFF
from synthgan.encoding.tables.codecs import (
    Codec,
    Constant,
    Levels,
    Linear,
    QuantileCell,
    RankedLevels,
)
from synthgan.encoding.tables.quantile import QuantileTable
from synthgan.exceptions import ArchiveError
from synthgan.state import fields as checks

__all__ = ["from_state", "to_state"]

# Names in archives, which must stay as they are.
CODECS: dict[str, Any] = {
    "Codes": RankedLevels,
    "Constant": Constant,
    "Levels": Levels,
    "Linear": Linear,
    "Places": QuantileCell,
}
_STORED_NAMES = {codec: name for name, codec in CODECS.items()}
_STORED_FIELDS = {"lowest_cell": "lowest"}


def to_state(codec: Any, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return a codec as JSON-ready plain data; its tables are added to `arrays`."""
    record: dict[str, Any] = {"name": _STORED_NAMES[type(codec)]}
    for field in fields(codec):
        value, key = getattr(codec, field.name), _STORED_FIELDS.get(field.name, field.name)
        if isinstance(value, QuantileTable):
            arrays.update(value._asdict())
        elif field.name == "inner":
            record[key] = to_state(value, arrays)
        else:
            record[key] = list(value) if isinstance(value, tuple) else value
    return record


def from_state(record: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Build a codec from the output of `to_state`.

    Raises
    ------
    ArchiveError
        An invalid record, or tables that do not match it.
    """
    name = record.get("name") if isinstance(record, dict) else None
    if not isinstance(name, str) or name not in CODECS:
        raise ArchiveError(f"codec is {checks.brief(record)}; one of {sorted(CODECS)} is expected")
    parameters = checks.read_fields(record, f"codec {name}", name=checks.text, **_FIELDS[name])
    del parameters["name"]
    for field, key in _STORED_FIELDS.items():
        if key in parameters:
            parameters[field] = parameters.pop(key)
    if name == "Codes":
        parameters["inner"] = inner = from_state(parameters["inner"], arrays)
        if not isinstance(inner, Linear | QuantileCell):
            raise ArchiveError("codec Codes needs an inner codec Linear or Places")
    elif name == "Places":
        parameters["table"] = QuantileTable.from_arrays(arrays)
    elif arrays:
        raise ArchiveError(f"codec {name} has unexpected tables {checks.brief([*arrays])}")
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
    """Refuse a codec that `fit` cannot produce."""
    name, levels = _STORED_NAMES[type(codec)], codec.levels
    few = {"Constant": (0, 1), "Levels": (2, math.inf), "Codes": (2, math.inf)}
    low, high = few.get(name, (0, 0))
    if not low <= len(levels) <= high or not checks.all_different(levels):
        raise ArchiveError(f"codec {name} has invalid levels {checks.brief(levels)}")
    if isinstance(codec, Levels) and (len(codec.shares) != len(levels) or not any(codec.shares)):
        raise ArchiveError(f"codec {name} has {len(codec.shares)} shares for {len(levels)} levels")
    if isinstance(codec, Linear | QuantileCell) and codec.limits[0] > codec.limits[1]:
        raise ArchiveError(f"codec {name} has invalid limits {codec.limits}")
    if isinstance(codec, RankedLevels):
        first, last = codec.inner.limits
        one_each = isinstance(codec.inner, Linear) or len(codec.inner.table.start) == len(levels)
        if first < 0 or last > len(levels) - 1 or not one_each:
            raise ArchiveError(f"codec {name} of {len(levels)} levels has ranks {first} to {last}")
