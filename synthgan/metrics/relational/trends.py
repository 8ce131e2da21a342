"""Measures of columns of related tables: by themselves, in pairs, and from row to row."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from synthgan.metrics.columns import shape_of_column
from synthgan.metrics.compared_sets import Part
from synthgan.metrics.pairs import trends_between
from synthgan.metrics.relational.features import is_number, joined
from synthgan.metrics.relational.reading import (
    ComparedTables,
    relational_measure,
    with_shuffled_columns,
)
from synthgan.metrics.tables import to_numbers

__all__ = ["cross_table_trends", "row_autocorrelation", "table_shapes", "table_trends"]

_MOST_ROWS = 50_000


@relational_measure("column shapes", surrogates=with_shuffled_columns)
def table_shapes(real: ComparedTables, other: ComparedTables, rng: np.random.Generator) -> Part:
    """Compare the distribution of each column of each table.

    Returns
    -------
    score : Score
        As in `column_shapes`; the mean over all columns of all tables. ``detail`` has ``table``,
        ``column``, ``measure`` and ``value``. The floor has shuffled columns.

    Raises
    ------
    ParameterError, DataError
        As in `key_integrity`.
    """
    rows = [
        {"table": name, "column": column, **shape_of_column(frame[column], theirs[column])}
        for name, frame in real.frames.items()
        for theirs in [other.frames[name]]
        for column in frame.columns
    ]
    return Part.mean(pd.DataFrame(rows, columns=["table", "column", "measure", "value"]))


@relational_measure("pair trends", surrogates=with_shuffled_columns)
def table_trends(real: ComparedTables, other: ComparedTables, rng: np.random.Generator) -> Part:
    """Compare the dependence of the columns of each table, pair by pair.

    Returns
    -------
    score : Score
        As in `pair_trends`; the mean over tables of the mean over pairs of columns. ``detail`` has
        ``table``, ``first``, ``second``, ``measure`` and ``value``. Up to 50 000 rows of each table
        are drawn. The floor has shuffled columns.

    Raises
    ------
    ParameterError, DataError
        As in `key_integrity`.
    """
    details = {}
    for name in real.frames:
        ours, theirs = (_some(tables.frames[name], rng) for tables in (real, other))
        details[name] = trends_between(ours, theirs, list(combinations(ours.columns, 2)), rng)
    return _by_mean(details, "table")


@relational_measure("trends between tables")
def cross_table_trends(
    real: ComparedTables, other: ComparedTables, rng: np.random.Generator
) -> Part:
    """Compare the dependence of the columns of a row and those of the rows above it.

    Returns
    -------
    score : Score
        As in `pair_trends`, of pairs of a column of the child and a column of its parent or of a
        parent's parent; the mean over relations of the mean over pairs. 0..1, higher is better; NaN
        if no relation has such a pair. ``detail`` has ``relation``, ``first``, ``second``,
        ``measure`` and ``value``. Up to 50 000 rows of each child are drawn. The floor has rows
        that are assigned to other parents.

    Raises
    ------
    ParameterError, DataError
        As in `key_integrity`.

    Notes
    -----
    The columns of parents are repeated for each of their rows, as in SDMetrics'
    InterTableTrends; the edges of the two-way tables are those of the real table.
    """
    details = {}
    for one, label in real.labels().items():
        ours, theirs = (
            _some(joined(tables, one, np.arange(len(tables.frames[str(one.parent)]))).frame, rng)
            for tables in (real, other)
        )
        n_own = real.frames[one.child].shape[1]
        pairs = [(a, b) for a in ours.columns[:n_own] for b in ours.columns[n_own:]]
        if pairs and len(theirs):
            details[label] = trends_between(ours, theirs, pairs, rng)
    return _by_mean(details, "relation")


@relational_measure("autocorrelation of rows")
def row_autocorrelation(
    real: ComparedTables, other: ComparedTables, rng: np.random.Generator
) -> Part:
    """Compare the dependence of each cell on the same cell of the row before.

    Returns
    -------
    score : Score
        The mean over relations of the mean over columns of one minus half the difference of the
        rank correlations of a number with that of the parent's row before, or of one minus the
        difference of the shares of labels that repeat the one before. 0..1, higher is better; NaN
        if no parent has two rows. ``detail`` has ``relation``, ``column``, ``measure``, the
        coefficients ``real`` and ``fake``, and ``value``. The floor has rows that are assigned to
        other parents.

    Raises
    ------
    ParameterError, DataError
        As in `key_integrity`.
    """
    details = {}
    for one, label in real.labels().items():
        if one != real.owner(one.child):
            continue
        pairs = [_pairs_of_rows(tables, one) for tables in (real, other)]
        rows = [
            _repeats(column, pairs, number=is_number(real.frames[one.child][column]))
            for column in real.frames[one.child].columns
        ]
        details[label] = pd.DataFrame(rows, columns=["column", "measure", "real", "fake", "value"])
    return _by_mean(details, "relation")


def _pairs_of_rows(tables: ComparedTables, relation: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of parents that have a row before, and those rows before."""
    rows, frame = tables.rows[relation], tables.frames[relation.child]
    now = 1 + np.flatnonzero((rows[1:] == rows[:-1]) & (rows[1:] >= 0))
    return frame.iloc[now], frame.iloc[now - 1]


def _repeats(
    column: Any, pairs: list[tuple[pd.DataFrame, pd.DataFrame]], number: bool
) -> dict[str, Any]:
    """Return the coefficients of one column and their similarity; NaN where there is none."""
    found = []
    for now, before in pairs:
        both = pd.concat([now[column], before[column]], ignore_index=True)
        if number:
            a, b = np.split(to_numbers(both), 2)
            present = ~np.isnan(a) & ~np.isnan(b)
            a, b = a[present], b[present]
            varies = len(a) > 1 and np.ptp(a) > 0 and np.ptp(b) > 0
            coefficient = float(spearmanr(a, b).statistic) if varies else 0.0
        else:
            a, b = np.split(pd.factorize(both, use_na_sentinel=False)[0], 2)
            coefficient = float((a == b).mean()) if len(a) else float("nan")
        found.append(coefficient if len(now) else float("nan"))
    ours, theirs = found
    value = 1 - abs(ours - theirs) / (2 if number else 1)
    return {
        "column": column,
        "measure": "rank correlation" if number else "share of repeats",
        "real": ours,
        "fake": theirs,
        "value": 0.0 if np.isnan(theirs) and not np.isnan(ours) else value,
    }


def _some(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    if len(frame) <= _MOST_ROWS:
        return frame
    return frame.iloc[np.sort(rng.choice(len(frame), _MOST_ROWS, replace=False))]


def _by_mean(details: dict[str, pd.DataFrame], axis: str) -> Part:
    """Return the mean over tables or relations of the mean of their values."""
    means = pd.Series([detail["value"].mean() for detail in details.values()], dtype=float)
    parts = [detail.assign(**{axis: name}) for name, detail in details.items()]
    detail = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"value": []})
    note = "" if means.notna().any() else "Not measured: there are no such rows."
    return Part(float(means.mean()), detail, note=note)
