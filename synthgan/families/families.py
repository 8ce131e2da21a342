"""The parents of families, and when families begin and end."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthgan.families.ends import read_ends
from synthgan.families.pace import Pace
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
        pace: Pace,
        rng: np.random.Generator,
    ) -> Families:
        """Read the ends of families from the summaries of generated parents.

        A parent without a first date has no rows. Number of rows and ends agree, see `Pace.ends`.
        """
        if timeline.order is None:
            return cls(known, np.zeros(len(known)), np.zeros(len(known)))
        ends = read_ends(summaries, timeline, parents)
        ends[:2] = np.where(np.isnan(ends[:2]), np.nan, np.minimum(ends[:2], ends[2]))
        number = known[summaries.number].to_numpy(np.float64, na_value=np.nan)
        number = np.where(np.isnan(ends[0]), 0.0, np.nan_to_num(number))
        ends[:2] = np.nan_to_num(ends[:2])
        if summaries.last is None:
            number, end = pace.fitting(number, ends), ends[1]
        else:
            number, end = pace.ends(number, ends, rng)
        known = known.copy(deep=False)
        known[summaries.number] = number
        return cls(known, ends[0], end)

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
