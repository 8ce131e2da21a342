"""Find the lattice at which numbers or dates lie, and whether weekdays and hours differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import chisquare

from synthgan.encoding.tables.lattice import EPOCH_WEEKDAY, Lattice, Months, Steps, Weekdays
from synthgan.privacy import Support

__all__ = [
    "LEAST_SHARE",
    "find_lattice",
    "find_moments",
]

LEAST_SHARE = 0.97  # of the values that are shared by enough people or on the lattice
_LEAST_RARE = 0.85  # of the others on the lattice
_FEWEST, _FEWEST_EXACT = 50, 20  # values with and without others beside the lattice
_BY_CHANCE = 0.2  # most of the values beside a lattice that are on it by chance
_N_DRAWS, _DRAW = 64, 5  # sets of values of which the common divisor is taken
_MOST_TRIED = 5000  # values, before all are looked at
_RARE_DAY = 0.2  # of the usual number of rows a weekday
_LEAST_P, _LEAST_EFFECT = 1e-4, 0.25  # for counts that differ
_FEWEST_DAYS = 28  # from first to last, to speak of weekdays
_MOST_DECIMALS, _LARGEST = 12, 2**53  # what floats hold
_HOURS = 24
_MONTHS = (12, 6, 4, 3, 2, 1)  # between dates
_LAST_DAY = 27  # of the month from 0 that every month has


def _rare_rows(values: np.ndarray, support: Support) -> np.ndarray:
    """Return which rows have a value of too few people, of shape (n,): the others are stored."""
    levels, codes = np.unique(values, return_inverse=True)
    return (support.counts(codes, len(levels)) < support.least)[codes]


def find_lattice(values: np.ndarray, support: Support, decimals: int | None) -> Lattice | None:
    """Find the coarsest steps that nearly all values have.

    Parameters
    ----------
    values : ndarray of shape (n,), int64 or float64
        Only those that are too rare to be stored are looked at.
    support : Support
    decimals : int or None
        That hold all values; steps of ``10 ** -decimals`` are no news.

    Returns
    -------
    lattice : Steps or None
    """
    rare = _rare_rows(values, support)
    some, support = values[rare], support.take(rare)
    if len(some) < _FEWEST_EXACT or np.abs(some).max() > _LARGEST:
        return None
    scale, whole = 0, some
    if values.dtype.kind == "f":
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
        share = _share(on, support, len(values))
        by_chance = 0.0 if decimals is None else 10.0 ** (scale - decimals) / step
        is_clear = by_chance <= _BY_CHANCE and share >= _LEAST_RARE + by_chance * (1 - _LEAST_RARE)
        if share == 1 or is_clear:
            if values.dtype.kind == "f":
                size = 10.0**scale
                return Steps(share, step / size, offset / size)
            return Steps(share, step, offset)
    return None


def find_moments(numbers: np.ndarray, support: Support, per_day: int) -> Lattice | None:
    """Find the lattice of dates: a day of the month, weekdays, or steps.

    Parameters
    ----------
    numbers : ndarray of shape (n,), int64
        Dates in ticks since 1970.
    support : Support
    per_day : int
        Ticks in a day.
    """
    rare = _rare_rows(numbers, support)
    days, times = np.divmod(numbers, per_day)
    time, kept = _mode(times), _frequent_weekdays(days, support)
    days, times = days[rare], times[rare]
    if len(days) < _FEWEST_EXACT:
        return None

    def share_of(on: np.ndarray) -> float:
        return _share(on & (times == time), support.take(rare), len(numbers))

    monthly = _find_months(days, share_of, per_day, time)
    steps = find_lattice(numbers, support, 0)
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


def hours_differ(times: np.ndarray, per_day: int) -> bool:
    """Return whether ticks since midnight lie in some hours more often than in others."""
    n_bins = min(per_day, _HOURS)
    return n_bins > 1 and _differ(times * n_bins // per_day, np.ones(n_bins))


def weekdays_differ(days: np.ndarray, support: Support) -> bool:
    """Return whether some weekdays are more frequent than others, but for very rare ones."""
    kept = _frequent_weekdays(days, support)
    weekdays = _weekdays_of(days)
    expected = np.bincount(_weekdays_of(np.arange(days.min(), days.max() + 1)), minlength=7)[kept]
    codes = np.searchsorted(kept, weekdays[np.isin(weekdays, kept)])
    return bool(np.ptp(days) >= _FEWEST_DAYS and len(kept) > 1 and _differ(codes, expected))


def _weekdays_of(days: np.ndarray) -> np.ndarray:
    return (days + EPOCH_WEEKDAY) % 7


def _frequent_weekdays(days: np.ndarray, support: Support) -> np.ndarray:
    """Return the weekdays but for a few rows on rare ones.

    All are returned if there are few weeks, or if too few people have one of those.
    """
    every = np.arange(7)
    if not len(days) or np.ptp(days) < _FEWEST_DAYS:
        return every
    counts = np.bincount(_weekdays_of(days), minlength=7)
    is_kept = counts >= _RARE_DAY * np.sort(counts)[-2:].mean()
    is_shared = support.counts(_weekdays_of(days), 7)[is_kept] >= support.least
    is_clear = is_shared.all() and counts[is_kept].sum() >= LEAST_SHARE * len(days)
    return every[is_kept] if is_clear else every


def _differ(codes: np.ndarray, expected: np.ndarray) -> bool:
    """Return whether codes have clearly other frequencies than expected (in any unit)."""
    counts = np.bincount(codes, minlength=len(expected)).astype(np.float64)
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


def _mode(numbers: np.ndarray) -> Any:
    levels, counts = np.unique(numbers, return_counts=True)
    return levels[counts.argmax()].item()
