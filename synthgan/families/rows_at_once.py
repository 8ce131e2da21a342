"""How many rows of a family are at the same time: decided with the first of them."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd

from synthgan.families.copy_search import at_once, row_before
from synthgan.families.number_values import nearest
from synthgan.privacy import EVERYTHING, Support

__all__ = ["RowsAtOnce", "are_counted", "changes_of", "rows_to_come"]

_FEWEST_STEPS = 50


class RowsAtOnce:
    """The rows of each family that are still to come at its time.

    The generator decides with the first row of a time by how many rows it differs from the time
    before. It need not decide at each row whether another one follows at the same time.

    Parameters
    ----------
    n_families : int
    """

    def __init__(self, n_families: int) -> None:
        self._left = np.zeros(n_families)  # after the rows so far; 0: the next one is the first
        self._size = np.zeros(n_families)  # of the time that began last

    def context(self, families: np.ndarray) -> dict[Hashable, np.ndarray]:
        """Return what is known of the next row of some families."""
        left, size = self._left[families], self._size[families]
        return {
            "rows left at this time": np.where(left > 0, left, np.nan),
            "rows at the time before": np.where(left > 0, np.nan, size),
        }

    def after(self, families: np.ndarray, changes: np.ndarray, n_left: np.ndarray) -> np.ndarray:
        """Return how many rows are to come at the same time after the next row.

        Parameters
        ----------
        families : ndarray of int of shape (n,)
        changes : ndarray of shape (n,)
            By how many rows a time differs from the time before: numbers, or labels of numbers.
        n_left : ndarray of shape (n,)
            Rows that the families still have, the next one among them.
        """
        left = self._left[families]
        more = pd.to_numeric(pd.Series(changes, dtype=object), errors="coerce").fillna(0)
        size = np.clip(self._size[families] + more.to_numpy(np.float64), 1, n_left)
        return np.asarray(np.where(left > 0, left, size) - 1)

    def take(self, families: np.ndarray, after: np.ndarray) -> None:
        """Add the next row of some families, after which some are to come at the same time."""
        is_first = self._left[families] == 0
        self._size[families] = np.where(is_first, after + 1, self._size[families])
        self._left[families] = after


def changes_of(
    owners: np.ndarray, clock: np.ndarray, rng: np.random.Generator, support: Support = EVERYTHING
) -> np.ndarray:
    """Return by how many rows each time differs from the time before, as labels.

    A change that too few people share is the next one that enough do. Rows that are not the first
    of their time have the change of another time.
    """
    once = at_once(owners, clock)
    first = np.flatnonzero(~once)
    sizes = np.diff(np.append(first, len(owners)))
    is_later = row_before(owners)[first] >= 0
    of_times = sizes - np.where(is_later, np.roll(sizes, 1), 0)
    people = support.take(first).of_labels(pd.Series(of_times))
    shared = np.sort(people.index[people >= support.least].to_numpy(np.int64))
    changes = np.zeros(len(owners), dtype=np.int64)
    changes[first] = nearest(of_times, shared.tolist()) if len(shared) else of_times
    changes[once] = changes[rng.choice(first, once.sum())]
    return np.array([f"{change:+d}" for change in changes], dtype=object)


def rows_to_come(owners: np.ndarray, clock: np.ndarray) -> np.ndarray:
    """Return how many rows of a family come after each row at the same time."""
    first = np.flatnonzero(~at_once(owners, clock))
    last = np.append(first[1:], len(owners))
    return np.repeat(last, last - first) - np.arange(len(owners)) - 1.0


def are_counted(owners: np.ndarray, clock: np.ndarray) -> bool:
    """Return whether rows are often at the same time as the row before, and often at another."""
    once, follows = at_once(owners, clock), row_before(owners) >= 0
    return bool(min(once.sum(), follows.sum() - once.sum()) >= _FEWEST_STEPS)
