"""Read a table with gaps for a fitted model, and write the values that fill them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from synthgan.encoding.tables.cells import ColumnCells
from synthgan.encoding.tables.column import Column
from synthgan.encoding.tables.dtypes import kind_of
from synthgan.exceptions import DataError, grouped_notices, notice
from synthgan.forms.text import texts_of

__all__ = ["fill_gaps", "read_gaps"]

_READ = {
    "datetime": lambda texts: pd.to_datetime(texts, errors="coerce", format="ISO8601"),
    "timedelta": lambda texts: pd.to_timedelta(texts, errors="coerce"),
}
_WORDS = {"datetime": "dates", "timedelta": "durations"}
_FAMILY = {"integer": "number", "boolean": "number", "continuous": "number"}


def read_gaps(model: Any, frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read a table as the model has learnt its columns.

    Parameters
    ----------
    model : TabularGANSynthesizer
        Fitted.
    frame : DataFrame of shape (n_rows, n_columns)
        With the index 0 ... n_rows - 1.

    Returns
    -------
    read : DataFrame
        With the marks of forms at its end; a value that the model does not know is missing.
    kept : DataFrame of bool
        Which cells of `frame` are to stay as they are.

    Raises
    ------
    DataError
        A column of another type, with values that cannot be converted.
    """
    forms = {form.name: form for form in model.forms_.forms}
    like, kept = frame.copy(deep=False), frame.notna()
    with grouped_notices():
        for cells in model.encoder_.column_cells_:
            name = cells.column.name
            if name in frame.columns and name not in forms:
                like[name], unknown = _as_learnt(cells, frame[name])
                if cells.codec.n_cells and not cells.pools:  # else `fit` has warned
                    _announce(name, frame[name], unknown)
        read = model.forms_.read(like)
        for name, form in forms.items():
            texts = pd.Series(texts_of(frame[name]), dtype=object)
            kept[name] &= ~texts.isin([label for label in form.missing if label is not None])
            _announce(name, frame[name], (kept[name] & read[name].isna()).to_numpy())
    return read, kept


def fill_gaps(model: Any, frame: pd.DataFrame, kept: pd.DataFrame, full: Any) -> pd.DataFrame:
    """Write the values of a completed table into the gaps of a table, in its own dtypes.

    Parameters
    ----------
    model, frame, kept
        As in `read_gaps`.
    full : DataFrame
        What the model made of what was read.

    Raises
    ------
    DataError
        A column whose dtype cannot hold the values.
    """
    written = model.forms_.write(full)
    forms = {form.name for form in model.forms_.forms}
    columns = {cells.column.name: cells.column for cells in model.encoder_.column_cells_}
    filled = {}
    for name in frame.columns:
        series, gaps = frame[name], ~kept[name].to_numpy()
        is_text = _is_text(series)
        if not gaps.any():
            filled[name] = series
        elif series.dtype == written[name].dtype and not is_text:
            filled[name] = series.mask(gaps, written[name])
        elif name in forms:
            made = written[name] if is_text or gaps.all() else full[name]
            filled[name] = _put(series, gaps, made)
        else:
            made = full[name]
            if is_text:
                made = _as_text(columns[name], made, series[~gaps])
            filled[name] = _put(series, gaps, made)
    return pd.DataFrame(filled, columns=frame.columns, index=frame.index)


def _announce(name: Any, series: pd.Series, unknown: np.ndarray) -> None:
    if unknown.any():
        notice(
            f"column {name!r} holds {int(unknown.sum())} value(s) that the model has not "
            f"learnt, such as {series[unknown].tolist()[0]!r}; they stay, and are ignored.",
            "hold values that the model has not learnt: they stay, and are ignored",
            name,
        )


def _is_text(series: pd.Series) -> bool:
    """Return whether a column holds strings, perhaps beside others."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        return False
    if types.is_object_dtype(series.dtype):
        return any(isinstance(value, str) for value in series)
    return types.is_string_dtype(series.dtype)


def _as_learnt(cells: ColumnCells, series: pd.Series) -> tuple[pd.Series, np.ndarray]:
    """Convert a column to what was learnt; values that the model has not learnt are missing.

    Returns
    -------
    series : Series
    unknown : ndarray of bool of shape (n_rows,)
    """
    column, present = cells.column, series.notna().to_numpy()
    nothing = np.zeros(len(series), dtype=bool)
    if not present.any():
        return column.restore(np.zeros(len(series)), nothing), nothing
    if column.numeric:
        return _as_numbers(column, series, present), nothing
    levels = cells.codec.levels
    if not levels:
        return series, nothing
    same, alike = dict(zip(levels, levels, strict=True)), {_text(one): one for one in levels}
    values = series.astype(object)
    found = [same.get(x, alike.get(_text(x))) if there else None
             for x, there in zip(values, present, strict=True)]  # fmt: skip
    known = np.array([one is not None for one in found], dtype=bool)
    objects = np.empty(len(series), dtype=object)
    objects[:] = found
    return column.restore(objects, known), present & ~known


def _text(value: Any) -> str:
    """Return a label as text: numbers with gaps came as floats, and booleans as words."""
    is_whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if is_whole else str(value).casefold()


def _as_numbers(column: Column, series: pd.Series, present: np.ndarray) -> pd.Series:
    """Convert text to numbers, dates or durations, if all of it can be."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    what = _WORDS.get(column.kind, "numbers")
    bad = None
    if _is_text(series) or types.is_object_dtype(series.dtype):
        read = _READ.get(column.kind, lambda texts: pd.to_numeric(texts, errors="coerce"))
        texts = series.astype(object)
        series = read(texts)
        is_bad = present & series.isna().to_numpy()
        if is_bad.any():
            bad = (
                f"{int(is_bad.sum())} value(s) that are none, such as {texts[is_bad].tolist()[0]!r}"
            )
    elif _FAMILY.get(column.kind, column.kind) != _FAMILY.get(kind := kind_of(series), kind):
        bad = f"values of dtype {series.dtype}"
    if bad is not None:
        raise DataError(
            f"column {column.name!r} was learnt as {what} and holds {bad}; convert the column, or "
            "give missing values there."
        )
    if column.kind == "datetime" and series.dtype != column.pandas_dtype():
        return column.read(series)
    return series


def _as_text(column: Column, made: pd.Series, like: pd.Series) -> pd.Series:
    """Write values as text; dates without a time of day where `like` has none."""
    present = made.notna()
    if column.kind == "datetime":
        is_day = not like.astype(str).str.contains(":").any()
        texts = made[present].dt.strftime("%Y-%m-%d") if is_day else made[present].astype(str)
    elif column.kind == "continuous" and column.decimals is not None:
        texts = made[present].map(lambda value: f"{value:.{column.decimals}f}")
    elif column.kind == "boolean":
        known = {text.casefold(): text for text in like.map(str)}
        texts = made[present].map(lambda value: known.get(str(value).casefold(), str(value)))
    else:
        texts = made[present].map(str)
    return texts.astype(object).reindex(made.index)


def _put(series: pd.Series, gaps: np.ndarray, made: pd.Series) -> pd.Series:
    """Put values into gaps; the column keeps its dtype, unless it was empty."""
    made, dtype = made[gaps], series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        new = pd.Index(made.dropna().unique()).difference(dtype.categories)
        series = series.cat.add_categories(new)
        dtype = series.dtype
    elif types.is_integer_dtype(dtype) and types.is_float_dtype(made.dtype):
        made = made.round()
    try:
        made = made.astype(dtype)
    except (TypeError, ValueError):
        if gaps.all():
            return made
        value = made.dropna().iloc[0]
        raise DataError(
            f"column {series.name!r} of dtype {dtype} has gaps, which would be filled with "
            f"{value!r}, say; convert the column to the dtype it was learnt with."
        ) from None
    series = series.copy()
    series[gaps] = made
    return series
