"""Quantile tables of columns, and the pooling of rare values; pure functions of arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synthgan.encoding.tables.numbers import Numbers, distinct, is_large
from synthgan.exceptions import ArchiveError
from synthgan.privacy import Support, pooled_means
from synthgan.state.fields import array_of, read_arrays

__all__ = [
    "QuantileTable",
    "draw_quantiles",
    "from_quantiles",
    "inward",
    "pool_labels",
    "table_of",
    "to_quantiles",
]


_FLOAT, _INT = np.dtype(np.float64), np.dtype(np.int64)


class QuantileTable(NamedTuple):
    """A piecewise linear quantile function.

    Piece ``i`` holds the share ``edges[i] .. edges[i + 1]`` of the rows and runs from value
    ``start[i]`` to ``stop[i]``. A piece with ``start == stop`` is an *atom*: one value that many
    rows share, decoded exactly. The other pieces interpolate between averages of pooled rows.
    """

    edges: np.ndarray  # (n_pieces + 1,), from 0 to 1
    start: np.ndarray  # (n_pieces,)
    stop: np.ndarray  # (n_pieces,)

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> QuantileTable:
        """Build a table from the output of `_asdict`.

        Raises
        ------
        ArchiveError
            Arrays that do not form a quantile function.
        """
        ends = array_of(None, kinds="fi")
        read = read_arrays(arrays, "a column", edges=array_of(None), start=ends, stop=ends)
        table = cls(**read)
        edges, start, stop = table
        sizes = (len(edges) - 1, len(start), len(stop))
        dtypes = {start.dtype, stop.dtype}
        if len(set(sizes)) > 1 or not sizes[0] or dtypes not in ({_FLOAT}, {_INT}):
            raise ArchiveError("the tables of a column do not match each other")
        rises = (np.diff(edges) >= 0).all() and edges[0] == 0 and edges[-1] == 1
        # Pooled pieces end half a step from their neighbours, to within rounding.
        slack = 1e-6 * np.abs(start[:-1])
        is_in_order = (start <= stop).all() and (start[1:] >= stop[:-1] - slack).all()
        if not rises or not is_in_order:
            raise ArchiveError("the tables of a column are not ascending")
        return table

    @property
    def is_atom(self) -> np.ndarray:
        """Which pieces are single values, of shape (n_pieces,)."""
        return self.start == self.stop

    @property
    def largest_gap(self) -> float:
        """Widest piece, in the column's units; 0 when every value is exact."""
        return float(np.max(self.stop - self.start))


def table_of(numbers: Numbers, step: float = 0.0, min_pool: int = 1) -> QuantileTable | None:
    """Learn a quantile table that stores no number of too few people.

    A number that enough people share is kept as it is. Runs of rarer numbers are pooled into
    groups of enough people, of which a mean is kept that no one dominates; a run that is too
    small for one group is left out.

    Parameters
    ----------
    numbers : Numbers
        At least one.
    step : float, default=0
        Spacing of the possible values (1 for integers, 0.1 for one decimal); 0 for continuous
        values. Pooled pieces end half a step before a kept value.
    min_pool : int, default=1
        Minimum number of people in a group of rarer values, where there are enough.

    Returns
    -------
    table : QuantileTable or None
        None if `support` allows no value to be stored: too few people, or nearly all have one
        value.
    """
    levels, rows, repeats, common = numbers.entries()
    support = numbers.support
    wide = Support(max(support.least, min_pool), support.people)
    kind = object if is_large(levels) else np.float64
    first = np.concatenate([[0], np.cumsum(repeats)])
    pieces: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []  # rows, start, stop
    borders = np.concatenate([[0], np.flatnonzero(np.diff(common)) + 1, [len(levels)]])
    for begin, end in pairwise(borders.tolist()):
        if common[begin]:
            run = levels[begin:end]
            pieces.append((rows[begin:end], run, run))
            continue
        those = slice(first[begin], first[end])
        n_people = those.stop - those.start
        if support.people is not None:
            n_people = len(np.unique(support.people[those]))
        if n_people < support.least:
            continue
        below = levels[begin - 1] + step / 2 if begin else None
        above = levels[end] - step / 2 if end < len(levels) else None
        ordered = np.repeat(levels[begin:end], repeats[begin:end])
        weights = np.repeat(rows[begin:end] / repeats[begin:end], repeats[begin:end])
        pieces.append(_pooled(ordered, weights, wide.take(those), below, above))
    if not pieces:
        return None
    sizes, start, stop = (
        np.concatenate([np.asarray(piece[i], dtype=kind if i else np.float64) for piece in pieces])
        for i in range(3)
    )
    there = ~np.isnan(start.astype(np.float64))
    if not there.any():
        return None
    sizes, start, stop = _merged(sizes[there], start[there], stop[there])
    edges = np.concatenate([[0.0], np.cumsum(sizes) / sizes.sum()])
    edges[-1] = 1.0
    return QuantileTable(edges, _exact(start), _exact(stop))


def _merged(
    rows: np.ndarray, start: np.ndarray, stop: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Join neighbouring pieces that are the same single value."""
    is_atom = start == stop
    again = is_atom[1:] & is_atom[:-1] & (start[1:] == start[:-1])
    firsts = np.flatnonzero(np.append(True, ~again))
    return np.add.reduceat(rows, firsts), start[firsts], stop[firsts]


def _exact(ends: np.ndarray) -> np.ndarray:
    """Return ends of pieces as floats, or as integers where they are objects."""
    if ends.dtype != object:
        return ends
    most = np.iinfo(np.int64).max  # as a float it would round up to 2**63
    return np.array([max(min(int(end), most), -most - 1) for end in ends], dtype=np.int64)


def _pooled(
    ordered: np.ndarray,
    rows: np.ndarray,
    support: Support,
    below: float | None,
    above: float | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Join the means of consecutive groups by lines, from `below` to `above`.

    Where no kept value lies beyond, the outermost half group decodes to its mean: extrapolation
    would produce impossible values, such as dates in the future.

    Returns
    -------
    sizes, start, stop : ndarray of shape (n_pieces,)
        Rows of each piece, and its ends; NaN if nothing may be stored.
    """
    ends = -np.inf if below is None else below, np.inf if above is None else above
    if ordered.dtype.kind == "f" and (below, above) != (None, None):
        # Rare values may have more decimals than the lattice, and lie more than half a step away.
        ordered = np.clip(ordered, *ends)
    low, high = (np.nan if end is None else float(end) for end in (below, above))
    sizes, means = pooled_means(ordered, support, low, high)
    sizes = np.add.reduceat(rows, np.cumsum(sizes) - sizes)
    if np.isnan(means).any():
        return np.array([sizes.sum()]), np.array([np.nan]), np.array([np.nan])
    if len(means) == 1 and below is None and above is None:
        return sizes, means, means
    means = np.clip(means, *ends)  # rounding of huge numbers
    first, last = means[0] if below is None else below, means[-1] if above is None else above
    start, stop = np.append(first, means), np.append(means, last)
    halves = np.concatenate([[sizes[0] / 2], (sizes[:-1] + sizes[1:]) / 2, [sizes[-1] / 2]])
    return halves, start, stop


def to_quantiles(
    table: QuantileTable, values: np.ndarray, step: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Map numbers to their quantile levels (cumulative shares, 0..1).

    Parameters
    ----------
    table : QuantileTable
    values : ndarray of shape (n,)
    step : float, default=0
        As in `table_of`.

    Returns
    -------
    centre, half_width : ndarray of shape (n,), float64
        Every point of ``centre +- half_width`` (in 0..1) decodes to the value: drawing one at
        random makes the cells uniform (the randomised probability integral transform).
    """
    levels, inverse = distinct(values, step)
    atoms = np.flatnonzero(table.is_atom)
    snapped, piece = _snap(table, levels)
    if step:
        low, high = (_cumulative(table, *_snap(table, levels + x)) for x in (-step / 2, step / 2))
    else:
        low = high = _cumulative(table, snapped, piece)
    if len(atoms):
        place = np.clip(np.searchsorted(table.start[atoms], snapped), 0, len(atoms) - 1)
        hit = table.start[atoms][place] == snapped
        low = np.where(hit, table.edges[atoms[place]], low)
        high = np.where(hit, table.edges[atoms[place] + 1], high)
    centre, half_width = (low + high) / 2, (high - low) / 2
    return centre[inverse], half_width[inverse]


def from_quantiles(table: QuantileTable, quantile_levels: np.ndarray) -> np.ndarray:
    """Map quantile levels (0..1) to numbers; inverse of `to_quantiles`."""
    piece = np.searchsorted(table.edges, quantile_levels, side="right") - 1
    piece = np.clip(piece, 0, len(table.start) - 1)
    widths = np.diff(table.edges)
    share = (quantile_levels - table.edges[piece]) / np.maximum(widths[piece], 1e-300)
    share = np.clip(share, 0, 1)
    rise = (table.stop - table.start)[piece]
    if table.start.dtype == np.int64:
        return table.start[piece] + np.rint(share * rise).astype(np.int64)
    return table.start[piece] + share * rise


def draw_quantiles(
    table: QuantileTable,
    n: int,
    rng: np.random.Generator,
    low: float = -math.inf,
    high: float = math.inf,
    step: float = 0.0,
) -> np.ndarray | None:
    """Draw numbers from the distribution within an interval.

    Parameters
    ----------
    table : QuantileTable
    n : int
    rng : Generator
    low, high : float
        Inclusive ends.
    step : float, default=0
        As in `table_of`; the interval includes numbers that round to a value in it.

    Returns
    -------
    values : ndarray of shape (n,), or None
        None if the distribution has no value between `low` and `high`.
    """
    low, high = inward(low, high, step)
    ends = _level_range(table, low, high, step)
    if ends is None:
        return None
    drawn = rng.uniform(*ends, n)
    if ends[0] < ends[1]:  # the right end belongs to the next piece
        drawn = np.minimum(drawn, np.nextafter(ends[1], ends[0]))
    low = low if math.isfinite(low) else table.start[0].item()
    high = high if math.isfinite(high) else table.stop[-1].item()
    if table.start.dtype == np.int64:
        low, high = math.ceil(low), math.floor(high)
    return np.clip(from_quantiles(table, drawn), low, high)


def inward(low: float, high: float, step: float) -> tuple[float, float]:
    """Narrow an interval to the outermost multiples of `step` in it.

    Examples
    --------
    >>> inward(0.05, 3.0, 0.1)
    (0.1, 3.0)
    """
    if not step:
        return low, high
    decimals = round(-math.log10(step))
    lowest, highest = np.round(low, decimals), np.round(high, decimals)
    if lowest < low:
        lowest = np.round(lowest + step, decimals)
    if highest > high:
        highest = np.round(highest - step, decimals)
    return lowest.item(), highest.item()


def pool_labels(
    levels: tuple[Any, ...],
    shares: Sequence[float] | np.ndarray,
    labels: np.ndarray,
    order: Sequence[Any] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Replace rare labels by kept labels.

    Parameters
    ----------
    levels : tuple
        Kept labels.
    shares : sequence of float
        Their relative frequencies.
    labels : ndarray of shape (n,), object
        None where missing.
    order : sequence or None
        All labels in order: each rare label is replaced by the nearest kept one, the lower one in
        a tie. None: a hash of the label selects a kept one in proportion to the shares, so rows
        are independent of each other and equal labels give equal results.

    Returns
    -------
    pooled : ndarray of shape (n,), object
    unknown : ndarray of shape (n,), bool
        Where a label was replaced.
    """
    known = np.empty(len(levels), dtype=object)
    known[:] = levels
    unknown = (pd.Index(known).get_indexer(pd.Index(labels, dtype=object)) < 0) & pd.notna(labels)
    if not unknown.any():
        return labels, unknown
    which, new_labels = pd.factorize(labels[unknown])
    ranks = pd.Index([] if order is None else list(order), dtype=object)
    kept = ranks.get_indexer(pd.Index(known, dtype=object))
    if (kept >= 0).all():
        ranked = np.argsort(kept)
        own = ranks.get_indexer(new_labels)
        after = np.searchsorted(kept[ranked], own).clip(1, len(kept) - 1)
        below, above = kept[ranked[after - 1]], kept[ranked[after]]
        codes = ranked[np.where(own - below <= above - own, after - 1, after)]
    else:
        names = np.array([str(label) for label in new_labels], dtype=object)
        uniform = pd.util.hash_array(names, categorize=False) / 2.0**64
        sums = np.cumsum(shares)
        codes = np.searchsorted(sums[:-1] / sums[-1], uniform, side="right")
    pooled = labels.copy()
    pooled[unknown] = known[codes[which]]
    return pooled, unknown


def _level_range(
    table: QuantileTable, low: float, high: float, step: float
) -> tuple[float, float] | None:
    """Find the quantile levels F(low) .. F(high); None when no piece has a value in between."""
    if not low <= high:
        return None
    if table.start.dtype != np.int64:
        low, high = low - step / 2, high + step / 2
    reaches = np.where(table.is_atom, table.stop >= low, table.stop > low)
    pieces = np.flatnonzero(reaches & (table.start <= high))
    if not len(pieces):
        return None

    def level(piece: int, x: float, in_atom: float) -> float:
        """Return the quantile level of a number; `in_atom` selects the end of an atom."""
        start, stop = float(table.start[piece]), float(table.stop[piece])
        share = in_atom if start == stop else min(max((x - start) / (stop - start), 0.0), 1.0)
        left, right = table.edges[piece : piece + 2].tolist()
        return left + share * (right - left)

    return level(pieces[0], low, 0.0), level(pieces[-1], high, 1.0)


def _snap(table: QuantileTable, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move numbers that lie between the pieces to the nearest value of a piece.

    Returns
    -------
    snapped : ndarray
    piece : ndarray of int
        The first piece that does not end below each of them.
    """
    start, stop = table.start, table.stop
    after = np.minimum(np.searchsorted(stop, x), len(stop) - 1)
    before = np.maximum(after - 1, 0)
    beyond = x > stop[-1]
    outside = np.flatnonzero((x < start[after]) | beyond)
    snapped, piece = x.astype(np.result_type(x, stop)), after
    if len(outside):
        own, last, at = x[outside], before[outside], after[outside]
        to_before = np.abs(own - stop[last]) < np.abs(own - start[at])
        nearest = np.where(to_before, stop[last], start[at])
        snapped[outside] = np.where(beyond[outside], stop[-1], nearest)
        piece[outside] = np.searchsorted(stop, snapped[outside])
    return snapped, piece


def _cumulative(table: QuantileTable, x: np.ndarray, piece: np.ndarray) -> np.ndarray:
    """Cumulative distribution function of the pooled pieces; atoms count at their middle.

    Parameters
    ----------
    table : QuantileTable
    x, piece : as `_snap` returns them
    """
    rise = table.stop - table.start
    rise, start, low = rise[piece], table.start[piece], table.edges[piece]
    share = np.where(rise > 0, (x - start) / np.where(rise > 0, rise, 1), 0.5)
    return low + np.clip(share, 0, 1) * np.diff(table.edges)[piece]
