"""First and last time of families: dates, or shares of the time between two dates of the parent."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from synthgan.families.coding import FamilyCoding, Rows
from synthgan.families.summaries import Summaries
from synthgan.families.timeline import Timeline, on_clock

__all__ = ["as_shares", "read_ends", "rows_decide_end"]

_LONGEST = 1e3  # before a base, as a multiple of the time after it
_FEWEST_SAME, _SAME = 50, 0.99  # steps, and share of them
_FEWEST_STEPS, _LEAST_EXPLAINED = 200, 0.1  # share of the variance of their ranks


def rows_decide_end(
    coding: FamilyCoding, rows: Rows, steps: np.ndarray, owners: np.ndarray
) -> bool:
    """Return whether the rows of a family decide when it ends, so that it is not known before.

    That is so where a row follows the one before always after the same time, as periods of
    treatment do, or where that time depends on a label of the row before.

    Parameters
    ----------
    coding : FamilyCoding
    rows : dict of arrays of shape (n_rows,)
        Rows of a family stand together, in order.
    steps : ndarray of shape (n_rows,)
        From the end of each row to the next row; those of 0 do not count.
    owners : ndarray of int of shape (n_rows,)
    """
    some = np.flatnonzero(np.append(owners[1:] == owners[:-1], False) & (steps > 0))
    if len(some) >= _FEWEST_SAME and (steps[some] == np.median(steps[some])).mean() >= _SAME:
        return True
    if len(some) < _FEWEST_STEPS:
        return False
    ranks = rankdata(steps[some])
    for level in coding.labels:
        codes = level.codes(rows[level.name])[some]
        counts = np.bincount(codes)
        means = np.bincount(codes, weights=ranks) / np.maximum(counts, 1)
        within = float(((ranks - means[codes]) ** 2).sum()) / max(1, len(some) - (counts > 0).sum())
        if 1 - within / ranks.var() >= _LEAST_EXPLAINED:
            return True
    return False


def as_shares(
    summaries: Summaries, made: pd.DataFrame, timeline: Timeline, parents: pd.DataFrame
) -> pd.DataFrame:
    """Replace first and last times by shares, where `summaries` have both bounds.

    The first one becomes the share of the time from `lower` to `upper` that has passed then, the
    last one the share of the time from the first one to `upper`. With `base`, the first one is
    counted from there, and negative before.

    Parameters
    ----------
    summaries : Summaries
    made : DataFrame of shape (n_parents, n_summaries)
        As `Summaries.apply` gives it.
    timeline : Timeline
    parents : DataFrame of shape (n_parents, n_columns)
        Dates as dates.
    """
    if summaries.lower is None or timeline.order is None:
        return made
    low, high = _bounds(summaries.lower, summaries.upper, timeline, parents)
    since, least = _begun(summaries, timeline, parents, low)
    made = made.copy(deep=False)
    for name in (summaries.first, summaries.last):
        time = on_clock(timeline.order, made[name])
        room = high - since
        share = np.divide(time - since, room, out=np.zeros(len(made)), where=room > 0)
        made[name] = np.where(np.isnan(time), np.nan, np.clip(share, least, 1.0))
        since, least = time, 0.0
    return made


def read_ends(summaries: Summaries, timeline: Timeline, parents: pd.DataFrame) -> np.ndarray:
    """Return the first time of families, the last one, and the last one possible.

    They are numbers of the clock, shape (3, n_parents): NaN where there are none, infinite where
    there is no bound. A last time that is not generated with the parent is the last possible.
    """
    ends = np.full((3, len(parents)), np.inf)
    order = timeline.order
    if order is None:
        return ends
    if summaries.lower is None:
        for end, name in zip(ends, (summaries.first, summaries.last, summaries.upper), strict=True):
            if name is not None:
                end[:] = on_clock(order, parents[name])
        ends[2] = np.nan_to_num(ends[2], nan=np.inf)
        if summaries.last is None:
            ends[1] = ends[2]
        return ends
    low, ends[2] = _bounds(summaries.lower, summaries.upper, timeline, parents)
    since, least = _begun(summaries, timeline, parents, low)
    for end, name in zip(ends, (summaries.first, summaries.last), strict=False):
        share = np.clip(parents[name].to_numpy(np.float64, na_value=np.nan), least, 1.0)
        passed = np.maximum(ends[2] - since, 0.0) * share
        end[:] = since + (passed if order.kind == "continuous" else np.rint(passed))
        end[:] = np.maximum(end, low)
        since, least = end, 0.0
    return ends


def _bounds(
    lower: Hashable, upper: Hashable, timeline: Timeline, parents: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and the last time on the clock that rows may have."""
    low, high = (on_clock(timeline.order, parents[name]) for name in (lower, upper))
    is_earlier = timeline.from_clock(low).to_numpy() < parents[lower].to_numpy()
    return low + is_earlier, high


def _begun(
    summaries: Summaries, timeline: Timeline, parents: pd.DataFrame, low: np.ndarray
) -> tuple[np.ndarray, float]:
    """Return from when the first times are counted, and the smallest share."""
    if summaries.base is None:
        return low, 0.0
    base = on_clock(timeline.order, parents[summaries.base])
    return np.where(np.isnan(base), low, base), -_LONGEST
