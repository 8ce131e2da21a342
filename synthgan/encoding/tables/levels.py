"""Levels and ranges of values: codes, shares, and draws; pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import DataError

__all__ = [
    "Allowed",
    "Between",
    "array_of_levels",
    "choose",
    "distinct_labels",
    "draw_levels",
    "level_codes",
    "nothing_between",
    "shares_of",
    "shown",
]

_MOST_SHOWN = 20

Allowed = Sequence[Any] | None
Between = tuple[float, float] | None


def shares_of(counts: np.ndarray) -> tuple[float, ...]:
    """Return the shares of levels, rounded to three digits."""
    return tuple(float(f"{share:.3g}") for share in counts / np.sum(counts))


def level_codes(levels: tuple[Any, ...], values: np.ndarray) -> np.ndarray:
    """Return the index of each value's level: the nearest for numbers, 0 for None.

    Raises
    ------
    DataError
        An object that is not one of the levels.
    """
    if values.dtype != object:
        known = np.array(levels, dtype=values.dtype)
        after = np.clip(np.searchsorted(known, values), 1, len(known) - 1)
        x, low, high = (a.astype(float) for a in (values, known[after - 1], known[after]))
        nearer_below = (x - low <= high - x) & (values != known[after])
        return np.where(nearer_below, after - 1, after)
    codes, unknown = _find(levels, values)
    if unknown.any():
        raise DataError(
            f"holds {values[unknown][0]!r}, a level not seen in fit; {len(levels)} levels are "
            "known: fit on data that has it, or drop the row."
        )
    return np.maximum(codes, 0)


def distinct_labels(series: pd.Series) -> tuple[np.ndarray, pd.Series]:
    """Return the different labels in order of appearance, and the place of each among them.

    Where values are missing, a missing one is the last, and their place is -1.
    """
    places, found = pd.factorize(series)
    labels = pd.Series(found, name=series.name, dtype=series.dtype)
    if (places < 0).any():
        labels = labels.reindex(range(len(labels) + 1))
    return places, labels


def shown(levels: Sequence[Any]) -> str:
    """Format levels for a message, at most the first 20."""
    first = ", ".join(repr(level) for level in levels[:_MOST_SHOWN])
    return f"[{first}, ... {len(levels)} in all]" if len(levels) > _MOST_SHOWN else f"[{first}]"


def _find(levels: tuple[Any, ...], values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the index of each value's level (-1 for none), and where a value has none."""
    known = pd.Index(array_of_levels(levels).astype(object), dtype=object)
    codes = known.get_indexer(pd.Index(values, dtype=object))  # objects are not guessed at
    return codes, (codes < 0) & pd.notna(values)


def draw_levels(
    levels: tuple[Any, ...],
    shares: Sequence[float] | np.ndarray,
    n: int,
    rng: np.random.Generator,
    allowed: Allowed,
    between: Between,
) -> np.ndarray:
    """Draw levels by their shares."""
    values = array_of_levels(levels)
    weights = np.array(shares, dtype=np.float64)
    if allowed is not None:
        codes, unknown = _find(levels, array_of_levels(tuple(allowed)).astype(object))
        if unknown.any():
            missing = list(allowed)[unknown.argmax()]
            raise DataError(f"level {missing!r} is not known; known are {shown(levels)}.")
        weights[np.isin(np.arange(len(levels)), codes, invert=True)] = 0
    if between is not None:
        weights[~((between[0] <= values) & (values <= between[1]))] = 0
    if not weights.any():
        wanted = "" if allowed is None else " that is allowed"
        ends = "" if between is None else f" between {between[0]} and {between[1]}"
        raise DataError(f"holds no value{ends}{wanted}; known are {shown(levels)}.")
    return values[rng.choice(len(levels), n, p=weights / weights.sum())]


def choose(
    allowed: Sequence[Any], between: Between, limits: tuple[float, float], slack: float = 0.0
) -> tuple[Any, ...]:
    """Return the allowed numbers that lie between two ends."""
    low, high = limits
    for x in allowed:
        if not low - slack <= x <= high + slack:
            raise DataError(f"cannot hold {x!r}; learnt range is {low} to {high}.")
    low, high = between or (-math.inf, math.inf)
    chosen = tuple(x for x in allowed if low <= x <= high)
    if not chosen:
        raise nothing_between(between, limits)
    return chosen


def nothing_between(between: Between, limits: tuple[float, float]) -> DataError:
    """Return the error of a range without values."""
    low, high = between or limits
    return DataError(
        f"holds no value between {low} and {high}; learnt range is {limits[0]} to {limits[1]}."
    )


def array_of_levels(levels: tuple[Any, ...]) -> np.ndarray:
    """Levels as numbers where they are numbers, else as objects."""
    kinds = set(map(type, levels))
    for dtype in (int, float):
        if kinds == {dtype}:
            return np.array(levels, dtype=dtype)
    array = np.empty(len(levels), dtype=object)
    array[:] = levels
    return array
