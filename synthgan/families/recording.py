"""When a column is recorded: a measurement that was introduced in some year, or given up."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from synthgan.exceptions import ArchiveError
from synthgan.families.periods import mean_of_first
from synthgan.families.timeline import as_numbers, is_number
from synthgan.privacy import EVERYTHING, Support
from synthgan.state import fields
from synthgan.state.stored import Name, Stored

__all__ = ["Gaps", "Recording"]

_MOST_TIMES, _BINS = 500, 200  # different times that are tested one by one; else their bins
_MOST_RECORDED = 0.01  # of what is recorded at other times, where a column is not recorded
_BY_CHANCE = 1e-6  # probability of so many missing values in a row
_MOST_DONORS = 20_000
_MOST_LEVELS, _APART = 12, 0.5  # of a label that donors share, and the distance of other labels

_Times = Annotated[tuple[float, ...], fields.list_of(fields.number())]


@dataclass(frozen=True)
class Gaps(Stored):
    """The periods in which a column of numbers is not recorded.

    Parameters
    ----------
    name : hashable
    starts, ends : tuple of float
        First and last time of each period, as `Timeline.clock` gives it: means over as many people
        as must share a stored value.
    """

    _record_name = "gaps"

    name: Name
    starts: _Times
    ends: _Times

    def cover(self, clock: np.ndarray) -> np.ndarray:
        """Return which times lie in a period."""
        periods = zip(self.starts, self.ends, strict=True)
        inside = np.zeros(len(clock), dtype=bool)
        for start, end in periods:
            inside |= (start <= clock) & (clock <= end)
        return inside

    def _check_record(self) -> None:
        if not len(self.starts) == len(self.ends) > 0:
            raise ArchiveError("gaps that do not begin or do not end")


@dataclass(frozen=True)
class Recording(Stored):
    """Columns of numbers that are missing in some periods, in the rows of all people.

    Whether such a value is missing follows from its time. So it is not learnt: for training,
    these cells are filled with the values of similar rows, and generated ones are removed.

    Parameters
    ----------
    columns : tuple of Gaps
    """

    _record_name = "recording"

    columns: tuple[Gaps, ...]

    @classmethod
    def fit(
        cls,
        table: pd.DataFrame,
        clock: np.ndarray,
        support: Support = EVERYTHING,
        fixed: Collection[Hashable] = (),
    ) -> Recording:
        """Find periods in which a column is missing in so many rows that it is no chance.

        Parameters
        ----------
        table : DataFrame of shape (n_rows, n_columns)
        clock : ndarray of shape (n_rows,)
            The order column as numbers.
        support : Support, default=EVERYTHING
        fixed : collection of hashable
            Columns that are left as they are.
        """
        bins = _bins(clock)
        found = []
        for name in table.columns:
            missing = table[name].isna().to_numpy()
            if name in set(fixed) or not is_number(table[name]) or not 0 < missing.mean() < 1:
                continue
            shares = np.bincount(bins, missing) / np.maximum(np.bincount(bins), 1)
            if gaps := _runs(shares, missing.mean(), bins, clock, support):
                starts, ends = zip(*gaps, strict=True)
                found.append(Gaps(name, starts, ends))
        return cls(tuple(found))

    def fill(self, table: pd.DataFrame, clock: np.ndarray) -> pd.DataFrame:
        """Fill cells that are not recorded with those of rows alike in all other columns."""
        table = table.copy(deep=False)
        wanted = {gaps.name: gaps.cover(clock) & table[gaps.name].isna() for gaps in self.columns}
        for name in sorted(wanted, key=lambda name: -int(wanted[name].sum())):
            to, there = np.flatnonzero(wanted[name]), np.flatnonzero(table[name].notna())
            if not len(to) or not len(there):
                continue
            some = np.linspace(0, len(there) - 1, min(_MOST_DONORS, len(there))).astype(np.int64)
            donors = there[np.unique(some)]
            points = _points(table.drop(columns=name))
            nearest = cKDTree(points[donors]).query(points[to])[1]
            column = table[name].copy()
            column.iloc[to] = table[name].iloc[donors[nearest]].to_numpy()
            table[name] = column
        return table

    def remove(self, table: pd.DataFrame, clock: np.ndarray) -> pd.DataFrame:
        """Remove cells of times at which their column is not recorded."""
        table = table.copy(deep=False)
        for gaps in self.columns:
            table[gaps.name] = table[gaps.name].mask(gaps.cover(clock))
        return table


def _bins(clock: np.ndarray) -> np.ndarray:
    """Return the number of each time, or of its bin where times are very many."""
    times, bins = np.unique(clock, return_inverse=True)
    if len(times) <= _MOST_TIMES:
        return bins
    ranks = np.searchsorted(np.sort(clock), clock)
    return ranks * _BINS // len(clock)


def _runs(
    shares: np.ndarray, missing: float, bins: np.ndarray, clock: np.ndarray, support: Support
) -> list[tuple[float, float]]:
    """Return the first and the last time of periods in which a column is not recorded."""
    gone = 1 - shares <= _MOST_RECORDED * (1 - missing)
    fewest = max(support.least, np.log(_BY_CHANCE) / np.log(missing))
    people = np.arange(len(clock)) if support.people is None else support.people
    changes = np.flatnonzero(np.diff(gone.astype(int), prepend=0, append=0))
    found = []
    for first, last in zip(changes[::2], changes[1::2] - 1, strict=True):
        rows = np.flatnonzero((first <= bins) & (bins <= last))
        if len(np.unique(people[rows])) < fewest:
            continue
        rows = rows[np.argsort(clock[rows], kind="stable")]
        start, end = (
            mean_of_first(clock[some], people[some], support.least) for some in (rows, rows[::-1])
        )
        found.append((start, end))
    return found


def _points(table: pd.DataFrame) -> np.ndarray:
    """Return ranks of the columns without missing values, and frequent labels."""
    parts: list[np.ndarray] = [np.zeros((len(table), 1))]
    for name in table.columns:
        series = table[name]
        if is_number(series):
            if not series.isna().any():
                ranks = pd.Series(as_numbers(series)).rank(pct=True).to_numpy()
                parts.append(ranks[:, None])
        elif series.nunique() <= _MOST_LEVELS:
            parts.append(_APART * pd.get_dummies(series).to_numpy(np.float64))
    return np.hstack(parts)
