"""Choose the codec of a column, and fit it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
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
from synthgan.encoding.tables.fitting_numbers import fit_moments, fit_numbers
from synthgan.encoding.tables.levels import shares_of
from synthgan.encoding.tables.numbers import Numbers
from synthgan.encoding.tables.quantile import QuantileTable
from synthgan.encoding.tables.summary import ColumnSummary
from synthgan.exceptions import DataError, OutlierWarning, notice
from synthgan.privacy import EVERYTHING, Support

__all__ = ["fit_cells", "gaps_of", "share_gaps"]


def fit_cells(
    column: Column,
    summary: ColumnSummary,
    *,
    scaling_name: str,
    rounding: str,
    limits: Any,
    limits_are_its_own: bool,
    keep_outliers: bool,
    min_pool: int,
    max_one_hot: int,
    max_one_hot_numeric: int,
) -> ColumnCells:
    """Choose and learn the encoding of a column from its summary; parameters as in `GridEncoder`.

    `limits_are_its_own` means that the limits name this column: then even a column of two values
    is scaled, not encoded as binary.
    """
    facts, support = summary.facts, summary.support
    nullable = facts.n_missing > 0 and facts.people_missing >= support.least
    lowest_cell = 0 if scaling_name == "minmax-full" else OFF
    if nullable and lowest_cell == 0:
        raise DataError(
            f"column {column.name!r} has missing values and scaling='minmax-full' (Eq. 6.2) has no "
            "NULL level; use scaling='minmax' or 'quantile', or fill the gaps."
        )
    codec: Codec
    is_quantile, pools = scaling_name == "quantile", False
    if not column.numeric:
        labels = summary.labels_by_frequency()
        kept = _keep_labels(column, labels, support)
        pools = 1 < len(kept) < len(labels)
        codec = _fit_levels(column, kept, is_quantile, lowest_cell, max_one_hot)
    elif is_quantile:
        codec = _fit_numbers(column, summary, min_pool, max_one_hot_numeric)
    else:
        may_be_binary = lowest_cell == OFF and not limits_are_its_own
        numbers = summary.numbers_of(column)
        codec = _fit_grey(
            column, numbers, limits, lowest_cell, rounding, may_be_binary, keep_outliers
        )
    is_empty = not (codec.n_cells or codec.levels)
    if facts.n_missing == facts.n_rows:
        notice(
            f"column {column.name!r} has no values; it comes back empty.",
            "have no values: each comes back empty",
            column.name,
            rank=6,
        )
    if facts.n_missing and not nullable and not is_empty:
        notice(
            f"column {column.name!r} has {facts.n_missing} missing value(s), {_rarer(support)}; "
            "it comes back without missing values.",
            "have missing values of too few people: each comes back without them",
            column.name,
            rank=4,
        )
    return ColumnCells(column, codec, nullable and not is_empty, pools)


def _fit_grey(
    column: Column,
    numbers: Numbers,
    limits: Any,
    lowest_cell: int,
    rounding: str,
    may_be_binary: bool,
    keep_outliers: bool,
) -> Codec:
    """Encode numbers as grey levels between limits, as in the thesis; few values otherwise."""
    found, rows, *_ = numbers.entries()
    if len(found) < 2:
        return Constant(tuple(found.tolist()))
    if len(found) == 2 and may_be_binary:
        return Levels(tuple(found.tolist()), shares_of(rows))
    lowest, highest = column.minimum, column.maximum
    if isinstance(limits, float):
        found = np.repeat(found, rows) if numbers.sketch is None else found
        low, high = scaling.learn_limits(found, limits)
    else:
        low, high = scaling.learn_limits(np.array([lowest, highest]), limits)
    if keep_outliers:
        low, high = _widen((low, high), numbers, column)
    return Linear(low, high, lowest_cell, rounding, whole=column.kind != "continuous")


def share_gaps(
    column_cells: Sequence[ColumnCells], alike: Callable[[int, int], bool]
) -> list[ColumnCells]:
    """Let columns whose values are missing in the same rows share one presence cell.

    The rows may differ in fewer people than the support: a difference that is too rare is not
    stored. A missing value in a row where another column of them has one is then filled.

    Parameters
    ----------
    column_cells : sequence of ColumnCells
    alike : callable
        Returns whether the columns with two numbers are missing in the same rows.
    """
    owners: list[int] = []
    shared = []
    for i, cells in enumerate(column_cells):
        if cells.nullable:
            owner = next((j for j in owners if alike(i, j)), None)
            if owner is None:
                owners.append(i)
            gate = None if owner is None else column_cells[owner].column.name
            cells = replace(cells, gate=gate)
        shared.append(cells)
    return shared


def gaps_of(frame: pd.DataFrame, support: Support) -> Callable[[int, int], bool]:
    """Return a function: whether two columns of a table are missing in the same rows."""

    @cache
    def gaps(i: int) -> np.ndarray:
        return frame.iloc[:, i].isna().to_numpy()

    def alike(i: int, j: int) -> bool:
        one, other = gaps(i), gaps(j)
        differ = one != other
        if not differ.any():
            return True
        return (
            support.count(differ) < support.least
            and support.holds(one & other)
            and support.holds(~(one | other))
        )

    return alike


def _rarer(support: Support) -> str:
    """Describe the rule that a rare value breaks."""
    if support.people is None:
        return f"rarer than min_support={support.least}"
    return f"of fewer people than min_support={support.least}"


def _keep_labels(column: Column, labels: pd.DataFrame, support: Support) -> pd.Series:
    """Return the row count of each label that enough people share."""
    counts, people = labels["rows"], labels["people"]
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
    column: Column, summary: ColumnSummary, min_pool: int, max_one_hot_numeric: int
) -> Codec:
    facts, support = summary.facts, summary.support
    if facts.people_present < support.least or not summary.n_present:
        if summary.n_present:
            whose = "" if support.people is None else f" of {facts.people_present} people"
            notice(
                f"column {column.name!r} has {summary.n_present} value(s){whose}, fewer than "
                f"min_support={support.least}; it comes back empty.",
                "have values of too few people, so each comes back empty",
                column.name,
                rank=0,
            )
        return Constant()
    numbers = summary.numbers_of(column)
    codec: Codec | None = None
    if column.kind == "datetime":
        dates = summary.dates_of(column)
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


def _widen(ends: tuple[float, float], numbers: Numbers, column: Column) -> tuple[float, float]:
    found, rows, *_ = numbers.entries()
    n_outside = int(rows[(found < ends[0]) | (found > ends[1])].sum())
    lowest, highest = float(column.minimum or 0), float(column.maximum or 0)
    if ends[0] <= lowest and highest <= ends[1]:
        return ends
    wide = (min(ends[0], lowest), max(ends[1], highest))
    warnings.warn(
        f"limits of column {column.name!r} widened from {ends} to {wide} to keep {n_outside} "
        "value(s) outside them; outliers='clip' or 'drop' keeps the limits.",
        OutlierWarning,
        stacklevel=5,
    )
    return wide
