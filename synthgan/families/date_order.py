"""Which dates of a parent lie before its rows and after them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from synthgan.constraints import Inequality, Range
from synthgan.families.summaries import Summaries
from synthgan.families.timeline import as_numbers, same_zone
from synthgan.privacy import EVERYTHING, Support

__all__ = ["date_order"]


def date_order(
    parent: pd.DataFrame,
    summaries: Summaries,
    dates: Sequence[Hashable],
    order: Hashable | None = None,
    support: Support = EVERYTHING,
) -> list[Inequality | Range]:
    """Return what holds of the dates of a parent and the ends of its families, in every row.

    The first value of a family is at most the last. Of the dates that are never after the first
    value, the nearest is a lower bound, such as the date of birth; of those that are never before
    the last one, the nearest is an upper bound, such as the date of death.

    Parameters
    ----------
    parent : DataFrame
        Dates as dates; with the columns of `summaries`.
    summaries : Summaries
    dates : sequence of hashable
        Columns that may be bounds.
    order : hashable or None, default=None
        The date that orders the rows of the parent itself, since which all its other dates are
        counted: as a lower bound it is a duration of 0.
    support : Support, default=EVERYTHING
        Relations of fewer people are not used.
    """
    if summaries.first not in parent.columns:
        return []
    found: list[Inequality | Range] = [Inequality(summaries.first, summaries.last)]
    if lower := _nearest(parent, summaries.first, 1, dates, support):
        is_zero = lower[0] == order
        zero = Range(summaries.first, low="0s")
        found.append(zero if is_zero else Inequality(lower[0], summaries.first))
    later = [name for name in dates if name != order]
    if upper := _nearest(parent, summaries.last, -1, later, support):
        found.append(Inequality(summaries.last, upper[0]))
    return found


def _nearest(
    parent: pd.DataFrame, end: Hashable, sign: int, dates: Sequence[Hashable], support: Support
) -> list[Hashable]:
    """Return the date that is nearest to an end of the families, always on one side of it."""
    best: list[Hashable] = []
    nearest = np.inf
    for name in dates:
        if not same_zone(parent[name], parent[end]):
            continue
        apart = sign * as_numbers(parent[end] - parent[name])
        there = ~np.isnan(apart)
        if support.holds(there) and (apart[there] >= 0).all() and apart[there].mean() < nearest:
            best, nearest = [name], float(apart[there].mean())
    return best
