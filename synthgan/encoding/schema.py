"""What a table is: its columns, their kinds, dtypes and ranges. Knows no cells."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from synthgan import fields
from synthgan.exceptions import ArchiveError, DataError

__all__ = ["Column", "Schema"]

MAX_DECIMALS = 12
LARGEST_NUMBER = 1e300  # sums and ranges of such numbers are finite
# Time resolutions tried from coarse to fine, in nanoseconds.
_RESOLUTIONS_NS = (86_400 * 10**9, 3600 * 10**9, 60 * 10**9, 10**9, 10**6, 10**3, 1)
_UNIT_NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_LONGEST_DTYPE = 200  # characters
# Kinds of the dtypes that may be of several.
_MAY_BE = {"object": ("string", "boolean"), "category": ("category", "string")}

NUMERIC_KINDS = ("continuous", "integer", "datetime", "timedelta")
LEVEL_KINDS = ("boolean", "category", "string")


@dataclass(frozen=True)
class Column:
    """One column of a table, as plain data.

    Parameters
    ----------
    name : hashable
        Its name.
    kind : {"continuous", "integer", "boolean", "category", "string", "datetime", "timedelta"}
        What its values are.
    dtype : str
        The pandas dtype, as pandas spells it.
    categories : tuple or None
        All levels of a ``category`` dtype, in order, also those that no row has. In the schema of
        an encoder that pools rare values, those that are stored.
    categories_dtype : str or None
        dtype of those levels.
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
        Dates with a zone: whether they are counted by the clock on the wall, because all are
        midnights there, rather than in UTC.
    minimum, maximum : float, int or None
        Range of the values as numbers (dates: multiples of `resolution` since 1970). In the schema
        of an encoder that pools rare values, the range of what is stored.
    """

    name: Hashable
    kind: str
    dtype: str
    categories: tuple[Any, ...] | None = None
    categories_dtype: str | None = None
    ordered: bool = False
    decimals: int | None = None
    resolution: int = 1
    wall_clock: bool = False
    missing: float = 0.0
    minimum: float | int | None = None
    maximum: float | int | None = None

    @classmethod
    def infer(cls, series: pd.Series) -> Column:
        """Describe a column of a table.

        Parameters
        ----------
        series : Series
            The values.

        Raises
        ------
        DataError
            Infinite values, values of several types, or a dtype that has no encoding.
        """
        dtype = series.dtype
        column = cls(
            name=series.name.item() if isinstance(series.name, np.generic) else series.name,
            kind=_kind(series),
            dtype=_name_of(dtype),
            missing=float(series.isna().mean()) if len(series) else 0.0,
        )
        if isinstance(dtype, pd.CategoricalDtype):
            column = replace(
                column,
                categories=tuple(dtype.categories.tolist()),
                categories_dtype=_name_of(dtype.categories.dtype),
                ordered=bool(dtype.ordered),
            )
        if column.kind not in NUMERIC_KINDS:
            return column
        if column.kind in ("datetime", "timedelta"):
            column = replace(column, **_time_scale(series))
        values, present = column.numbers(series)
        values = values[present]
        if not len(values):
            return column
        decimals = _decimals(values, series) if column.kind == "continuous" else 0
        low, high = values.min().item(), values.max().item()
        return replace(column, minimum=low, maximum=high, decimals=decimals)

    @property
    def numeric(self) -> bool:
        """Whether values lie on a scale (numbers, dates, durations), not in levels."""
        return self.kind in NUMERIC_KINDS

    def numbers(self, series: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        """Return values of a numeric column as numbers.

        Returns
        -------
        values : ndarray of shape (n_rows,), float64 or int64
            0 where missing.
        present : ndarray of shape (n_rows,), bool
        """
        present = series.notna().to_numpy()
        if self.kind == "continuous":
            values = series.to_numpy(dtype=np.float64, na_value=np.nan)
            if np.isinf(values).any():
                n = int(np.isinf(values).sum())
                raise DataError(
                    f"column {self.name!r} holds {n} infinite value(s) (infinity); "
                    "only finite numbers and missing values can be learnt: replace them by NaN."
                )
            values = np.where(present, values, 0.0)
            if len(values) and np.abs(values).max() > LARGEST_NUMBER:
                raise DataError(
                    f"column {self.name!r} holds {values[np.abs(values).argmax()]!r}; numbers "
                    f"up to {LARGEST_NUMBER} in size are allowed: scale the column."
                )
            return values, present
        if self.kind == "integer":
            filled = series.fillna(0) if not present.all() else series
            if len(filled) and filled.max() > np.iinfo(np.int64).max:
                raise DataError(
                    f"column {self.name!r} holds integers above 2**63 - 1; "
                    "64-bit signed integers are allowed: use strings for identifiers."
                )
            return filled.to_numpy(dtype=np.int64), present
        ticks = _ticks(series, self.wall_clock)
        return np.where(present, ticks // self.resolution, 0), present

    def read(self, series: pd.Series) -> pd.Series:
        """Read values as a user writes them: strings for dates, floats for whole numbers.

        Raises
        ------
        DataError
            Values that the column cannot have.
        """
        dtype = self.pandas_dtype()
        if not self.numeric or series.dtype == dtype:
            return series
        try:
            if self.kind == "timedelta":
                return pd.to_timedelta(series).astype(dtype)
            if self.kind == "datetime":
                dates, zone = pd.to_datetime(series), _zone(dtype)
                if zone is not None and _zone(dates.dtype) is None:
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

    def levels(self, series: pd.Series) -> np.ndarray:
        """Return values of a column of levels as objects, None where missing."""
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
            False makes a missing value, whatever `values` says.

        Returns
        -------
        series : Series
            Of the column's dtype; of the nearest dtype that can hold missing values when
            a value is missing and the dtype has no room for it (int64 becomes float64).
        """
        dtype = self.pandas_dtype()
        if self.kind in ("datetime", "timedelta"):
            return self._restore_time(values, present, dtype)
        if self.kind == "continuous":
            if self.decimals is not None:
                values = np.round(values, self.decimals)
            return pd.Series(np.where(present, values, np.nan), name=self.name).astype(dtype)
        if self.kind == "integer":
            if present.all():
                return pd.Series(values.astype(np.int64), name=self.name).astype(dtype)
            nullable = pd.Series(pd.array(values.astype(np.int64), dtype="Int64"), name=self.name)
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
        unit, zone = _time_unit(dtype), _zone(dtype)
        if self.kind == "timedelta":
            series = pd.Series(ticks.view(f"m8[{unit}]"), name=self.name)
        else:
            series = pd.Series(ticks.view(f"M8[{unit}]"), name=self.name)
            if self.wall_clock:
                # Where the clock skips or repeats midnight, the first moment of the day.
                first = np.ones(len(series), dtype=bool)
                series = series.dt.tz_localize(zone, ambiguous=first, nonexistent="shift_forward")
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
        record = asdict(self)
        if not isinstance(self.name, str | int):
            raise DataError(
                f"column name {self.name!r} cannot be written to JSON; "
                "strings and integers can: rename the column."
            )
        if self.categories is not None:
            record["categories"] = [_plain(level, self.name) for level in self.categories]
        return record

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Column:
        """Build a column from what `to_dict` gave.

        Raises
        ------
        ArchiveError
            A record that is none, or whose parts do not fit together.
        """
        number = fields.optional(fields.number())
        what = (
            f"column {fields.brief(record.get('name'))}" if isinstance(record, dict) else "column"
        )
        column = cls(
            **fields.read_fields(
                record,
                what,
                name=fields.name,
                kind=fields.one_of(*NUMERIC_KINDS, *LEVEL_KINDS),
                dtype=fields.text,
                categories=fields.optional(fields.list_of(fields.scalar)),
                categories_dtype=fields.optional(fields.text),
                ordered=fields.flag,
                decimals=fields.optional(fields.whole(0, MAX_DECIMALS)),
                resolution=fields.whole(1, max(_RESOLUTIONS_NS)),
                wall_clock=fields.flag,
                missing=fields.number(0, 1),
                minimum=number,
                maximum=number,
            )
        )
        _check_dtype(column)
        return column


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in order.

    Examples
    --------
    >>> import pandas as pd
    >>> from synthgan.encoding import Schema
    >>> schema = Schema.infer(pd.DataFrame({"age": [41, 73], "sex": ["f", "m"]}))
    >>> [(column.name, column.kind) for column in schema]
    [('age', 'integer'), ('sex', 'string')]
    >>> Schema.from_dict(schema.to_dict()) == schema
    True
    """

    columns: tuple[Column, ...]

    @classmethod
    def infer(cls, frame: pd.DataFrame) -> Schema:
        """Describe every column of a DataFrame."""
        return cls(tuple(Column.infer(frame[name]) for name in frame.columns))

    def __iter__(self) -> Iterator[Column]:
        """Iterate over the columns."""
        return iter(self.columns)

    def __len__(self) -> int:
        """Count the columns."""
        return len(self.columns)

    @property
    def names(self) -> list[Hashable]:
        """Names of the columns, in order."""
        return [column.name for column in self.columns]

    def to_dict(self) -> dict[str, Any]:
        """Return the schema as JSON-ready plain data."""
        return {"columns": [column.to_dict() for column in self.columns]}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Schema:
        """Build a schema from what `to_dict` gave.

        Raises
        ------
        ArchiveError
            A record that is none.
        """
        columns = fields.list_of(Column.from_dict)
        schema = cls(**fields.read_fields(record, "schema", columns=columns))
        if not fields.all_different(schema.names):
            raise ArchiveError("schema names a column twice")
        return schema


def _check_dtype(column: Column) -> None:
    """Refuse a dtype that is none, or not of the column's kind."""
    spelled = (column.dtype, column.categories_dtype or "")
    # Zones of dateutil are names of files.
    if any(len(text) > _LONGEST_DTYPE or "dateutil" in text for text in spelled):
        raise ArchiveError(f"column {column.name!r} has the dtype {fields.brief(spelled)}")
    if column.categories is not None and column.dtype != "category":
        raise ArchiveError(f"column {column.name!r} of {column.dtype} cannot have categories")
    try:
        empty = pd.Series([], dtype=column.pandas_dtype())
        kinds = _MAY_BE.get(str(empty.dtype)) or (_kind(empty),)
        is_time = column.kind in ("datetime", "timedelta")
        fits = column.kind in kinds and (not is_time or _time_unit(empty.dtype) in _UNIT_NS)
    except (TypeError, ValueError, NotImplementedError, AttributeError) as error:
        raise ArchiveError(
            f"column {column.name!r} has the dtype {fields.brief(column.dtype)}: {error}"
        ) from error
    if not fits:
        raise ArchiveError(f"column {column.name!r} of {column.dtype} is no {column.kind} column")


def _name_of(dtype: Any) -> str:
    """Return the name from which pandas builds the dtype again."""
    if isinstance(dtype, pd.StringDtype) and str(dtype) == "string":
        return f"string[{dtype.storage}]"
    return str(dtype)


def _kind(series: pd.Series) -> str:
    """Tell a column's kind from its dtype, and for objects from its values."""
    dtype = series.dtype
    tests = {
        "category": lambda d: isinstance(d, pd.CategoricalDtype),
        "boolean": types.is_bool_dtype,
        "datetime": types.is_datetime64_any_dtype,
        "timedelta": lambda d: getattr(d, "kind", "") == "m",
        "integer": types.is_integer_dtype,
        "continuous": types.is_float_dtype,
    }
    if not isinstance(dtype, pd.SparseDtype):
        for kind, test in tests.items():
            if test(dtype):
                return kind
    if types.is_object_dtype(dtype):
        return _kind_of_objects(series)
    if isinstance(dtype, pd.StringDtype) or str(dtype).startswith(("string", "large_string")):
        return "string"
    raise DataError(
        f"column {series.name!r} has dtype {dtype}; numbers, booleans, strings, categories, "
        "dates and durations can be learnt: convert or drop it."
    )


def _kind_of_objects(series: pd.Series) -> str:
    present = series[series.notna()]
    if not len(present):
        return "string"
    inferred = types.infer_dtype(present, skipna=True)
    if inferred in ("string", "boolean"):
        return inferred
    names = sorted({type(value).__name__ for value in present})
    if len(names) > 1:
        raise DataError(
            f"column {series.name!r} holds values of several types ({', '.join(names)}); "
            "one type per column is allowed: convert it, for instance with astype(str)."
        )
    raise DataError(
        f"column {series.name!r} holds objects of type {names[0]}; strings and booleans are "
        "allowed in object columns: convert it (pandas.to_numeric, pandas.to_datetime) or drop it."
    )


def _zone(dtype: Any) -> Any:
    return getattr(getattr(dtype, "pyarrow_dtype", dtype), "tz", None)


def _time_unit(dtype: Any) -> str:
    if isinstance(dtype, pd.ArrowDtype):
        return dtype.pyarrow_dtype.unit
    return np.datetime_data(dtype)[0] if isinstance(dtype, np.dtype) else dtype.unit


def _ticks(series: pd.Series, wall_clock: bool = False) -> np.ndarray:
    """Dates and durations as int64 counts of their dtype's unit, in UTC or on the wall."""
    if series.dtype.kind == "m":
        return pd.TimedeltaIndex(series).asi8
    dates = pd.DatetimeIndex(series)
    return (dates.tz_localize(None) if wall_clock else dates).asi8


def _time_scale(series: pd.Series) -> dict[str, Any]:
    """Choose resolution and clock of dates and durations."""
    dtype = series.dtype
    try:
        types.pandas_dtype(str(dtype))
        day = _RESOLUTIONS_NS[0] // _UNIT_NS[_time_unit(dtype)]
    except (TypeError, KeyError, AttributeError):
        raise DataError(
            f"column {series.name!r} has dtype {dtype}, whose zone or unit cannot be written down; "
            "convert it, for instance to datetime64[us, Europe/Madrid]."
        ) from None
    resolution = _resolution(_ticks(series), dtype)
    if _zone(dtype) is not None and resolution != day:
        on_the_wall = _resolution(_ticks(series, wall_clock=True), dtype)
        if on_the_wall == day:
            return {"resolution": day, "wall_clock": True}
    return {"resolution": resolution}


def _resolution(ticks: np.ndarray, dtype: Any) -> int:
    """Find the coarsest of day ... nanosecond that divides every value, in units of the dtype."""
    unit_ns = _UNIT_NS[_time_unit(dtype)]
    ticks = ticks[ticks != np.iinfo(np.int64).min]
    for resolution_ns in _RESOLUTIONS_NS:
        resolution = resolution_ns // unit_ns
        if resolution > 1 and not (ticks % resolution).any():
            return resolution
    return 1


def _decimals(values: np.ndarray, series: pd.Series) -> int | None:
    """Return the fewest decimals that give every value back in the column's own precision."""
    is_float32 = str(series.dtype).lower() in ("float32", "float[pyarrow]")
    precision = np.float32 if is_float32 else np.float64
    for decimals in range(MAX_DECIMALS + 1):
        if np.abs(values).max() > 2.0**52 / 10.0**decimals and decimals:
            return None
        if (np.round(values, decimals).astype(precision) == values.astype(precision)).all():
            return decimals
    return None


def _plain(level: Any, name: Hashable) -> Any:
    if isinstance(level, np.generic):
        level = level.item()
    if isinstance(level, str | int | float | bool):
        return level
    raise DataError(
        f"column {name!r} has a category {level!r} of type {type(level).__name__}, which cannot "
        "be written to JSON; strings, numbers and booleans can: convert the categories."
    )
