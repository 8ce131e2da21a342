"""Quotient: a column is about in proportion to a power of another, and its quotient replaces it."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Collection, Hashable
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from pandas.api import types
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree
from scipy.stats import spearmanr

from synthgan.constraints.base import numbers_of, require_numbers
from synthgan.constraints.computed import ComputedColumn
from synthgan.constraints.number_columns import N_SCREENED, Numbers
from synthgan.encoding.tables.column import Column
from synthgan.exceptions import ParameterError
from synthgan.state.stored import Name

__all__ = ["Quotient", "find_quotients", "find_rates"]

logger = logging.getLogger(__name__)

_MOST_COLUMNS = 200
_FEWEST_VALUES = 50  # of a column
_FREQUENT = 0.02  # share of the rows with one value, of which a quotient would make many
_LEAST_PRESENT = 0.5  # of the rows
_LARGEST_SPREAD = 0.4  # of the logarithms of the quotient, in those of the column
_POWERS = (1.0, 2.0, 3.0)  # and their reciprocals, of either sign
_TOLERANCE = 0.2  # of the logarithm of a power
_LARGEST = 2.0**52
_FEWEST_COUNTS = 20  # different values of a count
_LEAST_TOGETHER = 0.5  # rank correlation of a count with what it grows with
_MOST_LEFT = 0.7  # of that correlation, in the rate
_EDGE = 1e-3  # of a unit interval, which rounding errors do not cross
_WIDE = 4.0  # ratio of the 90th percentile of what it grows with to the 10th


class Quotient(ComputedColumn):
    """A column is about in proportion to a power of another; its quotient replaces it.

    The number of bedrooms of a district goes with that of its households, an area with the square
    of a radius. A generator that draws both has to meet a narrow band; the quotient is drawn as
    finely as any other column.

    Parameters
    ----------
    column : hashable
        A column of numbers.
    of : hashable
        A column of positive numbers; elsewhere the quotient is undefined, see `ComputedColumn`.
    power : float, default=1.0
        Its power.
    is_rate : bool, default=False
        Whether `column` counts what happens in `of`. A count is then spread over the unit interval
        above it before it is divided, and cut off in `restore`: quotients of small counts lie on
        few points, which differ from row to row, and would otherwise be hard to learn.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from synthgan.constraints.quotients import Quotient
    >>> frame = pd.DataFrame({"households": [100, 250], "bedrooms": [110, 300]})
    >>> constraint = Quotient("bedrooms", of="households").fit(frame)
    >>> constraint.apply(frame)["bedrooms"].tolist()
    [1.1, 1.2]
    >>> constraint.restore(constraint.apply(frame), np.random.default_rng()).equals(frame)
    True
    """

    _later: ClassVar[dict[str, Any]] = {"is_rate": False}

    def __init__(self, column: Name, of: Name, power: float = 1.0, is_rate: bool = False) -> None:
        self.column = column
        self.of = of
        self.power = power
        self.is_rate = is_rate

    @property
    def uses(self) -> tuple[Hashable, ...]:
        """Columns that the constraint needs."""
        return (self.column, self.of)

    def _check_parameters(self) -> None:
        if self.column == self.of or not (self.power and np.isfinite(self.power)):
            raise ParameterError(
                f"{self!r} is not allowed; give two different columns, and a power that is not 0."
            )

    def _refuse_kinds(self) -> None:
        require_numbers(self.schema_, self)

    def _most_decimals(self) -> None:
        return None

    def _residual_column(self) -> Column:
        own = self.schema_.columns[0]
        is_extended = types.is_extension_array_dtype(own.pandas_dtype())
        return Column(own.name, "continuous", "Float64" if is_extended else "float64")

    def _split(self, values: np.ndarray, anchors: np.ndarray) -> np.ndarray:
        if self.is_rate:
            values = values + _within(self.column, len(values))
        return values / np.where(anchors == 0, 1.0, anchors)

    def _join(self, residual: np.ndarray, anchors: np.ndarray) -> np.ndarray:
        values = residual * np.where(anchors == 0, 1.0, anchors)
        if self.is_rate:
            values = np.maximum(np.floor(values), 0.0)
        return self._on_lattice(np.clip(values, -_LARGEST, _LARGEST))

    def _compute(self, frame: pd.DataFrame) -> np.ndarray:
        of, present = numbers_of(self.schema_.columns[1], frame[self.of])
        return np.where(present & (of > 0), of, np.nan).astype(float) ** self.power


def find_quotients(
    frame: pd.DataFrame, fixed: Collection[Hashable] = (), gone: Collection[Hashable] = ()
) -> list[Quotient]:
    """Find columns that vary much less when they are divided by a power of another.

    All columns of a pair are positive, have 50 values or more, and none that 2 % of the rows have.
    The standard deviation of the logarithm of the quotient is at most 0.4 of that of the column.
    Of many such pairs those of the narrowest quotients are chosen, without circles.

    Parameters
    ----------
    frame : DataFrame
    fixed : collection of hashable
        Columns that a quotient may use, but not replace.
    gone : collection of hashable
        Columns that it may not use either.

    Returns
    -------
    quotients : list of Quotient
        Not fitted; each column is divided by at most one other.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from synthgan.constraints.quotients import find_quotients
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"radius": rng.lognormal(0, 1, 500)})
    >>> frame["area"] = np.pi * frame["radius"] ** 2 * rng.lognormal(0, 0.1, 500)
    >>> find_quotients(frame)
    [Quotient(column='area', of='radius', power=2.0)]
    """
    numbers = Numbers.read(frame, gone)
    some = [i for i in np.flatnonzero(~numbers.are_times).tolist() if _is_smooth(numbers, i)]
    some = some[:_MOST_COLUMNS]
    if len(some) < 2:
        return []
    names = [numbers.names[i] for i in some]
    powers, spreads = _relate(np.log(numbers.values[:, some]))
    has_gaps = np.isnan(numbers.values[:, some]).any(axis=0)
    tree = minimum_spanning_tree(csr_array(_without_gaps(spreads, has_gaps))).toarray()
    tree = tree + tree.T
    # What may not be replaced is divided by; otherwise the column with the most neighbours.
    is_fixed = np.array([name in set(fixed) for name in names])
    rank = (tree > 0).sum(axis=1) + len(names) * (is_fixed - 2.0 * has_gaps)
    n_groups, group_of = connected_components(tree)
    quotients = []
    for group in range(n_groups):
        members = np.flatnonzero(group_of == group)
        root = members[np.argmax(rank[members])]
        order, parents = breadth_first_order(tree, root, directed=False)
        for i in order[1:]:
            if names[i] not in set(fixed):
                quotients.append(
                    Quotient(names[i], names[parents[i]], float(powers[i, parents[i]]))
                )
                logger.info("column %r is about in proportion: %r", names[i], quotients[-1])
    return quotients


def find_rates(
    frame: pd.DataFrame, fixed: Collection[Hashable] = (), gone: Collection[Hashable] = ()
) -> list[Quotient]:
    """Find counts that grow with one other: goals with games, costs with days.

    Whole numbers of 0 or more, whose rank correlation with a positive count is 0.5 or more; that
    of the quotient, as it is learnt, is at most 0.7 times as large. The other count varies widely:
    of 80 % of the rows the largest is four times the smallest or more. The count by which most are
    divided is chosen.

    Parameters
    ----------
    frame : DataFrame
    fixed : collection of hashable
        Columns that may be divided by, but are not replaced.
    gone : collection of hashable
        Columns that are left alone.

    Returns
    -------
    quotients : list of Quotient
        Not fitted; all of one other column.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from synthgan.constraints.quotients import find_rates
    >>> rng = np.random.default_rng(0)
    >>> games = np.ceil(rng.lognormal(3, 1, 500)).astype(int)
    >>> frame = pd.DataFrame({"games": games, "goals": rng.binomial(games, rng.beta(5, 5, 500))})
    >>> find_rates(frame)
    [Quotient(column='goals', is_rate=True, of='games')]
    """
    numbers = Numbers.read(frame, gone)
    values = numbers.values
    is_count = np.array(
        [
            not numbers.are_times[i] and n >= _FEWEST_COUNTS and _are_counts(values[:, i])
            for i, n in enumerate(numbers.n_distinct)
        ],
        dtype=bool,
    )
    counts = np.flatnonzero(is_count)[:_MOST_COLUMNS]
    exposures = [i for i in counts if _is_exposure(values[:, i])]
    best: list[int] = []
    by = -1
    for i in exposures:
        some = [j for j in counts if j != i and _is_rate(values[:, j], values[:, i])]
        some = [j for j in some if numbers.names[j] not in set(fixed)]
        if len(some) > len(best):
            best, by = some, i
    return [Quotient(numbers.names[j], numbers.names[by], is_rate=True) for j in best]


def _are_counts(values: np.ndarray) -> bool:
    values = values[~np.isnan(values)]
    return bool((values >= 0).all() and (values % 1 == 0).all())


def _is_exposure(values: np.ndarray) -> bool:
    if np.isnan(values).any() or values.min() <= 0:
        return False
    low, high = np.quantile(values, [0.1, 0.9])
    return bool(high >= _WIDE * low)


def _is_rate(values: np.ndarray, of: np.ndarray) -> bool:
    there = ~np.isnan(values)
    if (there & (values > 0)).sum() < N_SCREENED:
        return False
    values, of = values[there], of[there]
    together = spearmanr(values, of).statistic
    left = spearmanr((values + _within("rate", len(values))) / of, of).statistic
    return bool(together >= _LEAST_TOGETHER and abs(left) <= _MOST_LEFT * together)


def _within(name: Hashable, n: int) -> np.ndarray:
    """Return where counts of a column lie in their unit intervals; equal for equal tables."""
    rng = np.random.default_rng(zlib.crc32(repr(name).encode()))
    return rng.uniform(_EDGE, 1 - _EDGE, n)


def _without_gaps(spreads: np.ndarray, has_gaps: np.ndarray) -> np.ndarray:
    """Keep one pair of each column with gaps, by which no other is divided: a quotient has none."""
    kept = np.where(has_gaps[:, None] | has_gaps, 0.0, spreads + spreads.T)
    for i in np.flatnonzero(has_gaps):
        pairs = np.where(has_gaps, 0.0, (spreads + spreads.T)[i])
        if pairs.any():
            best = np.argmin(np.where(pairs > 0, pairs, np.inf))
            kept[i, best] = kept[best, i] = pairs[best]
    return np.tril(kept)


def _is_smooth(numbers: Numbers, column: int) -> bool:
    """Return whether all values are positive, and none is frequent."""
    values = numbers.values[:, column]
    values = values[~np.isnan(values)]
    if len(values) < max(N_SCREENED, _LEAST_PRESENT * len(numbers.values)) or values.min() <= 0:
        return False
    counts = np.unique(values, return_counts=True)[1]
    return bool(len(counts) >= _FEWEST_VALUES and counts.max() < _FREQUENT * len(values))


def _relate(logs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the power of each column (row) of each other, and the spread; 0 where too large."""
    centred = logs - np.nanmean(logs, axis=0)
    there = (~np.isnan(centred)).astype(float)
    x = np.nan_to_num(centred)
    # Moments of each pair, of the rows in which both are present.
    n = np.maximum(there.T @ there, 1.0)
    means = (x.T @ there) / n
    variances = np.maximum((x**2).T @ there / n - means**2, 1e-12)
    covariances = x.T @ x / n - means * means.T
    slopes = np.log(variances / variances.T) / 2
    choices = np.array([*_POWERS, *(1 / p for p in _POWERS)])
    away = np.abs(np.log(choices) - slopes[:, :, None])
    powers = choices[away.argmin(axis=2)] * np.where(covariances > 0, 1.0, -1.0)
    left = variances + powers**2 * variances.T - 2 * powers * covariances
    spreads = np.sqrt(np.maximum(left / variances, 1e-12))
    is_narrow = (spreads <= _LARGEST_SPREAD) & (away.min(axis=2) <= _TOLERANCE) & (n >= N_SCREENED)
    return powers, np.where(np.tril(is_narrow, -1), spreads, 0.0)
