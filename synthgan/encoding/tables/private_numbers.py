"""The distribution of a column of numbers, learnt from noisy counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import norm

from synthgan.encoding.tables.binned import BinnedNumbers
from synthgan.encoding.tables.codecs import Codec, Constant, QuantileCell
from synthgan.encoding.tables.quantile import QuantileTable
from synthgan.privacy.protected_rows import ProtectedRows

__all__ = ["Intervals", "fit_private_numbers", "root_intervals"]

_FAN_OUT = 8  # parts of an interval that is split
_SPLITS = 5  # of an interval in turn
_FIRST, _LAST = -64, 997  # powers of two of continuous numbers; 2**997 is just above 1e300
_LARGEST_POWER = 63  # of whole numbers
_ROOT_SHARE = 0.25  # of the budget
_LIKELY = 2.0  # standard deviations of the noise
_WRONG = 1e-4  # probability that any interval without rows is taken for one with rows
_FEWEST_IN_LEAF = 1 / 64  # share of the rows of an interval that is split
_BINS = 48

Read = Callable[[pd.DataFrame], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Intervals:
    """Disjoint intervals in ascending order, and the noisy number of rows in each.

    Parameters
    ----------
    low, high : ndarray of shape (n_intervals,)
        An interval holds the numbers from `low` to less than `high`.
    counts : ndarray of shape (n_intervals,)
    """

    low: np.ndarray
    high: np.ndarray
    counts: np.ndarray

    def find(self, values: np.ndarray, present: np.ndarray) -> np.ndarray:
        """Return the interval of each value; -1 where there is none."""
        at = np.searchsorted(self.low, values, "right") - 1
        return np.where(present & (at >= 0) & (values < self.high[at]), at, -1)

    def take(self, chosen: np.ndarray) -> Intervals:
        """Return some intervals."""
        return Intervals(self.low[chosen], self.high[chosen], self.counts[chosen])

    def split(self, whole: bool) -> Intervals:
        """Split each interval into equal parts; of whole numbers, at unit length at least."""
        low: list[np.ndarray] = []
        high: list[np.ndarray] = []
        for start, stop in zip(self.low, self.high, strict=True):
            n = int(min(_FAN_OUT, stop - start)) if whole else _FAN_OUT
            ends = np.linspace(start, stop, n + 1)
            ends = np.rint(ends) if whole else ends
            low.append(ends[:-1])
            high.append(ends[1:])
        return Intervals(np.concatenate(low), np.concatenate(high), np.zeros(sum(map(len, low))))

    @classmethod
    def join(cls, parts: list[Intervals]) -> Intervals:
        """Put intervals together, in order."""
        low = np.concatenate([part.low for part in parts])
        order = np.argsort(low)
        high = np.concatenate([part.high for part in parts])[order]
        return cls(low[order], high, np.concatenate([part.counts for part in parts])[order])


def root_intervals(whole: bool, bounds: tuple[float, float] | None) -> Intervals:
    """Return the intervals that are counted first: zero and powers of two, or between bounds."""
    if bounds is not None:
        end = bounds[1] + 1 if whole else np.nextafter(bounds[1], np.inf)
        return Intervals(np.array([bounds[0]]), np.array([end]), np.zeros(1))
    powers = np.arange(0, _LARGEST_POWER + 1) if whole else np.arange(_FIRST, _LAST + 1)
    ends = np.ldexp(1.0, powers)
    low = np.concatenate([-ends[::-1], [0.0], ends[:-1]])
    high = np.concatenate([-ends[-2::-1], [0.0], ends])
    return Intervals(low, high, np.zeros(len(low)))


def fit_private_numbers(
    rows: ProtectedRows,
    name: str,
    read: Read,
    step: float,
    bounds: tuple[float, float] | None,
    n_values: float,
    rho: float,
) -> Codec:
    """Learn the distribution of a column: intervals that hold many rows are split again and again.

    Parameters
    ----------
    rows : ProtectedRows
    name : str
        Of the column, for the ledger.
    read : callable
        Maps rows to numbers (multiples of `step`, where it is not 0), and to whether there is one.
    step : float
        Spacing of the numbers; 0: they are continuous.
    bounds : (float, float) or None
        Lowest and highest number, if they are public, in the unit of `read`.
    n_values : float
        Released number of rows that have a number.
    rho : float

    Returns
    -------
    codec : BinnedNumbers or Constant
        Constant without a value where too few rows have a number.
    """
    whole = step > 0
    root = root_intervals(whole, bounds)
    leaves: list[Intervals] = []
    deviation = 0.0

    def count(cells: Intervals, what: str, share: float) -> Intervals:
        nonlocal deviation
        counts, deviation = rows.histogram(
            f"{what} of {name}", lambda r: cells.find(*read(r)), len(cells.low), share * rho
        )
        return Intervals(cells.low, cells.high, counts)

    if bounds is None:
        active = count(root, "powers of two", _ROOT_SHARE)
        # An empty interval far away is hardly ever taken for one that holds rows.
        certain = norm.isf(_WRONG / len(active.low)) * deviation
        active = active.take(active.counts > certain)
    else:
        active = Intervals(root.low, root.high, np.array([max(n_values, 1.0)]))
    for _ in range(_SPLITS):
        wide = active.high - active.low > (1 if whole else 0)
        # The first width of zero's interval is nothing to continuous numbers.
        many = active.counts > max(_FAN_OUT * deviation, _FEWEST_IN_LEAF * n_values)
        is_zero = (active.low == 0) & (active.high <= 2.0**_FIRST)
        splits = wide & many & ~is_zero
        leaves.append(active.take(~splits))
        if not splits.any():
            active = active.take(np.zeros(0, dtype=int))
            break
        parents = active.take(splits)
        parts = count(parents.split(whole), "parts of intervals", (1 - _ROOT_SHARE) / _SPLITS)
        owners = np.searchsorted(parents.low, parts.low, "right") - 1
        active = replace(parts, counts=_agree(parents.counts, owners, parts.counts))
    leaves.append(active)
    return _codec_of(Intervals.join(leaves), deviation, step)


def _codec_of(leaves: Intervals, deviation: float, step: float) -> Codec:
    """Turn counts of intervals into a quantile function and its bins."""
    likely = np.flatnonzero(leaves.counts > _LIKELY * deviation)
    if not len(likely):
        return Constant()
    kept = leaves.take(np.arange(likely[0], likely[-1] + 1))
    kept = kept.take(kept.counts > 0)
    whole = step > 0
    decimals = max(0, round(-np.log10(step))) if whole else 0
    is_atom = kept.high - kept.low <= 1 if whole else (kept.low == 0) & (kept.high <= 2.0**_FIRST)
    # Numbers that are rounded lie up to half a step around their place.
    low = np.where(is_atom | (not whole), kept.low, kept.low - 0.5)
    high = np.where(is_atom, kept.low, kept.high - 0.5 if whole else kept.high)
    if whole:
        low, high = (np.round(x * step, decimals + 1) for x in (low, high))
    shares = kept.counts / kept.counts.sum()
    edges = np.append(np.append(0.0, np.cumsum(shares))[:-1], 1.0)
    table = QuantileTable(edges, low, high)
    if len(low) == 1 and is_atom[0]:
        return Constant((int(low[0]) if step == 1 else float(low[0]),))
    return BinnedNumbers(QuantileCell(table, step), _borders(shares, edges))


def _agree(parents: np.ndarray, owners: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Correct the counts of parts by those of the whole intervals: no rows are lost or made.

    Both have noise of the same deviation; the sum of m parts has m times the variance.
    """
    n_parts = np.bincount(owners)
    sums = np.bincount(owners, counts)
    best = (n_parts * parents + sums) / (n_parts + 1)
    parts = np.maximum(counts + ((best - sums) / n_parts)[owners], 0.0)
    sums = np.bincount(owners, parts)
    return parts * np.where(sums > 0, best / np.maximum(sums, 1e-12), 0.0)[owners]


def _borders(shares: np.ndarray, edges: np.ndarray) -> tuple[float, ...]:
    """Join neighbouring intervals to bins of about equal shares; one of many rows stays alone."""
    borders, held = [0.0], 0.0
    for share, low in zip(shares, edges, strict=False):
        if held and held + share > 1.3 / _BINS:
            borders.append(float(low))
            held = 0.0
        held += share
    return (*borders, 1.0)
