"""What the rows of a family share, beyond what is known of their parent."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

from synthgan.encoding.tables.column import Column
from synthgan.families.coding import FamilyCoding, Rows, as_labels
from synthgan.families.timeline import as_numbers, dates_of, is_number

__all__ = ["find_shared", "known_of_rows"]

_MIN_SHARED = 0.1  # of the variance, between families
_MOST_ROWS = 10_000  # from which it is found what explains a column
_MOST_LEVELS = 3  # of a label that are explained
_TREES = {"max_iter": 50, "max_leaf_nodes": 15, "min_samples_leaf": 20, "early_stopping": False}


def known_of_rows(
    parents: pd.DataFrame, owners: np.ndarray, clock: np.ndarray, order: Column | None
) -> np.ndarray:
    """Return what is known of the rows of families by their parents and times, as numbers.

    Parameters
    ----------
    parents : DataFrame of shape (n_parents, n_columns)
        Dates as dates.
    owners : ndarray of int of shape (n_rows,)
        Rows of a family stand together, in order.
    clock : ndarray of shape (n_rows,)
        The order column as numbers.
    order : Column or None

    Returns
    -------
    known : ndarray of shape (n_rows, n_features)
    """
    dates = dates_of(parents, order)
    number = np.bincount(owners[owners >= 0], minlength=len(parents)).astype(float)
    first = np.append(True, owners[1:] != owners[:-1])
    place = np.arange(len(owners)) - np.maximum.accumulate(np.arange(len(owners)) * first)
    columns = [clock, place, np.append(number, 1.0)[owners]]
    for name in parents.columns:
        if name in dates:
            columns.append(clock - np.append(dates[name], np.nan)[owners])
            continue
        series = parents[name]
        values = as_numbers(series) if is_number(series) else _codes(as_labels(series))
        columns.append(np.append(values, np.nan)[owners])
    return np.column_stack(columns)


def find_shared(
    coding: FamilyCoding, rows: Rows, owners: np.ndarray, known: np.ndarray
) -> dict[Hashable, float]:
    """Return the share of the variance between families of columns in which they differ.

    Of a column, only what is neither explained by `known` nor by columns found before counts; those
    that families share most come first.

    Parameters
    ----------
    coding : FamilyCoding
    rows : dict of arrays of shape (n_rows,)
    owners : ndarray of int of shape (n_rows,), ascending
        -1: of no parent.
    known : ndarray of shape (n_rows, n_features)
    """
    some = _some_families(owners)
    owners, known = owners[some], known[some]
    targets: dict[Hashable, list[np.ndarray]] = {n: [rows[n][some]] for n in coding.numbers}
    for level in coding.labels:
        codes = level.codes(rows[level.name])[some]
        targets[level.name] = [(codes == i) * 1.0 for i in range(level.n_shares)]
    raw = {
        name: [_shared_variance(values, owners) for values in several]
        for name, several in targets.items()
    }
    found: dict[Hashable, float] = {}
    for name in sorted(raw, key=lambda name: -max(raw[name], default=0.0)):
        best = np.argsort(raw[name])[::-1][:_MOST_LEVELS]
        shared = 0.0
        for i in best:
            if raw[name][i] > _MIN_SHARED:
                left = _unexplained(targets[name][i], owners, known)
                share = np.nanvar(left) / np.nanvar(targets[name][i])
                shared = max(shared, float(min(share, 1.0)) * _shared_variance(left, owners))
        if shared > _MIN_SHARED:
            found[name] = shared
            known = np.column_stack([known, *targets[name]])
    return found


def _some_families(owners: np.ndarray) -> np.ndarray:
    """Return the rows of whole families, at most about `_MOST_ROWS`."""
    rows = np.flatnonzero(owners >= 0)
    if len(rows) <= _MOST_ROWS:
        return rows
    families, of = np.unique(owners[rows], return_inverse=True)
    drawn = np.random.default_rng(0).permutation(len(families))
    return rows[drawn[of] < len(families) * _MOST_ROWS // len(rows)]


def _codes(labels: np.ndarray) -> np.ndarray:
    codes = pd.factorize(labels)[0].astype(float)
    return np.where(codes < 0, np.nan, codes)


def _unexplained(values: np.ndarray, owners: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return what trees that learn other families leave of a column."""
    left = np.full(len(values), np.nan)
    there = ~np.isnan(values)
    is_one = owners % 2 == 0
    for own in (is_one & there, ~is_one & there):
        other = there & ~own
        if own.any() and other.sum() > 1:
            varied = [len(np.unique(x[~np.isnan(x)])) > 1 for x in known[other].T]
            if not any(varied):
                left[own] = values[own] - values[other].mean()
                continue
            trees = HistGradientBoostingRegressor(random_state=0, **_TREES)
            trees.fit(known[other][:, varied], values[other])
            left[own] = values[own] - trees.predict(known[own][:, varied])
    return left


def _shared_variance(values: np.ndarray, of: np.ndarray) -> float:
    """Return the share of the variance that lies between families of two rows or more."""
    there = ~np.isnan(values)
    values, of = values[there], of[there]
    if not len(values):
        return 0.0
    counts = np.bincount(of)
    several = counts[of] > 1
    values, of = values[several], of[several]
    total = values.var() if len(values) else 0.0
    if not total > 0:
        return 0.0
    counts = np.bincount(of)
    means = np.bincount(of, weights=values) / np.maximum(counts, 1)
    within = ((values - means[of]) ** 2).sum() / max(1, len(values) - int((counts > 0).sum()))
    return float(1 - within / total)
