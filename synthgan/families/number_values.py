"""Numbers of a column before they become ranks, and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthgan.constraints.base import numbers_of
from synthgan.encoding.tables.column import Column
from synthgan.privacy import Support

__all__ = ["nearest", "numbers_or_nan", "shared_numbers", "spread"]

_LEAST_SHARED, _MOST_SHARED = 0.8, 1000  # of the rows, whose numbers enough people share; numbers


def numbers_or_nan(column: Column, series: pd.Series) -> pd.Series:
    """Return numbers, dates and durations as float64, NaN where missing."""
    numbers, present = numbers_of(column, series)
    return pd.Series(np.where(present, numbers.astype(np.float64), np.nan))


def spread(column: Column, series: pd.Series) -> np.ndarray:
    """Return numbers, spread over what is rounded to them; NaN where missing."""
    values = numbers_or_nan(column, series).to_numpy()
    if column.kind == "continuous" and column.decimals is None:
        return values
    width = 0.1 ** (column.decimals or 0) if column.kind == "continuous" else 1.0
    inside = np.random.default_rng(len(values)).uniform(-0.499, 0.499, len(values))
    return np.asarray(values + width * inside)


def shared_numbers(numbers: pd.Series, support: Support) -> tuple[float, ...]:
    """Return the numbers that enough people share, ascending; none where few rows have one."""
    people = support.of_labels(numbers)
    shared = people.index[(people >= support.least).to_numpy()]
    if len(shared) > _MOST_SHARED or numbers.dropna().isin(shared).mean() < _LEAST_SHARED:
        return ()
    return tuple(sorted(float(value) for value in shared))


def nearest(values: np.ndarray, shared: Sequence[Any]) -> np.ndarray:
    """Return the nearest of some ascending numbers to each value."""
    others = np.array(shared, dtype=np.float64)
    return np.asarray(others[np.searchsorted((others[1:] + others[:-1]) / 2, values)])
