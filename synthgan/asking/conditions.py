"""Conditions on generated rows; uses columns, encodings and constraints, but no networks."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from synthgan.constraints import ConstraintSet
from synthgan.encoding.tables.column import Column
from synthgan.encoding.tables.grid import GridEncoder
from synthgan.encoding.tables.known import draw_known
from synthgan.encoding.tables.schema import Schema
from synthgan.exceptions import DataError, ParameterError
from synthgan.privacy import EVERYTHING, Support

__all__ = [
    "Conditions",
    "bare_schema",
    "by_column",
    "count_rows",
    "overwrite",
    "required_columns",
]


@dataclass(frozen=True)
class _Fixed:
    """A separate value for each row; no condition where missing."""

    column: Column
    values: pd.Series
    tolerance: float = 1e-6  # of a number

    def met(self, series: pd.Series, rows: np.ndarray) -> np.ndarray:
        """Return which generated values meet the condition of these rows."""
        wanted = self.values.iloc[rows].reset_index(drop=True)
        if self.column.kind == "continuous":
            near = np.isclose(_floats(series), _floats(wanted), rtol=self.tolerance, atol=1e-12)
            return near | wanted.isna().to_numpy()
        same = self.column.levels(series) == self.column.levels(wanted)
        return same | wanted.isna().to_numpy()


@dataclass(frozen=True)
class _Among:
    """One of several values, with the same choice for all rows."""

    column: Column
    allowed: pd.Series

    def met(self, series: pd.Series, rows: np.ndarray) -> np.ndarray:
        """Return which generated values meet the condition of these rows."""
        return (
            pd.Series(self.column.levels(series)).isin(self.column.levels(self.allowed)).to_numpy()
        )


@dataclass(frozen=True)
class _Between:
    """A number, date or duration between two ends, inclusive."""

    column: Column
    ends: pd.Series

    def met(self, series: pd.Series, rows: np.ndarray) -> np.ndarray:
        """Return which generated values meet the condition of these rows."""
        low, high = self.ends
        inside = (series >= low) & (series <= high)
        return inside.fillna(False).to_numpy(dtype=bool)


class Conditions:
    """Conditions of `n` rows.

    Parameters
    ----------
    conditions : None, dict or DataFrame
        As in `TabularGANSynthesizer.sample`.
    columns : dict of Column
        All columns, by name.
    n : int
        Number of rows.
    tolerance : dict of float, default={}
        By column, the allowed relative deviation of a number from the given one.

    Raises
    ------
    DataError
        An unknown column or value.
    ParameterError
        Conditions of an unsupported form.
    """

    def __init__(
        self,
        conditions: Any,
        columns: Mapping[Hashable, Column],
        n: int,
        tolerance: Mapping[Hashable, float] | None = None,
    ) -> None:
        self.n = n
        self._wanted: dict[Hashable, Any] = {}
        if conditions is None:
            return
        if isinstance(conditions, pd.DataFrame):
            conditions = by_column(conditions)
        if not isinstance(conditions, Mapping):
            raise ParameterError(
                f"conditions={conditions!r} are not allowed; give a dict of column to value, "
                "(low, high) or list of values, or a DataFrame with one row for each wanted row."
            )
        for name, value in conditions.items():
            if name not in columns:
                raise DataError(
                    f"conditions name column {name!r}, which the table lacks; its columns are "
                    f"{list(columns)!r}."
                )
            want = _requirement(columns[name], value, n)
            if tolerance and name in tolerance and isinstance(want, _Fixed):
                want = replace(want, tolerance=tolerance[name])
            self._wanted[name] = want

    def __bool__(self) -> bool:
        """Return whether there are any conditions."""
        return bool(self._wanted)

    def __contains__(self, name: Hashable) -> bool:
        """Return whether a column has a condition."""
        return name in self._wanted

    def draw(
        self,
        rows: np.ndarray,
        encoder: GridEncoder,
        constraints: ConstraintSet,
        rng: np.random.Generator,
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Draw the known values of some rows.

        Values from a set or a range are drawn from the learnt marginal distribution of the column.
        For a column that a constraint rewrites nothing is drawn: its condition is checked by `met`.

        Returns
        -------
        known, mask : DataFrames with the columns of `encoder`
            Values, and where they are known.
        """
        names = constraints.columns_
        rewritten = {name for c in constraints.constraints_ for name in c.rewrites}
        blank = pd.Series([None] * len(rows), dtype=object)
        known = pd.DataFrame(dict.fromkeys(names, blank), columns=pd.Index(names))
        mask = pd.DataFrame(False, index=known.index, columns=known.columns)
        for name, want in self._wanted.items():
            if isinstance(want, _Fixed):
                known[name] = want.values.iloc[rows].reset_index(drop=True)
                mask[name] = known[name].notna()
            elif name not in rewritten:
                between = tuple(want.ends) if isinstance(want, _Between) else None
                allowed = None if between else want.allowed
                known[name] = draw_known(encoder, name, len(rows), rng, allowed, between)
                mask[name] = True
        return constraints.translate(known, mask, rng)

    def write(self, frame: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
        """Replace values that match the conditions up to rounding by the exact given values."""
        for name, want in self._wanted.items():
            if isinstance(want, _Fixed) and want.column.kind == "continuous":
                values = want.values.iloc[rows].set_axis(frame.index)
                frame = frame.copy(deep=False)
                frame[name] = frame[name].mask(values.notna(), values)
        return frame

    def met_by(self, frame: pd.DataFrame, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return by column which generated rows meet its condition; `rows` are their numbers."""
        return {repr(name): want.met(frame[name], rows) for name, want in self._wanted.items()}

    def met(self, frame: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
        """Return which generated rows meet all conditions."""
        met = self.met_by(frame, rows).values()
        return np.logical_and.reduce([np.ones(len(frame), dtype=bool), *met])

    @property
    def alike(self) -> np.ndarray:
        """Numbers (n,) that are equal where rows have the same conditions."""
        own = [want.values for want in self._wanted.values() if isinstance(want, _Fixed)]
        alike = np.zeros(self.n, dtype=np.int64)
        for values in own:
            codes = pd.factorize(values)[0]
            alike = pd.factorize(alike * (codes.max(initial=0) + 2) + codes + 1)[0]
        return alike


def by_column(table: pd.DataFrame) -> dict[Hashable, pd.Series]:
    """Return the columns of a table of conditions."""
    doubles = table.columns[table.columns.duplicated()]
    if len(doubles):
        raise ParameterError(f"conditions have column {doubles[0]!r} more than once; give it once.")
    return {name: table[name].reset_index(drop=True) for name in table}


def bare_schema(frame: pd.DataFrame, support: Support = EVERYTHING) -> Schema:
    """Describe the columns of a table without their values."""
    return Schema(
        tuple(
            replace(column, minimum=None, maximum=None, categories=None)
            for column in Schema.infer(frame, support)
        )
    )


def required_columns(constraints: ConstraintSet, columns: Iterable[Hashable]) -> set[Hashable]:
    """Return all columns that must be known if `columns` are to be known."""
    needed = set(columns)
    for constraint in constraints.constraints_:
        if needed & set(constraint.uses):
            needed |= {*constraint.uses, *constraint.makes}
    return needed


def count_rows(n: int | None, conditions: Any) -> int:
    """Determine the number of rows to generate."""
    asked = len(conditions) if isinstance(conditions, pd.DataFrame) else None
    if n is None:
        return 1 if asked is None else asked
    if isinstance(n, bool) or not isinstance(n, Integral) or n < 0:
        raise ParameterError(f"n={n!r} is not allowed; give a number of rows, 0 or more.")
    if asked is not None and n != asked:
        raise ParameterError(
            f"n={n!r} does not match the conditions of {asked} rows; each gives one row: leave n "
            "out."
        )
    return int(n)


def overwrite(
    table: pd.DataFrame, known: pd.DataFrame, mask: pd.DataFrame, given: set[Any]
) -> pd.DataFrame:
    """Replace generated values by the exact values that the generator was given."""
    given_rows = {name: mask[name].to_numpy(dtype=bool) for name in mask if name in given}
    table = table.copy(deep=False)
    for name, rows in given_rows.items():
        if rows.any():
            values = known[name].set_axis(table.index)
            table[name] = table[name].mask(rows, values).astype(table[name].dtype)
    return table


def _requirement(column: Column, value: Any, n: int) -> Any:
    """Read the condition of one column."""
    name = column.name
    if isinstance(value, tuple):
        if len(value) != 2 or not column.numeric:
            raise ParameterError(
                f"conditions give {value!r} for column {name!r}; a pair (low, high) of numbers, "
                "dates or durations is a range, a list holds single values."
            )
        ends = column.read(pd.Series(list(value), dtype=object))
        if ends.isna().any() or not ends.iloc[0] <= ends.iloc[1]:
            raise ParameterError(
                f"conditions give {value!r} for column {name!r}; give two ends, low <= high."
            )
        return _Between(column, ends)
    if isinstance(value, list | set | frozenset | np.ndarray):
        if not len(value):
            raise ParameterError(
                f"conditions give no values for column {name!r}; give at least one."
            )
        return _Among(column, column.read(pd.Series(list(value), dtype=object)))
    if isinstance(value, pd.Series):
        if len(value) != n:
            raise ParameterError(
                f"conditions give {len(value)} values for column {name!r}; give one for each of "
                f"{n} rows."
            )
        return _Fixed(column, column.read(value))
    if isinstance(value, Mapping | complex) or not pd.api.types.is_scalar(value):
        raise ParameterError(
            f"conditions give {value!r} for column {name!r}; give a value, a pair (low, high), or "
            "a list of values."
        )
    if value is None or pd.isna(value):
        raise ParameterError(
            f"conditions give a missing value for column {name!r}; leave the column out if it has "
            "no condition."
        )
    return _Fixed(column, column.read(pd.Series([value] * n, dtype=object)))


def _floats(series: pd.Series) -> np.ndarray:
    return series.to_numpy(dtype=np.float64, na_value=np.nan)
