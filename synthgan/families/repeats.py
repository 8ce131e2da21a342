"""Columns that are copied from rows before: a drug that is listed at each visit."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
import pandas as pd

from synthgan.families.copy_search import (
    Codes,
    always_copied,
    at_once,
    codes_of,
    combined,
    copied_from_row,
    copied_from_time,
    count_skipped,
    follow,
    row_before,
)
from synthgan.families.past_rows import PastRows
from synthgan.privacy import EVERYTHING, Support
from synthgan.state import fields
from synthgan.state.stored import Name, Stored

__all__ = ["AT_ONCE", "ROW", "TIME", "RepeatedColumns", "Repeats"]

# What is copied: the row before; the row of the time before that comes next; at the same time as
# the row before, always that one.
ROW, TIME, AT_ONCE = "row", "time", "at once"
_NEW, _YES = "new", ("as before", "as before, one left out", "as before, two left out")
_SPARSE = {"sparse": True}


@dataclass(frozen=True)
class RepeatedColumns(Stored):
    """Columns that are copied together from a row before, or not at all.

    Parameters
    ----------
    label : str
        Name of the column of labels: whether they are.
    columns : tuple of hashable
    source : {"row", "time", "at once"}, default="row"
        Which row is copied: the row before, the row of the time before that comes next, or always
        the row before if it is at the same time.
    """

    label: str
    columns: tuple[Name, ...]
    source: Annotated[str, fields.one_of(ROW, TIME, AT_ONCE)] = field(default=ROW, metadata=_SPARSE)

    def columns_of(self, table: pd.DataFrame) -> list[Hashable]:
        """Return the columns that a table has; constraints may compute others from them."""
        return [name for name in self.columns if name in table]


@dataclass(frozen=True)
class Repeats(Stored):
    """Which columns are often copied from a row before, numbers and dates among them.

    A generator hardly makes the same number twice. So a label holds whether the columns are copied;
    where they are, it learns values of other rows in their place.

    Parameters
    ----------
    groups : tuple of RepeatedColumns
    dates : tuple of hashable, default=()
        Columns of the groups that are learnt as durations since the time of the row, and copied as
        dates.
    """

    _record_name = "repeats"

    groups: tuple[RepeatedColumns, ...] = ()
    dates: tuple[Name, ...] = field(default=(), metadata=_SPARSE)

    @classmethod
    def fit(
        cls,
        table: pd.DataFrame,
        owners: np.ndarray,
        clock: np.ndarray,
        support: Support = EVERYTHING,
    ) -> Repeats:
        """Find columns that repeat more often than by chance.

        Parameters
        ----------
        table : DataFrame of shape (n_rows, n_columns)
            Rows of a family stand together, in order.
        owners : ndarray of int of shape (n_rows,)
        clock : ndarray of shape (n_rows,)
            When rows are.
        support : Support, default=EVERYTHING
            A group repeats in rows of enough people. Unless it is always copied, one of its columns
            at least is of numbers.
        """
        codes: Codes = {name: codes_of(table[name]) for name in table.columns}
        codes = {name: own for name, own in codes.items() if own.any()}
        groups: list[RepeatedColumns] = []

        def add(columns: tuple[Hashable, ...], source: str) -> Codes:
            """Add a group, and return the codes of its columns."""
            if columns:
                groups.append(RepeatedColumns(_free(len(groups), table), columns, source))
            return {name: codes.pop(name) for name in columns}

        add(always_copied(codes, owners, clock, support), AT_ONCE)
        listed = add(copied_from_time(table, codes, owners, clock, support), TIME)
        before = row_before(owners)
        while add(copied_from_row(table, codes, before, support), ROW):
            pass
        if listed:  # rows that copy none of the time before may copy the row before
            codes = dict(listed)
            before[follow(combined(list(listed.values())), owners, clock) >= 0] = -1
            while add(copied_from_row(table, codes, before, support), ROW):
                pass
        return cls(tuple(groups))

    @property
    def columns(self) -> set[Hashable]:
        """The columns of all groups."""
        return {name for group in self.groups for name in group.columns}

    @property
    def of_time(self) -> RepeatedColumns | None:
        """The group that is copied from the time before, if there is one."""
        return next((group for group in self.groups if group.source == TIME), None)

    def find(self, table: pd.DataFrame, owners: np.ndarray, clock: np.ndarray) -> np.ndarray:
        """Return which rows each row copies, shape (n_groups, n_rows); -1: none."""
        found = np.full((len(self.groups), len(owners)), -1)
        for sources, group in zip(found, self.groups, strict=True):
            codes = combined([codes_of(table[name]) for name in group.columns])
            before = row_before(owners)
            if group.source == TIME:
                before = follow(codes, owners, clock)
            elif group.source == AT_ONCE:
                before[~at_once(owners, clock)] = -1
            else:
                before[codes[before] != codes] = -1
            is_copy = (found[self._sharing(group)] >= 0).any(axis=0)  # by a group before it
            sources[:] = np.where(is_copy, -1, before)
        return found

    def _sharing(self, group: RepeatedColumns) -> list[int]:
        """Return the numbers of the groups that have a column of a group, and of itself."""
        return [i for i, one in enumerate(self.groups) if {*one.columns} & {*group.columns}]

    def with_places(
        self, table: pd.DataFrame, sources: np.ndarray, starts: np.ndarray
    ) -> pd.DataFrame:
        """Add the places of the rows that are copied, as `unmark` does.

        Parameters
        ----------
        table : DataFrame of shape (n_rows, n_columns)
        sources : ndarray of int of shape (n_groups, n_rows)
        starts : ndarray of int of shape (n_rows,)
            The first row of each row's family.
        """
        places = np.where(sources < 0, -1, sources - starts)
        table = table.copy(deep=False)
        for group, own in zip(self.groups, places, strict=True):
            table[group.label] = own
        return table

    def mark(
        self,
        table: pd.DataFrame,
        sources: np.ndarray,
        owners: np.ndarray,
        clock: np.ndarray,
        rng: np.random.Generator,
    ) -> pd.DataFrame:
        """Add the labels; what is copied becomes that of other rows that is not.

        What is always copied at the same time has no label.

        Parameters
        ----------
        table : DataFrame of shape (n_rows, n_columns)
        sources : ndarray of int of shape (n_groups, n_rows)
            As `find` returns them.
        owners, clock : ndarray of shape (n_rows,)
        rng : Generator
        """
        table = table.copy(deep=False)
        for source, group in zip(sources, self.groups, strict=True):
            is_copy = source >= 0
            new = np.flatnonzero(self._are_new(group, sources))
            taken = np.where(is_copy, rng.choice(new, len(is_copy)), np.arange(len(is_copy)))
            for name in group.columns_of(table):
                table[name] = table[name].iloc[taken].set_axis(table.index)
            if group.source != AT_ONCE:
                n = count_skipped(source, owners, clock) if group.source == TIME else is_copy * 0
                labels = np.where(is_copy, np.array(_YES, dtype=object)[n], _NEW)
                table[group.label] = pd.Series(labels, index=table.index, dtype=object)
        return table

    def new(self, sources: np.ndarray) -> dict[Hashable, np.ndarray]:
        """Return for each column which rows do not copy it; `sources` are those of `find`."""
        return {
            name: self._are_new(group, sources) for group in self.groups for name in group.columns
        }

    def _are_new(self, group: RepeatedColumns, sources: np.ndarray) -> np.ndarray:
        return np.asarray(~(sources[self._sharing(group)] >= 0).any(axis=0))

    def unmark(
        self,
        marked: pd.DataFrame,
        past: PastRows,
        families: np.ndarray,
        at_once: np.ndarray,
    ) -> pd.DataFrame:
        """Copy what is to be copied; inverse of `mark`.

        Parameters
        ----------
        marked : DataFrame of shape (n_rows, n_columns)
        past : PastRows
        families : ndarray of int of shape (n_rows,)
        at_once : ndarray of bool of shape (n_rows,)
            Whether rows are at the same time as the rows before.

        Returns
        -------
        table : DataFrame of shape (n_rows, n_columns)
            In place of the labels are the places of the rows that are copied; -1: none.
        """
        table = marked.copy(deep=False)
        found = np.full((len(self.groups), len(table)), -1)
        for places, group in zip(found, self.groups, strict=True):
            is_copy = (found[self._sharing(group)] >= 0).any(axis=0)  # by a group before it
            wanted = self._places(group, marked, past, families, at_once)
            places[:] = np.where(is_copy, -1, wanted)
            old = past.rows(families, places)
            if old is not None and (places >= 0).any():
                for name in group.columns_of(table):
                    copied = old[name].set_axis(table.index).astype(table[name].dtype)
                    table[name] = table[name].where(places < 0, copied)
            table[group.label] = places
        return table

    def without_places(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return rows without the places of the rows that are copied."""
        return table.drop(columns=[group.label for group in self.groups], errors="ignore")

    def _places(
        self,
        group: RepeatedColumns,
        marked: pd.DataFrame,
        past: PastRows,
        families: np.ndarray,
        at_once: np.ndarray,
    ) -> np.ndarray:
        if group.source == AT_ONCE:
            return np.where(at_once, past.n_rows - 1, -1)
        labels = marked[group.label].to_numpy(dtype=object)
        n = pd.Index(_YES).get_indexer(pd.Index(labels, dtype=object))
        if group.source == ROW:
            return np.where(n < 0, -1, past.n_rows - 1)
        return np.where(n < 0, -1, past.places(families, np.maximum(n, 0)))

    def copy(
        self,
        names: Collection[Hashable],
        own: pd.DataFrame,
        table: pd.DataFrame,
        owners: np.ndarray,
    ) -> pd.DataFrame:
        """Copy some columns in complete families.

        Parameters
        ----------
        names : collection of hashable
        own : DataFrame of shape (n_rows, n_columns)
            Rows of a family stand together, in order.
        table : DataFrame of shape (n_rows, n_columns)
            As `unmark` returns it.
        owners : ndarray of int of shape (n_rows,)
        """
        rows, first = np.arange(len(owners)), np.searchsorted(owners, owners)
        own = own.copy(deep=False)
        for name in names:
            labels = [g.label for g in self.groups if name in g.columns and g.label in table]
            if labels:
                places = table[labels].to_numpy(np.int64).max(axis=1)
                roots = np.where(places < 0, rows, first + places)
                while (further := roots[roots] != roots).any():
                    roots[further] = roots[roots[further]]
                own[name] = own[name].iloc[roots].set_axis(own.index)
        return own


def _free(number: int, taken: pd.DataFrame) -> str:
    name = f"(as before {number})"
    while name in taken:
        name += "'"
    return name
