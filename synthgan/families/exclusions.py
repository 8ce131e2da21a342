"""What never occurs together: labels of a row, or a label and a number of its parent."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthgan.families.coding import as_labels
from synthgan.families.excluded_values import FEWEST_PEOPLE, count_pairs
from synthgan.families.timeline import as_numbers, is_number
from synthgan.privacy import EVERYTHING, Support, pooled_means
from synthgan.state.stored import Name, Stored

__all__ = ["ExcludedPairs", "Exclusions", "LabelRange"]

_LEAST_EXPECTED = 5.0  # people who would have both, if they were independent
_MOST_LEVELS = 100  # of a label
_ABOVE = "parent: "  # known columns of numbers that are compared


@dataclass(frozen=True)
class ExcludedPairs(Stored):
    """Labels of another column with which labels of a column never occur.

    Parameters
    ----------
    column, other : hashable
    is_known : bool
        Whether the other column is known before the row.
    pairs : tuple of (str, str)
    """

    column: Name
    other: Name
    is_known: bool
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class LabelRange(Stored):
    """The range of a known number for rows of a label.

    Parameters
    ----------
    column : hashable
    label : str
    other : hashable
    low, high : float
    """

    column: Name
    label: str
    other: Name
    low: float
    high: float


@dataclass(frozen=True)
class Exclusions(Stored):
    """What never occurs, although many people would have it by chance: deliveries of men.

    Parameters
    ----------
    pairs : tuple of ExcludedPairs
    ranges : tuple of LabelRange
    """

    _record_name = "exclusions"

    pairs: tuple[ExcludedPairs, ...] = ()
    ranges: tuple[LabelRange, ...] = ()

    @classmethod
    def fit(
        cls, rows: pd.DataFrame, known: pd.DataFrame, support: Support = EVERYTHING
    ) -> Exclusions:
        """Learn what never occurs.

        Parameters
        ----------
        rows, known : DataFrame of shape (n_rows, n_columns)
            Generated columns, and what is known before them.
        support : Support, default=EVERYTHING
        """
        own, above = (_Labels(table, support) for table in (rows, known))
        pairs, ranges = [], []
        for i, column in enumerate(own.codes):
            for labels, others in ((above, above.codes), (own, [*own.codes][:i])):
                for other in others:
                    never = _never_together(own, column, labels, other, support)
                    if never:
                        pairs.append(ExcludedPairs(column, other, labels is above, never))
            for other in known.columns:
                if str(other).startswith(_ABOVE) and is_number(known[other]):
                    ranges += _ranges(own, column, other, as_numbers(known[other]), support)
        return cls(tuple(pairs), tuple(ranges))

    def broken(self, rows: pd.DataFrame, known: pd.DataFrame) -> np.ndarray:
        """Return which rows have what never occurs, shape (n_rows,)."""
        found = np.zeros(len(rows), dtype=bool)
        texts: dict[tuple[bool, Hashable], np.ndarray] = {}

        def labels(is_known: bool, name: Hashable) -> np.ndarray:
            if (is_known, name) not in texts:
                texts[is_known, name] = as_labels((known if is_known else rows)[name])
            return texts[is_known, name]

        for one in self.pairs:
            never = pd.MultiIndex.from_tuples(one.pairs)
            both = [labels(False, one.column), labels(one.is_known, one.other)]
            found |= pd.MultiIndex.from_arrays(both).isin(never)
        for limit in self.ranges:
            values = as_numbers(known[limit.other])
            is_out = (values < limit.low) | (values > limit.high)
            found |= is_out & np.asarray(labels(False, limit.column) == limit.label)
        return found


class _Labels:
    """The labels of a table that many people have."""

    def __init__(self, table: pd.DataFrame, support: Support) -> None:
        self.levels: dict[Hashable, list[str]] = {}
        self.codes: dict[Hashable, np.ndarray] = {}
        self.people: dict[Hashable, np.ndarray] = {}
        for name in table.columns:
            if not is_number(table[name]):
                texts = pd.Series(as_labels(table[name]))
                people = support.of_labels(texts).sort_values(ascending=False, kind="stable")
                people = people[people >= max(FEWEST_PEOPLE, support.least)].iloc[:_MOST_LEVELS]
                if len(people) > 1:
                    self.levels[name] = people.index.tolist()
                    self.codes[name] = people.index.get_indexer(pd.Index(texts))
                    self.people[name] = people.to_numpy()


def _never_together(
    own: _Labels, column: Hashable, others: _Labels, other: Hashable, support: Support
) -> tuple[tuple[str, str], ...]:
    """Return pairs of labels that no row has, and that many people are expected to have."""
    together, expected = count_pairs(
        own.codes[column], others.codes[other], own.people[column], others.people[other], support
    )
    return tuple(
        (own.levels[column][i], others.levels[other][j])
        for i, j in np.argwhere((together == 0) & (expected >= _LEAST_EXPECTED))
    )


def _ranges(
    own: _Labels, column: Hashable, other: Hashable, values: np.ndarray, support: Support
) -> list[LabelRange]:
    """Return ranges outside of which many people of a label are expected."""
    found, there = [], ~np.isnan(values)
    for code, label in enumerate(own.levels[column]):
        rows = np.flatnonzero(there & (own.codes[column] == code))
        rows = rows[np.argsort(values[rows], kind="stable")]
        if not len(rows):
            continue
        means = pooled_means(values[rows], support.take(rows))[1]
        if len(means) < 4 or np.isnan(means).any():
            continue
        low, high = 2 * means[0] - means[1], 2 * means[-1] - means[-2]
        outside = ((values < low) | (values > high))[there].mean()
        if outside * own.people[column][code] >= _LEAST_EXPECTED:
            found.append(LabelRange(column, label, other, float(low), float(high)))
    return found
