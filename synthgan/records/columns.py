"""Columns of uncommon types: read as numbers, dates, durations or categories, and restored."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import ArchiveError, DataError
from synthgan.state import fields

__all__ = ["arrow_type", "check_spelled", "plain_column", "restore_column"]

_ZONED_TYPE = re.compile(r"timestamp\[(s|ms|us|ns), tz=([\w+:/-]{1,60})\]")
_DICTIONARY_TYPE = re.compile(r"dictionary<values=(\w+), indices=(\w+), ordered=(0|1)>")
_DECIMAL_TYPE = re.compile(r"decimal(32|64|128|256)\((\d{1,2}), (-?\d{1,2})\)")
_SPELLED = re.compile(
    r"(date|time|datetime|timedelta|Timestamp|Timedelta|Decimal(:\d{1,2})?)|arrow:.{1,100}"
)
_MOST_DIGITS = 15  # of a number that a float holds
_USUAL = 0.97  # of the decimals that are written with the same digits after the point
_EPOCH = datetime.datetime(1970, 1, 1)


def plain_column(series: pd.Series) -> tuple[pd.Series, str | None]:
    """Read a column of an uncommon type as one of a common dtype.

    These are objects (``datetime.date``, ``time``, ``datetime``, ``timedelta``, ``Decimal``), and
    dates, times, decimals, dictionaries and nulls of pyarrow.

    Returns
    -------
    series : Series
        The column itself, if its type is common.
    spelled : str or None
        The type, from which `restore_column` restores it; None if it is common.

    Raises
    ------
    DataError
        Values that the common dtype cannot hold.
    """
    if isinstance(series.dtype, pd.ArrowDtype):
        return _plain_arrow(series)
    if series.dtype != object:
        return series, None
    types = set(map(type, series[series.notna()]))
    for name, (own, read) in _READERS.items():
        if types and types <= own:
            try:
                return read(series), _spell(name, series)
            except (TypeError, ValueError, OverflowError) as error:
                raise DataError(
                    f"column {series.name!r} holds {name} objects that cannot be read "
                    f"({error}): convert it, for instance with astype(str)."
                ) from None
    return series, None


def restore_column(series: pd.Series, spelled: str) -> pd.Series:
    """Restore a column that `plain_column` read."""
    if spelled.startswith("arrow:"):
        return _restore_arrow(series, arrow_type(spelled[len("arrow:") :]))
    name, _, digits = spelled.partition(":")
    gaps = series.isna().to_numpy()
    objects = np.empty(len(series), dtype=object)
    present = series[~gaps]
    objects[~gaps] = _decimals(present, digits) if name == "Decimal" else _WRITERS[name](present)
    return pd.Series(objects, index=series.index, name=series.name, dtype=object)


def check_spelled(spelled: str) -> None:
    """Refuse the type of a column in an archive that `plain_column` does not spell.

    Raises
    ------
    ArchiveError
    """
    if not _SPELLED.fullmatch(spelled):
        raise ArchiveError(f"container has the invalid type {fields.brief(spelled)}")


def arrow_type(spelled: str) -> Any:
    """Build a pyarrow type from its string; pyarrow has no parser for it.

    Its reader of binary schemas unpickles some types in versions before 14.0.1.
    """
    import pyarrow

    if zoned := _ZONED_TYPE.fullmatch(spelled):
        return pyarrow.timestamp(*zoned.groups())
    if levels := _DICTIONARY_TYPE.fullmatch(spelled):
        values, indices = (pyarrow.type_for_alias(alias) for alias in levels.groups()[:2])
        return pyarrow.dictionary(indices, values, levels[3] == "1")
    if decimal := _DECIMAL_TYPE.fullmatch(spelled):
        bits, *digits = map(int, decimal.groups())
        return getattr(pyarrow, f"decimal{bits}")(*digits)
    return pyarrow.type_for_alias(spelled)


def _plain_arrow(series: pd.Series) -> tuple[pd.Series, str | None]:
    import pyarrow

    dtype: Any = series.dtype
    found, types = dtype.pyarrow_dtype, pyarrow.types
    spelled = f"arrow:{found}"
    if types.is_date(found):
        unit = "s" if types.is_date32(found) else "ms"
        return pd.Series(pd.DatetimeIndex(series.astype(object)), index=series.index,
                         name=series.name).astype(f"M8[{unit}]"), spelled  # type: ignore[call-overload]  # fmt: skip
    if types.is_time(found):
        return _read_times(series.astype(object)), spelled
    if types.is_decimal(found):
        return _read_decimals(series.astype(object)), spelled
    if types.is_dictionary(found):
        values = pyarrow.array(series.array)
        if isinstance(values, pyarrow.ChunkedArray):
            values = values.unify_dictionaries().combine_chunks()
        levels = pd.Index(values.dictionary.to_pandas())
        codes = values.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        plain = pd.Categorical.from_codes(codes, levels, ordered=found.ordered)
        return pd.Series(plain, index=series.index, name=series.name), spelled
    if types.is_null(found):
        return series.astype(object), spelled
    if types.is_string(found):  # pandas reads the name of its dtype as one of its own
        return series, spelled
    return series, None


def _restore_arrow(series: pd.Series, found: Any) -> pd.Series:
    import pyarrow

    types, dtype = pyarrow.types, pd.ArrowDtype(found)
    values: Any = series
    if types.is_time(found):
        values = restore_column(series, "time")
    elif types.is_decimal(found):
        values = restore_column(series, f"Decimal:{max(found.scale, 0)}")
    elif types.is_date(found):
        values = restore_column(series, "date")
    elif not types.is_dictionary(found):
        return series.astype(dtype)
    made = pyarrow.Array.from_pandas(values)
    if types.is_dictionary(found):
        made = pyarrow.DictionaryArray.from_arrays(
            made.indices.cast(found.index_type), made.dictionary.cast(found.value_type),
            ordered=found.ordered,
        )  # fmt: skip
    array = pd.arrays.ArrowExtensionArray(pyarrow.chunked_array([made.cast(found)]))
    return pd.Series(array, index=series.index, name=series.name)


def _spell(name: str, series: pd.Series) -> str:
    """Return the name of a type; of decimals, with the digits after the point if all have them."""
    if name != "Decimal":
        return name
    written = [value.as_tuple() for value in series[series.notna()] if value.is_finite()]
    ((digits, n_alike),) = Counter(-one.exponent for one in written).most_common(1) or [(0, 0)]
    is_usual = n_alike >= _USUAL * len(written) and 0 <= digits <= _MOST_DIGITS
    return f"Decimal:{digits}" if is_usual else "Decimal"


def _read_decimals(series: pd.Series) -> pd.Series:
    present = series[series.notna()]
    long = [
        x for x in present if x.is_finite() and len(x.normalize().as_tuple().digits) > _MOST_DIGITS
    ]
    if long:
        raise DataError(
            f"column {series.name!r} holds {long[0]}; decimals of up to {_MOST_DIGITS} digits can "
            "be learnt: round them, or use strings for identifiers."
        )
    return series.astype(object).where(series.notna(), np.nan).astype(np.float64)


def _read_times(series: pd.Series) -> pd.Series:
    def since_midnight(time: datetime.time) -> datetime.timedelta:
        if time.tzinfo is not None:
            raise ValueError("times have a time zone")
        return datetime.datetime.combine(_EPOCH, time) - _EPOCH

    spans = series.map(lambda time: None if pd.isna(time) else since_midnight(time))
    return pd.to_timedelta(spans).astype("timedelta64[us]")


def _write_times(series: pd.Series) -> list[datetime.time]:
    return [(_EPOCH + span.to_pytimedelta()).time() for span in series]


def _decimals(series: pd.Series, digits: str) -> list[Decimal]:
    """Write numbers as decimals of so many digits after the point; without, of the fewest."""
    texts = (f"{x:.{digits}f}" if digits else f"{x:.{_MOST_DIGITS}g}" for x in series)
    return [Decimal(text) for text in texts]


_READERS: dict[str, tuple[set[type], Callable[[pd.Series], pd.Series]]] = {
    "date": ({datetime.date}, lambda series: pd.to_datetime(series).astype("datetime64[s]")),
    "time": ({datetime.time}, _read_times),
    "datetime": ({datetime.datetime}, pd.to_datetime),
    "timedelta": ({datetime.timedelta}, pd.to_timedelta),
    "Timestamp": ({datetime.datetime, pd.Timestamp}, pd.to_datetime),
    "Timedelta": ({datetime.timedelta, pd.Timedelta}, pd.to_timedelta),
    "Decimal": ({Decimal}, _read_decimals),
}
_WRITERS: dict[str, Callable[[pd.Series], Any]] = {
    "date": lambda series: [moment.date() for moment in series],
    "time": _write_times,
    "datetime": lambda series: [moment.to_pydatetime() for moment in series],
    "timedelta": lambda series: [span.to_pytimedelta() for span in series],
    "Timestamp": list,
    "Timedelta": list,
}
