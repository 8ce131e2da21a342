"""Fit the encoding of a table to noisy releases of its rows."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from synthgan.encoding.tables.binned import BinnedNumbers
from synthgan.encoding.tables.cells import ColumnCells
from synthgan.encoding.tables.codecs import Codec, Constant, Levels
from synthgan.encoding.tables.column import LARGEST_NUMBER, Column
from synthgan.encoding.tables.dtypes import RESOLUTIONS_NS, UNIT_NS, time_unit, zone_of
from synthgan.encoding.tables.levels import level_codes, shares_of
from synthgan.encoding.tables.private_numbers import fit_private_numbers
from synthgan.exceptions import DataError, ParameterError, notice
from synthgan.privacy.protected_rows import ProtectedRows

__all__ = ["check_public", "fit_private_cells", "n_codes", "private_rows", "read_codes"]

_FORM_SHARE = 0.15  # of a column's budget: missing values, decimals, resolution
_CERTAIN = 4.0  # standard deviations of the noise
_MOST_DECIMALS = 6
_MOST_LABELS = 200
_FLAGS = (False, True)


def private_rows(frame: pd.DataFrame, public: Mapping[Hashable, Any] | None = None) -> pd.DataFrame:
    """Return rows whose values can all be encoded; each row depends on itself alone.

    Infinite numbers and labels that are not declared become missing values, objects become text.
    Dtypes alone decide.

    Parameters
    ----------
    frame : DataFrame
    public : mapping or None, default=None
        Of `check_public`.

    Raises
    ------
    DataError
        A dtype that is not offered; the message names the column.
    """
    clean = {}
    for name in frame.columns:
        series = frame[name]
        column = _bare_column(series)
        if column.kind == "continuous":
            values = series.to_numpy(dtype=np.float64, na_value=np.nan)
            series = series.where(np.abs(values) <= LARGEST_NUMBER)
        elif str(series.dtype).lower() == "uint64":
            raise DataError(
                f"column {name!r} has dtype {series.dtype}, which differential privacy does not "
                "offer: convert it to int64 or float64."
            )
        elif series.dtype == object:
            series = series.astype(str).astype(object).where(series.notna(), None)
        if not column.numeric and column.kind != "boolean" and name in (public or {}):
            series = series.where(series.isin((public or {})[name]))
        clean[name] = series
    return pd.DataFrame(clean, index=frame.index)


def check_public(public: Mapping[Hashable, Any] | None, empty: pd.DataFrame) -> dict[Hashable, Any]:
    """Check what is declared of columns.

    Returns
    -------
    public : dict
        (lowest, highest) as the column's numbers, or a tuple of labels.

    Raises
    ------
    ParameterError
    """
    checked: dict[Hashable, Any] = {}
    for name, value in (public or {}).items():
        if name not in empty.columns:
            raise ParameterError(
                f"public names {name!r}, which is no column; the columns are "
                f"{empty.columns.tolist()!r}."
            )
        column = _bare_column(empty[name])
        if not isinstance(value, tuple | list) or not len(value):
            raise ParameterError(
                f"public of column {name!r} is {value!r}; give a list of labels, or (lowest, "
                "highest)."
            )
        if not column.numeric:
            labels = tuple(dict.fromkeys(value))
            is_text = column.kind != "string" or all(isinstance(label, str) for label in labels)
            if any(pd.isna(label) for label in labels) or not is_text:
                raise ParameterError(
                    f"public of column {name!r} has the labels {list(labels)!r}; give text, "
                    "without missing values."
                )
            checked[name] = labels
            continue
        try:
            ends = column.read(pd.Series(list(value), dtype=object, name=name))
            numbers, there = column.numbers(ends.astype(empty[name].dtype))
            if len(numbers) != 2 or not there.all() or not numbers[0] < numbers[1]:
                raise ValueError
        except (DataError, TypeError, ValueError):
            raise ParameterError(
                f"public of column {name!r} is {value!r}; give (lowest, highest) of a column of "
                f"dtype {column.dtype}."
            ) from None
        checked[name] = tuple(numbers.tolist())
    return checked


@dataclass(frozen=True)
class _Budget:
    """What one column may cost."""

    n_rows: float
    rho: float
    delta: float


def fit_private_cells(
    rows: ProtectedRows,
    public: Mapping[Hashable, Any],
    n_rows: float,
    rho: float,
    unit: Hashable = None,
) -> list[ColumnCells]:
    """Learn the encoding of all columns.

    Parameters
    ----------
    rows : ProtectedRows
        Of `private_rows`.
    public : mapping
        Of `check_public`.
    n_rows : float
        Released number of rows.
    rho : float
        For all columns; what is not spent stays in the ledger.
    unit : hashable, default=None
        The column that names people; it comes back empty.
    """
    columns = [_bare_column(rows.empty[name]) for name in rows.names]
    learnt = [c for c in columns if unit is None or c.name != unit]
    is_found = [not c.numeric and c.kind != "boolean" and c.name not in public for c in learnt]
    delta = rows.ledger.delta_of_labels / max(1, sum(is_found))
    budget = _Budget(n_rows, rho / len(learnt), delta)
    return [
        _fit_column(rows, column, public.get(column.name), budget)
        if column in learnt
        else ColumnCells(
            replace(column, categories=None if column.categories is None else ()), Constant(), False
        )
        for column in columns
    ]


def _bare_column(series: pd.Series) -> Column:
    """Describe a column by its name and dtype alone."""
    column = Column.infer(series.iloc[:0])
    if column.kind in ("datetime", "timedelta"):
        is_local = zone_of(series.dtype) is not None
        return replace(column, resolution=1, wall_clock=is_local)
    return replace(column, decimals=None)


def _fit_column(rows: ProtectedRows, column: Column, declared: Any, budget: _Budget) -> ColumnCells:
    name = f"column {column.name!r}"
    column, missing = _fit_form(rows, column, budget)
    is_there = 0.0 if missing is None else missing / budget.n_rows
    column = replace(column, missing=float(np.clip(float(f"{is_there:.3g}"), 0, 1)))
    rho = (1 - _FORM_SHARE) * budget.rho
    codec: Codec
    if column.numeric:
        step = float(_step_of(column))
        unit = step if column.kind == "continuous" and step else 1.0
        bounds = None if declared is None else _in_steps(column, declared)
        n_values = budget.n_rows - (missing or 0.0)
        codec = fit_private_numbers(
            rows,
            name,
            lambda r: _numbers(column, r, bounds, unit),
            step,
            bounds,
            n_values,
            rho,
        )
    elif column.kind == "boolean":
        codec = Levels(_FLAGS, (0.5, 0.5))
    elif declared is not None:
        codec = _fit_levels(column, dict.fromkeys(declared, 1.0))
    else:
        found = rows.labels(f"labels of {name}", column.name, rho, budget.delta)
        codec = _fit_levels(column, _as_labels(found, rows.empty[column.name].dtype))
    if not (codec.n_cells or codec.levels):
        notice(
            f"{name} has no value that enough people share; it comes back empty: declare its "
            "values in public.",
            "have no value that enough people share, so each comes back empty",
            column.name,
            rank=0,
        )
    if column.categories is not None:
        kept = [level for level in column.categories if level in codec.levels]
        column = replace(column, categories=tuple(kept))
    if codec.limits is not None:
        column = replace(column, minimum=codec.limits[0], maximum=codec.limits[1])
    nullable = missing is not None and bool(codec.n_cells or codec.levels)
    pools = not column.numeric and declared is None and len(codec.levels) > 1
    return ColumnCells(column, codec, nullable, pools)


def _fit_levels(column: Column, counts: Mapping[Any, float]) -> Codec:
    """Encode labels, the most frequent ones where there are many."""
    most = sorted(counts, key=lambda label: -counts[label])[:_MOST_LABELS]
    if len(most) < 2:
        return Constant(tuple(most))
    order = [x for x in column.categories or sorted(most, key=str) if x in most]
    return Levels(tuple(order), shares_of(np.array([max(counts[x], 1.0) for x in order])))


def _as_labels(found: Mapping[str, int], dtype: Any) -> dict[Any, float]:
    """Map the text of labels back to categories."""
    labels: dict[str, Any] = {}
    if isinstance(dtype, pd.CategoricalDtype):
        labels = {str(level): level for level in dtype.categories.tolist()}
    return {labels.get(text, text): float(count) for text, count in found.items()}


def _fit_form(rows: ProtectedRows, column: Column, budget: _Budget) -> tuple[Column, float | None]:
    """Learn decimals or resolution, and how many values are missing; None: none is."""
    forms = _forms_of(column)
    can_lack = (
        not str(column.dtype).startswith(("int", "uint", "bool")) or column.dtype == "boolean"
    )
    if len(forms) == 1 and not can_lack:
        return column, None

    def read(frame: pd.DataFrame) -> np.ndarray:
        series = frame[column.name]
        gone = series.isna().to_numpy()
        if len(forms) == 1:
            return np.where(gone, 0, -1)
        return np.where(gone, 0, 1 + _form_of(column, series, forms))

    counts, scale = rows.histogram(
        f"form of column {column.name!r}", read, 1 + (len(forms) if len(forms) > 1 else 0),
        _FORM_SHARE * budget.rho,
    )  # fmt: skip
    missing = float(counts[0]) if counts[0] > _CERTAIN * scale else None
    if len(forms) == 1:
        return column, missing
    finer = np.append(np.cumsum(counts[:0:-1])[::-1][1:], 0.0)  # rows of finer forms
    n_finer = np.arange(len(forms) - 1, -1, -1)
    chosen = forms[int(np.argmax(finer <= _CERTAIN * scale * np.sqrt(n_finer)))]
    if column.kind == "continuous":
        return replace(column, decimals=chosen), missing
    return replace(column, resolution=chosen), missing


def _forms_of(column: Column) -> list[Any]:
    """Return the possible decimals, or resolutions in units of the dtype; coarse ones first."""
    if column.kind == "continuous":
        return [*range(_MOST_DECIMALS + 1), None]
    if column.kind in ("datetime", "timedelta"):
        unit = UNIT_NS[time_unit(column.pandas_dtype())]
        return [ns // unit for ns in RESOLUTIONS_NS if ns >= unit]
    return [0]


def _form_of(column: Column, series: pd.Series, forms: Sequence[Any]) -> np.ndarray:
    """Return for each row the number of the coarsest form that holds its value."""
    values, _ = column.numbers(series)
    found = np.full(len(values), len(forms) - 1)
    is_single = str(series.dtype).lower() in ("float32", "float[pyarrow]")
    precision = np.float32 if is_single else np.float64
    for i in reversed(range(len(forms) - 1)):
        if column.kind == "continuous":
            with np.errstate(over="ignore"):
                fits = np.round(values, forms[i]).astype(precision) == values.astype(precision)
            fits &= np.abs(values) <= 2.0**52 / 10.0 ** forms[i]
        else:
            fits = values % forms[i] == 0
        found[fits] = i
    return found


def _step_of(column: Column) -> float:
    """Return the spacing of a column's numbers; 0 where they are continuous."""
    if column.kind != "continuous":
        return 1.0
    return 0.0 if column.decimals is None else 10.0**-column.decimals


def _in_steps(column: Column, ends: tuple[Any, Any]) -> tuple[float, float]:
    """Return public bounds in the unit in which intervals are counted."""
    unit = column.resolution if column.kind in ("datetime", "timedelta") else 1
    if column.kind == "continuous" and column.decimals is not None:
        low, high = (float(np.rint(end * 10.0**column.decimals)) for end in ends)
        return low, high
    return float(ends[0] // unit), float(ends[1] // unit)


def _numbers(
    column: Column, frame: pd.DataFrame, bounds: tuple[float, float] | None, unit: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers in steps, between the bounds, and where there are some."""
    values, present = column.numbers(frame[column.name])
    numbers = values.astype(np.float64)
    if unit != 1.0:
        numbers = np.rint(numbers / unit)
    return (numbers if bounds is None else np.clip(numbers, *bounds)), present


def n_codes(cells: ColumnCells) -> int:
    """Return how many codes a column has: levels or bins, and one of missing values."""
    codec = cells.codec
    n_bins = len(codec.borders) - 1 if isinstance(codec, BinnedNumbers) else len(codec.levels)
    return max(1, n_bins) + cells.nullable


def read_codes(column_cells: Sequence[ColumnCells], frame: pd.DataFrame) -> np.ndarray:
    """Return the code of each value, shape (n_rows, n_columns); -1 where it has none."""
    return np.column_stack([_codes(cells, frame[cells.column.name]) for cells in column_cells])


def _codes(cells: ColumnCells, series: pd.Series) -> np.ndarray:
    codec, present = cells.codec, series.notna().to_numpy()
    if isinstance(codec, BinnedNumbers):
        codes = codec.bin_of(cells.column.numbers(series)[0].astype(np.float64))
    elif cells.column.numeric or len(codec.levels) < 2:
        codes = np.zeros(len(series), dtype=int)
    elif cells.pools:
        codes = level_codes(codec.levels, cells.pool(series))
    else:
        values = pd.Index(np.array(codec.levels, dtype=object))
        codes = values.get_indexer(pd.Index(cells.column.levels(series), dtype=object))
        present = present & (codes >= 0)
    return np.where(present, codes, n_codes(cells) - 1 if cells.nullable else -1)
