"""Dates of a child table that are never before or never after a date of the parent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthgan.families.timeline import as_numbers, same_zone, taken
from synthgan.privacy import EVERYTHING, Support
from synthgan.state.stored import Name, Stored

__all__ = ["DateLimits"]

_FEWEST_ROWS = 50


@dataclass(frozen=True)
class DateLimits(Stored):
    """Which dates of the parent the dates of rows do not pass.

    Parameters
    ----------
    lower, upper : tuple of (hashable, hashable)
        A date of the rows, and the date of the parent that it is never before, or never after.
    """

    _record_name = "date limits"

    lower: tuple[tuple[Name, Name], ...] = ()
    upper: tuple[tuple[Name, Name], ...] = ()

    @classmethod
    def fit(
        cls,
        child: pd.DataFrame,
        parent: pd.DataFrame,
        owners: np.ndarray,
        support: Support = EVERYTHING,
    ) -> DateLimits:
        """Find limits that hold in all rows, of enough people, in which both dates are there.

        Parameters
        ----------
        child : DataFrame of shape (n_rows, n_columns)
        parent : DataFrame of shape (n_parents, n_parent_columns)
        owners : ndarray of int of shape (n_rows,)
            -1: no parent.
        support : Support, default=EVERYTHING
        """
        lower, upper = [], []
        for name in child.columns:
            for other in parent.columns:
                if same_zone(child[name], parent[other]):
                    apart = as_numbers(child[name] - taken(parent[other], owners, child.index))
                    there = ~np.isnan(apart)
                    if there.sum() >= _FEWEST_ROWS and support.holds(there):
                        if (apart[there] >= 0).all():
                            lower.append((name, other))
                        if (apart[there] <= 0).all():
                            upper.append((name, other))
        return cls(tuple(lower), tuple(upper))

    def apply(self, child: pd.DataFrame, parent: pd.DataFrame, owners: np.ndarray) -> pd.DataFrame:
        """Move dates that pass a limit to it, or to the last or first whole day within it.

        Dates in order stay in order: of two dates, what limits the later from above limits the
        earlier, too.

        Parameters are those of `fit`.
        """
        child = child.copy(deep=False)
        for sign, rules in ((1, self.lower), (-1, self.upper)):
            for name, other in rules:
                dates = child[name]
                limits = taken(parent[other], owners, child.index).astype(dates.dtype)
                if (dates.isna() | (dates == dates.dt.normalize())).all():
                    limits = _whole_days(limits, up=sign > 0)
                passes = dates < limits if sign > 0 else dates > limits
                child[name] = dates.where(~passes, limits)
        return child


def _whole_days(dates: pd.Series, up: bool) -> pd.Series:
    """Return dates without a time of day, the next day's where they have one and `up`."""
    days = dates.dt.normalize()
    return days.where(days == dates, days + pd.DateOffset(days=1)) if up else days
