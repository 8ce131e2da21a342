"""Support: the number of people who share a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthgan.privacy.dominance import guarded_means

__all__ = ["EVERYTHING", "Support", "pooled_means", "run_means"]

_MOST_RUNS, _FINE_RUNS = 2**14, 2**9  # in all, and at each end
_ASIDE = 0.381966  # share of the way: irrational, so as not to end at another value of a lattice


@dataclass(frozen=True)
class Support:
    """Minimum number of people who share a stored value.

    Parameters
    ----------
    least : int, default=1
        Minimum number of people.
    people : ndarray of int of shape (n_rows,), or None, default=None
        The person of each row; None: each row is a different person.

    Examples
    --------
    >>> support = Support(2, np.array([0, 0, 1]))
    >>> support.counts(np.array([0, 0, 1]), 2), support.holds(np.array([True, False, True]))
    (array([1, 1]), True)
    """

    least: int = 1
    people: np.ndarray | None = None

    def take(self, rows: Any) -> Support:
        """Return the support restricted to some rows."""
        return self if self.people is None else Support(self.least, self.people[rows])

    def counts(self, codes: np.ndarray, n_codes: int) -> np.ndarray:
        """Count the people who have each code.

        Parameters
        ----------
        codes : ndarray of int of shape (n_rows,)
            Negative codes are not counted.
        n_codes : int

        Returns
        -------
        counts : ndarray of int of shape (n_codes,)
        """
        rows = codes >= 0
        codes = codes[rows]
        if self.people is not None:
            codes = np.unique(np.column_stack([codes, self.people[rows]]), axis=0)[:, 0]
        return np.bincount(codes, minlength=n_codes)

    def count(self, rows: np.ndarray) -> int:
        """Count the people of the given rows (bool, of shape (n_rows,))."""
        return int(rows.sum() if self.people is None else len(np.unique(self.people[rows])))

    def holds(self, rows: np.ndarray) -> bool:
        """Return whether the given rows belong to enough people."""
        return self.count(rows) >= self.least

    def of_labels(self, series: pd.Series) -> pd.Series:
        """Count the people who have each value of a column, missing values left out."""
        codes, values = pd.factorize(series)
        return pd.Series(self.counts(codes, len(values)), index=values)

    def pools(self, n_rows: int, fewest: int = 1) -> np.ndarray:
        """Split rows, in order, into runs with enough people and at least `fewest` rows each.

        Remaining rows at the end join the last run. Without `people`, lengths of runs differ by at
        most one, unless there are more than 16 384 runs: then those at both ends stay as short, and
        others are so long that there are no more.

        Returns
        -------
        starts : ndarray of shape (n_runs,)
            Where runs begin.
        """
        if self.people is None:
            size = max(self.least, fewest)
            n_runs = max(1, n_rows // size)
            if n_runs <= _MOST_RUNS:
                return _equal_runs(n_rows, n_runs)
            ends = size * np.arange(_FINE_RUNS)
            inner = n_rows - 2 * size * _FINE_RUNS
            middle = size * _FINE_RUNS + _equal_runs(inner, _MOST_RUNS - 2 * _FINE_RUNS)
            return np.concatenate([ends, middle, n_rows - size * _FINE_RUNS + ends])
        starts, seen = [0], set[int]()
        for row, person in enumerate(self.people.tolist()):
            if len(seen) >= self.least and row - starts[-1] >= fewest:
                starts.append(row)
                seen = set()
            seen.add(person)
        if len(seen) < self.least and len(starts) > 1:
            starts.pop()
        return np.array(starts)


def _equal_runs(n_rows: int, n_runs: int) -> np.ndarray:
    sizes = n_rows // n_runs + (np.arange(n_runs) < n_rows % n_runs)
    return np.concatenate([[0], np.cumsum(sizes)[:-1]])


EVERYTHING = Support()


def pooled_means(
    ordered: np.ndarray,
    support: Support,
    low: float = np.nan,
    high: float = np.nan,
    fewest: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Average ascending values in groups of enough people, so that none dominates.

    Parameters
    ----------
    ordered : ndarray of shape (n,)
        Ascending.
    support : Support
        Support of the values, in their order.
    low, high : float
        Known bounds of all values; NaN if unknown.
    fewest : int, default=1
        Minimum number of values of a group.

    Returns
    -------
    sizes, means : ndarray of shape (n_groups,)
        Number of values of each group, and its mean. A mean that equals a value of too few people
        is moved towards the next group; NaN if all groups have this value.
    """
    starts = support.pools(len(ordered), fewest)
    sizes = np.diff(np.append(starts, len(ordered)))
    lows, highs = _bounds(ordered, starts, low, high)
    means = run_means(ordered, starts, lows, highs, support.people, support.least)
    if support.least > 1:
        bare = _are_bare(means, ordered, support)
        away = np.where(np.isnan(lows) | (lows == means), highs, lows) - means
        means[bare] += _ASIDE * np.where(away == 0, np.nan, away)[bare]
        means = np.maximum.accumulate(_filled(means))
    return sizes, means


def run_means(
    ordered: np.ndarray,
    starts: np.ndarray,
    lows: np.ndarray | None = None,
    highs: np.ndarray | None = None,
    people: np.ndarray | None = None,
    least: int = 2,
) -> np.ndarray:
    """Average runs of ascending values with `guarded_means`; runs begin at `starts`.

    Known bounds are the medians of the adjacent runs, unless they are given.
    """
    if lows is None or highs is None:
        lows, highs = _bounds(ordered, starts, np.nan, np.nan)
    if (
        float(ordered[-1]) - float(ordered[0]) >= 2.0**63
    ):  # integers whose differences would overflow
        ordered = ordered.astype(np.float64)
    origins = ordered[starts]
    # For large integers, differences are exact, but sums are not.
    run = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(ordered))))
    x = (ordered - origins[run]).astype(np.float64)
    if people is not None:
        run, x = _one_each(run, x, people)
    sizes = np.bincount(run)
    first = np.cumsum(sizes) - sizes
    means = np.empty(len(starts))
    for n in np.unique(sizes):
        some = sizes == n
        values = x[first[some, None] + np.arange(n)]
        means[some] = guarded_means(values, (lows - origins)[some], (highs - origins)[some], least)
    return means + origins


def _bounds(
    ordered: np.ndarray, starts: np.ndarray, low: float, high: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the medians of the runs below and above each run, and the ends of all."""
    stops = np.append(starts[1:], len(ordered))
    medians = ordered[(starts + stops) // 2].astype(np.float64)
    return np.append(low, medians[:-1]), np.append(medians[1:], high)


def _filled(means: np.ndarray) -> np.ndarray:
    """Replace NaN by a value between the adjacent means, if there are any."""
    there = np.flatnonzero(~np.isnan(means))
    if len(there) in (0, len(means)):
        return means
    return np.interp(np.arange(len(means)), there, means[there])


def _one_each(pool: np.ndarray, x: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average the values of each person in a pool; ascending in each pool."""
    n_people = int(people.max()) + 1
    pairs, codes = np.unique(pool * n_people + people, return_inverse=True)
    means, pool = np.bincount(codes, x) / np.bincount(codes), pairs // n_people
    order = np.lexsort([means, pool])
    return pool[order], means[order]


def _are_bare(means: np.ndarray, ordered: np.ndarray, support: Support) -> np.ndarray:
    """Return which means equal a value of too few people, of shape (n_means,)."""
    near = 1e-9 * np.abs(means)
    first = np.searchsorted(ordered, means - near, side="left")
    last = np.searchsorted(ordered, means + near, side="right")
    if support.people is None:
        people = last - first
    else:
        pairs = zip(first, last, strict=True)
        people = np.array([len(np.unique(support.people[a:b])) for a, b in pairs], dtype=int)
    return (people > 0) & (people < support.least)
