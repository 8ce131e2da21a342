"""The rows of each family so far: the row before, and the rows of the time before."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["PastRows"]


class PastRows:
    """The rows of families that grow together, row by row.

    Where rows of a family list at each time what was listed the time before, a pointer says which
    of the rows of the time before comes next.

    Parameters
    ----------
    n_families : int
    """

    def __init__(self, n_families: int) -> None:
        self._tables: list[pd.DataFrame] = []  # the rows at each place; the index is the family
        self._begun = np.zeros(n_families, dtype=np.int64)  # place of the first row of this time
        self._pointer = np.zeros(n_families, dtype=np.int64)  # place in the time before
        self._stop = np.zeros(n_families, dtype=np.int64)

    @property
    def n_rows(self) -> int:
        """The number of rows of the families so far."""
        return len(self._tables)

    def left(self, families: np.ndarray) -> np.ndarray:
        """Return how many rows of the time before are still to come."""
        return (self._stop - self._pointer)[families].astype(np.float64)

    def places(self, families: np.ndarray, skipped: np.ndarray | int = 0) -> np.ndarray:
        """Return the place of the row of the time before that comes next; -1: there is none."""
        places = self._pointer[families] + skipped
        return np.where(places < self._stop[families], places, -1)

    def rows(self, families: np.ndarray, places: np.ndarray | None = None) -> pd.DataFrame | None:
        """Return the rows at some places (default: the last one), or None before the first row.

        Where a place is -1, the last row stands for it.
        """
        if not self._tables:
            return None
        last = len(self._tables) - 1
        if places is None:
            return self._tables[last].loc[families].reset_index(drop=True)
        places = np.where(places < 0, last, places)
        parts = []
        for place in np.unique(places):
            some = np.flatnonzero(places == place)
            parts.append(self._tables[place].loc[families[some]].set_axis(some))
        if not parts:
            return self._tables[last].iloc[:0]
        return pd.concat(parts).sort_index()

    def take(
        self,
        table: pd.DataFrame,
        families: np.ndarray,
        sources: np.ndarray | None,
        is_over: np.ndarray,
    ) -> None:
        """Add a row of some families.

        Parameters
        ----------
        table : DataFrame of shape (n, n_columns)
        families : ndarray of int of shape (n,)
        sources : ndarray of int of shape (n,) or None
            The places of the rows of the time before that these rows copy; -1: none.
        is_over : ndarray of bool of shape (n,)
            Whether the rows after them are at another time.
        """
        self._tables.append(table.set_axis(families))
        if sources is not None:
            some = families[sources >= 0]
            self._pointer[some] = sources[sources >= 0] + 1
        over = families[is_over]
        self._pointer[over] = self._begun[over]
        self._stop[over] = self._begun[over] = len(self._tables)
