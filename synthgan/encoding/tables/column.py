"""The schema of one column: its kind, dtype and range."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pandas.api import types

from synthgan.encoding.tables.dtypes import (
    COARSEST_NS,
    LARGEST_NUMBER,
    MAX_DECIMALS,
    UNIT_NS,
    from_wall_clock,
    kind_of,
    raw_numbers,
    shift,
    ticks_of,
    time_unit,
    zone_of,
)
from synthgan.encoding.tables.facts import Facts
from synthgan.exceptions import ArchiveError, DataError
from synthgan.privacy import EVERYTHING, Support
from synthgan.records.columns import plain_column
from synthgan.state import fields
from synthgan.state.stored import Name, Scalar, Share, Stored

__all__ = ["LARGEST_NUMBER", "LEVEL_KINDS", "NUMERIC_KINDS", "Column"]

_MOST_SIGNED = 2**63 - 1
LARGEST_INTEGER = np.nextafter(2.0**63, 0)  # that a float and 64 bits can hold
_LONGEST_DTYPE = 200  # characters
# Kinds of the dtypes that may be of several.
_MAY_BE = {"object": ("string", "boolean"), "category": ("category", "string")}

NUMERIC_KINDS = ("continuous", "integer", "datetime", "timedelta")
LEVEL_KINDS = ("boolean", "category", "string")


@dataclass(frozen=True)
class Column(Stored):
    """One column of a table, as plain data.

    Parameters
    ----------
    name : hashable
        Its name.
    kind : {"continuous", "integer", "boolean", "category", "string", "datetime", "timedelta"}
        Kind of its values.
    dtype : str
        The pandas dtype, as pandas spells it.
    categories : tuple or None
        All levels of a ``category`` dtype, in order, also those that no row has. In the schema of
        an encoder that pools rare values, those that are stored.
    categories_dtype : str or None
        The dtype of those levels.
    ordered : bool
        Whether a ``category`` dtype is ordered.
    decimals : int or None
        Decimals that hold every value of a continuous column; None when more than
        12 are needed.
    resolution : int
        Dates and durations are multiples of this many of their dtype's units.
    missing : float
        Share of missing values, 0..1.
    wall_clock : bool
        Dates with a time zone: whether they are counted in local time, because all are midnights
        or at some hours more often than at others there, rather than in UTC.
    minimum, maximum : float, int or None
        Range of the values as numbers (dates: multiples of `resolution` since 1970). In the schema
        of an encoder that pools rare values, the range of the stored values.
    shifted : bool
        Unsigned integers above 2**63 - 1: whether the numbers are 2**63 less than the values.
    """

    name: Name
    kind: Annotated[str, fields.one_of(*NUMERIC_KINDS, *LEVEL_KINDS)]
    dtype: str
    categories: tuple[Scalar, ...] | None = None
    categories_dtype: str | None = None
    ordered: bool = False
    decimals: Annotated[int, fields.whole(0, MAX_DECIMALS)] | None = None
    resolution: Annotated[int, fields.whole(1, COARSEST_NS)] = 1
    wall_clock: bool = False
    missing: Share = 0.0
    minimum: float | None = None
    maximum: float | None = None
    shifted: bool = field(default=False, metadata={"sparse": True})

    @classmethod
    def infer(cls, series: pd.Series, support: Support = EVERYTHING) -> Column:
        """Describe a column of a table.

        Parameters
        ----------
        series : Series
            The values.
        support : Support, default=EVERYTHING
            Decimals, resolution and missing values that too few people have are ignored.

        Raises
        ------
        DataError
            Infinite values, values of several types, or a dtype that has no encoding.
        """
        return cls.of(Facts.of(series, support), support.least)

    @classmethod
    def of(cls, facts: Facts, least: int = 1, may_be_local: bool = True) -> Column:
        """Describe a column by its counts; see `Facts.fields`."""
        return cls(**facts.fields(least, may_be_local))

    @property
    def numeric(self) -> bool:
        """Whether values lie on a scale (numbers, dates, durations), not in levels."""
        return self.kind in NUMERIC_KINDS

    @property
    def per_day(self) -> int:
        """Number of multiples of `resolution` in a day; 1 where it is none of dates."""
        if self.kind != "datetime":
            return 1
        day = COARSEST_NS // UNIT_NS[time_unit(self.pandas_dtype())]
        return max(1, day // self.resolution)

    def numbers(self, series: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        """Return values of a numeric column as numbers.

        Returns
        -------
        values : ndarray of shape (n_rows,), float64 or int64
            0 where missing.
        present : ndarray of shape (n_rows,), bool
        """
        present = series.notna().to_numpy()
        if self.kind in ("continuous", "integer"):
            is_whole = self.kind == "integer" and not self.shifted
            if is_whole and len(series) and present.any() and series.max() > _MOST_SIGNED:
                raise DataError(
                    f"column {self.name!r} holds {series.max()}, above 2**63 - 1, and had no such "
                    "integers in fit: fit on data that has them, or drop the rows."
                )
            return raw_numbers(series, self.kind, self.shifted), present
        ticks = ticks_of(series, self.wall_clock)
        return np.where(present, ticks // self.resolution, 0), present

    def read(self, series: pd.Series) -> pd.Series:
        """Convert user input: strings for dates, floats for whole numbers.

        Raises
        ------
        DataError
            Values that the column cannot have.
        """
        dtype = self.pandas_dtype()
        series, _ = plain_column(series)
        if self.kind == "boolean":
            return self._read_flags(series)
        if not self.numeric or series.dtype == dtype:
            return series
        odd = [x for x in series if isinstance(x, bool | np.bool_ | bytes)]
        if odd:
            raise DataError(
                f"column {self.name!r} has dtype {self.dtype} and cannot hold {odd[0]!r}."
            )
        try:
            if self.kind == "timedelta":
                return pd.to_timedelta(series).astype(dtype)
            if self.kind == "datetime":
                dates, zone = pd.to_datetime(series), zone_of(dtype)
                if zone is not None and zone_of(dates.dtype) is None:
                    dates = dates.dt.tz_localize(zone)
                return dates.astype(dtype)
            numbers = pd.to_numeric(series)
            if self.kind == "continuous":
                return numbers.astype(dtype)
            if (numbers.dropna() % 1 != 0).any():
                raise ValueError("whole numbers are allowed")
            return numbers
        except (TypeError, ValueError, OverflowError) as error:
            raise DataError(
                f"column {self.name!r} has dtype {self.dtype} and cannot hold "
                f"{series.dropna().tolist()[:3]!r}: {error}"
            ) from None

    def _read_flags(self, series: pd.Series) -> pd.Series:
        odd = [x for x in series.dropna() if not (isinstance(x, bool | np.bool_) or x in (0, 1))]
        if odd:
            raise DataError(
                f"column {self.name!r} holds booleans and cannot hold {odd[0]!r}; give True or "
                "False."
            )
        return series

    def levels(self, series: pd.Series) -> np.ndarray:
        """Return values of a column of levels as objects, None where missing."""
        if self.kind == "boolean" and series.dtype == object:  # numpy's own are among them
            series = series.astype("boolean")
        values = series.astype(object).to_numpy(copy=True)
        values[series.isna().to_numpy()] = None
        return values

    def restore(self, values: np.ndarray, present: np.ndarray) -> pd.Series:
        """Build the column from numbers or levels.

        Parameters
        ----------
        values : ndarray of shape (n_rows,)
            Numbers as `numbers` gives them, or levels as objects.
        present : ndarray of shape (n_rows,), bool
            False makes a missing value, whatever `values` holds.

        Returns
        -------
        series : Series
            Of the column's dtype; of the nearest dtype that can hold missing values when
            a value is missing and the dtype cannot represent it (int64 becomes float64).
        """
        dtype = self.pandas_dtype()
        if self.kind in ("datetime", "timedelta"):
            return self._restore_time(values, present, dtype)
        if self.kind == "continuous":
            if self.decimals is not None:
                values = np.round(values, self.decimals)
            return pd.Series(np.where(present, values, np.nan), name=self.name).astype(dtype)
        if self.kind == "integer":
            if values.dtype.kind == "f":
                values = values.clip(-LARGEST_INTEGER, LARGEST_INTEGER)
            whole: Any = values.astype(np.int64)
            if self.shifted:
                whole = shift(whole.view(np.uint64))
            if present.all():
                return pd.Series(whole, name=self.name).astype(dtype)
            nullable = pd.Series(pd.array(whole), name=self.name)
            nullable[~present] = pd.NA
            return nullable.astype(dtype if not isinstance(dtype, np.dtype) else np.float64)
        objects = np.asarray(values, dtype=object).copy()
        objects[~present] = None
        if self.kind == "boolean" and isinstance(dtype, np.dtype) and not present.all():
            return pd.Series(objects, dtype=object, name=self.name)
        if isinstance(dtype, pd.CategoricalDtype):
            codes = dtype.categories.get_indexer(pd.Index(objects, dtype=object))
            return pd.Series(pd.Categorical.from_codes(codes, dtype=dtype), name=self.name)
        return pd.Series(objects, dtype=dtype, name=self.name)

    def _restore_time(self, values: np.ndarray, present: np.ndarray, dtype: Any) -> pd.Series:
        ticks = values.astype(np.int64) * self.resolution
        ticks = np.where(present, ticks, np.iinfo(np.int64).min)  # NaT
        unit, zone = time_unit(dtype), zone_of(dtype)
        if self.kind == "timedelta":
            series = pd.Series(ticks.view(f"m8[{unit}]"), name=self.name)
        else:
            series = pd.Series(ticks.view(f"M8[{unit}]"), name=self.name)
            if self.wall_clock:
                series = from_wall_clock(series, zone)
            elif zone is not None:
                series = series.dt.tz_localize("UTC").dt.tz_convert(zone)
        return series.astype(dtype)

    def pandas_dtype(self) -> Any:
        """Return the pandas dtype of the column."""
        if self.categories is None:
            return types.pandas_dtype(self.dtype)
        levels = pd.Index(list(self.categories), dtype=types.pandas_dtype(self.categories_dtype))
        return pd.CategoricalDtype(levels, ordered=self.ordered)

    def to_dict(self) -> dict[str, Any]:
        """Return the column as JSON-ready plain data."""
        record = super().to_dict()
        try:
            fields.name(self.name)
        except ValueError as error:
            raise DataError(
                f"column name {self.name!r} cannot be saved; a name is {error}: rename the column."
            ) from None
        if self.categories is not None:
            record["categories"] = [_plain(level, self.name) for level in self.categories]
        return record

    @classmethod
    def _describe(cls, record: Any) -> str:
        return (
            f"column {fields.brief(record.get('name'))}" if isinstance(record, dict) else "column"
        )

    def _check_record(self) -> None:
        _check_dtype(self)
        if self.shifted and not self.dtype.lower().startswith("uint64"):
            raise ArchiveError(f"column {self.name!r} of dtype {self.dtype} cannot be shifted")


def _check_dtype(column: Column) -> None:
    """Refuse an invalid dtype, or one that does not match the column's kind."""
    spelled = (column.dtype, column.categories_dtype or "")
    # dateutil time zones are file names.
    if any(len(text) > _LONGEST_DTYPE or "dateutil" in text for text in spelled):
        raise ArchiveError(f"column {column.name!r} has the invalid dtype {fields.brief(spelled)}")
    if column.categories is not None and column.dtype != "category":
        raise ArchiveError(f"column {column.name!r} of dtype {column.dtype} cannot have categories")
    try:
        empty = pd.Series([], dtype=column.pandas_dtype())
        kinds = _MAY_BE.get(str(empty.dtype)) or (kind_of(empty),)
        is_time = column.kind in ("datetime", "timedelta")
        fits = column.kind in kinds and (not is_time or time_unit(empty.dtype) in UNIT_NS)
    except (TypeError, ValueError, NotImplementedError, AttributeError) as error:
        raise ArchiveError(
            f"column {column.name!r} has the invalid dtype {fields.brief(column.dtype)}: {error}"
        ) from error
    if not fits:
        raise ArchiveError(
            f"column {column.name!r} of dtype {column.dtype} cannot be of kind {column.kind}"
        )


def _plain(level: Any, name: Hashable) -> Any:
    if isinstance(level, np.generic):
        level = level.item()
    if isinstance(level, str | int | float | bool):
        return level
    raise DataError(
        f"column {name!r} has a category {level!r} of type {type(level).__name__}, which cannot "
        "be written to JSON; strings, numbers and booleans can: convert the categories."
    )
