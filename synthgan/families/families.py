"""The parents of families, and when families begin and end."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthgan.constraints.base import numbers_of
from synthgan.families.summaries import Summaries
from synthgan.families.timeline import Timeline

__all__ = ["Families", "some_families"]


@dataclass(frozen=True)
class Families:
    """What is known of the parents of a child table.

    Parameters
    ----------
    parents : DataFrame of shape (n_parents, n_columns)
        With the columns of the child's summaries.
    start, end : ndarray of shape (n_parents,)
        First and last value of the order column, as numbers; zeros without one.
    """

    parents: pd.DataFrame
    start: np.ndarray
    end: np.ndarray

    @classmethod
    def of_parents(
        cls,
        known: pd.DataFrame,
        parents: pd.DataFrame,
        summaries: Summaries,
        timeline: Timeline,
    ) -> Families:
        """Read the ends of families from the summaries of generated parents.

        A parent without a first date has no rows.
        """
        if timeline.order is None:
            return cls(known, np.zeros(len(known)), np.zeros(len(known)))
        ends = []
        upper = summaries.first if summaries.upper is None else summaries.upper
        for name in (summaries.first, summaries.last, upper):
            numbers, present = numbers_of(timeline.order, parents[name])
            ends.append(np.where(present, numbers.astype(np.float64), np.nan))
        start, end, most = ends
        if summaries.upper is not None:
            start, end = np.fmin(start, most), np.fmin(end, most)
        known = known.copy(deep=False)
        known[summaries.number] = known[summaries.number].where(~np.isnan(start), 0)
        start = np.nan_to_num(start)
        end = np.where(np.isnan(end), start, np.maximum(start, end))
        return cls(known, start, end)

    def extended(self, number: Hashable, ends: np.ndarray) -> Families:
        """Add families of one row of which no parent is known; `ends` is of shape (2, n_more)."""
        n, n_more = len(self.parents), ends.shape[1]
        if not n_more:
            return self
        parents = self.parents.reindex(range(n + n_more))
        parents.loc[n:, number] = 1
        start, end = (np.append(*pair) for pair in zip((self.start, self.end), ends, strict=True))
        return Families(parents, start, end)


def some_families(families: Families, some: np.ndarray) -> Families:
    """Return some of the families, in the order of their numbers."""
    parents = families.parents.iloc[some].reset_index(drop=True)
    return Families(parents, families.start[some], families.end[some])
