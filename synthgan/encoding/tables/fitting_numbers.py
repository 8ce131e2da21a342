"""Fit the quantile cells and levels of numbers, and the parts of dates."""

from __future__ import annotations

from typing import NamedTuple

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
from synthgan.encoding.tables.numbers import Numbers
from synthgan.encoding.tables.quantile import QuantileTable

__all__ = ["Dates", "fit_moments", "fit_numbers"]


def fit_numbers(
    numbers: Numbers,
    decimals: int | None,
    is_whole: bool,
    min_pool: int,
    max_levels: int,
    lattice: Lattice | None = None,
) -> Codec | None:
    """Fit the codec of numbers.

    Parameters
    ----------
    numbers : Numbers
    decimals : int or None
        Of all values; None if there are many.
    is_whole : bool
        Whether values are whole numbers.
    min_pool, max_levels : int
        As ``min_pool`` and ``max_one_hot_numeric`` of `GridEncoder`.
    lattice : Lattice or None, default=None
        Points at which values lie; None: steps are looked for.

    Returns
    -------
    codec : Codec or None
        None if too few people have any value.
    """
    lattice = lattice or find_lattice(numbers, decimals)
    if lattice is not None:
        raw = numbers.map(lattice.raw)
        table = quantile.table_of(raw, lattice.share, min_pool)
        if table is not None and not table.is_atom.all():
            return QuantileCell(_with_whole_ends(table, raw.levels), lattice.share, lattice)
    step = 0.0 if decimals is None else 10.0**-decimals
    table = quantile.table_of(numbers, step, min_pool)
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


class Dates(NamedTuple):
    """Dates, and apart from each other their days and their ticks since midnight."""

    moments: Numbers
    days: Numbers
    times: Numbers

    @classmethod
    def of(cls, moments: Numbers, per_day: int) -> Dates:
        """Take dates in ticks since 1970 apart."""
        return cls(moments, moments.map(lambda x: x // per_day), moments.map(lambda x: x % per_day))


def fit_moments(dates: Dates, per_day: int, min_pool: int, max_levels: int) -> Codec | None:
    """Fit the codec of dates, in parts where weekdays or hours differ.

    Parameters
    ----------
    dates : Dates
        In ticks since 1970.
    per_day : int
        Ticks in a day.
    min_pool, max_levels : as `fit_numbers`

    Returns
    -------
    codec : Codec or None
        None if too few people have any date.
    """
    moments, days, times = dates
    lattice = find_moments(moments, per_day)
    is_coarse = isinstance(lattice, Months) or (
        isinstance(lattice, Steps) and lattice.step > per_day
    )
    is_long = len(days.levels) > max_levels and days.sketch is None
    has_times = _has_times(dates, per_day, max_levels)
    has_weekdays = is_long and not is_coarse and weekdays_differ(days)
    if not has_times and not has_weekdays:
        return fit_numbers(moments, 0, True, min_pool, max_levels, lattice)

    def fit(part: Numbers, lattice: Lattice | None = None) -> Codec | None:
        return fit_numbers(part, 0, True, min_pool, max_levels, lattice)

    whole = fit(days, find_moments(days, 1))
    parts: list[Codec | None] = [whole, None, fit(times)]
    if has_weekdays:
        weeks = days.map(lambda x: (x + EPOCH_WEEKDAY) // 7)
        weekdays = days.map(lambda x: (x + EPOCH_WEEKDAY) % 7)
        parts[:2] = [fit(weeks), fit(weekdays)]
    if whole is None or parts[0] is None or parts[2] is None or (has_weekdays and not parts[1]):
        return None
    low, high = whole.limits or (whole.levels[0], whole.levels[-1])
    return Moments(parts[0], parts[1], parts[2], per_day, round(low), round(high))


def _has_times(dates: Dates, per_day: int, max_levels: int) -> bool:
    """Return whether moments lie on several days, and at some hours more often than at others."""
    moments, days, times = dates
    found, rows, *_ = times.entries()
    if rows.max() >= LEAST_SHARE * times.n_rows or len(days.levels) == 1:
        return False
    is_varied = moments.sketch is not None or len(moments.levels) > max_levels
    return is_varied and hours_differ(found.astype(np.int64), per_day, rows)
