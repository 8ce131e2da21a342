"""The numbers of a column and how many rows have each: what its codec is fitted from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from synthgan.encoding.tables.sketch import Sketch
from synthgan.privacy import EVERYTHING, Support

__all__ = ["MOST_COUNTED", "Numbers", "distinct", "is_large"]

MOST_COUNTED = 2**17  # different numbers that are counted one by one, where there is a bound
_WIDTH = 2  # numbers within so many times as many places are found by place, not by sorting
_ROOM = 16  # for one number that is counted on: it is that of one in 8192 rows or more


@dataclass(frozen=True)
class Numbers:
    """Different numbers, how many rows have each, and how many people.

    Parameters
    ----------
    levels : ndarray of shape (n_levels,), float64 or int64
        Ascending.
    counts : ndarray of int of shape (n_levels,)
        Rows with each.
    support : Support
        Of the rows, in order of their numbers.
    sketch : Sketch or None, default=None
        Of further numbers, too many to be counted one by one. They are rare: fewer than one in
        8192 rows had each when it was last counted.
    places : ndarray of int of shape (n_rows,), or None, default=None
        Where each row was, in order of their numbers, then of the rows; only where people are
        known.
    """

    levels: np.ndarray
    counts: np.ndarray
    support: Support
    sketch: Sketch | None = None
    places: np.ndarray | None = None

    @classmethod
    def of(cls, values: np.ndarray, support: Support = EVERYTHING) -> Numbers:
        """Count the values of rows; `support` is that of the rows."""
        places = None
        if support.people is None:
            ordered = np.sort(values)
        else:
            places = np.argsort(values, kind="stable")
            ordered, support = values[places], support.take(places)
        starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
        levels = ordered[starts] + ordered.dtype.type(0)  # of the two zeros, the usual one
        counts = np.diff(np.append(starts, len(ordered)))
        return cls(levels, counts, support, places=places)

    @property
    def n_rows(self) -> int:
        """Count the rows."""
        return int(self.counts.sum()) + (0 if self.sketch is None else self.sketch.n)

    @property
    def n_people(self) -> int:
        """Count the people."""
        people = self.support.people
        return self.n_rows if people is None else len(np.unique(people))

    @cached_property
    def people(self) -> np.ndarray:
        """How many people have each level."""
        return self.people_by(np.arange(len(self.levels)), len(self.levels))

    @property
    def is_common(self) -> np.ndarray:
        """Which levels enough people share."""
        return self.people >= self.support.least

    def rows_by(self, codes: np.ndarray, n_codes: int) -> np.ndarray:
        """Count the rows of each code, given the code of each level."""
        return np.bincount(codes, self.counts, minlength=n_codes).astype(np.int64)

    def people_by(self, codes: np.ndarray, n_codes: int) -> np.ndarray:
        """Count the people of each code, given the code of each level."""
        if self.support.people is None:
            return self.rows_by(codes, n_codes)
        return self.support.counts(np.repeat(codes, self.counts), n_codes)

    def rows(self, which: np.ndarray) -> tuple[np.ndarray, Support]:
        """Return the values of the rows that have some levels (a mask), and their support."""
        support = self.support
        if support.people is not None:
            support = support.take(np.repeat(which, self.counts))
        return np.repeat(self.levels[which], self.counts[which]), support

    def entries(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return ascending numbers, their rows, how often each counts in a pool, and if it is kept.

        A group of a sketch stands for all of its rows; its mean counts as the number of one person.
        """
        settled = self.settled()
        levels, rows, common = settled.levels, settled.counts, settled.is_common
        if settled.sketch is None:
            return levels, rows, rows, common
        means, sizes = settled.sketch.centroids()
        if not is_large(levels):
            levels = levels.astype(np.float64)
        every = np.concatenate([levels, means.astype(levels.dtype)])
        order, ones = np.argsort(every, kind="stable"), np.ones(len(means), dtype=np.int64)
        return (
            every[order],
            np.concatenate([rows, sizes])[order],
            np.concatenate([rows, ones])[order],
            np.concatenate([common, ones == 0])[order],
        )

    def map(self, change: Callable[[np.ndarray], np.ndarray]) -> Numbers:
        """Return the numbers of which a function is taken, level by level."""
        if self.sketch is not None and (settled := self.settled()) is not self:
            return settled.map(change)
        levels = change(self.levels)
        sketch = None if self.sketch is None else self.sketch.mapped(change)
        if (levels[1:] > levels[:-1]).all():
            return Numbers(levels, self.counts, self.support, sketch, self.places)
        support, places = self.support, self.places
        if places is not None:
            order = np.lexsort([places, np.repeat(levels, self.counts)])
            support, places = support.take(order), places[order]
        found, codes = np.unique(levels, return_inverse=True)
        return Numbers(found, self.rows_by(codes, len(found)), support, sketch, places)

    def merged(self, other: Numbers, most: int | None = None) -> Numbers:
        """Return the numbers of the rows of both, at most so many of them counted one by one."""
        levels = np.concatenate([self.levels, other.levels])
        order = np.argsort(levels, kind="stable")  # of two ascending runs: it takes linear time
        levels, counts = levels[order], np.concatenate([self.counts, other.counts])[order]
        starts = np.flatnonzero(np.append(True, levels[1:] != levels[:-1])[: len(levels)])
        levels, counts = levels[starts], np.add.reduceat(counts, starts) if len(starts) else counts
        sketches = [one.sketch for one in (self, other) if one.sketch is not None]
        sketch = sketches[0].merged(sketches[1]) if len(sketches) > 1 else [*sketches, None][0]
        both = Numbers(levels, counts, self.support, sketch)
        return both.bounded(most)

    def bounded(self, most: int | None = None) -> Numbers:
        """Sketch all but the frequent numbers if there are too many to be counted one by one."""
        most = MOST_COUNTED if most is None else most
        return self._sketched(most) if len(self.levels) > most else self

    def settled(self, most: int | None = None) -> Numbers:
        """Sketch all but the frequent numbers if there is a sketch."""
        most = MOST_COUNTED if most is None else most
        return self if self.sketch is None else self._sketched(most)

    def _sketched(self, most: int) -> Numbers:
        is_rare = self.counts < _ROOM * self.n_rows / most
        if not is_rare.any():
            return self
        sketch = Sketch()
        sketch.add(self.levels[is_rare], self.counts[is_rare])
        sketch = sketch if self.sketch is None else self.sketch.merged(sketch)
        return Numbers(self.levels[~is_rare], self.counts[~is_rare], self.support, sketch)


def is_large(levels: np.ndarray) -> bool:
    """Return whether ascending integers are so large that floats are too coarse for them."""
    if levels.dtype.kind != "i" or not len(levels):
        return False
    return max(abs(int(levels[0])), abs(int(levels[-1]))) > 2**53


def distinct(values: np.ndarray, step: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return the different numbers, ascending, and the place of each number among them.

    Parameters
    ----------
    values : ndarray of shape (n,), float64 or int64
    step : float, default=0
        Spacing of the numbers, where it is known: few of a lattice are found without sorting.

    Examples
    --------
    >>> levels, places = distinct(np.array([0.3, 0.1, 0.3]), 0.1)
    >>> levels.tolist(), places.tolist()
    ([0.1, 0.3], [1, 0, 1])
    """
    codes = _lattice_codes(values, step)
    if codes is None:
        return np.unique(values, return_inverse=True)
    held = np.zeros(int(codes.max()) + 1, dtype=bool)
    held[codes] = True
    there = np.flatnonzero(held)
    if values.dtype.kind == "i":
        levels = there + values.min()
    else:
        every = np.empty(len(held))
        every[codes] = values
        if (every[codes] != values).any():  # some lie beside the lattice
            return np.unique(values, return_inverse=True)
        levels = every[there]
    return levels, (np.cumsum(held, dtype=np.int64) - 1)[codes]


def _lattice_codes(values: np.ndarray, step: float) -> np.ndarray | None:
    """Return numbers of lattice points, the lowest value's 0; None if they would be too many."""
    is_whole = values.dtype.kind == "i"
    if not len(values) or not (is_whole or step):
        return None
    low, high = values.min().item(), values.max().item()
    if not (high - low) / (1 if is_whole else step) < _WIDTH * len(values):
        return None
    return values - low if is_whole else np.rint((values - low) / step).astype(np.int64)
