"""Values outside the limits: rows are dropped, or values clipped, pooled or filled."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd

from synthgan.encoding.tables.cells import ColumnCells
from synthgan.exceptions import OutlierWarning

__all__ = ["treat_outliers"]


def treat_outliers(
    column_cells: Sequence[ColumnCells], frame: pd.DataFrame, drops: bool, fills: bool, warn: bool
) -> pd.DataFrame:
    """Return the rows to encode, and warn of values that the cells cannot hold.

    Parameters
    ----------
    column_cells : sequence of ColumnCells
    frame : DataFrame
    drops : bool
        Whether rows with numbers outside the limits are left out.
    fills : bool
        Whether missing values of columns without missing values in `fit` are filled.
    warn : bool
    """
    outside = {
        cells.column.name: cells.outside(frame[cells.column.name], fills) for cells in column_cells
    }
    counts = {name: int(rows.sum()) for name, rows in outside.items() if rows.any()}
    if not counts:
        return frame
    per_column = ", ".join(f"{name!r}: {count}" for name, count in counts.items())
    if drops:
        dropped = np.any(list(outside.values()), axis=0)
        frame, done = frame[~dropped], f"{dropped.sum()} of {len(dropped)} rows dropped"
    else:
        done = f"{sum(counts.values())} values clipped"
    why = "they lie outside the limits"
    named = [cells for cells in column_cells if cells.column.name in counts]
    if any(cells.pools for cells in named):
        done, why = f"{done} or pooled", f"{why} or the kept labels"
    if fills and any(
        frame[cells.column.name].isna().any() for cells in named if not cells.nullable
    ):
        done, why = (
            f"{done} or filled",
            f"{why}, or are missing in columns without missing values in fit",
        )
    if warn:
        warnings.warn(
            f"{done} because {why} ({per_column}); limits_ holds the limits.",
            OutlierWarning,
            stacklevel=3,
        )
    return frame
