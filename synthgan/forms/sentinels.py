"""Values such as -9, 9999 or 1900-01-01 that may stand for missing ones: found and announced.

They are learnt as they are. What they mean cannot be found in the table.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable

import numpy as np
import pandas as pd
from pandas.api import types

from synthgan.constraints.people import is_named_key
from synthgan.encoding.tables.column import Column
from synthgan.exceptions import DataError, notice
from synthgan.privacy import Support

__all__ = ["announce_sentinels", "find_sentinels"]

_NEGATIVE = frozenset([-1, *(-int(digit * n) for digit in "789" for n in range(1, 7))])
_TOPS = [int("9" * n) for n in range(2, 9)]
_POSITIVE = frozenset(
    [
        *(int(digit * n) for digit in "789" for n in range(2, 9)),
        *(top - back for top in _TOPS for back in (1, 2, 3)),  # 97, 98 beside 99
        *(10**n - 0.1 for n in range(2, 5)),
    ]
)
_DATES = tuple(
    f"{year}-{day}"
    for years, day in (
        (("1111",), "11-11"),
        (("1753", "1800", "1900", "1901", "1970", "2099", "2999", "9999"), "01-01"),
        (("1899",), "12-30"),
        (("1899", "2099", "2999", "9999"), "12-31"),
    )
    for year in years
)
_YEAR_NS = 365 * 86400 * 10**9
_FEWEST_OTHERS = 3  # different values
_SPIKE = 3  # times as frequent as any other value beyond the median
_FREQUENT = 2  # times as frequent as the median value


def announce_sentinels(
    frame: pd.DataFrame, support: Support, leave: Collection[Hashable] = ()
) -> None:
    """Raise a `DataWarning` of values that may stand for missing ones, by column.

    Parameters
    ----------
    frame : DataFrame
        As `Forms.read` returns it.
    support : Support
        Values of fewer people are not named.
    leave : collection of hashable, default=()
        Columns that are not searched.
    """
    for name in frame.columns:
        if name in leave or is_named_key(name):
            continue
        found = find_sentinels(frame[name], support)
        if not found:
            continue
        shown = " and ".join(f"{value} in {n} row(s)" for value, n in found)
        notice(
            f"column {name!r} holds {shown}, apart from its other values, and they are learnt like "
            "these; replace them by NaN (--na) if they stand for missing values.",
            "hold values apart from their others, which are learnt like these; replace them by NaN "
            "(--na) where they stand for missing values",
            name,
            rank=2,
            detail=shown,
        )


def find_sentinels(series: pd.Series, support: Support) -> list[tuple[str, int]]:
    """Find values that may stand for missing ones: usual codes, apart from all other values.

    Parameters
    ----------
    series : Series
    support : Support
        Values of fewer people are not returned.

    Returns
    -------
    found : list of (str, int)
        The value, and in how many rows it is; ascending.
    """
    dtype = series.dtype
    is_date = types.is_datetime64_any_dtype(dtype)
    is_number = types.is_numeric_dtype(dtype) and not types.is_bool_dtype(dtype)
    if not (is_date or is_number):
        return []
    try:
        present = Column.infer(series).numbers(series)[1]
    except DataError:
        return []
    values = _on_a_scale(series[present], is_date)
    codes, counts = np.unique(values, return_inverse=True, return_counts=True)[1:]
    distinct = np.unique(values)
    people = support.take(present).counts(codes, len(distinct))
    apart = (
        _apart_dates(distinct) if is_date else _below(distinct, counts) | _above(distinct, counts)
    )
    picked = apart & (people >= support.least)
    return [(_spelled(distinct[i], is_date), int(counts[i])) for i in np.flatnonzero(picked)]


def _on_a_scale(series: pd.Series, is_date: bool) -> np.ndarray:
    """Return numbers, or dates as ns since 1970, as floats: years of 9999 fit."""
    if not is_date:
        return series.to_numpy(dtype=np.float64)
    moments = pd.DatetimeIndex(series).tz_localize(None)
    return moments.asi8 * (np.timedelta64(1, moments.unit) / np.timedelta64(1, "ns"))


def _apart_dates(distinct: np.ndarray) -> np.ndarray:
    """Return which dates are usual codes, with a year or more to all others."""
    codes = np.isin(
        distinct, np.array(list(_DATES), dtype="datetime64[us]").astype(np.int64) * 1000.0
    )
    others = distinct[~codes]
    if len(others) < _FEWEST_OTHERS:
        return np.zeros(len(distinct), dtype=bool)
    ends = (others[0] - _YEAR_NS, others[-1] + _YEAR_NS)
    return codes & ((distinct <= ends[0]) | (distinct >= ends[1]))


def _below(distinct: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return which numbers are negative codes where nothing else is negative."""
    codes = np.isin(distinct, list(_NEGATIVE))
    others = distinct[~codes]
    if len(others) < _FEWEST_OTHERS or others[0] < 0 or not codes.any():
        return np.zeros(len(distinct), dtype=bool)
    # -1 is next to 0: the end of a tail is rare, and few levels may be -1, 0, 1.
    is_frequent = counts > _FREQUENT * np.median(counts[~codes])
    return codes & ((distinct < -1) | (is_frequent & (others[-1] >= 5)))


def _above(distinct: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return which numbers are codes such as 99 or 888, above all others and apart from them."""
    nothing = np.zeros(len(distinct), dtype=bool)
    if len(distinct) <= _FEWEST_OTHERS or distinct[-1] not in _POSITIVE:
        return nothing
    codes = np.isin(distinct, list(_POSITIVE))
    n_others = 1 + int(np.flatnonzero(~codes)[-1]) if not codes.all() else 0
    others = distinct[:n_others]
    codes[:n_others] = False
    if n_others < _FEWEST_OTHERS:
        return nothing
    upper = others[others >= 0][-(n_others // 2 + 1) :]
    steps = np.diff(upper) if len(upper) > 1 else np.diff(others)
    gap = distinct[n_others] - others[-1]
    most = counts[:n_others][n_others // 2 :].max()
    is_spike = counts > _SPIKE * most
    return codes & ((gap > steps.max()) | (is_spike & (gap > np.median(steps))))


def _spelled(value: float, is_date: bool) -> str:
    if is_date:
        return str(np.datetime64(int(value // 1000), "us").astype("M8[D]"))
    return f"{value:.10g}"
