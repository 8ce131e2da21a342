"""Choose the codec of a column, and fit it."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from synthgan.encoding import scaling
from synthgan.encoding.groups import OFF, ON
from synthgan.encoding.tables import quantile
from synthgan.encoding.tables.cells import ColumnCells
from synthgan.encoding.tables.codecs import (
    Codec,
    Constant,
    Levels,
    Linear,
    QuantileCell,
    RankedLevels,
)
from synthgan.encoding.tables.column import Column
from synthgan.encoding.tables.fitting_numbers import Dates, fit_moments, fit_numbers
from synthgan.encoding.tables.levels import shares_of
from synthgan.encoding.tables.numbers import Numbers
from synthgan.encoding.tables.quantile import QuantileTable
from synthgan.exceptions import DataError, OutlierWarning, notice
from synthgan.privacy import EVERYTHING, Support

__all__ = ["fit_cells", "share_gaps"]


def fit_cells(
    column: Column,
    series: pd.Series,
    *,
    scaling_name: str,
    rounding: str,
    limits: Any,
    limits_are_its_own: bool,
    keep_outliers: bool,
    support: Support,
    min_pool: int,
    max_one_hot: int,
    max_one_hot_numeric: int,
) -> ColumnCells:
    """Choose and learn the encoding of a column; parameters as in `GridEncoder`.

    `limits_are_its_own` means that the limits name this column: then even a column of two values
    is scaled, not encoded as binary.
    """
    gaps = series.isna().to_numpy()
    nullable = bool(gaps.any()) and support.holds(gaps)
    lowest_cell = 0 if scaling_name == "minmax-full" else OFF
    if nullable and lowest_cell == 0:
        raise DataError(
            f"column {column.name!r} has missing values and scaling='minmax-full' (Eq. 6.2) has no "
            "NULL level; use scaling='minmax' or 'quantile', or fill the gaps."
        )
    codec: Codec
    is_quantile, pools = scaling_name == "quantile", False
    if not column.numeric:
        is_mixed = column.kind == "boolean" and series.dtype == object  # numpy's own among them
        labels = (series.astype("boolean") if is_mixed else series).value_counts(dropna=True)
        labels = labels[labels > 0]
        kept = _keep_labels(column, labels, series, support)
        pools = 1 < len(kept) < len(labels)
        codec = _fit_levels(column, kept, is_quantile, lowest_cell, max_one_hot)
    elif is_quantile:
        codec = _fit_numbers(column, series, support, min_pool, max_one_hot_numeric)
    else:
        may_be_binary = lowest_cell == OFF and not limits_are_its_own
        codec = _fit_grey(
            column, series, limits, lowest_cell, rounding, may_be_binary, keep_outliers
        )
    is_empty = not (codec.n_cells or codec.levels)
    if gaps.all():
        notice(
            f"column {column.name!r} has no values; it comes back empty.",
            "have no values: each comes back empty",
            column.name,
            rank=6,
        )
    if gaps.any() and not nullable and not is_empty:
        notice(
            f"column {column.name!r} has {gaps.sum()} missing value(s), {_rarer(support)}; "
            "it comes back without missing values.",
            "have missing values of too few people: each comes back without them",
            column.name,
            rank=4,
        )
    return ColumnCells(column, codec, nullable and not is_empty, pools)


def _fit_grey(
    column: Column,
    series: pd.Series,
    limits: Any,
    lowest_cell: int,
    rounding: str,
    may_be_binary: bool,
    keep_outliers: bool,
) -> Codec:
    """Encode numbers as grey levels between limits, as in the thesis; few values otherwise."""
    values, present = column.numbers(series)
    values = values[present]
    found, counts = np.unique(values, return_counts=True)
    if len(found) < 2:
        return Constant(tuple(found.tolist()))
    if len(found) == 2 and may_be_binary:
        return Levels(tuple(found.tolist()), shares_of(counts))
    low, high = scaling.learn_limits(values, limits)
    if keep_outliers:
        low, high = _widen((low, high), values, column)
    return Linear(low, high, lowest_cell, rounding, whole=column.kind != "continuous")


def share_gaps(
    column_cells: Sequence[ColumnCells], frame: pd.DataFrame, support: Support
) -> list[ColumnCells]:
    """Let columns whose values are missing in the same rows share one presence cell.

    The rows may differ in fewer people than the support: a difference that is too rare is not
    stored. A missing value in a row where another column of them has one is then filled.
    """
    owners: dict[Hashable, np.ndarray] = {}
    shared = []
    for cells in column_cells:
        if cells.nullable:
            gaps = frame[cells.column.name].isna().to_numpy()
            gate = next((name for name in owners if _alike(gaps, owners[name], support)), None)
            if gate is None:
                owners[cells.column.name] = gaps
            cells = replace(cells, gate=gate)
        shared.append(cells)
    return shared


def _alike(gaps: np.ndarray, others: np.ndarray, support: Support) -> bool:
    differ = gaps != others
    if not differ.any():
        return True
    return (
        support.count(differ) < support.least
        and support.holds(gaps & others)
        and support.holds(~(gaps | others))
    )


def _rarer(support: Support) -> str:
    """Describe the rule that a rare value breaks."""
    if support.people is None:
        return f"rarer than min_support={support.least}"
    return f"of fewer people than min_support={support.least}"


def _keep_labels(
    column: Column, counts: pd.Series, series: pd.Series, support: Support
) -> pd.Series:
    """Return the row count of each label that enough people share."""
    people = counts if support.people is None else support.of_labels(series).reindex(counts.index)
    kept, rare = counts[people >= support.least], counts[people < support.least]
    if not len(rare):
        return kept
    what = f"{rare.sum()} {'other ' if len(kept) == 1 else ''}value(s) of {len(rare)} label(s)"
    rule = _rarer(support)
    name = f"column {column.name!r}"
    endings = {
        0: f"{name} has {what}, all {rule}; it comes back empty.",
        1: f"{name} comes back constant: its {what} are {rule}.",
    }
    pooled = f"{name} has {what} {rule}; each comes back as one of the {len(kept)} kept labels."
    about = {
        0: "have only rare labels, so each comes back empty: group labels",
        1: "have other labels of too few people, so each comes back constant",
    }
    some = "hold rare labels, each of which comes back as one that more people share"
    notice(
        endings.get(len(kept), pooled), about.get(len(kept), some), column.name, min(len(kept), 3)
    )
    return kept


def _fit_levels(
    column: Column, counts: pd.Series, is_quantile: bool, lowest_cell: int, max_one_hot: int
) -> Codec:
    found = counts.index.astype(object).tolist()
    if len(found) < 2:
        return Constant(tuple(found))
    if len(found) <= max_one_hot:
        order = column.categories or sorted(found)
        levels = [level for level in order if level in counts.index]
        indices = pd.Index(found, dtype=object).get_indexer(pd.Index(levels, dtype=object))
        return Levels(tuple(levels), shares_of(counts.to_numpy()[indices]))
    if is_quantile:
        ranks = Numbers(np.arange(len(found), dtype=np.float64), counts.to_numpy(), EVERYTHING)
        return RankedLevels(tuple(found), QuantileCell(_table_of(ranks)))
    if len(found) > ON:
        raise DataError(
            f"column {column.name!r} has {len(found)} levels, more than the {ON} grey levels of "
            "the min-max scalings; use scaling='quantile'."
        )
    return RankedLevels(tuple(found), Linear(0.0, len(found) - 1.0, lowest_cell, "round"))


def _table_of(ranks: Numbers) -> QuantileTable:
    """Return the quantile table of level ranks, all of which are stored."""
    table = quantile.table_of(ranks)
    if table is None:
        raise ValueError("the ranks of levels have no quantile table")
    return table


def _fit_numbers(
    column: Column,
    series: pd.Series,
    support: Support,
    min_pool: int,
    max_one_hot_numeric: int,
) -> Codec:
    values, present = column.numbers(series)
    if not support.holds(present) or not present.any():
        if present.any():
            whose = "" if support.people is None else f" of {support.count(present)} people"
            notice(
                f"column {column.name!r} has {present.sum()} value(s){whose}, fewer than "
                f"min_support={support.least}; it comes back empty.",
                "have values of too few people, so each comes back empty",
                column.name,
                rank=0,
            )
        return Constant()
    numbers = Numbers.of(values[present], support.take(present))
    codec: Codec | None = None
    if column.kind == "datetime":
        dates = Dates.of(numbers, column.per_day)
        codec = fit_moments(dates, column.per_day, min_pool, max_one_hot_numeric)
    codec = codec or fit_numbers(
        numbers, column.decimals, column.kind != "continuous", min_pool, max_one_hot_numeric
    )
    if codec is None:
        notice(
            f"column {column.name!r} has {numbers.n_rows} value(s), nearly all of them a single "
            f"value {_rarer(support)}; it comes back empty.",
            "have values of too few people, so each comes back empty",
            column.name,
            rank=0,
        )
        return Constant()
    if isinstance(codec, Constant) and (
        n_others := int(numbers.counts[numbers.levels != codec.levels[0]].sum())
    ):
        notice(
            f"column {column.name!r} comes back constant: its {n_others} other value(s) are "
            f"{_rarer(support)}.",
            "have other values of too few people, so each comes back constant",
            column.name,
            rank=1,
        )
    return codec


def _widen(ends: tuple[float, float], values: np.ndarray, column: Column) -> tuple[float, float]:
    n_outside = int(((values < ends[0]) | (values > ends[1])).sum())
    if not n_outside:
        return ends
    wide = (min(ends[0], float(values.min())), max(ends[1], float(values.max())))
    warnings.warn(
        f"limits of column {column.name!r} widened from {ends} to {wide} to keep {n_outside} "
        "value(s) outside them; outliers='clip' or 'drop' keeps the limits.",
        OutlierWarning,
        stacklevel=5,
    )
    return wide
