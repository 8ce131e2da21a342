"""Make tables comparable; no specific measure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api import types

from synthgan.exceptions import DataError
from synthgan.metrics.people import code_people
from synthgan.metrics.score import Score
from synthgan.randomness import draw_generator
from synthgan.records.tables import to_frame

__all__ = [
    "Part",
    "compare_tables",
    "draw_tables",
    "encode",
    "is_scaled",
    "mean_part",
    "read_tables",
    "shuffled",
    "to_codes",
    "to_numbers",
]

MAX_LEVELS = 10  # numeric columns with at most this many real values are compared level by level
MOST_ROWS = 200_000


class Part(NamedTuple):
    """Result of comparing two tables."""

    value: float
    detail: pd.DataFrame
    interval: tuple[float, float] | None = None
    note: str = ""


Comparison = Callable[..., Part]


def compare_tables(
    name: str,
    compare: Comparison,
    real: Any,
    fake: Any,
    holdout: Any,
    random_state: Any,
    *,
    higher_is_better: bool = True,
    max_rows: int = MOST_ROWS,
    equal: bool = False,
    groups: Any = None,
) -> Score:
    """Compare the synthetic table, the holdout and shuffled columns with the real table.

    The shuffled columns are those of the holdout, so that floor and ceiling differ only in the
    dependence between columns; without a holdout, they are those of the real table.

    Parameters
    ----------
    name : str
    compare : callable
        Called as ``compare(real, other, rng)``.
    real, fake, holdout, random_state : as in every measure
    higher_is_better : bool, default=True
    max_rows : int
        Maximum number of rows; larger tables are sub-sampled.
    equal : bool, default=False
        Reduce all tables to the size of the smallest, for measures that depend on the size.
    groups : (array-like or None, array-like or None), or None, default=None
        The persons of the real and the holdout rows. If given, `compare` is called with two more
        arrays: the persons of its two tables.
    """
    rng = draw_generator(random_state)
    seed = int(rng.integers(2**63))
    given = {"real": real, "fake": fake, "holdout": holdout}
    tables, positions, note = draw_tables(rng, max_rows, equal, **given)
    people = {}
    if groups is not None:
        sizes = {name: len(given[name]) for name in tables}
        coded = code_people(sizes, *groups)
        people = {name: coded[name][at] for name, at in positions.items()}

    def run(other: pd.DataFrame, name: str) -> Part:
        # Each shuffled row counts as a separate person, like synthetic rows.
        alone = -1 - np.arange(len(other))
        more = (people["real"], people.get(name, alone)) if people else ()
        return compare(tables["real"], other, np.random.default_rng(seed), *more)

    part = run(tables["fake"], "fake")
    ceiling = run(tables["holdout"], "holdout").value if "holdout" in tables else None
    floor = run(shuffled(tables.get("holdout", tables["real"]), rng), "shuffled").value
    note = " ".join(filter(None, (note, part.note)))
    return Score(
        name, part.value, higher_is_better, part.detail, part.interval, ceiling, floor, note
    )


def mean_part(detail: pd.DataFrame) -> Part:
    """Return a detail and the mean of its values; NaN for none."""
    value = float(detail["value"].mean()) if len(detail) else float("nan")
    return Part(value, detail)


def read_tables(
    rng: np.random.Generator, max_rows: int = MOST_ROWS, equal: bool = False, **tables: Any
) -> tuple[dict[str, pd.DataFrame], str]:
    """Return tables and the note of `draw_tables`, without the positions."""
    frames, _, note = draw_tables(rng, max_rows, equal, **tables)
    return frames, note


def draw_tables(
    rng: np.random.Generator, max_rows: int = MOST_ROWS, equal: bool = False, **tables: Any
) -> tuple[dict[str, pd.DataFrame], dict[str, np.ndarray], str]:
    """Return tables as DataFrames with the columns of the first, in its order.

    Parameters
    ----------
    rng : Generator
        For the sub-samples of large tables.
    max_rows : int
    equal : bool, default=False
        As in `compare_tables`.
    **tables : DataFrame, array-like, or None
        None is left out.

    Returns
    -------
    frames : dict of str to DataFrame
        With fresh row labels.
    positions : dict of str to ndarray of int of shape (n_rows,)
        Position of each row in the given table.
    note : str
        The sub-sampled tables; empty if there are none.

    Raises
    ------
    DataError
        A table without rows, a missing column, or a column of values that cannot be compared, such
        as lists.
    """
    for name in ("real", "fake"):
        if name in tables and tables[name] is None:
            raise DataError(f"the {name} table is None; give a DataFrame or an array.")
    frames = {name: to_frame(x)[0] for name, x in tables.items() if x is not None}
    columns = list(next(iter(frames.values())).columns)
    for name, frame in frames.items():
        if not len(frame):
            raise DataError(f"the {name} table has no rows; a measure needs at least one.")
        absent = [column for column in columns if column not in frame.columns]
        if absent:
            raise DataError(f"the {name} table lacks the columns {absent!r} of the real one.")
        _check_values(frame[columns], name)
    if equal:
        max_rows = min(max_rows, *(len(frame) for frame in frames.values()))
    notes, positions = [], {}
    for name, frame in frames.items():
        positions[name] = np.arange(len(frame))
        if len(frame) > max_rows:
            notes.append(f"{max_rows} of {len(frame)} {name} rows")
            positions[name] = np.sort(rng.choice(len(frame), max_rows, replace=False))
            frame = frame.iloc[positions[name]]
        frames[name] = frame[columns].reset_index(drop=True)
    return frames, positions, f"Drawn at random: {', '.join(notes)}." if notes else ""


def _check_values(frame: pd.DataFrame, name: str) -> None:
    """Refuse columns whose values cannot be compared."""
    for column in frame.columns[[types.is_object_dtype(dtype) for dtype in frame.dtypes]]:
        try:
            frame[column].nunique()
        except TypeError as error:
            raise DataError(
                f"column {column!r} of the {name} table cannot be compared: {error}."
            ) from None


def shuffled(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Shuffle each column independently: dependence is lost, distributions are kept."""
    columns = [frame.iloc[rng.permutation(len(frame)), [i]] for i in range(frame.shape[1])]
    return pd.concat([column.reset_index(drop=True) for column in columns], axis=1)


def is_scaled(series: pd.Series) -> bool:
    """Return whether a real column is compared on a scale rather than level by level."""
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
        try:
            numbers = pd.to_numeric(series)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"column {series.name!r} holds numbers in the real table, but not in another: "
                f"{error}."
            ) from None
        return numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(series.isna(), np.nan, ticks.astype(np.float64))


def to_codes(real: pd.Series, *others: pd.Series) -> list[np.ndarray]:
    """Levels of all columns as the same integers; missing is a level of its own, 0.

    Levels are numbered by their frequency, in the real column first, independently of their names.
    """
    parts = [_levels(series) for series in (real, *others)]
    codes = pd.factorize(pd.concat(parts, ignore_index=True))[0] + 1
    ends = np.cumsum([len(part) for part in parts])[:-1]
    n = int(codes.max()) + 1
    counts = [np.bincount(part, minlength=n)[1:] for part in np.split(codes, ends)]
    ranks = np.empty(n, dtype=np.int64)
    ranks[0] = 0
    ranks[1 + np.lexsort([-count for count in reversed(counts)])] = np.arange(1, n)
    return np.split(ranks[codes], ends)


def encode(real: pd.DataFrame, *others: pd.DataFrame) -> tuple[list[np.ndarray], np.ndarray]:
    """Return tables as numbers, and which columns hold codes of levels.

    Returns
    -------
    tables : list of ndarray of shape (n_rows, n_columns)
        float64. On a scale: numbers, NaN where missing. Levels: codes, 0 where missing.
    is_level : ndarray of shape (n_columns,)
    """
    frames = [real, *others]
    tables = [np.empty(frame.shape) for frame in frames]
    is_level = np.array([not is_scaled(real[name]) for name in real.columns], dtype=bool)
    for i, name in enumerate(real.columns):
        series = [frame[name] for frame in frames]
        columns = to_codes(*series) if is_level[i] else [to_numbers(s) for s in series]
        for table, column in zip(tables, columns, strict=True):
            table[:, i] = column
    return tables, is_level


def _levels(series: pd.Series) -> pd.Series:
    if types.is_bool_dtype(series.dtype) or types.is_numeric_dtype(series.dtype):
        return pd.Series(series.to_numpy(dtype=np.float64, na_value=np.nan), dtype=object)
    return series.astype(object).reset_index(drop=True)
