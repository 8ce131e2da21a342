"""The search for columns that rows copy from rows before, and for the rows that do."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd

from synthgan.families.coding import as_labels
from synthgan.families.timeline import as_numbers, is_number
from synthgan.privacy import Support

__all__ = [
    "Codes",
    "always_copied",
    "at_once",
    "codes_of",
    "combined",
    "copied_from_row",
    "copied_from_time",
    "count_skipped",
    "follow",
    "row_before",
]

_FEWEST_STEPS, _MOST_ALIKE = 50, 0.8  # rows that follow another; chance that two rows agree
_OFTEN = ((0.3, 1.5), (0.15, 5.0))  # share of the rows, and times as many as by chance
_TOGETHER = 0.97  # of the repeats of a column, with those of the others
_LEAST_KEPT = 0.9  # of the rows that copy the first column, those that copy all of them
_LISTED = 0.5  # share of the rows at a later time from which labels alone are a list
_MOST_SKIPPED = 2  # rows of the time before that are left out before a copy
_MOST_ROWS = 20_000  # in which lists are searched

Codes = dict[Hashable, np.ndarray]


def codes_of(series: pd.Series) -> np.ndarray:
    """Return the number of each value; missing ones are a value."""
    values = as_numbers(series) if is_number(series) else as_labels(series)
    return np.asarray(pd.factorize(values, use_na_sentinel=False)[0])


def combined(codes: list[np.ndarray]) -> np.ndarray:
    """Return the number of each combination of values."""
    return np.asarray(np.unique(np.stack(codes, axis=1), axis=0, return_inverse=True)[1]).ravel()


def row_before(owners: np.ndarray) -> np.ndarray:
    """Return the row before each row in its family; -1: none."""
    follows = np.append(False, owners[1:] == owners[:-1])[: len(owners)]
    return np.where(follows, np.arange(len(owners)) - 1, -1)


def at_once(owners: np.ndarray, clock: np.ndarray) -> np.ndarray:
    """Return which rows are at the same time as the rows before."""
    same = (owners[1:] == owners[:-1]) & (clock[1:] == clock[:-1])
    return np.append(False, same)[: len(owners)]


def follow(codes: np.ndarray, owners: np.ndarray, clock: np.ndarray) -> np.ndarray:
    """Return the row of the time before that each row copies, both in order; -1: none."""
    first, stop = _time_before(owners, clock)
    sources = np.full(len(codes), -1)
    pointer = 0
    for row in range(len(codes)):
        if row == stop[row]:
            pointer = first[row]
        ahead = codes[pointer : min(stop[row], pointer + _MOST_SKIPPED + 1)] == codes[row]
        if ahead.any():
            sources[row] = pointer + int(ahead.argmax())
            pointer = sources[row] + 1
    return sources


def count_skipped(sources: np.ndarray, owners: np.ndarray, clock: np.ndarray) -> np.ndarray:
    """Return how many rows of the time before are left out before each row that is copied.

    Parameters
    ----------
    sources : ndarray of int of shape (n_rows,)
        As `follow` returns them.
    owners, clock : ndarray of shape (n_rows,)
    """
    first, stop = _time_before(owners, clock)
    until = pd.Series(sources).groupby(stop).cummax().groupby(stop).shift(1).fillna(-1)
    pointer = np.maximum(first, until.to_numpy(np.int64) + 1)
    return np.where(sources < 0, 0, sources - pointer)


def always_copied(
    codes: Codes, owners: np.ndarray, clock: np.ndarray, support: Support
) -> tuple[Hashable, ...]:
    """Return the columns that hardly differ at the same time."""
    before, once = row_before(owners), at_once(owners, clock)
    if min(once.sum(), (before >= 0).sum() - once.sum()) < _FEWEST_STEPS:
        return ()
    sources = np.where(once, before, -1)
    return tuple(
        name
        for name, own in codes.items()
        if _are_copied(own, sources) and support.holds(_agree(own, sources))
    )


def copied_from_time(
    table: pd.DataFrame, codes: Codes, owners: np.ndarray, clock: np.ndarray, support: Support
) -> tuple[Hashable, ...]:
    """Return the columns that are copied from the time before rather than from the row before.

    One of them at least is of numbers, unless most rows are copied, as are the tests of a panel.
    """
    some = slice(_MOST_ROWS)
    owners, clock, support = owners[some], clock[some], support.take(some)
    codes, table = {name: own[some] for name, own in codes.items()}, table.iloc[some]
    first, stop = _time_before(owners, clock)
    there, before = first < stop, row_before(owners)
    if there.sum() < _FEWEST_STEPS:
        return ()
    sources, gains = {}, {}
    for name, own in codes.items():
        sources[name] = follow(own, owners, clock)
        seen = there & table[name].notna().to_numpy()
        gain = _more_than_chance(own, sources[name], seen, _MOST_SKIPPED + 1)
        if gain > _more_than_chance(own, before, seen):
            gains[name] = gain * seen.sum()
    for base in sorted(gains, key=lambda name: -gains[name]):
        columns = _copied_together(base, codes, sources[base])
        numbers = [name for name in columns if is_number(table[name])]
        varies = any(_chance(codes[name]) <= _MOST_ALIKE for name in numbers)
        is_list = (sources[base] >= 0)[there].mean() >= _LISTED
        if (varies or is_list) and support.holds(sources[base] >= 0):
            return columns
    return ()


def copied_from_row(
    table: pd.DataFrame, codes: Codes, before: np.ndarray, support: Support
) -> tuple[Hashable, ...]:
    """Return the columns that are copied from the row before; one of them is of numbers.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
    codes : dict of ndarray of int of shape (n_rows,)
    before : ndarray of int of shape (n_rows,)
        The rows before; -1: none, or the row is copied from elsewhere.
    support : Support
    """
    if (before >= 0).sum() < _FEWEST_STEPS:
        return ()
    gains = {
        name: _more_than_chance(own, before, (before >= 0) & table[name].notna().to_numpy())
        for name, own in codes.items()
        if is_number(table[name]) and support.holds(_agree(own, before))
    }
    base = max(gains, key=lambda name: gains[name], default=None)
    if base is None or not gains[base]:
        return ()
    sources = np.where(_agree(codes[base], before), before, -1)
    return tuple(name for name in codes if name == base or _are_copied(codes[name], sources))


def _time_before(owners: np.ndarray, clock: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first row of the time before, and the first one of its own time, of each row.

    They are the same where there is no time before.
    """
    begins = ~at_once(owners, clock)
    stop = np.maximum.accumulate(np.where(begins, np.arange(len(owners)), 0))
    first = stop[np.maximum(stop - 1, 0)]
    return np.where(owners[first] != owners, stop, first), stop


def _agree(codes: np.ndarray, sources: np.ndarray) -> np.ndarray:
    return (sources >= 0) & (codes == codes[sources])


def _are_copied(codes: np.ndarray, sources: np.ndarray, least: float = _TOGETHER) -> bool:
    """Return whether a column agrees with that of the rows that are copied.

    Values other than the most frequent one must do, too.
    """
    copies = sources >= 0
    same = _agree(codes, sources)
    other = copies & (codes != np.bincount(codes).argmax())
    return bool(other.any() and same[copies].mean() >= least and same[other].mean() >= _MOST_ALIKE)


def _copied_together(base: Hashable, codes: Codes, sources: np.ndarray) -> tuple[Hashable, ...]:
    """Return the columns that are copied where one is, as long as most of its copies remain."""
    of_base = np.where(_agree(codes[base], sources), sources, -1)
    same = {
        name: _agree(own, of_base)
        for name, own in codes.items()
        if name == base or _are_copied(own, of_base, _LEAST_KEPT)
    }
    kept, columns = same[base], {base}
    for name in sorted(same, key=lambda name: -same[name].sum()):
        if (kept & same[name]).sum() >= _LEAST_KEPT * same[base].sum():
            kept = kept & same[name]
            columns.add(name)
    return tuple(name for name in codes if name in columns)


def _more_than_chance(
    codes: np.ndarray, sources: np.ndarray, there: np.ndarray, n_seen: int = 1
) -> float:
    """Return by how much values repeat more often than by chance; 0 where they hardly do.

    Parameters
    ----------
    codes, sources : ndarray of int of shape (n_rows,)
    there : ndarray of bool of shape (n_rows,)
        The rows that count: missing values do not.
    n_seen : int, default=1
        Rows among which the copied one is found.
    """
    if not there.any() or _chance(codes) > _MOST_ALIKE:
        return 0.0
    share = float(_agree(codes, sources)[there].mean())
    chance = 1 - (1 - _chance(codes[there])) ** n_seen
    often = any(share > max(least, times * chance) for least, times in _OFTEN)
    return share - chance if often else 0.0


def _chance(codes: np.ndarray) -> float:
    """Return the chance that two rows agree."""
    return float(np.square(np.bincount(codes) / len(codes)).sum())
