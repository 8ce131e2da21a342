"""How rows of a family follow each other: at once or not, and after the end of the row before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from synthgan.encoding.tables.column import Column
from synthgan.families.coding import Rows
from synthgan.families.periods import mean_of_first
from synthgan.privacy import EVERYTHING, Support
from synthgan.state import fields
from synthgan.state.stored import Name, Share, Stored

__all__ = ["Pace"]

_FEWEST_STEPS = 50  # from which a rule is learnt
_MOST_BROKEN = 0.001  # of the steps, by errors in the data


@dataclass(frozen=True)
class Pace(Stored):
    """What holds of the times of consecutive rows.

    Parameters
    ----------
    least : float, default=0
        The smallest step to the next row, as `Timeline.clock` gives it; 0 where rows may be at the
        same time.
    until : hashable or None, default=None
        A duration since the order's date: no row begins before that of the row before has passed,
        as a stay in hospital ends before the next one. Steps are counted from then.
    at_once : float, default=1
        Share of families of several rows of which all rows are at the same time.
    """

    _record_name = "pace"

    least: Annotated[float, fields.number(0)] = 0.0
    until: Annotated[Any, fields.optional(fields.name)] = None
    at_once: Share = 1.0

    @classmethod
    def fit(
        cls,
        order: Column | None,
        rows: Rows,
        clock: np.ndarray,
        owners: np.ndarray,
        durations: Sequence[Name] = (),
        support: Support = EVERYTHING,
    ) -> Pace:
        """Learn what holds of all rows, but for few errors.

        Parameters
        ----------
        order : Column or None
        rows : dict of arrays of shape (n_rows,)
            Rows of a family stand together, in order.
        clock : ndarray of shape (n_rows,)
        owners : ndarray of int of shape (n_rows,), ascending
        durations : sequence of hashable
            Columns that may be durations until the next row can begin.
        support : Support, default=EVERYTHING
        """
        follows = np.append(False, owners[1:] == owners[:-1])
        if order is None or not support.holds(follows):
            return cls()
        first = np.flatnonzero(np.append(True, owners[1:] != owners[:-1]))
        last = np.append(first[1:], len(owners)) - 1
        several = last > first
        at_once = float((clock[last] == clock[first])[several].mean())
        if follows.sum() < _FEWEST_STEPS:
            return cls(at_once=at_once)
        steps: dict[Name | None, np.ndarray] = {None: clock - np.roll(clock, 1)}
        for name in durations:
            free = clock + cls(until=name).lasts(order, rows)
            if (free > clock).mean() > _MOST_BROKEN:
                steps[name] = clock - np.roll(free, 1)
        fitting = [name for name, of in steps.items() if (of[follows] < 0).mean() <= _MOST_BROKEN]
        until = min(fitting, key=lambda name: float(steps[name][follows].mean()), default=None)
        taken, people = steps[until][follows], support.people
        if (taken <= 0).mean() > _MOST_BROKEN:
            return cls(0.0, until, at_once)
        by_size = np.argsort(taken)[int((taken <= 0).sum()) :]
        people = np.arange(len(taken)) if people is None else people[follows]
        least = mean_of_first(taken[by_size], people[by_size], support.least)
        return cls(least if order.kind == "continuous" else float(np.floor(least)), until, at_once)

    def lasts(self, order: Column | None, rows: Rows) -> np.ndarray | float:
        """Return how long after its own time each row ends, in units of the clock; 0: at once."""
        if self.until is None or order is None:
            return 0.0
        return np.maximum(np.nan_to_num(rows[self.until]), 0.0) / order.resolution

    def ends(
        self, number: np.ndarray, ends: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Make generated numbers of rows agree with the first and the last time of families.

        Families of one row end where they begin. Of the families of several rows, no more than in
        the training data have all rows at once; the others take the time between first and last
        row of one with about as many rows. Where there is not enough time for all rows, there are
        fewer.

        Parameters
        ----------
        number : ndarray of shape (n_parents,)
        ends : ndarray of shape (3, n_parents)
            The first time, the last one, and the last one possible.
        rng : Generator

        Returns
        -------
        number, end : ndarrays of shape (n_parents,)
        """
        start, end, most = ends
        end = np.where(number > 1, np.maximum(start, end), start)
        several = np.flatnonzero(number > 1)
        is_once = end[several] <= start[several]
        once, others = several[is_once], several[~is_once]
        n_more = len(once) - round(self.at_once * len(several))
        if n_more > 0 and len(others):
            some = rng.choice(once, n_more, replace=False)
            near = number[others] + rng.random(len(others))
            order = np.argsort(near)
            at = np.searchsorted(near[order], number[some] + rng.random(n_more))
            donors = others[order[np.minimum(at, len(others) - 1)]]
            longest = np.maximum(most[some] - start[some], 0.0)
            end[some] = start[some] + np.minimum(end[donors] - start[donors], longest)
        if self.least > 0:
            number = np.minimum(number, 1 + np.floor((end - start) / self.least))
        return number, end
