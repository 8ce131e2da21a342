"""Constraints on rows, as reversible transformations of a table; independent of grids.

A constraint is fitted to the original table. `apply` transforms a table; `restore` maps any
transformed table to one in which the constraint holds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from synthgan.encoding.tables.column import Column
from synthgan.encoding.tables.schema import Schema
from synthgan.exceptions import ArchiveError, DataError, ParameterError
from synthgan.privacy import EVERYTHING, Support
from synthgan.state import fields
from synthgan.state.stored import Name, checks_of, to_plain

__all__ = ["Constraint", "ConstraintOfTwo", "Predicate", "Range"]

Bound = Annotated[Any, fields.optional(fields.short)]
Translated = tuple[pd.DataFrame, pd.DataFrame]


class Constraint(BaseEstimator):
    """Base class of constraints; it has no condition and changes no column.

    `fit` stores plain data in attributes that end in ``_``; ``schema_`` describes the columns that
    `restore` builds. Annotations of parameters and of these attributes are their checks in an
    archive, see `checks_of`. Archives may lack the parameters in `_later`, and attributes to which
    the class gives a value: earlier versions had neither.
    """

    _later: ClassVar[dict[str, Any]] = {}
    # 0, 1 or 2: a constraint sees columns as those of earlier stages leave them.
    stage: ClassVar[int] = 1

    @property
    def uses(self) -> tuple[Hashable, ...]:
        """Columns that the constraint needs."""
        return self.rewrites

    @property
    def rewrites(self) -> tuple[Hashable, ...]:
        """Columns that `apply` replaces or drops, or that `restore` changes."""
        return (self.column,) if hasattr(self, "column") else ()

    @property
    def makes(self) -> tuple[Hashable, ...]:
        """Columns that a fitted constraint adds in `apply` and drops in `restore`."""
        return ()

    def fit(self, frame: pd.DataFrame, support: Support = EVERYTHING) -> Constraint:
        """Learn from the original table.

        Parameters
        ----------
        frame : DataFrame
        support : Support, default=EVERYTHING
            Values that fewer people share are not stored.

        Raises
        ------
        DataError
            Rows violate the constraint, or a column has the wrong kind.
        """
        return self

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Transform a table of original columns."""
        return frame

    def restore(self, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Restore the original columns from any values of `table`; inverse of `apply`."""
        return table

    def holds(self, frame: pd.DataFrame) -> np.ndarray:
        """Return which rows satisfy the constraint, of shape (n_rows,); True if not applicable."""
        return np.ones(len(frame), dtype=bool)

    def translate(
        self, known: pd.DataFrame, mask: pd.DataFrame, rng: np.random.Generator
    ) -> Translated:
        """Map known cells of the original columns to the transformed columns.

        Parameters
        ----------
        known : DataFrame
            Known values; other cells are ignored.
        mask : DataFrame of bool, of the same shape
            True where known.
        rng : Generator
            For cells that have to be drawn.

        Returns
        -------
        known, mask : DataFrames of the transformed columns
            A transformed cell is known if known cells determine it.

        Raises
        ------
        DataError
            Known cells that violate the constraint.
        """
        return known, mask

    def to_dict(self) -> dict[str, Any]:
        """Return parameters and fitted attributes as JSON-ready plain data."""
        learnt = {name: to_plain(x) for name, x in vars(self).items() if name.endswith("_")}
        parameters = {name: _plain(value) for name, value in self.get_params(deep=False).items()}
        return {"name": type(self).__name__, "parameters": parameters, "learnt": learnt}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Constraint:
        """Build a fitted constraint from the output of `to_dict`.

        Raises
        ------
        ArchiveError
            An invalid or inconsistent record.
        """
        what = f"constraint {cls.__name__}"
        read = fields.read_fields(
            record, what, name=fields.text, parameters=fields.plain, learnt=fields.plain
        )
        allowed = checks_of(cls.__init__)
        parameters = fields.read_fields(_with(cls._later, read["parameters"]), what, **allowed)
        checks = {name: c for name, c in checks_of(cls).items() if name.endswith("_")}
        newer = {name: getattr(cls, name) for name in checks if hasattr(cls, name)}
        learnt = fields.read_fields(_with(newer, read["learnt"]), what, **checks)
        constraint = cls(**parameters)
        for name, value in learnt.items():
            setattr(constraint, name, value)
        if "schema_" in learnt and tuple(learnt["schema_"].names) != tuple(constraint.uses):
            raise ArchiveError(f"{what} has a schema that does not match its columns")
        try:
            constraint._check_learnt()
        except (TypeError, ValueError, OverflowError) as error:
            raise ArchiveError(f"{what} is inconsistent: {error}") from error
        return constraint

    def _check_learnt(self) -> None:
        """Raise ValueError if attributes from an archive are inconsistent."""


class ConstraintOfTwo(Constraint):
    """Base class of constraints of a column and another one, `of`, on which it depends."""

    def __init__(self, column: Name, of: Name) -> None:
        self.column = column
        self.of = of

    @property
    def uses(self) -> tuple[Hashable, ...]:
        """Columns that the constraint needs."""
        return (self.column, self.of)

    def _describe(self, frame: pd.DataFrame, support: Support) -> Schema:
        """Describe both columns; raise ParameterError if they are the same."""
        if self.column == self.of:
            raise ParameterError(f"{self!r} is not allowed; give two different columns.")
        return describe(frame, self.uses, support)


def _with(defaults: dict[str, Any], record: Any) -> Any:
    return {**defaults, **record} if isinstance(record, dict) else record


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic) and value.dtype.kind not in "mM":
        return value.item()
    if isinstance(value, list | tuple | np.ndarray | pd.Index):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)  # dates and durations, which `Range` parses


def describe(
    frame: pd.DataFrame, names: Sequence[Hashable], support: Support = EVERYTHING
) -> Schema:
    """Describe columns without ranges, and without categories that few people share."""
    columns = []
    for name in names:
        column = replace(Column.infer(frame[name], support), minimum=None, maximum=None)
        if column.categories is not None and support.least > 1:
            counts = support.of_labels(frame[name])
            common = tuple(c for c in column.categories if counts.get(c, 0) >= support.least)
            column = replace(column, categories=common)
        columns.append(column)
    return Schema(tuple(columns))


def require_numbers(columns: Iterable[Column], owner: Constraint, also: Sequence[str] = ()) -> None:
    """Raise DataError if a column is neither of numbers nor of a kind in `also`."""
    for column in columns:
        if column.kind not in ("integer", "continuous", *also):
            raise DataError(
                f"column {column.name!r} is of kind {column.kind}; {type(owner).__name__} needs "
                "numbers."
            )


def unused_name(wanted: str, names: Collection[Hashable]) -> str:
    """Return a name for a further column: the wanted one, with primes if it is taken."""
    while wanted in names:
        wanted += "'"
    return wanted


def numbers_of(column: Column, series: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of a column, of any dtype, and which are present."""
    if str(series.dtype) != column.dtype:
        if column.kind in ("datetime", "timedelta"):
            series = series.astype(column.pandas_dtype())
        elif series.dtype == object:
            series = pd.to_numeric(series)
    return column.numbers(series)


def plain_values(column: Column, series: pd.Series) -> list[Any]:
    """Return the values of a column as plain data, None where missing."""
    if not column.numeric:
        # Most levels are text, of which there may be millions.
        return [v if type(v) is str else _plain(v) for v in column.levels(series)]
    values, present = numbers_of(column, series)
    objects = values.astype(object)
    objects[~present] = None
    return objects.tolist()


def from_plain(column: Column, values: Sequence[Any], index: pd.Index) -> pd.Series:
    """Build a column from plain data; inverse of `plain_values`."""
    present = np.array([value is not None for value in values], dtype=bool)
    objects = np.empty(len(values), dtype=object)
    objects[:] = values
    if column.numeric:
        objects[~present] = 0
        objects = objects.astype(np.float64 if column.kind == "continuous" else np.int64)
    return column.restore(objects, present).set_axis(index)


def with_column(frame: pd.DataFrame, name: Hashable, series: Any) -> pd.DataFrame:
    """Return a copy of the table with a column set."""
    frame = frame.copy(deep=False)
    frame[name] = series
    return frame


def without_columns(frame: pd.DataFrame, names: Sequence[Hashable]) -> pd.DataFrame:
    """Return a copy of the table without some columns."""
    return frame[[name for name in frame.columns if name not in set(names)]]


class Range(Constraint):
    """A column lies within bounds; generated values outside are clipped.

    Parameters
    ----------
    column : hashable
        Numbers, dates or durations.
    low, high : number, date, duration or str, default=None
        Smallest and largest value allowed; None: no bound.
    """

    def __init__(self, column: Name, low: Bound = None, high: Bound = None) -> None:
        self.column = column
        self.low = low
        self.high = high

    def fit(self, frame: pd.DataFrame, support: Support = EVERYTHING) -> Range:
        """Check the data; see `Constraint.fit`."""
        column = describe(frame, [self.column]).columns[0]
        for name in ("low", "high"):
            bound = getattr(self, name)
            if isinstance(bound, str) and len(bound) > fields.LONGEST_SHORT:
                raise ParameterError(
                    f"{name}={fields.brief(bound)} of Range({self.column!r}) has {len(bound)} "
                    f"characters; {fields.LONGEST_SHORT} are allowed: give a date or a duration."
                )
        if not column.numeric:
            raise DataError(
                f"column {self.column!r} is of kind {column.kind}; Range needs numbers, dates or "
                "durations."
            )
        low, high = self._bounds(frame[self.column])
        if low is not None and high is not None and low > high:
            raise ParameterError(
                f"low={self.low!r} and high={self.high!r} of Range({self.column!r}) leave no "
                "value; low <= high is needed."
            )
        self._refuse_outside(frame[self.column], "the data")
        return self

    def restore(self, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Clip values to the bounds; see `Constraint.restore`."""
        series = table[self.column]
        low, high = self._bounds(series)
        if low is not None and (below := _are(series < low)).any():
            series = series.mask(below, low).astype(series.dtype)
        if high is not None and (above := _are(series > high)).any():
            series = series.mask(above, high).astype(series.dtype)
        return with_column(table, self.column, series)

    def holds(self, frame: pd.DataFrame) -> np.ndarray:
        """Return which rows lie within the bounds; see `Constraint.holds`."""
        series = frame[self.column]
        low, high = self._bounds(series)
        inside = np.ones(len(frame), dtype=bool)
        if low is not None:
            inside &= ~_are(series < low)
        if high is not None:
            inside &= ~_are(series > high)
        return inside

    def translate(
        self, known: pd.DataFrame, mask: pd.DataFrame, rng: np.random.Generator
    ) -> Translated:
        """Refuse known values outside the bounds; see `Constraint.translate`."""
        is_known = mask[self.column].to_numpy(dtype=bool)
        self._refuse_outside(known[self.column][is_known].infer_objects(), "the conditions")
        return known, mask

    def _refuse_outside(self, series: pd.Series, where: str) -> None:
        n_outside = int((~self.holds(series.to_frame(self.column))).sum())
        if n_outside:
            raise DataError(
                f"column {self.column!r} has {n_outside} row(s) outside Range(low={self.low!r}, "
                f"high={self.high!r}) in {where}; correct them or widen the range."
            )

    def _bounds(self, series: pd.Series) -> tuple[Any, Any]:
        low, high = (_bound(bound, series.dtype) for bound in (self.low, self.high))
        # Integers cannot represent infinite bounds.
        low, high = None if low == -np.inf else low, None if high == np.inf else high
        if pd.api.types.is_integer_dtype(series.dtype):
            low = None if low is None else int(np.ceil(low))
            high = None if high is None else int(np.floor(high))
        elif str(series.dtype).lower().startswith("float32"):
            # The nearest float32 may lie outside the bound.
            low, high = _single(low, -np.inf), _single(high, np.inf)
        return low, high


def _are(flags: pd.Series) -> np.ndarray:
    return flags.fillna(False).to_numpy(dtype=bool)


def _bound(bound: Any, dtype: Any) -> Any:
    if bound is None or dtype.kind not in "mM":
        return bound
    if dtype.kind == "m":
        return pd.Timedelta(bound)
    date = pd.Timestamp(bound)
    zone = getattr(dtype, "tz", None)
    return date.tz_localize(zone) if zone is not None and date.tz is None else date


def _single(bound: Any, outwards: float) -> Any:
    if bound is None:
        return None
    nearest = np.float32(bound)
    is_beyond = nearest > bound if outwards > 0 else nearest < bound
    return np.nextafter(nearest, np.float32(-outwards)) if is_beyond else nearest


class Predicate(Constraint):
    """A user-defined condition that every row satisfies.

    It changes no column: rows that violate it are found with `holds` and drawn again.

    Parameters
    ----------
    function : callable
        ``function(frame)`` returns one boolean per row.
    columns : list of hashable, default=None
        Columns of the frame; None: all.
    """

    def __init__(
        self, function: Callable[[pd.DataFrame], Any], columns: Sequence[Hashable] | None = None
    ) -> None:
        self.function = function
        self.columns = columns

    @property
    def uses(self) -> tuple[Hashable, ...]:
        """Columns that the constraint needs."""
        return tuple(self.columns or ())

    def fit(self, frame: pd.DataFrame, support: Support = EVERYTHING) -> Predicate:
        """Check the data; see `Constraint.fit`."""
        if not callable(self.function):
            raise ParameterError(
                f"function={self.function!r} of Predicate is not allowed; give one that maps a "
                "DataFrame to a boolean per row."
            )
        n_broken = int((~self.holds(frame)).sum())
        if n_broken:
            raise DataError(
                f"{n_broken} of {len(frame)} row(s) violate {self!r}; every row of the training "
                "data must satisfy it: correct the rows or leave it out."
            )
        return self

    def holds(self, frame: pd.DataFrame) -> np.ndarray:
        """Apply the function; see `Constraint.holds`."""
        asked = frame if self.columns is None else frame[list(self.columns)]
        satisfied = np.asarray(self.function(asked))
        if satisfied.shape != (len(frame),):
            raise DataError(
                f"{self!r} returned shape {satisfied.shape}; one boolean per row, "
                f"({len(frame)},), is needed."
            )
        return satisfied.astype(bool)

    def to_dict(self) -> dict[str, Any]:
        """Raise an error: a function is code."""
        raise ArchiveError(
            f"{self!r} holds a function, which is code and cannot be saved; leave the Predicate "
            "out, or keep the model in memory."
        )

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Predicate:
        """Raise an error: archives contain no code."""
        raise ArchiveError("a Predicate needs a function, which archives cannot hold")
