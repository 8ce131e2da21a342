"""How rows of a family follow each other: at once or not, and after the end of the row before."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Annotated, Any

import numpy as np
import pandas as pd

from synthgan.encoding.tables.column import Column
from synthgan.families.periods import mean_of_first
from synthgan.families.timeline import on_clock
from synthgan.privacy import EVERYTHING, Support
from synthgan.state import fields
from synthgan.state.stored import Name, Share, Stored

__all__ = ["Pace"]

_NO_DURATIONS: Mapping[Hashable, np.ndarray] = MappingProxyType({})
_FEWEST_STEPS = 50  # from which a rule is learnt
_SPARSE = {"sparse": True}
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
    within : hashable or None, default=None
        A date of the parent that is never before the end of a row.
    counted : str or None, default=None
        Name of the column that holds how many rows are at the same time, see `RowsAtOnce`.
    """

    _record_name = "pace"

    least: Annotated[float, fields.number(0)] = 0.0
    until: Annotated[Any, fields.optional(fields.name)] = None
    at_once: Share = 1.0
    within: Annotated[Any, fields.optional(fields.name)] = field(default=None, metadata=_SPARSE)
    counted: str | None = field(default=None, metadata=_SPARSE)

    @classmethod
    def fit(
        cls,
        order: Column | None,
        clock: np.ndarray,
        owners: np.ndarray,
        durations: Mapping[Name, np.ndarray] = _NO_DURATIONS,
        support: Support = EVERYTHING,
    ) -> Pace:
        """Learn what holds of all rows, but for few errors.

        Parameters
        ----------
        order : Column or None
        clock : ndarray of shape (n_rows,)
            Rows of a family stand together, in order.
        owners : ndarray of int of shape (n_rows,), ascending
        durations : dict of arrays of shape (n_rows,)
            Columns that may be durations until the next row can begin, in units of the clock.
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
        for name, lasts in durations.items():
            free = clock + lasts
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

    def of_parents(
        self,
        order: Column | None,
        ends: np.ndarray,
        owners: np.ndarray,
        parents: pd.DataFrame,
        upper: Hashable | None,
    ) -> Pace:
        """Learn whether rows have also ended by the date that they do not exceed."""
        if upper is None or order is None or self.until is None:
            return self
        limit = np.nan_to_num(on_clock(order, parents[upper]), nan=np.inf)
        return self if (ends > limit[owners]).any() else replace(self, within=upper)

    def fitting(self, number: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Return the numbers of rows, fewer where there is not enough time for all of them.

        `ends` are those of `ends`.
        """
        if not self.least > 0:
            return number
        return np.asarray(np.minimum(number, 1 + np.floor((ends[2] - ends[0]) / self.least)))

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
            time = end[donors] - start[donors]
            longest = np.maximum(most[some] - start[some], 0.0)
            shorter = rng.random(n_more) * np.where(longest < time, longest, 0.0)
            end[some] = start[some] + np.where(longest < time, shorter, time)
        return self.fitting(number, np.array([start, end, end])), end
