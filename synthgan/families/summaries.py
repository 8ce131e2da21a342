"""What the rows of a family have in common: columns of the parent, and features of a family."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import pandas as pd

from synthgan.families.coding import FamilyCoding, Rows
from synthgan.families.shared import find_shared
from synthgan.families.timeline import Timeline
from synthgan.state import fields
from synthgan.state.stored import Name, Stored

__all__ = ["Summaries", "family_features", "n_family_features"]

_MOST_COLUMNS, _PARENTS_PER_COLUMN = 24, 50
_MOST_LEVELS = 50  # of a label whose most frequent one is a summary


@dataclass(frozen=True)
class Summaries(Stored):
    """Columns of the parent that sum up its family; they are generated with the parent.

    Parameters
    ----------
    number : hashable
        Name of the column with the number of rows; missing where there are none.
    first, last : hashable
        Names of the columns with the first and the last value of the order column. None as the
        last: it follows from the rows, see `rows_decide_end`.
    means : tuple of (hashable, hashable)
        Columns of numbers, and the names of their means.
    counts : tuple of (hashable, hashable)
        Columns of labels, and the names of the numbers of distinct labels.
    most : tuple of (hashable, hashable)
        Columns of labels, and the names of the most frequent labels.
    upper : hashable or None, default=None
        A date of the parent that no row of the family exceeds.
    lower : hashable or None, default=None
        A date of the parent that no row precedes: the ends are then shares, see `as_shares`.
    base : hashable or None, default=None
        A date of the parent with which many families begin: the shares are counted from it, where
        it is there.
    """

    _record_name = "summaries"

    number: Name
    first: Name
    last: Annotated[Any, fields.optional(fields.name)]
    means: tuple[tuple[Name, Name], ...]
    counts: tuple[tuple[Name, Name], ...]
    most: tuple[tuple[Name, Name], ...]
    upper: Annotated[Any, fields.optional(fields.name)] = None
    lower: Annotated[Any, fields.optional(fields.name)] = field(
        default=None, metadata={"sparse": True}
    )
    base: Annotated[Any, fields.optional(fields.name)] = field(
        default=None, metadata={"sparse": True}
    )

    @classmethod
    def fit(
        cls,
        child: str,
        coding: FamilyCoding,
        rows: Rows,
        owners: np.ndarray,
        n_parents: int,
        taken: set[Hashable],
        known: np.ndarray,
        n_tables: int = 1,
    ) -> Summaries:
        """Choose what is summed up: what rows of a family share, see `find_shared`.

        Parameters
        ----------
        child : str
            Name of the table, for the names of the columns.
        coding : FamilyCoding
        rows : dict of arrays of shape (n_rows,)
        owners : ndarray of int of shape (n_rows,)
            -1: of no parent.
        n_parents : int
        taken : set of hashable
            Names that are not free.
        known : ndarray of shape (n_rows, n_features)
            What is known of the rows by their parents.
        n_tables : int, default=1
            How many tables are summed up in the same parents: fewer columns of each.
        """
        n_columns = min(n_parents // _PARENTS_PER_COLUMN // n_tables, _MOST_COLUMNS)
        shared = find_shared(coding, rows, owners, known)
        kept = set(sorted(shared, key=lambda name: -shared[name])[:n_columns])
        levels = {level.name: level for level in coding.labels}

        def named(what: str) -> str:
            name = f"{child}: {what}"
            while name in taken:
                name += "'"
            taken.add(name)
            return name

        return cls(
            named("number"),
            named("first"),
            named("last"),
            tuple((n, named(f"mean {n}")) for n in coding.numbers if n in kept),
            tuple((n, named(f"distinct {n}")) for n in levels if n in kept),
            tuple(
                (n, named(f"usual {n}"))
                for n, level in levels.items()
                if n in kept and len(level.levels) <= _MOST_LEVELS
            ),
        )

    @property
    def columns(self) -> list[Hashable]:
        """Names of the columns that `apply` makes, without `first` and `last`."""
        pairs = (*self.means, *self.counts, *self.most)
        return [self.number, *(name for _, name in pairs)]

    def apply(
        self,
        coding: FamilyCoding,
        timeline: Timeline,
        rows: Rows,
        clock: np.ndarray,
        owners: np.ndarray,
        n_parents: int,
    ) -> pd.DataFrame:
        """Sum up the families of all parents, shape (n_parents, n_columns)."""
        own = np.flatnonzero(owners >= 0)
        of = owners[own]
        number = np.bincount(of, minlength=n_parents)
        # All summaries are missing where there are no rows, so that they are generated together.
        made: dict[Hashable, Any] = {self.number: np.where(number > 0, number, np.nan)}
        if timeline.order is not None:
            ends = np.full((2, n_parents), np.nan)
            ends[0, of[::-1]], ends[1, of] = clock[own][::-1], clock[own]
            for name, end in zip((self.first, self.last), ends, strict=True):
                if name is not None:
                    made[name] = timeline.from_clock(end)
        for name, summary in self.means:
            made[summary] = _means(rows[name][own], of, n_parents)
        levels = {level.name: level for level in coding.labels}
        for name, summary in self.counts:
            codes = levels[name].codes(rows[name][own])
            pairs = np.unique(np.column_stack([of, codes]), axis=0)
            distinct = np.bincount(pairs[:, 0], minlength=n_parents).astype(float)
            made[summary] = np.where(number > 0, distinct, np.nan)
        for name, summary in self.most:
            made[summary] = _usual(
                levels[name].levels, levels[name].codes(rows[name][own]), of, number
            )
        return pd.DataFrame(made)


def _means(values: np.ndarray, of: np.ndarray, n: int) -> np.ndarray:
    there = ~np.isnan(values)
    counts = np.bincount(of[there], minlength=n)
    sums = np.bincount(of[there], weights=values[there], minlength=n)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _usual(
    levels: tuple[str, ...], codes: np.ndarray, of: np.ndarray, number: np.ndarray
) -> pd.Series:
    """Return the most frequent label of each family; missing where it has no rows."""
    counts = np.zeros((len(number), len(levels) + 1), dtype=np.int32)
    np.add.at(counts, (of, codes), 1)
    usual = np.array([*levels, None], dtype=object)[counts.argmax(axis=1)]
    usual[number == 0] = None
    return pd.Series(usual, dtype=object)


def family_features(
    coding: FamilyCoding, rows: Rows, clock: np.ndarray, owners: np.ndarray, n_parents: int
) -> np.ndarray:
    """Return features of each family: counts, means, spreads, ends and changes.

    Parameters
    ----------
    coding : FamilyCoding
    rows : dict of arrays of shape (n_rows,)
        Rows of a family stand together, in order.
    clock : ndarray of shape (n_rows,)
        The order column as numbers.
    owners : ndarray of int of shape (n_rows,), ascending
    n_parents : int

    Returns
    -------
    features : ndarray of shape (n_parents, n_features)
        A family without rows has NaN where there is nothing to be measured.
    """
    number = np.bincount(owners, minlength=n_parents)
    at, end = np.cumsum(number) - number, np.cumsum(number) - 1
    some = number > 0
    follows = np.append(False, owners[1:] == owners[:-1])

    def ends(values: np.ndarray) -> list[np.ndarray]:
        return [np.where(some, values[np.where(some, i, 0)], np.nan) for i in (at, end)]

    def spread(values: np.ndarray) -> list[np.ndarray]:
        mean = _means(values, owners, n_parents)
        return [mean, np.sqrt(_means((values - mean[owners]) ** 2, owners, n_parents))]

    steps = np.diff(clock, prepend=clock[:1])
    features = [number.astype(float), *ends(clock), *spread(clock)]
    features += [_means((clock == end[owners]) * 1.0, owners, n_parents) for end in ends(clock)]
    features += [_means(np.where(follows, x, np.nan), owners, n_parents)
                 for x in (steps, np.sqrt(np.abs(steps)), (steps == 0) * 1.0)]  # fmt: skip
    for name in coding.numbers:
        values = rows[name]
        step = np.where(follows, np.abs(np.diff(values, prepend=np.nan)), np.nan)
        features += [*spread(values), *ends(values), _means(step, owners, n_parents)]
        features.append(_means(np.isnan(values) * 1.0, owners, n_parents))
    for level in coding.labels:
        codes = level.codes(rows[level.name])
        pairs, counts = np.unique(np.column_stack([owners, codes]), axis=0, return_counts=True)
        most = np.zeros(n_parents)
        np.maximum.at(most, pairs[:, 0], counts)
        changes = np.where(follows, np.append(0, codes[1:] != codes[:-1]) * 1.0, np.nan)
        features += [
            np.bincount(pairs[:, 0], minlength=n_parents),
            most,
            _means(changes, owners, n_parents),
            *(_means((codes == i) * 1.0, owners, n_parents) for i in range(level.n_shares)),
        ]
    return np.column_stack(features).astype(np.float64)


def n_family_features(coding: FamilyCoding) -> int:
    """Return how many features `family_features` gives."""
    return 10 + 6 * len(coding.numbers) + sum(3 + level.n_shares for level in coding.labels)
