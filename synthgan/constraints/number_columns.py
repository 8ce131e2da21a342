"""Columns of numbers as one array, with the steps by which they are rounded."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthgan.constraints.computed import amounts_of
from synthgan.constraints.residuals import TIMES, same_clock
from synthgan.encoding.tables.column import Column
from synthgan.exceptions import DataError

__all__ = ["MIN_DISTINCT", "MIN_SHARE", "N_SCREENED", "Numbers"]

N_SCREENED = 64  # rows on which every formula is tested
MIN_SHARE = 0.95  # of the rows that a formula gives
MIN_DISTINCT = 20  # values of a column that may deviate from its formula


@dataclass(frozen=True)
class Numbers:
    """Columns of numbers, and of dates and durations in days; NaN where missing."""

    names: list[Hashable]
    values: np.ndarray  # (n_rows, n_columns)
    steps: np.ndarray  # by which each is rounded; 0 if exact
    own_steps: np.ndarray
    n_distinct: np.ndarray
    are_dates: np.ndarray
    are_times: np.ndarray  # dates or durations

    @classmethod
    def read(cls, frame: pd.DataFrame, gone: Collection[Hashable] = ()) -> Numbers:
        """Read the columns that hold two or more different numbers, but for those in `gone`."""
        names, values, columns = [], [], []
        inferred = (_column_of(frame[name]) for name in frame.columns if name not in set(gone))
        for column in same_clock([one for one in inferred if one is not None]):
            amounts, present = amounts_of(column, frame[column.name])
            amounts = np.where(present, amounts, np.nan)
            if len(np.unique(amounts[present])) > 1 and np.nanmax(np.abs(amounts)) < 1e100:
                names.append(column.name)
                values.append(amounts)
                columns.append(column)
        table = np.column_stack(values) if names else np.empty((len(frame), 0))
        are_times = np.array([column.kind in TIMES for column in columns], dtype=bool)
        own_steps = np.array(
            [1e-9 if t else _step(x) for x, t in zip(values, are_times, strict=True)]
        )
        n_distinct = np.array([len(np.unique(x[~np.isnan(x)])) for x in values])
        steps = np.where(are_times | (n_distinct < MIN_DISTINCT), 0.0, own_steps)
        are_dates = np.array([column.kind == "datetime" for column in columns], dtype=bool)
        return cls(names, table, steps, own_steps, n_distinct, are_dates, are_times)


def _column_of(series: pd.Series) -> Column | None:
    """Describe a column of numbers, dates or durations; None if it is none."""
    dtype = series.dtype
    is_number = pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
    if not is_number and getattr(dtype, "kind", "") not in "mM":
        return None
    try:
        column = Column.infer(series)
    except DataError:
        return None
    return column if column.numeric else None


def _step(values: np.ndarray) -> float:
    """Return the rounding step of a column, from the decimals of 90 % of its values."""
    values = values[~np.isnan(values)]
    for decimals in range(9):
        if np.mean(np.round(values, decimals) == values) >= 0.9:
            return float(10.0**-decimals)
    return float(1e-9 * np.median(np.abs(values)))
