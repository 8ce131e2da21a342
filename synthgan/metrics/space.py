"""Map a table to points for distance computations; no specific measure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import gen_batches

from synthgan.metrics.recent import remember_recent

__all__ = ["Space", "nearest"]

_EDGES = (0.005, 0.995)  # quantiles that span a column's scale
_BEYOND = 0.5  # values are clipped at this distance outside of the scale
_MOST_LEVELS = 60
_BLOCK_CELLS = 20_000_000  # distances, or coordinates, at a time
_FEW_OF_ONE = 8  # rows of one person, so that those of others are found among a few more
_AT_LEAST = 2  # neighbours that are searched for
_CACHED_CELLS = 100_000  # of a block that stays in the cache
_HALF = np.float32(np.sqrt(0.5))  # two different levels are 1 apart


@dataclass
class Space:
    """Space of rows as points: numbers on a scale of about 0..1, levels one-hot.

    The distance from the 0.5 % to the 99.5 % quantile of a column is 1, and so is the distance
    between any two levels. A missing number is placed at the median, with an additional coordinate.

    Parameters
    ----------
    is_level : ndarray of shape (n_columns,)
    lowest, width, middle : ndarray of shape (n_columns,)
        Parameters of scaled columns; NaN for levels.
    n_levels : ndarray of shape (n_columns,)
        One-hot cells of each column of levels; rarer levels share the last.
    """

    is_level: np.ndarray
    lowest: np.ndarray
    width: np.ndarray
    middle: np.ndarray
    n_levels: np.ndarray

    @classmethod
    def fit(cls, table: np.ndarray, is_level: np.ndarray) -> Space:
        """Learn the scales of a table that `encode` made."""
        n = table.shape[1]
        lowest, width, middle = np.zeros(n), np.ones(n), np.zeros(n)
        n_levels = np.zeros(n, dtype=np.int64)
        for i in range(n):
            column = table[:, i]
            if is_level[i]:
                n_levels[i] = min(int(column.max()) + 1, _MOST_LEVELS)
                continue
            present = column[~np.isnan(column)]
            if len(present):
                low, middle[i], high = np.quantile(present, [_EDGES[0], 0.5, _EDGES[1]])
                lowest[i], width[i] = low, (high - low) or 1.0
        return cls(is_level, lowest, width, middle, n_levels)

    def points(self, table: np.ndarray) -> np.ndarray:
        """Return the rows as points, shape (n_rows, n_dimensions), float32."""
        blocks = []
        for i, column in enumerate(table.T):
            if self.is_level[i]:
                # One additional cell, for levels that are not in the fitted table.
                codes = np.minimum(column.astype(np.int64), self.n_levels[i])
                blocks.append(np.eye(self.n_levels[i] + 1, dtype=np.float32)[codes] * _HALF)
                continue
            missing = np.isnan(column)
            filled = np.where(missing, self.middle[i], column)
            scaled = np.clip((filled - self.lowest[i]) / self.width[i], -_BEYOND, 1 + _BEYOND)
            blocks.append(scaled[:, None].astype(np.float32))
            blocks.append(missing[:, None].astype(np.float32))
        return np.hstack(blocks)


def nearest(
    points: np.ndarray,
    to: np.ndarray,
    k: int = 1,
    *,
    itself: bool = False,
    apart: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Find the k nearest of `to` for each point, by Euclidean distance.

    Parameters
    ----------
    points : ndarray of shape (n, n_dimensions)
    to : ndarray of shape (m, n_dimensions)
    k : int, default=1
        At most m (m - 1 where `itself`).
    itself : bool, default=False
        Whether `points` are the same as `to`; a point is then not its own neighbour.
    apart : (ndarray of shape (n,), ndarray of shape (m,)), or None, default=None
        The persons of `points` and of `to`: points of the same person are not neighbours. The
        distance is infinite where there are fewer than k others.

    Returns
    -------
    distances, indices : ndarray of shape (n, k)
        Nearest first.
    """
    # In float32 the expanded square would treat near points as equal.
    points, to = points.astype(np.float64), to.astype(np.float64)
    if apart is None:
        # The second nearest is often needed later: one search finds both.
        found = _nearest(points, to, max(k, min(_AT_LEAST, len(to) - itself)), itself)
        return found[0][:, :k], found[1][:, :k]
    n_of_one = int(np.unique(apart[1], return_counts=True)[1].max(initial=0))
    if n_of_one <= _FEW_OF_ONE and k + n_of_one < len(to):
        # Of so many at most `n_of_one` are of the same person.
        distances, indices = nearest(points, to, k + n_of_one, itself=itself)
        distances = np.where(apart[0][:, None] == apart[1][indices], np.inf, distances)
        order = np.argsort(distances, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(distances, order, axis=1), np.take_along_axis(indices, order, 1)
    distances, indices = np.empty((len(points), k)), np.empty((len(points), k), dtype=np.int64)
    squares = np.einsum("ij,ij->i", to, to)
    for rows in gen_batches(len(points), max(1, _BLOCK_CELLS // max(1, len(to)))):
        some = points[rows]
        gaps = squares - 2 * (some @ to.T)
        gaps[apart[0][rows, None] == apart[1]] = np.inf
        if itself:
            gaps[np.arange(len(some)), np.arange(rows.start, rows.stop)] = np.inf
        best = np.argpartition(gaps, k - 1, axis=1)[:, :k]
        is_none = np.isinf(np.take_along_axis(gaps, best, axis=1))
        distances[rows], indices[rows] = _in_order(some, to, best, is_none)
    return distances, indices


@remember_recent
def _nearest(
    points: np.ndarray, to: np.ndarray, k: int, itself: bool
) -> tuple[np.ndarray, np.ndarray]:
    found = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(to)
    best = found.kneighbors(None if itself else points, return_distance=False)
    return _in_order(points, to, best)


def _in_order(
    points: np.ndarray, to: np.ndarray, best: np.ndarray, is_none: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return distances without the rounding error of those near 0, and sort by them."""
    distances = np.empty(best.shape)
    n_numbers = max(1, to.shape[1] * best.shape[1])
    for rows in gen_batches(len(points), max(1, _CACHED_CELLS // n_numbers)):
        steps = points[rows, None, :] - to[best[rows]]
        distances[rows] = np.sqrt(np.einsum("ijk,ijk->ij", steps, steps))
    if is_none is not None:
        distances[is_none] = np.inf
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(distances, order, axis=1), np.take_along_axis(best, order, axis=1)
