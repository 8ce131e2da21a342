"""Formula constraints: a column is replaced by its residual from a formula of others."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Annotated, Any

import numpy as np
import pandas as pd

from synthgan.constraints.base import Constraint, Translated, describe, numbers_of, with_column
from synthgan.constraints.differences import difference_of, pooled, spread
from synthgan.encoding.tables.dtypes import MAX_DECIMALS
from synthgan.encoding.tables.schema import Schema
from synthgan.exceptions import DataError, ParameterError
from synthgan.privacy import EVERYTHING, Support
from synthgan.state import fields
from synthgan.state.stored import Name

__all__ = ["Formula"]

_LARGEST_EXACT = 2.0**52  # integers up to here are exact floats, and so are their halves

FORMULAS: dict[str, Callable[[Any, Any], Any]] = {
    "a": lambda a, b: a,
    "a + b": lambda a, b: a + b,
    "a - b": lambda a, b: a - b,
    "a * b": lambda a, b: a * b,
    "a / b": lambda a, b: a / b,
}


class Formula(Constraint):
    """A column is approximately ``factor`` times a formula of others; its residual replaces it.

    Parameters
    ----------
    column : hashable
        The dependent column of numbers.
    kind : {"a", "a + b", "a - b", "a * b", "a / b"}
        The formula.
    a, b : hashable
        Columns of numbers in it; `b` is None for ``"a"``.
    factor : float, default=1.0
        Multiplier of the formula.

    Notes
    -----
    The formula is a description, not a condition: rows may deviate from it and are restored
    exactly. It is rounded to the number of decimals that minimises the entropy of the residuals.
    Where it is undefined, the median of the column is used (an average of `min_support` values).
    Restored values are clipped to the range of the data, whose ends are such averages, too.
    """

    schema_: Schema
    low_: float | None
    middle_: float
    high_: float | None
    decimals_: Annotated[int, fields.whole(0, MAX_DECIMALS)] | None

    def __init__(
        self,
        column: Name,
        kind: Annotated[str, fields.one_of(*FORMULAS)],
        a: Name,
        b: Name | None = None,
        factor: float = 1.0,
    ) -> None:
        self.column = column
        self.kind = kind
        self.a = a
        self.b = b
        self.factor = factor

    @property
    def uses(self) -> tuple[Hashable, ...]:
        """Columns that the constraint needs."""
        return (self.column, self.a) if self.b is None else (self.column, self.a, self.b)

    def fit(self, frame: pd.DataFrame, support: Support = EVERYTHING) -> Formula:
        """Learn decimals, middle and range; see `Constraint.fit`."""
        self._check_parameters()
        self.schema_ = describe(frame, self.uses, support)
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
        if column.decimals:
            choices = range(column.decimals, -1, -1)
            self.decimals_ = min(choices, key=lambda d: self._spread_of_residuals(frame, d))
        return self

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Replace the column by its residual; see `Constraint.apply`."""
        column = self.schema_.columns[0]
        values, present = numbers_of(column, frame[self.column])
        residual = self._on_lattice(values - self._anchors(frame, self.decimals_))
        series = difference_of(column).restore(residual, present).set_axis(frame.index)
        return with_column(frame, self.column, series)

    def restore(self, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Add the residual to the formula; see `Constraint.restore`."""
        column = self.schema_.columns[0]
        residual, present = numbers_of(difference_of(column), table[self.column])
        values = self._on_lattice(self._anchors(table, self.decimals_) + residual)
        if self.low_ is not None:
            values = np.clip(values, self.low_, self.high_)
        elif column.kind == "integer":
            values = np.clip(
                values, 0, np.iinfo(np.int8).max
            )  # no value is known: use a range that fits every dtype
        series = column.restore(values, present).set_axis(table.index)
        return with_column(table, self.column, series)

    def translate(
        self, known: pd.DataFrame, mask: pd.DataFrame, rng: np.random.Generator
    ) -> Translated:
        """Compute the residual where all columns are known; see `Constraint.translate`."""
        names = list(self.uses)
        rows = np.asarray(mask[names].to_numpy(dtype=bool).all(axis=1))
        residuals = self.apply(known[names][rows])[self.column]
        return spread(known, mask, difference_of(self.schema_.columns[0]), residuals, rows)

    def _check_parameters(self) -> None:
        if self.kind not in FORMULAS or (self.kind == "a") != (self.b is None):
            raise ParameterError(
                f"kind={self.kind!r} and b={self.b!r} of Formula do not match; "
                f"kinds are {list(FORMULAS)}, and all except 'a' need b."
            )
        if self.column in self.uses[1:]:
            raise ParameterError(
                f"{self!r} is not allowed: a column cannot depend on itself: give other columns."
            )

    def _refuse_kinds(self) -> None:
        for column in self.schema_:
            if column.kind not in ("integer", "continuous"):
                raise DataError(
                    f"column {column.name!r} is of kind {column.kind}; Formula needs numbers."
                )

    def _check_learnt(self) -> None:
        self._check_parameters()
        self._refuse_kinds()
        low, high = self.low_, self.high_
        if (low is None) != (high is None) or (low is not None and high is not None and low > high):
            raise ValueError(f"the range {low} to {high} is invalid")

    def _anchors(self, frame: pd.DataFrame, decimals: int | None) -> np.ndarray:
        """Return the rounded formula, or the median of the column where it is undefined."""
        numbers = []
        for column in self.schema_.columns[1:]:
            values, present = numbers_of(column, frame[column.name])
            numbers.append(np.where(present, values, np.nan))
        with np.errstate(all="ignore"):
            anchors = self.factor * FORMULAS[self.kind](numbers[0], numbers[-1])
            if decimals is not None:
                anchors = np.round(anchors, decimals)
        # A number so large that the residual would lose decimals counts as undefined, too.
        largest = _LARGEST_EXACT / 10.0 ** (self.schema_.columns[0].decimals or 0)
        return np.where(np.abs(anchors) <= largest, anchors, self.middle_)

    def _on_lattice(self, values: np.ndarray) -> np.ndarray:
        decimals = self.schema_.columns[0].decimals
        values = values if decimals is None else np.round(values, decimals)
        return values.astype(np.int64) if self.schema_.columns[0].kind == "integer" else values

    def _spread_of_residuals(self, frame: pd.DataFrame, decimals: int) -> float:
        """Return the entropy of the residuals when the formula is rounded to some decimals."""
        column = self.schema_.columns[0]
        values, present = numbers_of(column, frame[self.column])
        residual = self._on_lattice(values - self._anchors(frame, decimals))[present]
        shares = np.unique(residual, return_counts=True)[1] / max(len(residual), 1)
        return float(-(shares * np.log(shares)).sum())
