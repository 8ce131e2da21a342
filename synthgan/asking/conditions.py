"""What users ask of generated rows; knows columns, encodings and constraints, no networks."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from synthgan.constraints import ConstraintSet
from synthgan.encoding.tables.column import Column
from synthgan.encoding.tables.grid import ROWS_AT_A_TIME, GridEncoder
from synthgan.encoding.tables.known import draw_known
from synthgan.encoding.tables.schema import Schema
from synthgan.exceptions import DataError, ParameterError, SamplingError
from synthgan.privacy import EVERYTHING, Support

__all__ = [
    "Conditions",
    "bare_schema",
    "by_column",
    "carriers",
    "count_rows",
    "draw_until_met",
    "overwrite",
]

_ROUNDS = 20
# Makes records of these numbers; returns which are as wanted, and how to take some by place.
Draw = Callable[[np.ndarray], tuple[np.ndarray, Callable[[np.ndarray], Any]]]


@dataclass(frozen=True)
class _Fixed:
    """A value of its own for each row; free where missing."""

    column: Column
    values: pd.Series
    tolerance: float = 1e-6  # of a number

    def met(self, series: pd.Series, rows: np.ndarray) -> np.ndarray:
        """Tell which generated values are as asked for these rows."""
        wanted = self.values.iloc[rows].reset_index(drop=True)
        if self.column.kind == "continuous":
            near = np.isclose(_floats(series), _floats(wanted), rtol=self.tolerance, atol=1e-12)
            return near | wanted.isna().to_numpy()
        same = self.column.levels(series) == self.column.levels(wanted)
        return same | wanted.isna().to_numpy()


@dataclass(frozen=True)
class _Among:
    """One of several values, the same choice for all rows."""

    column: Column
    allowed: pd.Series

    def met(self, series: pd.Series, rows: np.ndarray) -> np.ndarray:
        """Tell which generated values are as asked for these rows."""
        return (
            pd.Series(self.column.levels(series)).isin(self.column.levels(self.allowed)).to_numpy()
        )


@dataclass(frozen=True)
class _Between:
    """A number, date or duration between two ends, inclusive."""

    column: Column
    ends: pd.Series

    def met(self, series: pd.Series, rows: np.ndarray) -> np.ndarray:
        """Tell which generated values are as asked for these rows."""
        low, high = self.ends
        inside = (series >= low) & (series <= high)
        return inside.fillna(False).to_numpy(dtype=bool)


class Conditions:
    """What each of `n` rows must satisfy.

    Parameters
    ----------
    conditions : None, dict or DataFrame
        As in `TabularGANSynthesizer.sample`.
    columns : dict of Column
        All columns, by name.
    n : int
        Number of rows.
    tolerance : dict of float, default={}
        By column, how far a number may be from the one that is asked, as a share of it.

    Raises
    ------
    DataError
        A column or value that is not known.
    ParameterError
        Conditions of another form.
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
        """Tell whether anything is asked."""
        return bool(self._wanted)

    def __contains__(self, name: Hashable) -> bool:
        """Tell whether anything is asked of a column."""
        return name in self._wanted

    def __str__(self) -> str:
        """Name the columns."""
        return ", ".join(repr(name) for name in self._wanted)

    def draw(
        self,
        rows: np.ndarray,
        encoder: GridEncoder,
        constraints: ConstraintSet,
        rng: np.random.Generator,
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Settle what is known of some rows.

        Values of a set or a range are drawn from what was learnt of their column. Those of a column
        that a constraint rewrites stay open: only `met` can tell.

        Returns
        -------
        known, mask : DataFrames of the columns that `encoder` learnt
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
        """Put the very values that are asked into rows that hold them up to rounding."""
        for name, want in self._wanted.items():
            if isinstance(want, _Fixed) and want.column.kind == "continuous":
                values = want.values.iloc[rows].set_axis(frame.index)
                frame = frame.copy(deep=False)
                frame[name] = frame[name].mask(values.notna(), values)
        return frame

    def met(self, frame: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
        """Tell which generated rows are as asked; `rows` are their numbers among all."""
        met = np.ones(len(frame), dtype=bool)
        for name, want in self._wanted.items():
            met &= want.met(frame[name], rows)
        return met


def draw_until_met(
    n: int, draw: Draw, what: str, most_tries: int, most_times: int, advice: str
) -> list[tuple[np.ndarray, Any]]:
    """Draw records until every one is as wanted.

    Parameters
    ----------
    n : int
    draw : callable
        See `Draw`.
    what : str
        What is asked, for the message.
    most_tries, most_times : int
        Where some are missing, about so many are drawn in a round, so often each at most.
    advice : str
        What to do where it fails.

    Returns
    -------
    pieces : list of (ndarray of int, as `draw` takes them)
        Numbers of records, and these records.

    Raises
    ------
    SamplingError
        Some are still missing after 20 rounds.
    """
    left, pieces, n_tries = np.arange(n), [], 0
    for round_ in range(_ROUNDS):
        times = 1 if not round_ else int(np.clip(most_tries // len(left), 1, most_times))
        made = []
        for lot in np.array_split(left, max(1, len(left) * times // ROWS_AT_A_TIME)):
            rows = np.repeat(lot, times)
            good, take = draw(rows)
            n_tries += len(rows)
            rows, first = np.unique(rows[good], return_index=True)
            pieces.append((rows, take(np.flatnonzero(good)[first])))
            made.append(rows)
        left = np.setdiff1d(left, np.concatenate(made))
        if not len(left):
            return pieces
    n_made = n - len(left)
    raise SamplingError(
        f"{n_made} of {n} rows were made in {n_tries} tries, {n_made / n_tries:.2g} of them: "
        f"what is asked ({what}) is rare. {advice}"
    )


def by_column(table: pd.DataFrame) -> dict[Hashable, pd.Series]:
    """Return the columns of a table of conditions."""
    doubles = table.columns[table.columns.duplicated()]
    if len(doubles):
        raise ParameterError(f"conditions have column {doubles[0]!r} more than once; give it once.")
    return {name: table[name].reset_index(drop=True) for name in table}


def bare_schema(frame: pd.DataFrame, support: Support = EVERYTHING) -> Schema:
    """Describe the columns of a table without any of their values."""
    return Schema(
        tuple(
            replace(column, minimum=None, maximum=None, categories=None)
            for column in Schema.infer(frame, support)
        )
    )


def carriers(constraints: ConstraintSet, columns: Iterable[Hashable]) -> set[Hashable]:
    """Return all columns that must be known, so that those of `columns` can be."""
    needed = set(columns)
    for constraint in constraints.constraints_:
        if needed & set(constraint.uses):
            needed |= set(constraint.uses)
    return needed


def count_rows(n: int | None, conditions: Any) -> int:
    """Settle how many rows are asked."""
    asked = len(conditions) if isinstance(conditions, pd.DataFrame) else None
    if n is None:
        return 1 if asked is None else asked
    if isinstance(n, bool) or not isinstance(n, Integral) or n < 0:
        raise ParameterError(f"n={n!r} is not allowed; give a number of rows, 0 or more.")
    if asked is not None and n != asked:
        raise ParameterError(
            f"n={n!r} does not fit conditions of {asked} rows; each makes one row: leave n out."
        )
    return int(n)


def overwrite(
    table: pd.DataFrame, known: pd.DataFrame, mask: pd.DataFrame, given: set[Any]
) -> pd.DataFrame:
    """Put the values that the generator was told into the rows it made, free of rounding."""
    told = {name: mask[name].to_numpy(dtype=bool) for name in mask if name in given}
    table = table.copy(deep=False)
    for name, rows in told.items():
        if rows.any():
            values = known[name].set_axis(table.index)
            table[name] = table[name].mask(rows, values).astype(table[name].dtype)
    return table


def _requirement(column: Column, value: Any, n: int) -> Any:
    """Read what is asked of one column."""
    name = column.name
    if isinstance(value, tuple):
        if len(value) != 2 or not column.numeric:
            raise ParameterError(
                f"conditions ask {value!r} of column {name!r}; a pair (low, high) of numbers, "
                "dates or durations is a range, a list holds single values."
            )
        ends = column.read(pd.Series(list(value), dtype=object))
        if ends.isna().any() or not ends.iloc[0] <= ends.iloc[1]:
            raise ParameterError(
                f"conditions ask {value!r} of column {name!r}; give two ends, low <= high."
            )
        return _Between(column, ends)
    if isinstance(value, list | set | frozenset | np.ndarray):
        if not len(value):
            raise ParameterError(f"conditions allow column {name!r} no value; give one at least.")
        return _Among(column, column.read(pd.Series(list(value), dtype=object)))
    if isinstance(value, pd.Series):
        if len(value) != n:
            raise ParameterError(
                f"conditions give {len(value)} values of column {name!r}; give one for each of {n}."
            )
        return _Fixed(column, column.read(value))
    if isinstance(value, Mapping | complex) or not pd.api.types.is_scalar(value):
        raise ParameterError(
            f"conditions ask {value!r} of column {name!r}; give a value, a pair (low, high), or a "
            "list of values."
        )
    if value is None or pd.isna(value):
        raise ParameterError(
            f"conditions ask a missing value of column {name!r}; leave it out to let it be free."
        )
    return _Fixed(column, column.read(pd.Series([value] * n, dtype=object)))


def _floats(series: pd.Series) -> np.ndarray:
    return series.to_numpy(dtype=np.float64, na_value=np.nan)
