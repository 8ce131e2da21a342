"""Inequality constraints: numbers are replaced by their difference from an anchor."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from fractions import Fraction
from typing import Annotated, Any

import numpy as np
import pandas as pd

from synthgan.constraints.base import (
    Constraint,
    Translated,
    describe,
    numbers_of,
    with_column,
    without_columns,
)
from synthgan.constraints.residuals import (
    LARGEST_TICK,
    TIMES,
    copy_name,
    difference_of,
    drawn_from_others,
    pooled,
    same_clock,
    spread,
    tick_limits,
)
from synthgan.encoding.tables.column import Column
from synthgan.encoding.tables.dtypes import UNIT_NS, time_unit
from synthgan.encoding.tables.schema import Schema
from synthgan.exceptions import DataError, ParameterError
from synthgan.privacy import EVERYTHING, Support
from synthgan.state import fields
from synthgan.state.stored import Name

__all__ = ["Inequality"]

_Lows = Annotated[Any, fields.one_or_more(fields.name)]
_WIDER = 2.0  # times the spread of a column: its difference from another is harder to learn
_FEWEST = 20  # rows that say how wide columns are


def _ticks(column: Column, values: np.ndarray) -> np.ndarray:
    """Convert numbers to counts of the column's step; unchanged if it has none."""
    if column.kind != "continuous" or column.decimals is None:
        return values
    return _whole(np.rint(_scaled(values, column.decimals)))


def _from_ticks(column: Column, ticks: np.ndarray) -> np.ndarray:
    if column.kind != "continuous" or column.decimals is None:
        return ticks
    return ticks / 10.0**column.decimals


def _precision(column: Column) -> type[np.floating[Any]]:
    """Return the type of numbers in which a continuous column is stored."""
    is_single = "32" in column.dtype or column.dtype.startswith("float[")
    return np.float32 if is_single else np.float64


def _scaled(values: np.ndarray, decimals: int) -> np.ndarray:
    with np.errstate(over="ignore"):
        return values * 10.0**decimals


def _whole(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -float(LARGEST_TICK), float(LARGEST_TICK)).astype(np.int64)


def _outgrows_lattice(column: Column, series: pd.Series) -> bool:
    """Return whether a float column holds whole numbers too large to be exact."""
    if column.kind != "continuous" or column.decimals is None:
        return False
    largest = np.abs(numbers_of(column, series)[0]).max(initial=0)
    return bool(_scaled(largest, column.decimals) > 2.0**52)


class Inequality(Constraint):
    """One column is at least another, or several others, in every row where they are present.

    `high` is replaced by its difference from the smallest value that `low` allows. It is left as it
    is if the difference spreads more than twice as far, as the time from birth to a visit of one
    year does; generated values below `low` are then raised to it.

    Parameters
    ----------
    low : hashable or list of hashable
        The lower column, or several: `high` is then at least the largest of those present.
    high : hashable
        All columns are of numbers, of dates, or of durations.
    strict : bool, default=False
        Whether they must differ.

    Notes
    -----
    If `low` is missing in the rows of `min_support` people, a further column holds `high` itself,
    which counts where `low` is missing; there, `high` is replaced by a difference drawn from the
    other rows. If fewer rows lack `low`, their difference is taken from the median of `low` (an
    average of `min_support` values).
    If no value of `high` is possible, for example because `low` is the largest integer of the
    dtype, `high` becomes missing.

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
    copy_: Name | None = None
    is_difference_: bool = True  # whether `high` is replaced

    def __init__(self, low: _Lows, high: Name, strict: bool = False) -> None:
        self.low = low
        self.high = high
        self.strict = strict

    @property
    def lows(self) -> tuple[Hashable, ...]:
        """The lower columns."""
        return tuple(self.low) if isinstance(self.low, list) else (self.low,)

    @property
    def uses(self) -> tuple[Hashable, ...]:
        """Columns that the constraint needs."""
        return (*self.lows, self.high)

    @property
    def rewrites(self) -> tuple[Hashable, ...]:
        """The upper column."""
        return (self.high,)

    @property
    def makes(self) -> tuple[Hashable, ...]:
        """The copy of the upper column, if there is one."""
        return () if self.copy_ is None else (self.copy_,)

    def fit(self, frame: pd.DataFrame, support: Support = EVERYTHING) -> Inequality:
        """Check the data, and learn the lattice; see `Constraint.fit`."""
        if len(set(self.uses)) < max(2, len(self.uses)):
            raise ParameterError(f"{self!r} is not allowed; give two different columns.")
        self.schema_ = describe(frame, self.uses, support)
        self._refuse_kinds(frame)
        columns = same_clock(self.schema_.columns)
        if any(_outgrows_lattice(column, frame[column.name]) for column in columns):
            columns = tuple(replace(c, decimals=None) for c in columns)
        self.schema_ = type(self.schema_)(columns)
        *lows, high = columns
        for low in lows:
            n_broken = int(self._is_broken(frame, low).sum())
            if n_broken:
                raise DataError(
                    f"{n_broken} row(s) violate {low.name!r} {'<' if self.strict else '<='} "
                    f"{high.name!r}; every row of the training data must satisfy it: correct the "
                    f"rows or leave {self!r} out."
                )
        values, present = self._numbers(lows[0], frame[lows[0].name])
        # With too few values of `low` to pool, the anchor is arbitrary.
        self.middle_ = pooled(values[present], lows[0].decimals, support.take(present))[1] or 0
        ticks, has_high = self._high_ticks(frame[high.name])
        present = self._has_low(frame)
        lone = has_high & ~present
        self.copy_, self.is_difference_ = None, True
        both = has_high & present
        if both.sum() >= _FEWEST:
            highs, lows = (x[both].astype(np.float64) for x in (ticks, self._anchors(frame)))
            self.is_difference_ = bool((highs - lows).std() <= _WIDER * highs.std())
        if not self.is_difference_:
            return self
        if lone.any() and support.holds(lone):
            self.copy_ = copy_name(high.name, frame.columns)
        present = has_high
        ends = [int(ticks[present].max(initial=0)), int(self._anchors(frame).min(initial=0))]
        if ticks.dtype.kind == "i" and ends[0] - ends[1] > LARGEST_TICK:
            raise DataError(
                f"columns {lows[0].name!r} and {high.name!r} differ by more than {LARGEST_TICK} "
                f"steps; scale them or leave {self!r} out."
            )
        return self

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Replace the upper column by the difference; see `Constraint.apply`."""
        if not self.is_difference_:
            return frame
        ticks, present = self._high_ticks(frame[self.high])
        distances = ticks - self._anchors(frame)
        if self.copy_ is not None:
            frame = with_column(frame, self.copy_, frame[self.high])
            has_low = self._has_low(frame)
            distances = drawn_from_others(distances, present & has_low, present & ~has_low)
        return with_column(frame, self.high, self._distances(distances, present, frame.index))

    def restore(self, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Add the non-negative difference to the lower bound; see `Constraint.restore`."""
        high = self.schema_.columns[-1]
        if not self.is_difference_:
            return self._raised(table)
        values, present = numbers_of(difference_of(high), table[self.high])
        anchors = self._anchors(table)
        smallest, largest = tick_limits(high)
        has_low = self._has_low(table)
        # Without `low` the difference may be negative: there is no condition.
        least = np.where(has_low, 0, smallest)
        steps = np.maximum(_ticks(difference_of(high), values), least)
        steps = np.minimum(steps, largest - np.maximum(anchors, 0))  # so that no sum overflows
        ticks = np.maximum(anchors + steps, smallest)
        if self.copy_ is not None:
            copied, is_there = self._high_ticks(table[self.copy_])
            ticks = np.where(has_low, ticks, copied)
            present = np.where(has_low, present, is_there)
            table = without_columns(table, [self.copy_])
        series = high.restore(_from_ticks(high, ticks), present)
        return self.blank_violations(with_column(table, self.high, series.set_axis(table.index)))

    def _raised(self, table: pd.DataFrame) -> pd.DataFrame:
        """Raise values of `high` to the least that `low` allows."""
        high = self.schema_.columns[-1]
        low = ~self.holds(table)
        if not low.any():
            return table
        ticks, present = self._high_ticks(table[self.high])
        smallest, largest = tick_limits(high)
        least = np.clip(self._anchors(table), smallest, largest)
        series = high.restore(_from_ticks(high, np.where(low, least, ticks)), present)
        return self.blank_violations(with_column(table, self.high, series.set_axis(table.index)))

    def blank_violations(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Make `high` missing in rows that violate the constraint, where no value is possible."""
        holds = self.holds(frame)
        if holds.all():
            return frame
        high = self.schema_.columns[-1]
        values, present = numbers_of(high, frame[self.high])
        series = high.restore(values, present & holds).set_axis(frame.index)
        return with_column(frame, self.high, series)

    def holds(self, frame: pd.DataFrame) -> np.ndarray:
        """Compare the columns; see `Constraint.holds`."""
        holds = np.ones(len(frame), dtype=bool)
        for low in self.schema_.columns[:-1]:
            holds &= ~self._is_broken(frame, low)
        return holds

    def _is_broken(self, frame: pd.DataFrame, low: Column) -> np.ndarray:
        """Return in which rows `high` is too small for one of the lower columns."""
        high = self.schema_.columns[-1]
        low_values, low_present = self._numbers(low, frame[low.name])
        high_values, high_present = self._numbers(high, frame[high.name])
        if low.kind in TIMES:
            is_broken = self._high_ticks(frame[high.name])[0] < self._smallest(low, low_values)
        elif self.strict:
            is_broken = high_values <= low_values
        else:
            is_broken = high_values < low_values
        return np.asarray(is_broken & low_present & high_present)

    def _has_low(self, frame: pd.DataFrame) -> np.ndarray:
        """Return in which rows one of the lower columns is present."""
        return np.asarray(frame[list(self.lows)].notna().to_numpy().any(axis=1))

    def translate(
        self, known: pd.DataFrame, mask: pd.DataFrame, rng: np.random.Generator
    ) -> Translated:
        """Compute the difference where both columns are known; see `Constraint.translate`."""
        both = np.asarray(mask[list(self.uses)].to_numpy(dtype=bool).all(axis=1))
        pairs = known.loc[both, list(self.uses)]
        if not self.holds(pairs).all():
            raise DataError(
                f"{int((~self.holds(pairs)).sum())} condition(s) violate {self!r}; give a lower "
                f"{self.low!r} or a higher {self.high!r}."
            )
        if not self.is_difference_:
            return known, mask
        distances = self.apply(pairs)[self.high]
        return spread(
            known, mask, difference_of(self.schema_.columns[-1]), distances, both, self.copy_
        )

    def _check_learnt(self) -> None:
        empty = {c.name: pd.Series([], dtype=c.pandas_dtype()) for c in self.schema_}
        self._refuse_kinds(pd.DataFrame(empty))
        difference_of(self.schema_.columns[-1]).pandas_dtype()

    def _refuse_kinds(self, frame: pd.DataFrame) -> None:
        *lows, high = self.schema_
        for low in lows:
            kinds = [c.kind if c.kind in TIMES else c.numeric for c in (low, high)]
            zones = [getattr(frame[c.name].dtype, "tz", None) is None for c in (low, high)]
            if not kinds[0] or kinds[0] != kinds[1] or zones[0] != zones[1]:
                raise DataError(
                    f"columns {low.name!r} ({low.dtype}) and {high.name!r} ({high.dtype}) cannot "
                    "be compared; give two columns of numbers, of dates with or without a time "
                    "zone, or of durations."
                )

    def _numbers(self, column: Column, series: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        """Return numbers; those of a float32 column are rounded if both columns have decimals."""
        values, present = numbers_of(column, series)
        have_decimals = all(c.kind != "continuous" or c.decimals is not None for c in self.schema_)
        if column.kind == "continuous" and column.decimals is not None and have_decimals:
            rounded = np.round(values, column.decimals)
            precision = _precision(column)
            is_same = rounded.astype(precision) == values.astype(precision)
            values = np.where(is_same, rounded, values)
        return values, present

    def _high_ticks(self, series: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        high = self.schema_.columns[-1]
        values, present = self._numbers(high, series)
        return _ticks(high, values), present

    def _anchors(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the smallest allowed count of `high` in each row."""
        is_free = ~self._has_low(frame)
        anchors: np.ndarray | None = None
        for low in self.schema_.columns[:-1]:
            values, present = self._numbers(low, frame[low.name])
            if anchors is None:
                values, present = np.where(present, values, self.middle_), present | is_free
            least = self._smallest(low, values)
            if anchors is None:
                anchors, there = least, present
            else:
                larger = np.where(there, np.maximum(anchors, least), least)
                anchors, there = np.where(present, larger, anchors), present | there
        if anchors is None:
            raise ValueError("there is no lower column")
        return anchors

    def _smallest(self, low: Column, values: np.ndarray) -> np.ndarray:
        high = self.schema_.columns[-1]
        if low.kind in TIMES:
            size = Fraction(
                *(UNIT_NS[time_unit(c.pandas_dtype())] * c.resolution for c in (low, high))
            )
            limit = LARGEST_TICK // size.numerator
            scaled = np.clip(values, -limit, limit) * size.numerator
            if self.strict:
                return scaled // size.denominator + 1
            return -(-scaled // size.denominator)
        if low.kind == high.kind == "integer":
            return np.clip(values, -(2**63) + 1, 2**63 - 2) + self.strict
        if high.kind == "continuous" and high.decimals is None:
            stored = values.astype(_precision(high))
            is_low = stored <= values if self.strict else stored < values
            above = np.nextafter(stored, np.array(np.inf, stored.dtype))
            return np.where(is_low, above, stored).astype(np.float64)
        scaled = _scaled(values.astype(np.float64), high.decimals or 0)
        nearest = np.rint(scaled)
        is_whole = np.abs(scaled - nearest) <= 4 * np.spacing(np.abs(scaled))
        scaled = np.where(is_whole, nearest, scaled)
        return _whole(np.floor(scaled) + 1 if self.strict else np.ceil(scaled))

    def _distances(self, ticks: np.ndarray, present: np.ndarray, index: pd.Index) -> pd.Series:
        column = difference_of(self.schema_.columns[-1])
        return column.restore(_from_ticks(column, ticks), present).set_axis(index)
