"""Which dates of a parent lie before its rows and after them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from synthgan.constraints import Inequality, Range
from synthgan.families.summaries import Summaries
from synthgan.families.timeline import as_numbers, same_zone
from synthgan.privacy import EVERYTHING, Support

__all__ = ["bounded", "date_order", "opened"]

_LEAST_BEGUN = 0.2  # of the families


def date_order(
    parent: pd.DataFrame,
    summaries: Summaries,
    dates: Sequence[Hashable],
    order: Hashable | None = None,
    support: Support = EVERYTHING,
) -> list[Inequality | Range]:
    """Return what holds of the dates of a parent and the ends of its families, in every row.

    Where the ends are shares of the time between two dates, the one date is at most the other. Else
    the first value of a family is at most the last. Of the dates that are never after the first
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
    if summaries.lower is not None:
        if summaries.lower == order:
            return [Range(summaries.upper, low="0s")]
        return [Inequality(summaries.lower, summaries.upper)]
    is_open = summaries.last is None
    found: list[Inequality | Range] = []
    if not is_open:
        found.append(Inequality(summaries.first, summaries.last))
    if lower := _nearest(parent, summaries.first, 1, dates, support):
        is_zero = lower[0] == order
        zero = Range(summaries.first, low="0s")
        found.append(zero if is_zero else Inequality(lower[0], summaries.first))
    if is_open:
        if summaries.upper is not None:
            found.append(Inequality(summaries.first, summaries.upper))
        return found
    later = [name for name in dates if name != order]
    if upper := _nearest(parent, summaries.last, -1, later, support):
        found.append(Inequality(summaries.last, upper[0]))
    return found


def bounded(
    parent: pd.DataFrame,
    summaries: Summaries,
    dates: Sequence[Hashable],
    support: Support = EVERYTHING,
) -> Summaries:
    """Return summaries that know two dates between which all rows of a family are.

    No parent with rows lacks them. They stay as they are where there are no such dates. They also
    know a date with which a fifth of the families or more begin.

    Parameters are those of `date_order`.
    """
    if summaries.first not in parent.columns:
        return summaries
    some = parent[summaries.first].notna()
    there = [name for name in dates if parent[name][some].notna().all()]
    lower = _nearest(parent, summaries.first, 1, there, support)
    upper = _nearest(parent, summaries.last, -1, [n for n in there if n not in lower], support)
    if not lower or not upper:
        return summaries
    base = _frequent_start(parent, summaries.first, dates, support)
    return replace(
        summaries, lower=lower[0], upper=upper[0], base=None if base == lower[0] else base
    )


def opened(
    parent: pd.DataFrame,
    summaries: Summaries,
    dates: Sequence[Hashable],
    support: Support = EVERYTHING,
) -> Summaries:
    """Return summaries without the last value of families; the date after it is an upper bound.

    Parameters are those of `date_order`.
    """
    upper = _nearest(parent, summaries.last, -1, dates, support)
    return replace(summaries, last=None, upper=upper[0] if upper else None)


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


def _frequent_start(
    parent: pd.DataFrame, first: Hashable, dates: Sequence[Hashable], support: Support
) -> Hashable | None:
    """Return the date with which most families begin; None where few begin with any."""
    best, most = None, _LEAST_BEGUN
    for name in dates:
        if same_zone(parent[name], parent[first]):
            begun = (parent[name] == parent[first]).to_numpy(dtype=bool)
            share = begun.sum() / max(1, parent[first].notna().sum())
            if share >= most and support.holds(begun):
                best, most = name, share
    return best
