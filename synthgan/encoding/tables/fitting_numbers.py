"""Fit the quantile cells and levels of numbers, and the parts of dates."""

from __future__ import annotations

import numpy as np

from synthgan.encoding.tables import quantile
from synthgan.encoding.tables.codecs import Codec, Constant, Levels, QuantileCell
from synthgan.encoding.tables.lattice import EPOCH_WEEKDAY, Lattice, Months, Steps
from synthgan.encoding.tables.lattice_finding import (
    LEAST_SHARE,
    find_lattice,
    find_moments,
    hours_differ,
    weekdays_differ,
)
from synthgan.encoding.tables.levels import shares_of
from synthgan.encoding.tables.moments import Moments
from synthgan.encoding.tables.quantile import QuantileTable
from synthgan.privacy import Support

__all__ = ["fit_moments", "fit_numbers"]


def fit_numbers(
    values: np.ndarray,
    decimals: int | None,
    is_whole: bool,
    support: Support,
    min_pool: int,
    max_levels: int,
    lattice: Lattice | None = None,
) -> Codec | None:
    """Fit the codec of numbers.

    Parameters
    ----------
    values : ndarray of shape (n,), float64 or int64
    decimals : int or None
        Of all values; None if there are many.
    is_whole : bool
        Whether values are whole numbers.
    support : Support
        Of the values.
    min_pool, max_levels : int
        As ``min_pool`` and ``max_one_hot_numeric`` of `GridEncoder`.
    lattice : Lattice or None, default=None
        Points at which values lie; None: steps are looked for.

    Returns
    -------
    codec : Codec or None
        None if too few people have any value.
    """
    lattice = lattice or find_lattice(values, support, decimals)
    if lattice is not None:
        raw = lattice.raw(values)
        table = quantile.fit_quantiles(raw, support, lattice.share, min_pool)
        if table is not None and not table.is_atom.all():
            return QuantileCell(_with_whole_ends(table, raw), lattice.share, lattice)
    step = 0.0 if decimals is None else 10.0**-decimals
    table = quantile.fit_quantiles(values, support, step, min_pool)
    if table is None:
        return None
    if not table.is_atom.all() or len(table.start) > max_levels:
        return QuantileCell(table, step)
    stored = table.start
    if is_whole and stored.dtype.kind != "i":
        stored = np.rint(stored).astype(np.int64)
    if len(stored) > 1:
        return Levels(tuple(stored.tolist()), shares_of(np.diff(table.edges)))
    return Constant(tuple(stored.tolist()))


def _with_whole_ends(table: QuantileTable, raw: np.ndarray) -> QuantileTable:
    """Move ends that are means, not values, to points of the lattice."""
    start, stop = table.start.copy(), table.stop.copy()
    for end, beside, outward in ((0, 1, np.floor), (-1, -2, np.ceil)):
        mean = table.start[end]
        if not table.is_atom[end] or (raw == mean).any():
            continue
        point = np.rint(mean)
        if not min(start[beside], stop[beside]) <= point <= max(start[beside], stop[beside]):
            point = outward(mean)
        start[end] = stop[end] = point
        (start if end == 0 else stop)[beside] = point
    return QuantileTable(table.edges, start, stop)


def fit_moments(
    numbers: np.ndarray, per_day: int, support: Support, min_pool: int, max_levels: int
) -> Codec | None:
    """Fit the codec of dates, in parts where weekdays or hours differ.

    Parameters
    ----------
    numbers : ndarray of shape (n,), int64
        Ticks since 1970.
    per_day : int
        Ticks in a day.
    support, min_pool, max_levels : as `fit_numbers`

    Returns
    -------
    codec : Codec or None
        None if too few people have any date.
    """
    days, times = np.divmod(numbers, per_day)
    lattice = find_moments(numbers, support, per_day)
    is_coarse = isinstance(lattice, Months) or (
        isinstance(lattice, Steps) and lattice.step > per_day
    )
    is_long = len(np.unique(days)) > max_levels
    has_times = _has_times(days, times, per_day, max_levels)
    has_weekdays = is_long and not is_coarse and weekdays_differ(days, support)
    if not has_times and not has_weekdays:
        return fit_numbers(numbers, 0, True, support, min_pool, max_levels, lattice)

    def fit(part: np.ndarray, lattice: Lattice | None = None) -> Codec | None:
        return fit_numbers(part, 0, True, support, min_pool, max_levels, lattice)

    whole = fit(days, find_moments(days, support, 1))
    parts: list[Codec | None] = [whole, None, fit(times)]
    if has_weekdays:
        weeks, weekdays = np.divmod(days + EPOCH_WEEKDAY, 7)
        parts[:2] = [fit(weeks), fit(weekdays)]
    if whole is None or parts[0] is None or parts[2] is None or (has_weekdays and not parts[1]):
        return None
    low, high = whole.limits or (whole.levels[0], whole.levels[-1])
    return Moments(parts[0], parts[1], parts[2], per_day, round(low), round(high))


def _has_times(days: np.ndarray, times: np.ndarray, per_day: int, max_levels: int) -> bool:
    """Return whether moments lie on several days, and at some hours more often than at others."""
    most = np.unique(times, return_counts=True)[1].max()
    if most >= LEAST_SHARE * len(times) or len(np.unique(days)) == 1:
        return False
    n_moments = len(np.unique(days * per_day + times))
    return n_moments > max_levels and hours_differ(times, per_day)
