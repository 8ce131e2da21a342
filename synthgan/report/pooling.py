"""Pooling of values that describe few real rows, before they are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    "FEWEST",
    "count_people",
    "frequent",
    "merge_bins",
    "pooled_ends",
    "pooled_quantiles",
    "rounded_out",
]

FEWEST = 5  # minimum number of people (rows, without groups) behind a label or an average


def count_people(levels: pd.Series, groups: Any = None) -> pd.Series:
    """Count the people with each level.

    Parameters
    ----------
    levels : Series of length n
    groups : array-like of length n or None, default=None
        Person of each row; None counts rows.

    Returns
    -------
    counts : Series of int
        People by level, largest first; missing values are not counted.
    """
    if groups is None:
        return levels.value_counts()
    frame = pd.DataFrame({"level": levels.to_numpy(), "group": np.asarray(groups)})
    counts = frame.groupby("level", sort=False, observed=True)["group"].nunique()
    return counts.sort_values(ascending=False, kind="stable")


def frequent(counts: pd.Series, *, and_rest: bool = False) -> list[Any]:
    """Return the levels that `FEWEST` people or more have.

    Parameters
    ----------
    counts : Series of int
        People by level, largest first.
    and_rest : bool, default=False
        If True, the remaining levels together also have no people, or `FEWEST` people or more;
        one level fewer is returned if necessary.

    Returns
    -------
    levels : list

    Examples
    --------
    >>> counts = pd.Series({"f": 61, "m": 38, "Bombay": 1})
    >>> frequent(counts), frequent(counts, and_rest=True)
    (['f', 'm'], ['f'])
    """
    n_kept = int((counts >= FEWEST).sum())
    if and_rest and 0 < counts.iloc[n_kept:].sum() < FEWEST:
        n_kept = max(0, n_kept - 1)
    return counts.index[:n_kept].tolist()


def pooled_ends(
    numbers: np.ndarray, groups: np.ndarray, tails: tuple[float, float]
) -> tuple[float, float]:
    """Find a low and a high end, with `FEWEST` people or more at or outside each of them.

    With fewer than 2 `FEWEST` people, both ends are at the median.

    Parameters
    ----------
    numbers : ndarray of shape (n,)
        Numbers of `FEWEST` people or more.
    groups : ndarray of shape (n,)
        Person of each number.
    tails : (float, float)
        Quantiles for both ends, used if enough people lie outside them.

    Returns
    -------
    low, high : float
        Numbers of the table. Apply `rounded_out` before they are shown.
    """
    order = np.argsort(numbers, kind="stable")
    n = len(order)
    low = max(_rank_of_enough(groups[order]), int(tails[0] * n))
    high = n - 1 - max(_rank_of_enough(groups[order[::-1]]), int((1 - tails[1]) * n))
    low, high = min(low, (n - 1) // 2), max(high, n // 2)
    return float(numbers[order[low]]), float(numbers[order[high]])


def rounded_out(low: float, high: float) -> tuple[float, float]:
    """Widen a range to round numbers, so that neither end is the value of a single row.

    Examples
    --------
    >>> rounded_out(17.3, 88.9)
    (17.0, 89.0)
    """
    with np.errstate(over="ignore"):
        size = high - low or abs(low) or 1.0
    if not np.isfinite(size):
        return low, high
    step = 10.0 ** (np.floor(np.log10(size)) - 1)
    if step < np.finfo(float).tiny:
        return low, high if high > low else float(np.nextafter(high, np.inf))
    below, above = np.floor(low / step) * step, np.ceil(high / step) * step
    return min(low, float(below)), max(high, float(above if above > below else below + step))


def pooled_quantiles(numbers: np.ndarray, groups: np.ndarray, at: list[float]) -> list[float]:
    """Average the numbers of `FEWEST` people around each quantile.

    Parameters
    ----------
    numbers : ndarray of shape (n,)
        Numbers of `FEWEST` people or more.
    groups : ndarray of shape (n,)
        Person of each number.
    at : list of float
        Quantiles, from 0 to 1.

    Returns
    -------
    averages : list of float
        One for each quantile.
    """
    order = np.argsort(numbers, kind="stable")
    numbers, groups = numbers[order], groups[order]
    return [_mean_around(numbers, groups, round(q * (len(order) - 1))) for q in at]


def merge_bins(edges: np.ndarray, numbers: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Merge bins until each is empty or has numbers of `FEWEST` people or more.

    Parameters
    ----------
    edges : ndarray of shape (n_bins + 1,)
        Edges in increasing order.
    numbers : ndarray of shape (n,)
        Numbers within the edges.
    groups : ndarray of shape (n,)
        Person of each number.

    Returns
    -------
    edges : ndarray
        Subset of the given edges, with the first and the last.
    """
    place = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, len(edges) - 2)
    kept, people = [edges[0]], set[Any]()
    for i, end in enumerate(edges[1:]):
        people |= set(groups[place == i].tolist())
        if len(people) >= FEWEST:
            kept.append(end)
            people = set()
    if people and len(kept) > 1:  # too few people for a separate bin
        kept.pop()
    if kept[-1] != edges[-1]:
        kept.append(edges[-1])
    return np.array(kept)


def _rank_of_enough(groups: np.ndarray) -> int:
    """Return the first index up to which `FEWEST` different people occur."""
    first = np.sort(np.unique(groups, return_index=True)[1])
    return int(first[FEWEST - 1])


def _mean_around(ordered: np.ndarray, groups: np.ndarray, centre: int) -> float:
    low = high = centre
    while len(np.unique(groups[low : high + 1])) < FEWEST:
        low, high = max(0, low - 1), min(len(ordered) - 1, high + 1)
    part = ordered[low : high + 1]
    return float((part / len(part)).sum())
