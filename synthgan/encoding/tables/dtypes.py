"""pandas dtypes: kinds, names, and the resolution of values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from synthgan.encoding.tables.lattice_finding import hours_differ
from synthgan.exceptions import DataError
from synthgan.privacy import Support

__all__ = [
    "COARSEST_NS",
    "MAX_DECIMALS",
    "RESOLUTIONS_NS",
    "UNIT_NS",
    "fewest_decimals",
    "from_wall_clock",
    "kind_of",
    "name_of",
    "ticks_of",
    "time_scale",
    "time_unit",
    "zone_of",
]

MAX_DECIMALS = 12
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


def time_scale(series: pd.Series, support: Support) -> dict[str, Any]:
    """Choose resolution and clock of dates and durations; values of too few people are ignored."""
    dtype = series.dtype
    try:
        types.pandas_dtype(str(dtype))
        day = COARSEST_NS // UNIT_NS[time_unit(dtype)]
    except (TypeError, KeyError, AttributeError):
        raise DataError(
            f"column {series.name!r} has dtype {dtype}, whose time zone or unit cannot be stored; "
            "convert it, for instance to datetime64[us, Europe/Madrid]."
        ) from None
    resolution = _resolution(ticks_of(series), dtype, support)
    if zone_of(dtype) is not None and resolution != day:
        local = ticks_of(series, wall_clock=True)
        on_the_wall = _resolution(local, dtype, support)
        times = local[series.notna().to_numpy()] % day
        if on_the_wall == day or (_is_reversible(series) and hours_differ(times, day)):
            return {"resolution": on_the_wall, "wall_clock": True}
    return {"resolution": resolution}


def from_wall_clock(dates: pd.Series, zone: Any) -> pd.Series:
    """Return moments of local times: where the clock skips or repeats one, the first after it."""
    first = np.ones(len(dates), dtype=bool)
    return dates.dt.tz_localize(zone, ambiguous=first, nonexistent="shift_forward")


def _is_reversible(series: pd.Series) -> bool:
    """Return whether local times determine all moments."""
    dates = pd.Series(pd.DatetimeIndex(series))
    again = from_wall_clock(dates.dt.tz_localize(None), zone_of(series.dtype))
    return bool((again == dates)[dates.notna()].all())


def _resolution(ticks: np.ndarray, dtype: Any, support: Support) -> int:
    """Find the coarsest of day ... nanosecond that divides the values, in units of the dtype.

    Values of too few people may be finer.
    """
    unit_ns = UNIT_NS[time_unit(dtype)]
    present = ticks != np.iinfo(np.int64).min
    for resolution_ns in RESOLUTIONS_NS:
        resolution = resolution_ns // unit_ns
        if resolution > 1 and not support.holds(present & (ticks % resolution != 0)):
            return resolution
    return 1


def fewest_decimals(values: np.ndarray, series: pd.Series, support: Support) -> int | None:
    """Return the fewest decimals that reproduce values in the column's precision.

    Values of too few people may have more. Values that arithmetic left two units in the last place
    from such a decimal number count as that: 0.15 / 3 as 0.05.

    Parameters
    ----------
    values : ndarray of shape (n,)
        The present values of `series`.
    series : Series
    support : Support
        Of the values.
    """
    is_float32 = str(series.dtype).lower() in ("float32", "float[pyarrow]")
    precision: Any = np.float32 if is_float32 else np.float64
    values = values.astype(precision)
    # The least numbers that are not 0 are not near it.
    sizes = np.abs(values)
    near = 0.0 if is_float32 else np.minimum(2 * np.spacing(sizes), sizes / 2)
    for decimals in range(MAX_DECIMALS + 1):
        if decimals and support.holds(np.abs(values) > 2.0**52 / 10.0**decimals):
            return None
        with np.errstate(over="ignore"):  # of values too large to have decimals
            rounded = np.round(values, decimals).astype(precision)
        if not support.holds(np.abs(rounded - values) > near):
            return decimals
    return None
