"""Find dates and durations that are never after others; changes no table."""

from __future__ import annotations

import logging
from collections.abc import Collection, Hashable, Mapping
from itertools import permutations
from types import MappingProxyType

import numpy as np
import pandas as pd

from synthgan.constraints.differences import Inequality
from synthgan.constraints.number_columns import Numbers
from synthgan.exceptions import DataError
from synthgan.privacy import EVERYTHING, Support

__all__ = ["find_lows", "find_orders"]

logger = logging.getLogger(__name__)

_FEWEST_ROWS = 20
# Independent columns would be in order in all rows with a probability of about exp(-20).
_FEWEST_EXPECTED = 20.0
_MOST_COLUMNS, _MOST_LOWS = 60, 3
_MOST_COMPARED = 10_000  # rows, to see whether an order is by chance

Inputs = Mapping[Hashable, Collection[Hashable]]
_NO_INPUTS: Inputs = MappingProxyType({})


def find_orders(
    frame: pd.DataFrame,
    support: Support = EVERYTHING,
    fixed: Collection[Hashable] = (),
    inputs: Inputs = _NO_INPUTS,
) -> list[Inequality]:
    """Find dates and durations that no row has after others, such as a start and an end.

    Both are present in 20 rows or more, and in those of enough people. If they were independent, 20
    people or more would have them in the other order.

    Parameters
    ----------
    frame : DataFrame
    support : Support, default=EVERYTHING
    fixed : collection of hashable
        Columns that may be the lower ones, but are not replaced.
    inputs : dict of hashable to collection of hashable
        Columns that are computed, and from which: there will be no circles.

    Returns
    -------
    orders : list of Inequality
        Not fitted; each column is the upper one at most once.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from synthgan.constraints.order_search import find_orders
    >>> rng = np.random.default_rng(0)
    >>> days = pd.to_timedelta(rng.integers(0, 900, 200), "D")
    >>> frame = pd.DataFrame({"admitted": pd.Timestamp("2024-01-01") + days})
    >>> stay = pd.to_timedelta(rng.integers(0, 30, 200), "D")
    >>> find_orders(frame.assign(discharged=frame["admitted"] + stay))
    [Inequality(high='discharged', low='admitted')]
    """
    computed = {name: set(of) for name, of in inputs.items()}
    found = []
    for high, lows in find_lows(frame, support, fixed).items():
        lows = [low for low in lows if high not in _all_inputs(low, computed)]
        if not lows:
            continue
        one = Inequality(lows if len(lows) > 1 else lows[0], high)
        try:
            one.fit(frame, support)
        except DataError:
            continue
        computed.setdefault(high, set()).update(lows)
        found.append(Inequality(one.low, high))
        logger.info("column %r is never after others: %r", lows, found[-1])
    return found


def find_lows(
    frame: pd.DataFrame, support: Support = EVERYTHING, fixed: Collection[Hashable] = ()
) -> dict[Hashable, list[Hashable]]:
    """Return for each date or duration which others are never after it, the nearest first.

    Those that follow from others are left out. Parameters are those of `find_orders`.
    """
    times = [name for name in frame.columns if getattr(frame[name].dtype, "kind", "") in "mM"]
    different: list[Hashable] = []  # of equal columns, one that may be replaced
    for name in sorted(times, key=lambda name: name in set(fixed))[:_MOST_COLUMNS]:
        if not any(frame[name].equals(frame[other]) for other in different):
            different.append(name)
    numbers = Numbers.read(frame[different])
    values, n = numbers.values, len(numbers.names)
    precedes = np.zeros((n, n), dtype=bool)
    clocks = [_clock_of(frame[name]) for name in numbers.names]
    for i, j in permutations(range(n), 2):
        if clocks[i] == clocks[j]:
            precedes[i, j] = _is_order(values[:, i], values[:, j], support)
    is_there = ~np.isnan(values)
    kept = [i for i in range(n) if numbers.names[i] not in set(fixed)]
    found = {}
    for high in kept:
        apart = {
            low: float(np.nanmean(values[:, high] - values[:, low]))
            for low in np.flatnonzero(precedes[:, high]).tolist()
            if not any(
                precedes[low, i] and precedes[i, high] and _is_between(is_there, low, i, high)
                for i in kept
            )
        }
        nearest = sorted(apart, key=lambda low: apart[low])[:_MOST_LOWS]
        if nearest:
            found[numbers.names[high]] = [numbers.names[low] for low in nearest]
    return found


def _clock_of(series: pd.Series) -> tuple[str, bool]:
    """Return what can be compared with a column: durations, or dates with or without a zone."""
    return series.dtype.kind, getattr(series.dtype, "tz", None) is None


def _is_order(low: np.ndarray, high: np.ndarray, support: Support) -> bool:
    """Return whether a column is never after another, and not by chance."""
    both = ~np.isnan(low) & ~np.isnan(high)
    low, high = low[both], high[both]
    if len(low) < _FEWEST_ROWS or (low > high).any() or not (low < high).any():
        return False
    some = slice(None, None, max(1, len(low) // _MOST_COMPARED))
    expected = np.searchsorted(np.sort(high[some]), low[some]).mean() / len(high[some])
    n_people = support.count(both)
    return n_people >= support.least and bool(n_people * expected >= _FEWEST_EXPECTED)


def _is_between(is_there: np.ndarray, low: int, between: int, high: int) -> bool:
    """Return whether a column is present in all rows in which two others are."""
    both = is_there[:, low] & is_there[:, high]
    return bool(is_there[both, between].all())


def _all_inputs(name: Hashable, computed: Inputs) -> set[Hashable]:
    """Return all columns from which a column is computed."""
    found: set[Hashable] = set()
    left = [name]
    while left:
        new = set(computed.get(left.pop(), ())) - found
        found |= new
        left += new
    return found
