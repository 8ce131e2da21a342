"""Read tables for measures and make them comparable; no specific measure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from synthgan.exceptions import DataError
from synthgan.forms import Forms
from synthgan.metrics.compared_sets import ComparedSets, Comparison, given_sets
from synthgan.metrics.measure import Measure, publish, sampling
from synthgan.metrics.people import code_people
from synthgan.metrics.score import Score
from synthgan.privacy import Support
from synthgan.records.tables import to_frame

__all__ = [
    "check_tables",
    "encode",
    "is_scaled",
    "read_tables",
    "shuffled",
    "table_measure",
    "table_sets",
    "to_codes",
    "to_numbers",
]

MAX_LEVELS = 10  # numeric columns with at most this many real values are compared level by level
MOST_ROWS = 200_000
# What objects hold, by the name that pandas infers.
_KINDS = {"string": "text", **dict.fromkeys(("boolean", "integer", "floating"), "numbers")}


def table_measure(
    name: str,
    *,
    higher_is_better: bool = True,
    most: int = MOST_ROWS,
    equal: bool = False,
    adapt: Callable[[Callable[..., Any]], Comparison] | None = None,
    prepare: Callable[[Any, np.random.Generator], Any] | None = None,
) -> Callable[[Callable[..., Any]], Measure]:
    """Make a public measure of a function that compares two tables.

    Parameters
    ----------
    name : str
    higher_is_better, most, equal, prepare
        As in `ComparedSets.compare`.
    adapt : callable or None, default=None
        Makes a comparison of two tables of a function that compares two columns, for example.
        None: the function compares two tables.
    """

    def decorate(function: Callable[..., Any]) -> Measure:
        compare = function if adapt is None else adapt(function)

        def measure(
            real: Any,
            fake: Any,
            *,
            holdout: Any = None,
            target: Any = None,
            random_state: Any = None,
        ) -> Score:
            return table_sets(real, fake, holdout).compare(
                name, compare, random_state,
                higher_is_better=higher_is_better, most=most, equal=equal, prepare=prepare,
            )  # fmt: skip

        drawn = sampling("rows", most, equal) if most != MOST_ROWS else ""
        return publish(measure, function, f"As in `column_shapes`. {drawn}")

    return decorate


def table_sets(real: Any, fake: Any, holdout: Any, groups: Any = None) -> ComparedSets:
    """Read the tables for a measure; the floor has shuffled columns.

    Parameters
    ----------
    real, fake, holdout : DataFrame, array-like, or None
    groups : (array-like or None, array-like or None), or None, default=None
        The persons of the real and the holdout rows; both None: each row is a different person.
    """
    frames = check_tables(real=real, fake=fake, holdout=holdout)
    people = {}
    if groups is not None and any(x is not None for x in groups):
        people = code_people({name: len(x) for name, x in frames.items()}, *groups)
    return ComparedSets(frames, shuffled, "rows", people=people)


def read_tables(
    rng: np.random.Generator, max_rows: int = MOST_ROWS, **tables: Any
) -> tuple[dict[str, pd.DataFrame], str]:
    """Return tables as `check_tables`, large ones sub-sampled, and a note on the sub-samples."""
    sets = ComparedSets(check_tables(**tables), shuffled, "rows")
    frames, _, note = sets.drawn(rng, 0, max_rows)
    return frames, note


def check_tables(**tables: Any) -> dict[str, pd.DataFrame]:
    """Return tables as DataFrames with the columns of the first, in its order.

    Parameters
    ----------
    **tables : DataFrame, array-like, or None
        A holdout of None is left out.

    Returns
    -------
    frames : dict of str to DataFrame
        With fresh row labels. Text that is dates, times or numbers is read as such, as in `fit`;
        where there are several formats or labels, a further column says which a cell has.

    Raises
    ------
    DataError
        A table that is None or has no rows, a missing column, infinite numbers, or a column of
        values that cannot be compared, such as lists, or text where another table has numbers.
    """
    frames = {name: to_frame(x)[0] for name, x in given_sets("table", tables).items()}
    columns = list(next(iter(frames.values())).columns)
    for name, frame in frames.items():
        if not len(frame):
            raise DataError(f"the {name} table has no rows; a measure needs at least one.")
        absent = [column for column in columns if column not in frame.columns]
        if absent:
            raise DataError(f"the {name} table lacks the columns {absent!r} of the real one.")
        _check_values(frame[columns], name)
        frames[name] = frame[columns].reset_index(drop=True)
    for column in columns:
        _write_dates(frames, column)
    _check_kinds(frames)
    forms = Forms.find(frames[next(iter(frames))], Support(), on_mix="text")
    return {name: forms.read(frame) for name, frame in frames.items()}


def _check_values(frame: pd.DataFrame, name: str) -> None:
    """Refuse columns whose values cannot be compared."""
    for column in frame.columns[[types.is_object_dtype(dtype) for dtype in frame.dtypes]]:
        try:
            frame[column].nunique()
        except TypeError as error:
            raise DataError(
                f"column {column!r} of the {name} table cannot be compared: {error}."
            ) from None
    for column in frame.columns[[types.is_float_dtype(dtype) for dtype in frame.dtypes]]:
        n_infinite = int(np.isinf(to_numbers(frame[column])).sum())
        if n_infinite:
            raise DataError(
                f"column {column!r} of the {name} table holds {n_infinite} infinite value(s); only "
                "finite numbers and missing values can be compared: replace them by NaN."
            )


def _write_dates(frames: dict[str, pd.DataFrame], column: Any) -> None:
    """Write dates as text where another table has text of several formats, as of partial dates."""
    kinds = {name: _kind_of(frame[column]) for name, frame in frames.items()}
    if {"text", "dates"} <= {*kinds.values()}:
        text = next(frames[name] for name, kind in kinds.items() if kind == "text")
        found = Forms.find(text[[column]], Support(), on_mix="text").forms
        forms = [form for form in found if len(form.formats) > 1]
        for name, frame in frames.items():
            is_local = kinds[name] == "dates" and getattr(frame[column].dtype, "tz", None) is None
            if is_local and [form.kind for form in forms if form.zone is None] == ["date"]:
                written = frame.copy(deep=False)
                written[column] = forms[0].write(frame[column])
                frames[name] = written


def _check_kinds(frames: dict[str, pd.DataFrame]) -> None:
    """Refuse a column of text in one table and of numbers in another, such as "5" and 5."""
    (first, real), *others = frames.items()
    for column in real.columns:
        kind = _kind_of(real[column])
        for name, frame in others:
            found = _kind_of(frame[column])
            if None not in (kind, found) and kind != found:
                raise DataError(
                    f"column {column!r} holds {kind} in the {first} table and {found} in the "
                    f"{name} table; one kind is needed: convert one of them (pandas.to_numeric, "
                    "pandas.to_datetime, astype(str))."
                )


def _kind_of(series: pd.Series) -> str | None:
    """Return what a column holds; None if it has no values, or is of another kind."""
    dtype = series.dtype
    values: Any = dtype.categories if isinstance(dtype, pd.CategoricalDtype) else series
    if not values.notna().any():
        return None
    if types.is_bool_dtype(values.dtype) or types.is_numeric_dtype(values.dtype):
        return "numbers"
    if types.is_datetime64_any_dtype(values.dtype):
        return "dates"
    if types.is_timedelta64_dtype(values.dtype):
        return "durations"
    return _KINDS.get(types.infer_dtype(values, skipna=True))


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
