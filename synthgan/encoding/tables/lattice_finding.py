"""Find the lattice at which numbers or dates lie, and whether weekdays and hours differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import chisquare

from synthgan.encoding.tables.lattice import EPOCH_WEEKDAY, Lattice, Months, Steps, Weekdays
from synthgan.encoding.tables.numbers import Numbers
from synthgan.privacy import Support

__all__ = [
    "HOURS",
    "LEAST_SHARE",
    "find_lattice",
    "find_moments",
]

LEAST_SHARE = 0.97  # of the values that are shared by enough people or on the lattice
_LEAST_RARE = 0.85  # of the others on the lattice
_FEWEST, _FEWEST_EXACT = 50, 20  # values with and without others beside the lattice
_BY_CHANCE = 0.2  # most of the values beside a lattice that are on it by chance
_N_DRAWS, _DRAW = 64, 5  # sets of values of which the common divisor is taken
_MOST_TRIED = 5000  # values, before all are tested
_RARE_DAY = 0.2  # of the usual number of rows a weekday
_LEAST_P, _LEAST_EFFECT = 1e-4, 0.25  # for counts that differ
_FEWEST_DAYS = 28  # from first to last, to speak of weekdays
_MOST_DECIMALS, _LARGEST = 12, 2**53  # what floats hold
HOURS = 24
_MONTHS = (12, 6, 4, 3, 2, 1)  # between dates
_LAST_DAY = 27  # of the month from 0 that every month has


def find_lattice(numbers: Numbers, decimals: int | None) -> Lattice | None:
    """Find the coarsest steps that nearly all values have.

    Parameters
    ----------
    numbers : Numbers
        Only those that are too rare to be stored are tested; if there are so many that they are
        in a sketch, none are.
    decimals : int or None
        That hold all values; steps of ``10 ** -decimals`` are no news.

    Returns
    -------
    lattice : Steps or None
    """
    if numbers.sketch is not None:
        return None
    some, support = numbers.rows(~numbers.is_common)
    if len(some) < _FEWEST_EXACT or np.abs(some).max() > _LARGEST:
        return None
    scale, whole = 0, some
    if numbers.levels.dtype.kind == "f":
        found = _decimals(some)
        if found is None:
            return None
        scale, whole = found, np.rint(some * 10.0**found).astype(np.int64)
        near = np.abs(whole / 10.0**found - some) <= 1e-9 * np.abs(some)
    else:
        near = np.ones(len(some), dtype=bool)
    ordered = np.sort(whole[near])
    some = ordered[:: max(1, len(ordered) // _MOST_TRIED)]
    for step in sorted(_divisors(ordered), reverse=True):
        if step == 1 and scale == decimals:
            return None
        offset = _mode(some % step)
        if (some % step == offset).mean() < _LEAST_RARE / 2:
            continue
        on = near & (whole % step == offset)
        share = _share(on, support, numbers.n_rows)
        by_chance = 0.0 if decimals is None else 10.0 ** (scale - decimals) / step
        is_clear = by_chance <= _BY_CHANCE and share >= _LEAST_RARE + by_chance * (1 - _LEAST_RARE)
        if share == 1 or is_clear:
            if numbers.levels.dtype.kind == "f":
                size = 10.0**scale
                return Steps(share, step / size, offset / size)
            return Steps(share, step, offset)
    return None


def find_moments(numbers: Numbers, per_day: int) -> Lattice | None:
    """Find the lattice of dates: a day of the month, weekdays, or steps.

    Parameters
    ----------
    numbers : Numbers
        Dates in ticks since 1970, whole numbers.
    per_day : int
        Ticks in a day.
    """
    if numbers.sketch is not None:
        return None
    time = _mode(numbers.levels % per_day, numbers.counts)
    kept = _frequent_weekdays(numbers.map(lambda x: x // per_day))
    some, support = numbers.rows(~numbers.is_common)
    days, times = np.divmod(some, per_day)
    if len(days) < _FEWEST_EXACT:
        return None

    def share_of(on: np.ndarray) -> float:
        return _share(on & (times == time), support, numbers.n_rows)

    monthly = _find_months(days, share_of, per_day, time)
    steps = find_lattice(numbers, 0)
    if monthly is not None or (isinstance(steps, Steps) and steps.step >= 2 * per_day):
        return monthly or steps
    share = share_of(np.isin(_weekdays_of(days), kept))
    if share and len(kept) < 7:
        return Weekdays(share, tuple(kept.tolist()), per_day, time)
    return steps


def _find_months(
    days: np.ndarray,
    share_of: Callable[[np.ndarray], float],
    per_day: int,
    time: int,
) -> Months | None:
    dates = days.astype("M8[D]")
    months = dates.astype("M8[M]")
    place = (dates - months.astype("M8[D]")).astype(np.int64)
    left = ((months + 1).astype("M8[D]") - dates).astype(np.int64)
    for shift, ahead, offset in ((place, 0, _mode(place)), (-left, 1, -1)):
        on, numbers = shift == offset, months.astype(np.int64) + ahead
        for step in _MONTHS if on.any() and offset <= _LAST_DAY else ():
            first = _mode(numbers[on] % step)
            share = share_of(on & (numbers % step == first))
            if share:
                return Months(share, step, first, per_day, offset * per_day + time)
    return None


def hours_differ(times: np.ndarray, per_day: int, counts: np.ndarray | None = None) -> bool:
    """Return whether ticks since midnight lie in some hours more often than in others."""
    n_bins = min(per_day, HOURS)
    found = np.bincount(times * n_bins // per_day, counts, minlength=n_bins)
    return n_bins > 1 and _differ(found, np.ones(n_bins))


def weekdays_differ(days: Numbers) -> bool:
    """Return whether some weekdays are more frequent than others, but for very rare ones."""
    kept, levels = _frequent_weekdays(days), days.levels
    every = np.arange(levels[0], levels[-1] + 1)
    expected = np.bincount(_weekdays_of(every), minlength=7)[kept]
    counts = days.rows_by(_weekdays_of(levels), 7)[kept]
    is_long = levels[-1] - levels[0] >= _FEWEST_DAYS
    return bool(is_long and len(kept) > 1 and _differ(counts, expected))


def _weekdays_of(days: np.ndarray) -> np.ndarray:
    return (days + EPOCH_WEEKDAY) % 7


def _frequent_weekdays(days: Numbers) -> np.ndarray:
    """Return the weekdays but for a few rows on rare ones.

    All are returned if there are few weeks, or if too few people have one of those.
    """
    every, levels = np.arange(7), days.levels
    if not len(levels) or levels[-1] - levels[0] < _FEWEST_DAYS:
        return every
    weekdays = _weekdays_of(levels)
    counts = days.rows_by(weekdays, 7)
    is_kept = counts >= _RARE_DAY * np.sort(counts)[-2:].mean()
    is_shared = days.people_by(weekdays, 7)[is_kept] >= days.support.least
    is_clear = is_shared.all() and counts[is_kept].sum() >= LEAST_SHARE * days.n_rows
    return every[is_kept] if is_clear else every


def _differ(counts: np.ndarray, expected: np.ndarray) -> bool:
    """Return whether counts are clearly other than expected (in any unit)."""
    wanted = expected * counts.sum() / expected.sum()
    is_large = np.abs(counts / wanted - 1).max() >= _LEAST_EFFECT
    return bool(is_large and chisquare(counts, wanted).pvalue < _LEAST_P)


def _decimals(values: np.ndarray) -> int | None:
    """Return the fewest decimals that nearly all values have; None if they have many."""
    for decimals in range(_MOST_DECIMALS):
        if np.abs(values).max() * 10.0**decimals > 2**52:
            return None
        if (np.round(values, decimals) == values).mean() >= _LEAST_RARE:
            return decimals
    return None


def _divisors(ordered: np.ndarray) -> set[int]:
    """Return common divisors of the differences of a few values, of several choices."""
    found = set()
    for i in range(_N_DRAWS):
        places = (np.arange(_DRAW) * _N_DRAWS + i) * len(ordered) // (_DRAW * _N_DRAWS)
        step = int(np.gcd.reduce(np.diff(ordered[places])))
        if step:
            found.add(step)
    return found


def _share(on: np.ndarray, support: Support, n_values: int) -> float:
    """Return the share of rare values on a lattice; 0 if too many of all `n_values` are not."""
    share, n_off = on.mean(), int((~on).sum())
    fewest = _FEWEST if n_off else _FEWEST_EXACT
    is_found = len(on) >= fewest and n_off <= (1 - LEAST_SHARE) * n_values
    if not is_found or share < _LEAST_RARE or not support.holds(on):
        return 0.0
    return float(f"{share:.3g}") if support.holds(~on) else 1.0


def _mode(numbers: np.ndarray, counts: np.ndarray | None = None) -> Any:
    levels, codes = np.unique(numbers, return_inverse=True)
    return levels[np.bincount(codes, counts).argmax()].item()
