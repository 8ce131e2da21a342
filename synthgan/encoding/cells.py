"""The cells of one column: its values, and whether there is one. Knows no grid."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from synthgan.encoding import quantile, scaling
from synthgan.encoding.codecs import (
    CODECS,
    NULL,
    OFF,
    ON,
    Codec,
    Codes,
    Constant,
    Levels,
    Linear,
    Places,
)
from synthgan.encoding.quantile import QuantileTable
from synthgan.encoding.schema import Column
from synthgan.exceptions import DataError, DataWarning, OutlierWarning

__all__ = ["NULL", "OFF", "ON", "CellGroup", "ColumnCells", "fit_cells"]


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
    """The fitted encoding of one column: value cells, then a presence cell if it is nullable."""

    column: Column
    codec: Codec
    nullable: bool

    @property
    def names(self) -> list[str]:
        """Names of the value cells and of the presence cell."""
        name, codec = str(self.column.name), self.codec
        values = [name] * codec.n_cells
        if codec.kind == "one_hot":
            values = [f"{name}={level}" for level in codec.levels]
        return [*values, f"{name}:present"] if self.nullable else values

    def encode(self, series: pd.Series) -> tuple[np.ndarray, np.ndarray | None]:
        """Map the column's values to cells.

        Returns
        -------
        cells : ndarray of shape (n_rows, n_cells)
            Value cells, then the presence cell of a nullable column; NULL (0) where missing.
        half_width : ndarray of shape (n_rows,) or None
            Every point within so much of a continuous cell decodes to the same value.
        """
        values, present = self._values(series)
        try:
            cells, half_width = self.codec.encode(values)
        except DataError as error:
            raise DataError(f"column {self.column.name!r} {error}") from None
        cells = np.where(present[:, None], cells, NULL)
        if half_width is not None:
            half_width = np.where(present, half_width, 0.0)
        if self.nullable:
            cells = np.column_stack([cells, np.where(present, ON, OFF)])
        return cells, half_width

    def decode(self, cells: np.ndarray) -> pd.Series:
        """Map cells back to the column; inverse of `encode`."""
        codec = self.codec
        present = np.ones(len(cells), dtype=bool)
        if self.nullable:
            cells, presence = cells[:, :-1], cells[:, -1]
            present = presence >= (OFF + ON) / 2
        if codec.n_cells == 0:
            present = present & bool(codec.levels)
        elif codec.first == OFF:
            present = present & (cells >= OFF / 2).any(axis=1)
        values = codec.decode(cells)
        if self.column.numeric and self.column.kind != "continuous" and values.dtype.kind != "i":
            values = np.rint(values.astype(np.float64))
        return self.column.restore(values, present)

    def outside(self, series: pd.Series) -> np.ndarray:
        """Tell which rows hold a number outside the limits, shape (n_rows,)."""
        if self.codec.limits is None:
            return np.zeros(len(series), dtype=bool)
        values, present = self._values(series)
        low, high = self.codec.limits
        return present & ((values < low) | (values > high))

    def forget_range(self) -> ColumnCells:
        """Replace the column's range by the range of what the codec stores."""
        ends = self.codec.limits
        if ends is None and self.column.numeric and self.codec.levels:
            ends = (self.codec.levels[0], self.codec.levels[-1])
        low, high = (None, None) if ends is None else ends
        return replace(self, column=replace(self.column, minimum=low, maximum=high))

    def to_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return the codec as JSON-ready plain data and arrays."""
        arrays: dict[str, np.ndarray] = {}
        return {"nullable": self.nullable, "codec": _codec_to_dict(self.codec, arrays)}, arrays

    @classmethod
    def from_state(
        cls, column: Column, record: dict[str, Any], arrays: dict[str, np.ndarray]
    ) -> ColumnCells:
        """Take back what `to_state` gave."""
        return cls(column, _codec_from_dict(record["codec"], arrays), record["nullable"])

    def _values(self, series: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        if self.column.numeric:
            return self.column.numbers(series)
        return self.column.levels(series), series.notna().to_numpy()


def _codec_to_dict(codec: Any, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    record: dict[str, Any] = {"name": type(codec).__name__}
    for field in fields(codec):
        value = getattr(codec, field.name)
        if isinstance(value, QuantileTable):
            arrays.update(value._asdict())
        elif field.name == "inner":
            record[field.name] = _codec_to_dict(value, arrays)
        else:
            record[field.name] = list(value) if isinstance(value, tuple) else value
    return record


def _codec_from_dict(record: dict[str, Any], arrays: dict[str, np.ndarray]) -> Any:
    parameters = {name: value for name, value in record.items() if name != "name"}
    if "levels" in parameters:
        parameters["levels"] = tuple(parameters["levels"])
    if "inner" in parameters:
        parameters["inner"] = _codec_from_dict(parameters["inner"], arrays)
    if record["name"] == Places.__name__:
        parameters["table"] = QuantileTable(**arrays)
    return CODECS[record["name"]](**parameters)


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
    lowest = 0 if scaling_name == "minmax-full" else OFF
    if nullable and lowest == 0:
        raise DataError(
            f"column {column.name!r} has missing values and scaling='minmax-full' (Eq. 6.2) has no "
            "NULL level; use scaling='minmax' or 'quantile', or fill the gaps."
        )
    codec: Codec
    if not column.numeric:
        codec = _fit_levels(column, series, scaling_name == "quantile", lowest, max_one_hot)
    elif scaling_name == "quantile":
        codec = _fit_places(column, series, min_support, max_one_hot_numeric)
    else:
        values, present = column.numbers(series)
        values = values[present]
        found = np.unique(values)
        may_be_binary = lowest == OFF and not limits_are_its_own
        if len(found) < 2:
            codec = Constant(tuple(found.tolist()))
        elif len(found) == 2 and may_be_binary:
            codec = Levels(tuple(found.tolist()))
        else:
            low, high = scaling.learn_limits(values, limits)
            if keep_outliers:
                low, high = _widen((low, high), values, column)
            codec = Linear(low, high, lowest, rounding, whole=column.kind != "continuous")
    is_empty = codec.n_cells == 0 and not codec.levels
    return ColumnCells(column, codec, nullable and not is_empty)


def _fit_levels(
    column: Column, series: pd.Series, by_place: bool, lowest: int, max_one_hot: int
) -> Codec:
    counts = series.value_counts(dropna=True)
    counts = counts[counts > 0]
    found = counts.index.astype(object).tolist()
    if len(found) < 2:
        return Constant(tuple(found))
    if len(found) <= max_one_hot:
        order = None if column.categories is None else list(column.categories).index
        return Levels(tuple(sorted(found, key=order)))
    if by_place:
        codes = np.repeat(np.arange(len(found), dtype=np.float64), counts.to_numpy())
        return Codes(tuple(found), Places(quantile.fit_quantiles(codes)))
    if len(found) > ON:
        raise DataError(
            f"column {column.name!r} has {len(found)} levels, more than the {ON} grey levels of "
            "the min-max scalings; use scaling='quantile'."
        )
    return Codes(tuple(found), Linear(0.0, len(found) - 1.0, lowest, "round"))


def _fit_places(
    column: Column, series: pd.Series, min_support: int, max_one_hot_numeric: int
) -> Codec:
    values, present = column.numbers(series)
    values = values[present]
    if len(values) < min_support:
        if len(values):
            warnings.warn(
                f"column {column.name!r} has {len(values)} value(s), fewer than min_support="
                f"{min_support}; it comes back empty.",
                DataWarning,
                stacklevel=5,
            )
        return Constant()
    lattice = 0.0
    if column.decimals is not None:
        lattice = 10.0**-column.decimals
    table = quantile.fit_quantiles(values, min_support, lattice)
    if not table.is_atom.all() or len(table.start) > max_one_hot_numeric:
        return Places(table, lattice)
    stored = table.start
    if column.kind != "continuous" and stored.dtype.kind != "i":
        stored = np.rint(stored).astype(np.int64)
    if len(stored) > 1:
        return Levels(tuple(stored.tolist()))
    if n_others := int((values != stored[0]).sum()):
        warnings.warn(
            f"column {column.name!r} comes back constant: its {n_others} other value(s) are "
            f"rarer than min_support={min_support}.",
            DataWarning,
            stacklevel=5,
        )
    return Constant(tuple(stored.tolist()))


def _widen(ends: tuple[float, float], values: np.ndarray, column: Column) -> tuple[float, float]:
    n_outside = int(((values < ends[0]) | (values > ends[1])).sum())
    if not n_outside:
        return ends
    wide = (min(ends[0], float(values.min())), max(ends[1], float(values.max())))
    warnings.warn(
        f"limits of column {column.name!r} widened from {ends} to {wide} to keep {n_outside} "
        "value(s) outside them; outliers='clip' or 'drop' keeps the limits.",
        OutlierWarning,
        stacklevel=5,
    )
    return wide
