"""Columns that are copied from the row before: a drug that is listed at each visit."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthgan.families.coding import as_labels
from synthgan.families.timeline import as_numbers, is_number
from synthgan.privacy import EVERYTHING, Support
from synthgan.state.stored import Name, Stored

__all__ = ["RepeatedColumns", "Repeats"]

_FEWEST_STEPS, _MOST_ALIKE = 50, 0.8  # rows that follow another; chance that two rows agree
_MIN_REPEATS, _TIMES_CHANCE = 0.3, 1.5
_TOGETHER = 0.97  # of the repeats of a column, with those of the others
_YES, _NO = "as before", "new"


@dataclass(frozen=True)
class RepeatedColumns(Stored):
    """Columns that are copied together from the row before, or not at all.

    Parameters
    ----------
    label : str
        Name of the column of labels: whether they are.
    columns : tuple of hashable
    """

    label: str
    columns: tuple[Name, ...]


@dataclass(frozen=True)
class Repeats(Stored):
    """Which columns are often copied from the row before, numbers and dates among them.

    A generator hardly makes the same number twice. So a label holds whether the columns are copied;
    where they are, it learns values of other rows in their place.

    Parameters
    ----------
    groups : tuple of RepeatedColumns
    """

    _record_name = "repeats"

    groups: tuple[RepeatedColumns, ...] = ()

    @classmethod
    def fit(cls, table: pd.DataFrame, owners: np.ndarray, support: Support = EVERYTHING) -> Repeats:
        """Find columns that repeat more often than by chance.

        Parameters
        ----------
        table : DataFrame of shape (n_rows, n_columns)
            Rows of a family stand together, in order.
        owners : ndarray of int of shape (n_rows,)
        support : Support, default=EVERYTHING
            A group repeats in rows of enough people; one of its columns at least is of numbers.
        """
        follows = np.append(False, owners[1:] == owners[:-1])
        if follows.sum() < _FEWEST_STEPS:
            return cls()
        same, more = {}, {}
        for name in table.columns:
            codes = _codes(table[name])
            chance = float(np.square(np.bincount(codes) / len(codes)).sum())
            if chance <= _MOST_ALIKE:
                same[name] = follows & np.append(False, codes[1:] == codes[:-1])
                if is_number(table[name]):
                    more[name] = _more_than_chance(same[name], codes, follows, table[name])
        more = {name: share for name, share in more.items() if share > 0}
        groups: list[RepeatedColumns] = []
        for name in sorted(more, key=lambda name: -more[name]):
            if name in same and support.holds(same[name]):
                repeated = same[name]
                own = [m for m in same if m == name or same[m][repeated].mean() >= _TOGETHER]
                groups.append(RepeatedColumns(_free(len(groups), table), tuple(own)))
                same = {m: of for m, of in same.items() if m not in own}
        return cls(tuple(groups))

    @property
    def columns(self) -> set[Hashable]:
        """The columns of all groups."""
        return {name for group in self.groups for name in group.columns}

    def find(self, table: pd.DataFrame, owners: np.ndarray) -> np.ndarray:
        """Return which rows copy each group from the row before, shape (n_groups, n_rows)."""
        found = np.tile(np.append(False, owners[1:] == owners[:-1]), (len(self.groups), 1))
        for is_copy, group in zip(found, self.groups, strict=True):
            for name in group.columns:
                codes = _codes(table[name])
                is_copy &= np.append(False, codes[1:] == codes[:-1])
        return found

    def mark(
        self, table: pd.DataFrame, copies: np.ndarray, rng: np.random.Generator
    ) -> pd.DataFrame:
        """Add the labels; what is copied becomes that of other rows that is not.

        Parameters
        ----------
        table : DataFrame of shape (n_rows, n_columns)
        copies : ndarray of bool of shape (n_groups, n_rows)
            As `find` returns them.
        rng : Generator
        """
        table = table.copy(deep=False)
        for is_copy, group in zip(copies, self.groups, strict=True):
            new = np.flatnonzero(~is_copy)
            taken = np.where(is_copy, rng.choice(new, len(is_copy)), np.arange(len(is_copy)))
            for name in group.columns:
                table[name] = table[name].iloc[taken].set_axis(table.index)
            labels = np.where(is_copy, _YES, _NO).astype(object)
            table[group.label] = pd.Series(labels, index=table.index, dtype=object)
        return table

    def unmark(self, marked: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
        """Copy what is to be copied; inverse of `mark`, without the labels.

        Parameters
        ----------
        marked : DataFrame of shape (n_rows, n_columns)
        before : DataFrame of shape (n_rows, n_columns) or None
            The rows before; None: these rows are the first ones.
        """
        table = marked.drop(columns=[group.label for group in self.groups])
        if before is None:
            return table
        for group in self.groups:
            is_copy = (marked[group.label] == _YES).to_numpy(dtype=bool, na_value=False)
            for name in group.columns:
                old = before[name].set_axis(table.index)
                table[name] = table[name].where(~is_copy, old)
        return table


def _more_than_chance(
    same: np.ndarray, codes: np.ndarray, follows: np.ndarray, series: pd.Series
) -> float:
    """Return by how much numbers repeat more often than by chance; 0 where they hardly do.

    Missing ones do not count.
    """
    there = series.notna().to_numpy()
    if not (follows & there).any():
        return 0.0
    share = float(same[follows & there].mean())
    chance = float(np.square(np.bincount(codes[there]) / there.sum()).sum())
    return share - chance if share > max(_MIN_REPEATS, _TIMES_CHANCE * chance) else 0.0


def _codes(series: pd.Series) -> np.ndarray:
    values = as_numbers(series) if is_number(series) else as_labels(series)
    return np.asarray(pd.factorize(values, use_na_sentinel=False)[0])


def _free(number: int, taken: pd.DataFrame) -> str:
    name = f"(as before {number})"
    while name in taken:
        name += "'"
    return name
