"""What every measure returns, and how two tables are made comparable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from synthgan.encoding.frames import to_frame
from synthgan.exceptions import DataError

__all__ = ["Score"]

# A numeric column with at most so many values in the real table is compared level by level.
MAX_LEVELS = 10


@dataclass(frozen=True)
class Score:
    """A measure.

    Parameters
    ----------
    name : str
        What was measured.
    value : float
        The figure; NaN when nothing could be measured.
    higher_is_better : bool
    detail : DataFrame
        The same per column or per pair; its column ``value`` has mean `value`.
    """

    name: str
    value: float
    higher_is_better: bool
    detail: pd.DataFrame

    @classmethod
    def mean_of(cls, name: str, detail: pd.DataFrame) -> Score:
        """Build a score from its parts; higher is better."""
        value = float(detail["value"].mean()) if len(detail) else float("nan")
        return cls(name, value, True, detail)

    def __float__(self) -> float:
        return self.value


def read_pair(real: Any, fake: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return both tables as DataFrames with the columns of the real one, in its order.

    Raises
    ------
    DataError
        A table without rows, or a column that the fake lacks.
    """
    frames = [to_frame(x)[0] for x in (real, fake)]
    for name, frame in zip(("real", "fake"), frames, strict=True):
        if not len(frame):
            raise DataError(f"the {name} table has no rows; a measure needs at least one.")
    absent = [column for column in frames[0].columns if column not in frames[1].columns]
    if absent:
        raise DataError(f"the fake table lacks the columns {absent!r} of the real one.")
    return frames[0], frames[1][list(frames[0].columns)]


def is_scaled(series: pd.Series) -> bool:
    """Tell whether a real column is compared on a scale rather than level by level."""
    dtype = series.dtype
    if types.is_bool_dtype(dtype) or isinstance(dtype, pd.CategoricalDtype):
        return False
    on_a_scale = (
        types.is_numeric_dtype(dtype)
        or types.is_datetime64_any_dtype(dtype)
        or types.is_timedelta64_dtype(dtype)
    )
    return bool(on_a_scale and series.nunique() > MAX_LEVELS)


def to_numbers(series: pd.Series) -> np.ndarray:
    """Numbers, dates (ns since 1970) and durations (ns) as float64, NaN where missing."""
    dtype = series.dtype
    if types.is_datetime64_any_dtype(dtype):
        ticks = pd.DatetimeIndex(series).tz_localize(None).as_unit("ns").asi8
    elif types.is_timedelta64_dtype(dtype):
        ticks = pd.TimedeltaIndex(series).as_unit("ns").asi8
    else:
        numbers = pd.to_numeric(series, errors="coerce")
        return numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(series.isna(), np.nan, ticks.astype(np.float64))


def to_codes(real: pd.Series, fake: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Levels of both columns as the same integers; missing is a level of its own, 0."""
    both = pd.concat([_levels(real), _levels(fake)], ignore_index=True)
    codes = pd.factorize(both)[0] + 1
    return codes[: len(real)], codes[len(real) :]


def _levels(series: pd.Series) -> pd.Series:
    if types.is_bool_dtype(series.dtype) or types.is_numeric_dtype(series.dtype):
        return pd.Series(series.to_numpy(dtype=np.float64, na_value=np.nan), dtype=object)
    return series.astype(object).reset_index(drop=True)
