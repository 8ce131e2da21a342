"""Columns that others give up to a residual, which replaces them; the base of formulas."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable
from typing import Annotated

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
from synthgan.encoding.tables.dtypes import COARSEST_NS, MAX_DECIMALS, UNIT_NS, time_unit
from synthgan.encoding.tables.schema import Schema
from synthgan.exceptions import DataError
from synthgan.privacy import EVERYTHING, Support
from synthgan.state import fields
from synthgan.state.stored import Name

__all__ = ["ComputedColumn", "amounts_of", "ticks_per"]

_LARGEST_EXACT = 2.0**52  # integers up to here are exact floats, and so are their halves


def amounts_of(
    column: Column, series: pd.Series, unit_days: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return a column as numbers, and which are present; dates and durations in `unit_days`."""
    values, present = numbers_of(column, series)
    if column.kind in TIMES:
        return values / ticks_per(column, unit_days), present
    if column.dtype.lower() == "float32" and column.decimals is not None:
        values = np.round(values, column.decimals)  # the decimal numbers that were meant
    return values, present


def ticks_per(column: Column, unit_days: float) -> float:
    """Return how many ticks of a column of dates or durations `unit_days` have."""
    tick_ns = UNIT_NS[time_unit(column.pandas_dtype())] * column.resolution
    return unit_days * COARSEST_NS / tick_ns


class ComputedColumn(Constraint):
    """Base class: a column is approximately computed from others; its residual replaces it.

    What is computed is a description, not a condition: rows may deviate from it and are restored
    exactly. It is rounded to the number of decimals that minimises the entropy of the residuals.
    Where it is undefined, for example because a part is missing, a further column holds the column
    itself, and the residual is drawn from the other rows. If fewer than `min_support` people have
    such rows, the median of the column is used instead (an average of `min_support` values).
    Restored values that deviate are clipped to the range of the data, whose ends are such averages,
    too.
    """

    column: Name
    schema_: Schema
    low_: float | None
    middle_: float
    high_: float | None
    decimals_: Annotated[int, fields.whole(0, MAX_DECIMALS)] | None
    copy_: Name | None = None

    @property
    def makes(self) -> tuple[Hashable, ...]:
        """The copy of the column, if there is one."""
        return () if self.copy_ is None else (self.copy_,)

    def fit(self, frame: pd.DataFrame, support: Support = EVERYTHING) -> ComputedColumn:
        """Learn decimals, middle and range; see `Constraint.fit`."""
        self._check_parameters()
        self.schema_ = Schema(same_clock(describe(frame, self.uses, support).columns))
        self._refuse_kinds()
        self._learn(frame, support)
        column = self.schema_.columns[0]
        values, present = numbers_of(column, frame[self.column])
        largest = float(np.abs(values).max(initial=0))
        if column.kind == "integer" and largest > _LARGEST_EXACT:
            raise DataError(
                f"column {self.column!r} holds {largest:.0f}; {type(self).__name__} needs whole "
                "numbers up to 2**52 in size: scale the column."
            )
        self.low_, self.middle_, self.high_ = pooled(
            values[present], column.decimals, support.take(present)
        )
        self.middle_ = self.middle_ or 0
        self.decimals_ = self._most_decimals()
        lone = present & self._anchors(frame, None)[1]
        self.copy_ = None
        if lone.any() and support.holds(lone):
            self.copy_ = copy_name(self.column, frame.columns)
        if self.decimals_:
            choices = range(self.decimals_, -1, -1)
            self.decimals_ = min(choices, key=lambda d: self._spread_of_residuals(frame, d))
        return self

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Replace the column by its residual; see `Constraint.apply`."""
        column = self.schema_.columns[0]
        values, present = numbers_of(column, frame[self.column])
        anchors, undefined = self._anchors(frame, self.decimals_)
        residual = self._split(values, anchors)
        if self.copy_ is not None:
            frame = with_column(frame, self.copy_, frame[self.column])
            residual = drawn_from_others(residual, present & ~undefined, present & undefined)
        series = self._residual_column().restore(residual, present).set_axis(frame.index)
        return with_column(frame, self.column, series)

    def restore(self, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Add the residual to the formula; see `Constraint.restore`."""
        column = self.schema_.columns[0]
        residual, present = numbers_of(self._residual_column(), table[self.column])
        anchors, undefined = self._anchors(table, self.decimals_)
        values = self._join(residual, anchors)
        deviates = undefined | (residual != 0)
        low, high = self.low_, self.high_
        if low is None and column.kind != "continuous":
            low, high = 0, np.iinfo(np.int8).max  # no value is known: they fit every dtype
        if low is not None and high is not None:
            ends = (low, high) if column.kind == "continuous" else (int(low), int(high))
            values = np.where(deviates, np.clip(values, *ends), values)
        values = self._on_lattice(np.clip(values, *tick_limits(column)))
        if self.copy_ is not None:
            copied, is_there = numbers_of(column, table[self.copy_])
            values = np.where(undefined, copied, values)
            present = np.where(undefined, is_there, present)
            table = without_columns(table, [self.copy_])
        series = column.restore(values, present).set_axis(table.index)
        return with_column(table, self.column, series)

    def translate(
        self, known: pd.DataFrame, mask: pd.DataFrame, rng: np.random.Generator
    ) -> Translated:
        """Compute the residual where all columns are known; see `Constraint.translate`."""
        names = list(self.uses)
        rows = np.asarray(mask[names].to_numpy(dtype=bool).all(axis=1))
        residuals = self.apply(known[names][rows])[self.column]
        return spread(known, mask, self._residual_column(), residuals, rows, self.copy_)

    def _check_parameters(self) -> None:
        """Raise ParameterError if the parameters contradict each other."""

    def _refuse_kinds(self) -> None:
        """Raise DataError if a column has the wrong kind."""

    def _learn(self, frame: pd.DataFrame, support: Support) -> None:
        """Learn what the formula needs."""

    def _most_decimals(self) -> int | None:
        """Return the decimals to which the formula may be rounded; None: it is not rounded."""
        return self.schema_.columns[0].decimals

    def _residual_column(self) -> Column:
        """Describe the residual."""
        return difference_of(self.schema_.columns[0])

    def _split(self, values: np.ndarray, anchors: np.ndarray) -> np.ndarray:
        """Return the residual of values."""
        return self._on_lattice(values - anchors)

    def _join(self, residual: np.ndarray, anchors: np.ndarray) -> np.ndarray:
        """Return the values of residuals; inverse of `_split`."""
        return self._on_lattice(anchors + residual)

    def _rounds_up(self) -> bool:
        """Return whether halves, and what computing with floats leaves of them, go upwards."""
        return False

    @abstractmethod
    def _compute(self, frame: pd.DataFrame) -> np.ndarray:
        """Return what others give, in ticks of the column, not rounded; NaN where undefined."""

    def _check_learnt(self) -> None:
        self._check_parameters()
        self._refuse_kinds()
        low, high = self.low_, self.high_
        if (low is None) != (high is None) or (low is not None and high is not None and low > high):
            raise ValueError(f"the range {low} to {high} is invalid")

    def _anchors(self, frame: pd.DataFrame, decimals: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the rounded formula, and where it is undefined: there it is the median."""
        own, *_ = self.schema_.columns
        is_time = own.kind in TIMES
        with np.errstate(all="ignore"):
            anchors = self._compute(frame)
            if decimals is not None:
                anchors = _round(anchors, decimals, up=self._rounds_up())
        # A number so large that the residual would lose decimals counts as undefined, too.
        largest = LARGEST_TICK if is_time else _LARGEST_EXACT / 10.0 ** (own.decimals or 0)
        undefined = ~(np.abs(anchors) <= largest)
        anchors = np.where(undefined, self.middle_, anchors)
        return (np.rint(anchors).astype(np.int64) if is_time else anchors), undefined

    def _on_lattice(self, values: np.ndarray) -> np.ndarray:
        column = self.schema_.columns[0]
        values = values if column.decimals is None else np.round(values, column.decimals)
        return values if column.kind == "continuous" else values.astype(np.int64)

    def _spread_of_residuals(self, frame: pd.DataFrame, decimals: int) -> float:
        """Return the entropy of the residuals when the formula is rounded to some decimals."""
        column = self.schema_.columns[0]
        values, present = numbers_of(column, frame[self.column])
        anchors, undefined = self._anchors(frame, decimals)
        some = present & ~undefined
        residual = self._on_lattice(values - anchors)[some]
        shares = np.unique(residual, return_counts=True)[1] / max(len(residual), 1)
        return float(-(shares * np.log(shares)).sum())


def _round(values: np.ndarray, decimals: int, up: bool) -> np.ndarray:
    """Round to decimals; `up`: halves, and what computing with floats leaves of them, upwards."""
    if not up:
        return np.round(values, decimals)
    return np.floor(values * 10.0**decimals + 0.5 + 1e-6) / 10.0**decimals
