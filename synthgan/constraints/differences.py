"""Inequality constraints: numbers are replaced by their difference from an anchor."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from synthgan.constraints.base import (
    Constraint,
    Translated,
    describe,
    numbers_of,
    with_column,
)
from synthgan.encoding.tables.column import Column
from synthgan.encoding.tables.schema import Schema
from synthgan.exceptions import DataError, ParameterError
from synthgan.privacy import EVERYTHING, Support, pooled_means
from synthgan.state.stored import Name

__all__ = ["Inequality"]

_TIMES = ("datetime", "timedelta")
_UNIT_NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_LARGEST_TICK = 2**62


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


def _unit(column: Column) -> str:
    dtype = column.pandas_dtype()
    if isinstance(dtype, pd.ArrowDtype):
        return str(dtype.pyarrow_dtype.unit)
    return np.datetime_data(dtype)[0] if isinstance(dtype, np.dtype) else str(dtype.unit)


def difference_of(column: Column) -> Column:
    """Describe the differences of a column from an anchor on its own lattice."""
    is_extended = types.is_extension_array_dtype(column.pandas_dtype())
    if column.kind in _TIMES:
        dtype = f"timedelta64[{_unit(column)}]"
        return Column(column.name, "timedelta", dtype, resolution=column.resolution)
    if column.kind == "integer":
        return Column(column.name, "integer", "Int64" if is_extended else "int64", decimals=0)
    dtype = "Float64" if is_extended else "float64"
    return Column(column.name, "continuous", dtype, decimals=column.decimals)


def _ticks(column: Column, values: np.ndarray) -> np.ndarray:
    """Convert numbers to counts of the column's step; unchanged if it has none."""
    if column.kind != "continuous" or column.decimals is None:
        return values
    return _whole(np.rint(_scaled(values, column.decimals)))


def _from_ticks(column: Column, ticks: np.ndarray) -> np.ndarray:
    if column.kind != "continuous" or column.decimals is None:
        return ticks
    return ticks / 10.0**column.decimals


def _scaled(values: np.ndarray, decimals: int) -> np.ndarray:
    with np.errstate(over="ignore"):
        return values * 10.0**decimals


def _whole(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -float(_LARGEST_TICK), float(_LARGEST_TICK)).astype(np.int64)


def _outgrows_lattice(column: Column, series: pd.Series) -> bool:
    """Return whether a float column holds whole numbers too large to be exact."""
    if column.kind != "continuous" or column.decimals is None:
        return False
    largest = np.abs(numbers_of(column, series)[0]).max(initial=0)
    return bool(_scaled(largest, column.decimals) > 2.0**52)


def _tick_limits(column: Column) -> tuple[Any, Any]:
    """Return the smallest and largest count that the column's dtype can hold."""
    dtype = column.pandas_dtype()
    if column.kind == "integer":
        limits = np.iinfo(getattr(dtype, "numpy_dtype", dtype))
        return max(limits.min, -_LARGEST_TICK), min(limits.max, 2**63 - 1)
    if column.kind in _TIMES:
        return -_LARGEST_TICK // column.resolution, (2**63 - 1) // column.resolution
    if column.decimals is not None:
        return -_LARGEST_TICK, _LARGEST_TICK
    largest = float(np.finfo(getattr(dtype, "numpy_dtype", dtype)).max)
    return -largest, largest


class Inequality(Constraint):
    """One column is at most another, in every row where both are present.

    `high` is replaced by its difference from the smallest value that `low` allows.

    Parameters
    ----------
    low, high : hashable
        Two columns of numbers, of dates, or of durations.
    strict : bool, default=False
        Whether they must differ.

    Notes
    -----
    If `low` is missing, the difference is taken from the median of `low` (an average of
    `min_support` values). If no value of `high` is possible, for example because `low` is the
    largest integer of the dtype, `high` becomes missing.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from synthgan.constraints.differences import Inequality
    >>> frame = pd.DataFrame({"diastolic": [80, 70], "systolic": [120, 115]})
    >>> constraint = Inequality("diastolic", "systolic").fit(frame)
    >>> constraint.apply(frame)["systolic"].tolist()
    [40, 45]
    >>> constraint.restore(constraint.apply(frame), np.random.default_rng()).equals(frame)
    True
    """

    schema_: Schema
    middle_: float

    def __init__(self, low: Name, high: Name, strict: bool = False) -> None:
        self.low = low
        self.high = high
        self.strict = strict

    @property
    def uses(self) -> tuple[Hashable, ...]:
        """Columns that the constraint needs."""
        return (self.low, self.high)

    @property
    def rewrites(self) -> tuple[Hashable, ...]:
        """The upper column."""
        return (self.high,)

    def fit(self, frame: pd.DataFrame, support: Support = EVERYTHING) -> Inequality:
        """Check the data, and learn the lattice; see `Constraint.fit`."""
        if self.low == self.high:
            raise ParameterError(f"{self!r} is not allowed; give two different columns.")
        self.schema_ = describe(frame, [self.low, self.high], support)
        low, high = self.schema_
        self._refuse_kinds(frame)
        if low.wall_clock != high.wall_clock or (low.wall_clock and low.dtype != high.dtype):
            # One column counts in local time: count both in UTC.
            low, high = (replace(c, wall_clock=False, resolution=1) for c in (low, high))
            self.schema_ = type(self.schema_)((low, high))
        if any(_outgrows_lattice(column, frame[column.name]) for column in (low, high)):
            low, high = (replace(c, decimals=None) for c in (low, high))
            self.schema_ = type(self.schema_)((low, high))
        n_broken = int((~self.holds(frame)).sum())
        if n_broken:
            raise DataError(
                f"{n_broken} row(s) violate {low.name!r} {'<' if self.strict else '<='} "
                f"{high.name!r}; every row of the training data must satisfy it: correct the rows "
                f"or leave {self!r} out."
            )
        values, present = self._numbers(low, frame[low.name])
        # With too few values of `low` to pool, the anchor is arbitrary.
        self.middle_ = pooled(values[present], low.decimals, support.take(present))[1] or 0
        ticks, present = self._high_ticks(frame)
        ends = [int(ticks[present].max(initial=0)), int(self._anchors(frame).min(initial=0))]
        if ticks.dtype.kind == "i" and ends[0] - ends[1] > _LARGEST_TICK:
            raise DataError(
                f"columns {low.name!r} and {high.name!r} differ by more than {_LARGEST_TICK} "
                f"steps; scale them or leave {self!r} out."
            )
        return self

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Replace the upper column by the difference; see `Constraint.apply`."""
        ticks, present = self._high_ticks(frame)
        series = self._distances(ticks - self._anchors(frame), present, frame.index)
        return with_column(frame, self.high, series)

    def restore(self, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Add the non-negative difference to the lower bound; see `Constraint.restore`."""
        high = self.schema_.columns[1]
        values, present = numbers_of(difference_of(high), table[self.high])
        anchors = self._anchors(table)
        smallest, largest = _tick_limits(high)
        # Without `low` the difference may be negative: there is no condition.
        least = np.where(table[self.low].notna(), 0, smallest)
        steps = np.maximum(_ticks(difference_of(high), values), least)
        steps = np.minimum(steps, largest - np.maximum(anchors, 0))  # so that no sum overflows
        ticks = np.maximum(anchors + steps, smallest)
        series = high.restore(_from_ticks(high, ticks), present)
        return self.blank_violations(with_column(table, self.high, series.set_axis(table.index)))

    def blank_violations(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Make `high` missing in rows that violate the constraint, where no value is possible."""
        holds = self.holds(frame)
        if holds.all():
            return frame
        high = self.schema_.columns[1]
        values, present = numbers_of(high, frame[self.high])
        series = high.restore(values, present & holds).set_axis(frame.index)
        return with_column(frame, self.high, series)

    def holds(self, frame: pd.DataFrame) -> np.ndarray:
        """Compare the columns; see `Constraint.holds`."""
        low, high = self.schema_
        low_values, low_present = self._numbers(low, frame[self.low])
        high_values, high_present = self._numbers(high, frame[self.high])
        if low.kind in _TIMES:
            high_values, low_values = self._high_ticks(frame)[0], self._smallest(low_values)
            return (high_values >= low_values) | ~low_present | ~high_present
        is_broken = high_values <= low_values if self.strict else high_values < low_values
        return ~(is_broken & low_present & high_present)

    def translate(
        self, known: pd.DataFrame, mask: pd.DataFrame, rng: np.random.Generator
    ) -> Translated:
        """Compute the difference where both columns are known; see `Constraint.translate`."""
        both = mask[self.low].to_numpy(dtype=bool) & mask[self.high].to_numpy(dtype=bool)
        pairs = known.loc[both, [self.low, self.high]]
        if not self.holds(pairs).all():
            raise DataError(
                f"{int((~self.holds(pairs)).sum())} condition(s) violate {self!r}; give a lower "
                f"{self.low!r} or a higher {self.high!r}."
            )
        distances = self.apply(pairs)[self.high]
        return spread(known, mask, difference_of(self.schema_.columns[1]), distances, both)

    def _check_learnt(self) -> None:
        empty = {c.name: pd.Series([], dtype=c.pandas_dtype()) for c in self.schema_}
        self._refuse_kinds(pd.DataFrame(empty))
        difference_of(self.schema_.columns[1]).pandas_dtype()

    def _refuse_kinds(self, frame: pd.DataFrame) -> None:
        low, high = self.schema_
        kinds = [column.kind if column.kind in _TIMES else column.numeric for column in (low, high)]
        zones = [getattr(frame[c.name].dtype, "tz", None) is None for c in (low, high)]
        if not kinds[0] or kinds[0] != kinds[1] or zones[0] != zones[1]:
            raise DataError(
                f"columns {low.name!r} ({low.dtype}) and {high.name!r} ({high.dtype}) cannot be "
                "compared; give two columns of numbers, of dates with or without a time zone, or "
                "of durations."
            )

    def _numbers(self, column: Column, series: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        """Return numbers; those of a float32 column are rounded to its decimals."""
        values, present = numbers_of(column, series)
        if column.kind == "continuous" and column.decimals is not None:
            rounded = np.round(values, column.decimals)
            single = "32" in column.dtype or column.dtype.startswith("float[")
            precision = np.float32 if single else np.float64
            is_same = rounded.astype(precision) == values.astype(precision)
            values = np.where(is_same, rounded, values)
        return values, present

    def _high_ticks(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        high = self.schema_.columns[1]
        values, present = self._numbers(high, frame[self.high])
        return _ticks(high, values), present

    def _anchors(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the smallest allowed count of `high` in each row."""
        values, present = self._numbers(self.schema_.columns[0], frame[self.low])
        return self._smallest(np.where(present, values, self.middle_))

    def _smallest(self, values: np.ndarray) -> np.ndarray:
        low, high = self.schema_
        if low.kind in _TIMES:
            size = Fraction(
                _UNIT_NS[_unit(low)] * low.resolution, _UNIT_NS[_unit(high)] * high.resolution
            )
            limit = _LARGEST_TICK // size.numerator
            scaled = np.clip(values, -limit, limit) * size.numerator
            if self.strict:
                return scaled // size.denominator + 1
            return -(-scaled // size.denominator)
        if low.kind == high.kind == "integer":
            return np.clip(values, -(2**63) + 1, 2**63 - 2) + self.strict
        if high.kind == "continuous" and high.decimals is None:
            return np.nextafter(values, np.inf) if self.strict else values.astype(np.float64)
        scaled = _scaled(values.astype(np.float64), high.decimals or 0)
        nearest = np.rint(scaled)
        is_whole = np.abs(scaled - nearest) <= 4 * np.spacing(np.abs(scaled))
        scaled = np.where(is_whole, nearest, scaled)
        return _whole(np.floor(scaled) + 1 if self.strict else np.ceil(scaled))

    def _distances(self, ticks: np.ndarray, present: np.ndarray, index: pd.Index) -> pd.Series:
        column = difference_of(self.schema_.columns[1])
        return column.restore(_from_ticks(column, ticks), present).set_axis(index)


def spread(
    known: pd.DataFrame, mask: pd.DataFrame, column: Column, values: pd.Series, rows: np.ndarray
) -> Translated:
    """Replace a column by values of some rows, known only in these rows."""
    numbers, present = numbers_of(column, values)
    everywhere = np.zeros(len(known), dtype=numbers.dtype)
    is_present = np.ones(len(known), dtype=bool)
    everywhere[rows], is_present[rows] = numbers, present
    series = column.restore(everywhere, is_present).set_axis(known.index)
    return with_column(known, column.name, series), with_column(mask, column.name, rows)
