"""Formula constraints: a column is replaced by its residual from a formula of others."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Annotated, Any, ClassVar, NamedTuple

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
from synthgan.exceptions import DataError, ParameterError
from synthgan.privacy import EVERYTHING, Support
from synthgan.state import fields
from synthgan.state.stored import Name

__all__ = ["Formula"]

_LARGEST_EXACT = 2.0**52  # integers up to here are exact floats, and so are their halves


class Kind(NamedTuple):
    """A sum, or a product: the signs of its terms, or the powers of its factors."""

    is_sum: bool
    weights: tuple[int, ...]

    def __call__(self, parts: Sequence[Any]) -> Any:
        """Compute the formula of arrays that broadcast."""
        if self.is_sum:
            first, *others = (w * part for w, part in zip(self.weights, parts, strict=True))
            return sum(others, first)
        result = parts[0]  # its power is 1 in all kinds
        for weight, part in zip(self.weights[1:], parts[1:], strict=True):
            power = part if abs(weight) == 1 else part ** abs(weight)
            result = result * power if weight > 0 else result / power
        return result


FORMULAS = {
    "a": Kind(True, (1,)),
    "a + b": Kind(True, (1, 1)),
    "a - b": Kind(True, (1, -1)),
    "a + b + c": Kind(True, (1, 1, 1)),
    "a + b - c": Kind(True, (1, 1, -1)),
    "a * b": Kind(False, (1, 1)),
    "a / b": Kind(False, (1, -1)),
    "a / b ** 2": Kind(False, (1, -2)),
    "a * b * c": Kind(False, (1, 1, 1)),
    "a * b / c": Kind(False, (1, 1, -1)),
}


def amounts_of(
    column: Column, series: pd.Series, unit_days: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return a column as numbers, and which are present; dates and durations in `unit_days`."""
    values, present = numbers_of(column, series)
    if column.kind in TIMES:
        return values / _ticks_per(column, unit_days), present
    if column.dtype.lower() == "float32" and column.decimals is not None:
        values = np.round(values, column.decimals)  # the decimal numbers that were meant
    return values, present


def _ticks_per(column: Column, unit_days: float) -> float:
    tick_ns = UNIT_NS[time_unit(column.pandas_dtype())] * column.resolution
    return unit_days * COARSEST_NS / tick_ns


def keeps_dates(kind: str, are_dates: Sequence[bool], factor: float = 1.0) -> bool:
    """Return whether a formula of dates has a meaning: a date, or a length of time.

    `are_dates` tells it of the column and of each part. A date plus a length of time is a date; a
    date minus a date is a length of time.
    """
    own, *parts = are_dates
    if not any(are_dates):
        return True
    is_sum, weights = FORMULAS[kind]
    n_dates = sum(weight * is_date for weight, is_date in zip(weights, parts, strict=True))
    return is_sum and n_dates == own and (factor == 1 or not own)


class Formula(Constraint):
    """A column is approximately given by a formula of others; its residual replaces it.

    The column is ``factor * formula + offset``.

    Parameters
    ----------
    column : hashable
        The dependent column: numbers, dates or durations.
    kind : str
        The formula: ``"a"``, ``"a + b"``, ``"a - b"``, ``"a + b + c"``, ``"a + b - c"``,
        ``"a * b"``, ``"a / b"``, ``"a / b ** 2"``, ``"a * b * c"`` or ``"a * b / c"``.
    a, b, c : hashable
        Columns of numbers, dates or durations in it; those that it does not name are None. Dates
        may be in sums only, where they make a date or, as in ``"a - b"``, a length of time.
    factor : float, default=1.0
        Multiplier of the formula.
    offset : float, default=0.0
        Added to it. Minus half a step makes a formula that is rounded down.
    unit_days : float, default=1.0
        Days in one unit of numbers that are lengths of time; 1/24 if they are hours.

    Notes
    -----
    The formula is a description, not a condition: rows may deviate from it and are restored
    exactly. It is rounded to the number of decimals that minimises the entropy of the residuals.
    Where it is undefined, for example because a part is missing, a further column holds the column
    itself, and the residual is drawn from the other rows. If fewer than `min_support` people have
    such rows, the median of the column is used instead (an average of `min_support` values).
    Restored values that deviate from the formula are clipped to the range of the data, whose ends
    are such averages, too.
    """

    schema_: Schema
    low_: float | None
    middle_: float
    high_: float | None
    decimals_: Annotated[int, fields.whole(0, MAX_DECIMALS)] | None
    copy_: Name | None = None

    _later: ClassVar[dict[str, Any]] = {"c": None, "offset": 0.0, "unit_days": 1.0}

    def __init__(
        self,
        column: Name,
        kind: Annotated[str, fields.one_of(*FORMULAS)],
        a: Name,
        b: Name | None = None,
        factor: float = 1.0,
        c: Name | None = None,
        offset: float = 0.0,
        unit_days: float = 1.0,
    ) -> None:
        self.column = column
        self.kind = kind
        self.a = a
        self.b = b
        self.factor = factor
        self.c = c
        self.offset = offset
        self.unit_days = unit_days

    @property
    def uses(self) -> tuple[Hashable, ...]:
        """Columns that the constraint needs."""
        return (self.column, *(part for part in (self.a, self.b, self.c) if part is not None))

    @property
    def makes(self) -> tuple[Hashable, ...]:
        """The copy of the column, if there is one."""
        return () if self.copy_ is None else (self.copy_,)

    def fit(self, frame: pd.DataFrame, support: Support = EVERYTHING) -> Formula:
        """Learn decimals, middle and range; see `Constraint.fit`."""
        self._check_parameters()
        self.schema_ = Schema(same_clock(describe(frame, self.uses, support).columns))
        self._refuse_kinds()
        column = self.schema_.columns[0]
        values, present = numbers_of(column, frame[self.column])
        largest = float(np.abs(values).max(initial=0))
        if column.kind == "integer" and largest > _LARGEST_EXACT:
            raise DataError(
                f"column {self.column!r} holds {largest:.0f}; Formula needs whole numbers up to "
                "2**52 in size: scale the column."
            )
        self.low_, self.middle_, self.high_ = pooled(
            values[present], column.decimals, support.take(present)
        )
        self.middle_ = self.middle_ or 0
        self.decimals_ = column.decimals
        lone = present & self._anchors(frame, None)[1]
        self.copy_ = None
        if lone.any() and support.holds(lone):
            self.copy_ = copy_name(self.column, list(frame.columns))
        if column.decimals:
            choices = range(column.decimals, -1, -1)
            self.decimals_ = min(choices, key=lambda d: self._spread_of_residuals(frame, d))
        return self

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Replace the column by its residual; see `Constraint.apply`."""
        column = self.schema_.columns[0]
        values, present = numbers_of(column, frame[self.column])
        anchors, undefined = self._anchors(frame, self.decimals_)
        residual = self._on_lattice(values - anchors)
        if self.copy_ is not None:
            frame = with_column(frame, self.copy_, frame[self.column])
            residual = drawn_from_others(residual, present & ~undefined, present & undefined)
        series = difference_of(column).restore(residual, present).set_axis(frame.index)
        return with_column(frame, self.column, series)

    def restore(self, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Add the residual to the formula; see `Constraint.restore`."""
        column = self.schema_.columns[0]
        residual, present = numbers_of(difference_of(column), table[self.column])
        anchors, undefined = self._anchors(table, self.decimals_)
        values = self._on_lattice(anchors + residual)
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
        column = difference_of(self.schema_.columns[0])
        return spread(known, mask, column, residuals, rows, self.copy_)

    def _check_parameters(self) -> None:
        n_parts = len(self.uses) - 1
        in_order = (self.b is not None) >= (self.c is not None)
        if self.kind not in FORMULAS or not in_order:
            n_needed = -1
        else:
            n_needed = len(FORMULAS[self.kind].weights)
        if n_parts != n_needed:
            raise ParameterError(
                f"kind={self.kind!r}, b={self.b!r} and c={self.c!r} of Formula do not match; "
                f"kinds are {list(FORMULAS)}: give the columns that the kind names."
            )
        if self.column in self.uses[1:]:
            raise ParameterError(
                f"{self!r} is not allowed: a column cannot depend on itself: give other columns."
            )
        if not (self.unit_days > 0 and np.isfinite(self.unit_days)):
            raise ParameterError(
                f"unit_days={self.unit_days!r} of Formula is not allowed; give days, more than 0."
            )

    def _refuse_kinds(self) -> None:
        for column in self.schema_:
            if column.kind not in ("integer", "continuous", *TIMES):
                raise DataError(
                    f"column {column.name!r} is of kind {column.kind}; Formula needs numbers."
                )
        are_dates = [column.kind == "datetime" for column in self.schema_]
        if not keeps_dates(self.kind, are_dates, self.factor):
            dates = [column.name for column in self.schema_ if column.kind == "datetime"]
            raise DataError(
                f"{self!r} has no meaning for dates ({dates!r}); a sum may give a date, or "
                "'a - b' a length of time: give other columns."
            )

    def _check_learnt(self) -> None:
        self._check_parameters()
        self._refuse_kinds()
        low, high = self.low_, self.high_
        if (low is None) != (high is None) or (low is not None and high is not None and low > high):
            raise ValueError(f"the range {low} to {high} is invalid")

    def _anchors(self, frame: pd.DataFrame, decimals: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the rounded formula, and where it is undefined: there it is the median."""
        own, *parts = self.schema_.columns
        numbers = []
        for column in parts:
            values, present = amounts_of(column, frame[column.name], self.unit_days)
            numbers.append(np.where(present, values, np.nan))
        is_time = own.kind in TIMES
        with np.errstate(all="ignore"):
            anchors = self.factor * FORMULAS[self.kind](numbers) + self.offset
            if is_time:
                anchors = anchors * _ticks_per(own, self.unit_days)
            if decimals is not None:
                anchors = _round(anchors, decimals, up=self.offset != 0)
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
