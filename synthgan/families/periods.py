"""Labels that exist in a period only: a team that was founded, a code that is retired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd

from synthgan.privacy import EVERYTHING, Support
from synthgan.state import fields
from synthgan.state.stored import Stored

__all__ = ["Periods", "mean_of_first"]

_FEWEST_LEVELS = 12
_MOST_AT_A_TIME = 0.6  # of the levels, for periods to help
_MOST_CELLS = 2**22  # that are compared at a time

_Times = Annotated[tuple[float, ...], fields.list_of(fields.number())]


@dataclass(frozen=True)
class Periods(Stored):
    """When each label of a column exists.

    A label is coded as its place among the labels of the same time: codes are few, and only labels
    of the time come out.

    Parameters
    ----------
    levels : tuple of str
        In the order of their first times.
    starts, ends : tuple of float
        First and last time of each level, as `Timeline.clock` gives it: means over as many people
        as must share a stored value.
    """

    _record_name = "periods"

    levels: tuple[str, ...]
    starts: _Times
    ends: _Times

    @classmethod
    def fit(
        cls,
        levels: tuple[str, ...],
        codes: np.ndarray,
        clock: np.ndarray,
        support: Support = EVERYTHING,
    ) -> Periods | None:
        """Learn periods; None where they would not help.

        Parameters
        ----------
        levels : tuple of str
        codes : ndarray of int of shape (n_rows,)
            Number of the level of each row; larger ones are no level.
        clock : ndarray of shape (n_rows,)
        support : Support, default=EVERYTHING
        """
        if len(levels) < _FEWEST_LEVELS:
            return None
        people = np.arange(len(codes)) if support.people is None else support.people
        by_time = np.lexsort([clock, codes])
        found = []
        for i, at in enumerate(np.searchsorted(codes[by_time], np.arange(len(levels) + 1))[:-1]):
            rows = by_time[at : at + int((codes == i).sum())]
            first, last = (
                mean_of_first(clock[some], people[some], support.least)
                for some in (rows, rows[::-1])
            )
            found.append((float(np.floor(first)), float(np.ceil(last)), levels[i]))
        found.sort()
        starts, ends, names = zip(*found, strict=True)
        made = cls(names, starts, ends)
        times = clock[:: max(1, len(clock) // 1000)]
        if made._active(times).sum(axis=1).mean() > _MOST_AT_A_TIME * len(levels):
            return None
        return made

    def places(self, labels: np.ndarray, clock: np.ndarray) -> np.ndarray:
        """Return the place of each label among those of its time; -1 where it does not exist."""
        index = pd.Index(self.levels, dtype=object).get_indexer(pd.Index(labels, dtype=object))
        places = np.full(len(labels), -1)
        for rows, active in self._chunks(clock):
            own = index[rows]
            ranks = active.cumsum(axis=1) - 1
            at = np.arange(len(own))
            exists = (own >= 0) & active[at, own]
            places[rows] = np.where(exists, ranks[at, own], -1)
        return places

    def labels(self, places: np.ndarray, clock: np.ndarray) -> np.ndarray:
        """Return the label at each place among those of the time; inverse of `places`."""
        labels = np.empty(len(places), dtype=object)
        names = np.array(self.levels, dtype=object)
        for rows, active in self._chunks(clock):
            number = active.sum(axis=1)
            wanted = np.minimum(np.maximum(places[rows], 0), np.maximum(number - 1, 0))
            ranks = np.where(active, active.cumsum(axis=1) - 1, -1)
            found = (ranks == wanted[:, None]).argmax(axis=1)
            nearest = self._distance(clock[rows]).argmin(axis=1)
            labels[rows] = names[np.where(number > 0, found, nearest)]
        return labels

    def left(self, labels: np.ndarray, clock: np.ndarray) -> np.ndarray:
        """Return how long each label still exists; NaN for labels without a period."""
        index = pd.Index(self.levels, dtype=object).get_indexer(pd.Index(labels, dtype=object))
        ends = np.array([*self.ends, np.nan])
        return np.asarray(ends[index] - clock)

    def exist(self, labels: np.ndarray, clock: np.ndarray) -> np.ndarray:
        """Return which labels exist at a time; those without a period do."""
        index = pd.Index(self.levels, dtype=object).get_indexer(pd.Index(labels, dtype=object))
        starts, ends = np.array([*self.starts, -np.inf]), np.array([*self.ends, np.inf])
        return np.asarray((starts[index] <= clock) & (clock <= ends[index]))

    def _active(self, clock: np.ndarray) -> np.ndarray:
        times = clock[:, None]
        return np.asarray((np.array(self.starts) <= times) & (times <= np.array(self.ends)))

    def _distance(self, clock: np.ndarray) -> np.ndarray:
        times = clock[:, None]
        before, after = np.array(self.starts) - times, times - np.array(self.ends)
        return np.asarray(np.maximum(np.maximum(before, after), 0))

    def _chunks(self, clock: np.ndarray) -> list[tuple[slice, np.ndarray]]:
        size = max(1, _MOST_CELLS // len(self.levels))
        parts = [slice(at, at + size) for at in range(0, len(clock), size)]
        return [(part, self._active(clock[part])) for part in parts]

    def _check_record(self) -> None:
        if not len(self.levels) == len(self.starts) == len(self.ends) > 0:
            raise ValueError("periods of other levels")


def mean_of_first(clock: np.ndarray, people: np.ndarray, least: int) -> float:
    """Return the mean of the first times of the first people."""
    first = ~pd.Series(people).duplicated().to_numpy()
    return float(clock[first][: max(1, least)].mean()) if len(clock) else 0.0
