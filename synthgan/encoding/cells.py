"""How one column becomes cells and back; knows no grid."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from synthgan.encoding import quantile, scaling
from synthgan.encoding.quantile import QuantileTable
from synthgan.encoding.schema import Column
from synthgan.exceptions import DataError, DataWarning, OutlierWarning

__all__ = ["NULL", "OFF", "ON", "CellGroup", "ColumnCells", "fit_cells"]

NULL, OFF, ON = 0, 1, 255
_SPAN = ON - OFF


@dataclass(frozen=True)
class CellGroup:
    """Cells of a grid that are generated together.

    Parameters
    ----------
    kind : {"continuous", "binary", "one_hot", "null"}
        ``"continuous"``: one cell anywhere in 1..255; ``"binary"``: one cell, 1 or 255;
        ``"one_hot"``: one of the cells is 255, the others 1; ``"null"``: always 0.
    cells : tuple of int
        Their positions in the flattened grid.
    presence : int or None
        Position of the binary cell that tells whether these cells hold a value; where it is
        off, they are all NULL (0).
    column : hashable or None
        Column they belong to.
    lowest : {0, 1}
        Lowest cell that is a value; 0 where there is no NULL (Eq. 6.2).
    """

    kind: str
    cells: tuple[int, ...]
    presence: int | None = None
    column: Hashable | None = None
    lowest: int = OFF


@dataclass(frozen=True)
class ColumnCells:
    """The fitted encoding of one column.

    Parameters
    ----------
    column : Column
    encoding : {"constant", "linear", "quantile", "levels", "codes"}
        ``"constant"``: no cell, one value or none at all. ``"linear"``: one cell, min-max levels.
        ``"quantile"``: one cell, place in the distribution. ``"levels"``: one binary cell for two
        levels, one-hot cells for more. ``"codes"``: one cell over the levels in order of
        frequency, with a table a quantile cell, without one a grey level each.
    nullable : bool
        Whether a presence cell stands beside the value cells.
    levels : tuple
        Levels, or the one value of a constant column.
    limits : (float, float) or None
        Range that the cells span.
    table : QuantileTable or None
    first : {0, 1}
        Lowest level of a linear cell.
    rounding : {"floor", "round"}
        Rounding of a linear cell.
    """

    column: Column
    encoding: str
    nullable: bool
    levels: tuple[Any, ...] = ()
    limits: tuple[float, float] | None = None
    table: QuantileTable | None = field(default=None, compare=False)
    first: int = OFF
    rounding: str = "floor"

    @property
    def n_values(self) -> int:
        """Number of value cells."""
        if self.encoding == "constant":
            return 0
        if self.encoding == "levels" and len(self.levels) > 2:
            return len(self.levels)
        return 1

    @property
    def kind(self) -> str:
        """Kind of the value cells, as in `CellGroup`."""
        if self.encoding != "levels":
            return "continuous"
        return "binary" if len(self.levels) == 2 else "one_hot"

    @property
    def names(self) -> list[str]:
        """Names of the value cells and of the presence cell."""
        name = str(self.column.name)
        values = [f"{name}={level}" for level in self.levels] if self.kind == "one_hot" else [name]
        values = values if self.n_values else []
        return [*values, f"{name}:present"] if self.nullable else values

    @property
    def step(self) -> float:
        """What one level of the cell is worth, in the column's units; 0 when exact."""
        if self.encoding == "linear" and self.limits is not None:
            return scaling.level_step(*self.limits, self.first)
        return self.table.largest_gap if self.encoding == "quantile" and self.table else 0.0

    def encode(self, series: pd.Series) -> tuple[np.ndarray, np.ndarray | None]:
        """Map the column's values to cells.

        Returns
        -------
        cells : ndarray of shape (n_rows, n_cells), float64
            Value cells, then the presence cell of a nullable column; NULL (0) where missing.
        half_width : ndarray of shape (n_rows,) or None
            Every point within so much of a continuous cell decodes to the same value.
        """
        values, present = self._values(series)
        n, half_width = len(series), None
        cells = np.zeros((n, self.n_values + self.nullable))
        if self.encoding == "linear" and self.limits is not None:
            cells[:, 0] = scaling.to_levels(values, *self.limits, self.first, self.rounding)
        elif self.encoding == "codes" and self.table is None:
            codes = self._codes(values, present)
            cells[:, 0] = scaling.to_levels(codes, *self._code_limits, self.first, "round")
        elif self.encoding in ("quantile", "codes") and self.table is not None:
            codes = values if self.encoding == "quantile" else self._codes(values, present)
            centre, half = quantile.to_quantiles(self.table, codes, self._lattice_step())
            cells[:, 0] = OFF + _SPAN * centre
            half_width = np.where(present, _SPAN * half, 0.0)
        elif self.encoding == "levels":
            codes = self._codes(values, present)
            if self.kind == "binary":
                cells[:, 0] = np.where(codes == 1, ON, OFF)
            else:
                cells[:, : self.n_values] = OFF
                cells[np.arange(n), codes] = ON
        cells[~present] = NULL
        if self.nullable:
            cells[:, -1] = np.where(present, ON, OFF)
        return cells, half_width

    def decode(self, cells: np.ndarray) -> pd.Series:
        """Map cells back to the column; inverse of `encode`."""
        n = len(cells)
        present = np.ones(n, dtype=bool)
        if self.nullable:
            present = cells[:, -1] >= (OFF + ON) / 2
        if self.n_values and self.first == OFF:
            present &= (cells[:, : self.n_values] >= OFF / 2).any(axis=1)
        if self.encoding == "constant":
            present &= bool(self.levels)
            return self._restore(self._take(np.zeros(n, dtype=int)), present)
        if self.encoding == "linear" and self.limits is not None:
            levels = np.clip(np.rint(cells[:, 0]), self.first, ON)
            values = scaling.from_levels(levels, *self.limits, self.first, self.rounding)
            return self._restore(self._to_lattice(values), present)
        if self.encoding == "codes" and self.table is None:
            levels = np.clip(np.rint(cells[:, 0]), self.first, ON)
            codes = scaling.from_levels(levels, *self._code_limits, self.first, "round")
            return self._restore(self._take(np.rint(codes).astype(int)), present)
        if self.encoding == "levels":
            on = cells[:, 0] >= (OFF + ON) / 2
            codes = on if self.kind == "binary" else cells[:, : self.n_values].argmax(axis=1)
            return self._restore(self._take(codes.astype(int)), present)
        return self._restore(self._decode_quantiles(cells[:, 0]), present)

    def _decode_quantiles(self, cells: np.ndarray) -> np.ndarray:
        if self.table is None:
            raise DataError(f"the encoding of column {self.column.name!r} has lost its table.")
        places = (np.clip(cells.astype(np.float64), OFF, ON) - OFF) / _SPAN
        values = quantile.from_quantiles(self.table, places)
        return self._take(np.rint(values).astype(int)) if self.encoding == "codes" else values

    def outside(self, series: pd.Series) -> np.ndarray:
        """Tell which rows hold a number outside the limits, shape (n_rows,)."""
        if self.limits is None:
            return np.zeros(len(series), dtype=bool)
        values, present = self._values(series)
        low, high = self.limits
        return present & ((values < low) | (values > high))

    def to_dict(self) -> dict[str, Any]:
        """Return all but the table as JSON-ready plain data."""
        return {
            "encoding": self.encoding,
            "nullable": self.nullable,
            "levels": list(self.levels),
            "limits": self.limits,
            "first": self.first,
            "rounding": self.rounding,
        }

    @property
    def _code_limits(self) -> tuple[int, int]:
        return 0, len(self.levels) - 1

    def _values(self, series: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        if self.column.numeric:
            return self.column.numbers(series)
        return self.column.levels(series), series.notna().to_numpy()

    def _restore(self, values: np.ndarray, present: np.ndarray) -> pd.Series:
        if self.column.kind in ("integer", "datetime", "timedelta"):
            values = values if values.dtype.kind == "i" else np.rint(values.astype(np.float64))
        return self.column.restore(values, present)

    def _to_lattice(self, values: np.ndarray) -> np.ndarray:
        """Round whole numbers half down: the middle of a floored level lies above its number."""
        if self.column.kind == "continuous":
            return values
        return np.ceil(values - 0.5 - 1e-9 * np.maximum(1.0, self.step))

    def _lattice_step(self) -> float:
        if self.encoding == "codes" or self.column.kind != "continuous":
            return 1.0 if self.encoding == "quantile" else 0.0
        return 0.0 if self.column.decimals is None else 10.0**-self.column.decimals

    def _take(self, codes: np.ndarray) -> np.ndarray:
        dtype: Any = object
        if self.column.numeric:
            dtype = np.float64 if self.column.kind == "continuous" else np.int64
        levels = np.array(self.levels or (0,), dtype=dtype)
        return levels[codes]

    def _codes(self, values: np.ndarray, present: np.ndarray) -> np.ndarray:
        """Look levels up; missing rows get code 0."""
        if self.column.numeric:
            levels = np.array(self.levels, dtype=values.dtype)
            after = np.clip(np.searchsorted(levels, values), 1, len(levels) - 1)
            x, low, high = (a.astype(float) for a in (values, levels[after - 1], levels[after]))
            nearer_below = (x - low <= high - x) & (values != levels[after])
            return np.where(nearer_below, after - 1, after)
        lookup = {level: code for code, level in enumerate(self.levels)}
        codes = np.array([lookup.get(value, -1) for value in values], dtype=int)
        unseen = present & (codes < 0)
        if unseen.any():
            raise DataError(
                f"column {self.column.name!r} holds {values[unseen][0]!r}, a level not seen in "
                f"fit; {len(self.levels)} levels are known: fit on data that has it, or drop the "
                "row."
            )
        return np.where(present, codes, 0)


def fit_cells(
    column: Column,
    series: pd.Series,
    *,
    scaling_name: str,
    rounding: str,
    limits: Any,
    limits_are_its_own: bool,
    keep_outliers: bool,
    min_support: int,
    max_one_hot: int,
    max_one_hot_numeric: int,
) -> ColumnCells:
    """Choose and learn the encoding of a column; parameters as in `GridEncoder`.

    `limits_are_its_own` tells that the column is named in the limits: then a column of two
    values is scaled, too, rather than made binary.
    """
    nullable = bool(series.isna().any())
    first = 0 if scaling_name == "minmax-full" else OFF
    if nullable and first == 0:
        raise DataError(
            f"column {column.name!r} has missing values and scaling='minmax-full' (Eq. 6.2) has no "
            "NULL level; use scaling='minmax' or 'quantile', or fill the gaps."
        )
    if not column.numeric:
        return _fit_levels(column, series, nullable, scaling_name, max_one_hot)
    values, present = column.numbers(series)
    values = values[present]
    levels = np.unique(values)
    if scaling_name == "quantile" and len(values) < min_support:
        levels = levels[:0]
        if len(values):
            warnings.warn(
                f"column {column.name!r} has {len(values)} value(s), fewer than min_support="
                f"{min_support}; it comes back empty.",
                DataWarning,
                stacklevel=4,
            )
    if len(levels) < 2:
        nullable = nullable and len(levels) == 1
        return ColumnCells(column, "constant", nullable, tuple(levels.tolist()))
    if scaling_name != "quantile":
        if len(levels) == 2 and first == OFF and not limits_are_its_own:
            return ColumnCells(column, "levels", nullable, tuple(levels.tolist()))
        ends = scaling.learn_limits(values, limits)
        if keep_outliers:
            ends = _widen(ends, values, column)
        return ColumnCells(column, "linear", nullable, limits=ends, first=first, rounding=rounding)
    step = 0.0 if column.decimals is None else 10.0**-column.decimals
    table = quantile.fit_quantiles(values, min_support, step)
    if table.is_atom.all() and len(table.start) <= max_one_hot_numeric:
        encoding = "constant" if len(table.start) == 1 else "levels"
        if encoding == "constant":
            others = int((values != table.start[0]).sum())
            warnings.warn(
                f"column {column.name!r} comes back constant: its {others} other value(s) are "
                f"rarer than min_support={min_support}.",
                DataWarning,
                stacklevel=4,
            )
        return ColumnCells(column, encoding, nullable, tuple(_numbers(table.start, column)))
    ends = (float(table.start[0]), float(table.stop[-1]))
    return ColumnCells(column, "quantile", nullable, limits=ends, table=table)


def _fit_levels(
    column: Column, series: pd.Series, nullable: bool, scaling_name: str, max_one_hot: int
) -> ColumnCells:
    counts = series.value_counts(dropna=True)
    counts = counts[counts > 0]
    found = counts.index.astype(object).tolist()
    if len(found) < 2:
        return ColumnCells(column, "constant", bool(found) and nullable, tuple(found))
    if len(found) <= max_one_hot:
        if column.categories is not None:
            found.sort(key=list(column.categories).index)
        else:
            found.sort()
        return ColumnCells(column, "levels", nullable, tuple(found))
    if scaling_name != "quantile" and len(found) > ON:
        raise DataError(
            f"column {column.name!r} has {len(found)} levels, more than the {ON} grey levels of "
            f"scaling={scaling_name!r}; use scaling='quantile'."
        )
    if scaling_name != "quantile":
        first = 0 if scaling_name == "minmax-full" else OFF
        return ColumnCells(column, "codes", nullable, tuple(found), first=first)
    codes = np.repeat(np.arange(len(found), dtype=np.float64), counts.to_numpy())
    table = quantile.fit_quantiles(codes)
    return ColumnCells(column, "codes", nullable, tuple(found), table=table)


def _widen(ends: tuple[float, float], values: np.ndarray, column: Column) -> tuple[float, float]:
    outside = int(((values < ends[0]) | (values > ends[1])).sum())
    if not outside:
        return ends
    wide = (min(ends[0], float(values.min())), max(ends[1], float(values.max())))
    warnings.warn(
        f"limits of column {column.name!r} widened from {ends} to {wide} to keep {outside} "
        "value(s) outside them; outliers='clip' or 'drop' keeps the limits.",
        OutlierWarning,
        stacklevel=5,
    )
    return wide


def _numbers(values: np.ndarray, column: Column) -> list[float] | list[int]:
    if column.kind == "continuous" or values.dtype.kind == "i":
        return values.tolist()
    return np.rint(values).astype(np.int64).tolist()
