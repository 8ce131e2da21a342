"""pandas dtypes: kinds, names, and the resolution of values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from synthgan.exceptions import DataError

__all__ = [
    "COARSEST_NS",
    "LARGEST_NUMBER",
    "MAX_DECIMALS",
    "RESOLUTIONS_NS",
    "UNIT_NS",
    "check_time",
    "from_wall_clock",
    "kind_of",
    "name_of",
    "raw_numbers",
    "shift",
    "ticks_of",
    "time_unit",
    "zone_of",
]

MAX_DECIMALS = 12
LARGEST_NUMBER = 1e300  # sums and ranges of such numbers are finite
UNIT_NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
# Time resolutions tried from coarse to fine, in nanoseconds.
RESOLUTIONS_NS = (86_400 * 10**9, 3600 * 10**9, 60 * 10**9, 10**9, 10**6, 10**3, 1)
COARSEST_NS = RESOLUTIONS_NS[0]
_CONVERT = "convert it (pandas.to_numeric, pandas.to_datetime)"
_EACH = "make a column of each of its entries"
# What to do with types that cannot be learnt, by what their names contain.
_ADVICE = {
    "period": "give its dates (series.dt.to_timestamp())",
    "interval": "give its middles or its names (series.array.mid, series.astype(str))",
    "sparse": "give it dense (series.sparse.to_dense())",
    "complex": "give its real and imaginary parts (numpy.real, numpy.imag)",
    "list": _EACH,
    "struct": _EACH,
    "map": _EACH,
    "dict": _EACH,
    "tuple": _EACH,
    "set": _EACH,
    "ndarray": _EACH,
    "bytes": "decode it (series.str.decode('utf-8'))",
    "binary": "decode it to text",
}


def name_of(dtype: Any) -> str:
    """Return the name from which pandas builds the dtype again."""
    if isinstance(dtype, pd.StringDtype) and str(dtype) == "string":
        return f"string[{dtype.storage}]"
    return str(dtype)


def kind_of(series: pd.Series) -> str:
    """Determine a column's kind from its dtype, or for objects from its values."""
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
    advice = next((a for part, a in _ADVICE.items() if part in str(dtype).lower()), "convert it")
    raise DataError(
        f"column {series.name!r} has dtype {dtype}; numbers, booleans, strings, categories, "
        f"dates, times and durations can be learnt: {advice}, or drop it."
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
        f"column {series.name!r} holds objects of type {names[0]}; strings, booleans, decimals, "
        "dates, times and durations are allowed in object columns: "
        f"{_ADVICE.get(names[0].lower(), _CONVERT)}, or drop it."
    )


def zone_of(dtype: Any) -> Any:
    """Return the time zone of dates, None where there is none."""
    return getattr(getattr(dtype, "pyarrow_dtype", dtype), "tz", None)


def time_unit(dtype: Any) -> str:
    """Return the unit in which dates and durations are counted, such as ``"ns"``."""
    if isinstance(dtype, pd.ArrowDtype):
        return dtype.pyarrow_dtype.unit
    return np.datetime_data(dtype)[0] if isinstance(dtype, np.dtype) else dtype.unit


def ticks_of(series: pd.Series, wall_clock: bool = False) -> np.ndarray:
    """Dates and durations as int64 counts of their dtype's unit, in UTC or local time."""
    if series.dtype.kind == "m":
        return pd.TimedeltaIndex(series).asi8
    dates = pd.DatetimeIndex(series)
    return (dates.tz_localize(None) if wall_clock else dates).asi8


def check_time(series: pd.Series) -> None:
    """Refuse dates and durations whose dtype cannot be stored.

    Raises
    ------
    DataError
    """
    dtype = series.dtype
    try:
        types.pandas_dtype(str(dtype))
        UNIT_NS[time_unit(dtype)]
    except (TypeError, KeyError, AttributeError):
        raise DataError(
            f"column {series.name!r} has dtype {dtype}, whose time zone or unit cannot be stored; "
            "convert it, for instance to datetime64[us, Europe/Madrid]."
        ) from None


def raw_numbers(series: pd.Series, kind: str, shifted: bool | None = None) -> np.ndarray:
    """Return values of a numeric column as float64 or int64, 0 where missing.

    Dates and durations are counts of their dtype's unit; 64-bit integers without a sign are
    `shifted` by 2**63 (None: where their dtype is such).

    Raises
    ------
    DataError
        Infinite values, or values that are too large.
    """
    present = series.notna().to_numpy()
    if kind == "continuous":
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
        if np.isinf(values).any():
            n = int(np.isinf(values).sum())
            raise DataError(
                f"column {series.name!r} holds {n} infinite value(s) (infinity); "
                "only finite numbers and missing values can be learnt: replace them by NaN."
            )
        values = np.where(present, values, 0.0)
        # Results computed from two allowed numbers may be larger.
        if len(values) and np.abs(values).max() > 4 * LARGEST_NUMBER:
            raise DataError(
                f"column {series.name!r} holds {values[np.abs(values).argmax()]!r}; numbers "
                f"up to {LARGEST_NUMBER} in size are allowed: scale the column."
            )
        return values
    if kind == "integer":
        filled = series.fillna(0) if not present.all() else series
        if shifted is None:
            shifted = str(series.dtype).lower().startswith("uint64")
        if shifted:
            return shift(filled.to_numpy(dtype=np.uint64)).view(np.int64)
        return filled.to_numpy(dtype=np.int64)
    return np.where(present, ticks_of(series), 0)


def shift(unsigned: np.ndarray) -> np.ndarray:
    """Add 2**63, modulo 2**64: as signed integers, numbers keep their order."""
    return unsigned ^ np.uint64(2**63)


def from_wall_clock(dates: pd.Series, zone: Any) -> pd.Series:
    """Return moments of local times: where the clock skips or repeats one, the first after it."""
    first = np.ones(len(dates), dtype=bool)
    return dates.dt.tz_localize(zone, ambiguous=first, nonexistent="shift_forward")
