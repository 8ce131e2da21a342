"""Differences of a column from an anchor: dtype, range, and rows without an anchor."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from synthgan.constraints.base import Translated, numbers_of, unused_name, with_column
from synthgan.encoding.tables.column import Column
from synthgan.encoding.tables.dtypes import time_unit
from synthgan.privacy import Support, pooled_means

TIMES = ("datetime", "timedelta")
LARGEST_TICK = 2**62


def pooled(values: np.ndarray, decimals: int | None, support: Support) -> tuple[Any, Any, Any]:
    """Return smallest, middle and largest value as means of enough people; None if too few."""
    if not len(values) or not support.holds(np.ones(len(values), dtype=bool)):
        return None, None, None
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    # Average differences from the first value, because large integers would be rounded.
    _, means = pooled_means(ordered - ordered[0], support.take(order))
    if np.isnan(means).any():
        return None, None, None
    chosen = means[[0, len(means) // 2, -1]]
    if values.dtype.kind == "i":
        low, middle, high = (ordered[0] + np.rint(chosen).astype(int)).tolist()
    else:
        found = ordered[0] + chosen
        low, middle, high = (found if decimals is None else np.round(found, decimals)).tolist()
    return low, middle, high


def difference_of(column: Column) -> Column:
    """Describe the differences of a column from an anchor on its own lattice."""
    is_extended = types.is_extension_array_dtype(column.pandas_dtype())
    if column.kind in TIMES:
        dtype = f"timedelta64[{time_unit(column.pandas_dtype())}]"
        return Column(column.name, "timedelta", dtype, resolution=column.resolution)
    if column.kind == "integer":
        return Column(column.name, "integer", "Int64" if is_extended else "int64", decimals=0)
    dtype = "Float64" if is_extended else "float64"
    return Column(column.name, "continuous", dtype, decimals=column.decimals)


def tick_limits(column: Column) -> tuple[Any, Any]:
    """Return the smallest and largest count that the column's dtype can hold."""
    dtype = column.pandas_dtype()
    if column.kind == "integer":
        limits = np.iinfo(getattr(dtype, "numpy_dtype", dtype))
        return max(limits.min, -LARGEST_TICK), min(limits.max, 2**63 - 1)
    if column.kind in TIMES:
        return -LARGEST_TICK // column.resolution, (2**63 - 1) // column.resolution
    if column.decimals is not None:
        return -LARGEST_TICK, LARGEST_TICK
    largest = float(np.finfo(getattr(dtype, "numpy_dtype", dtype)).max)
    return -largest, largest


def same_clock(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Let dates count in UTC, unless all of them count in the local time of one zone."""
    dates = [column for column in columns if column.kind == "datetime"]
    if len({(c.wall_clock, c.wall_clock and c.dtype) for c in dates}) < 2:
        return tuple(columns)
    return tuple(
        replace(c, wall_clock=False, resolution=1) if c.kind == "datetime" else c for c in columns
    )


def copy_name(column: Hashable, names: Collection[Hashable]) -> str:
    """Name the column that holds a column's own values where there is no anchor."""
    return unused_name(f"{column} alone", names)


def drawn_from_others(values: np.ndarray, have: np.ndarray, need: np.ndarray) -> np.ndarray:
    """Fill some rows with values drawn from other rows, so that their distribution stays.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
    have, need : ndarray of bool of shape (n_rows,)
        The rows that are drawn from, and those to be filled; with 0 if there are none to draw from.
    """
    values, pool = values.copy(), values[have]
    values[need] = np.random.default_rng(0).choice(pool, int(need.sum())) if len(pool) else 0
    return values


def spread(
    known: pd.DataFrame,
    mask: pd.DataFrame,
    column: Column,
    values: pd.Series,
    rows: np.ndarray,
    copy: Hashable | None = None,
) -> Translated:
    """Replace a column by values of some rows, known only in these; `copy` keeps the column."""
    if copy is not None:
        known = with_column(known, copy, known[column.name])
        mask = with_column(mask, copy, mask[column.name])
    numbers, present = numbers_of(column, values)
    everywhere = np.zeros(len(known), dtype=numbers.dtype)
    is_present = np.ones(len(known), dtype=bool)
    everywhere[rows], is_present[rows] = numbers, present
    series = column.restore(everywhere, is_present).set_axis(known.index)
    return with_column(known, column.name, series), with_column(mask, column.name, rows)
