"""Randomised quantile cells: a column's distribution as a table; pure functions of arrays."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

__all__ = ["QuantileTable", "fit_quantiles", "from_quantiles", "to_quantiles"]


class QuantileTable(NamedTuple):
    """A piecewise linear quantile function.

    Piece ``i`` holds the share ``edges[i] .. edges[i + 1]`` of the rows and runs from value
    ``start[i]`` to ``stop[i]``. A piece with ``start == stop`` is an *atom*: one value that many
    rows share, decoded exactly. The others join averages of pooled rows.
    """

    edges: np.ndarray  # (n_pieces + 1,), from 0 to 1
    start: np.ndarray  # (n_pieces,)
    stop: np.ndarray  # (n_pieces,)

    @property
    def is_atom(self) -> np.ndarray:
        """Which pieces are single values, shape (n_pieces,)."""
        return self.start == self.stop

    @property
    def largest_gap(self) -> float:
        """Widest piece, in the column's units; 0 when every value is exact."""
        return float(np.max(self.stop - self.start))


def fit_quantiles(values: np.ndarray, min_support: int = 1, step: float = 0.0) -> QuantileTable:
    """Learn a quantile table that stores no value of fewer than `min_support` rows.

    Parameters
    ----------
    values : ndarray of shape (n,), float64 or int64
        Finite numbers, at least one.
    min_support : int, default=1
        A value that at least so many rows share is kept as it is. Runs of rarer values are
        pooled into groups of at least so many rows, of which the mean is kept; a run that is
        too small for one group joins the nearest kept value.
    step : float, default=0
        Distance of neighbouring values when they lie on a lattice (1 for integers, 0.1 for
        one decimal): pooled pieces end half a step before a kept value.

    Returns
    -------
    table : QuantileTable
    """
    levels, counts = np.unique(values, return_counts=True)
    common = counts >= min_support
    if not common.any() and len(values) < 2 * min_support:
        mean = np.mean(values, keepdims=True)
        return QuantileTable(np.array([0.0, 1.0]), mean, mean)
    pieces: list[tuple[float, float, float]] = []  # rows, start, stop
    borders = np.flatnonzero(np.diff(common)) + 1
    for run in np.split(np.arange(len(levels)), borders):
        if common[run[0]]:
            pieces += [(int(counts[i]), levels[i], levels[i]) for i in run]
        elif counts[run].sum() >= min_support:
            below = levels[run[0] - 1] + step / 2 if run[0] else None
            above = levels[run[-1] + 1] - step / 2 if run[-1] + 1 < len(levels) else None
            rows = np.repeat(levels[run], counts[run])
            pieces += _pooled(rows, min_support, below, above)
        else:
            pieces.append((int(counts[run].sum()), np.nan, np.nan))
    rows = np.array([piece[0] for piece in pieces])
    lost = np.array([np.isnan(piece[1]) for piece in pieces])
    rows = _hand_over(rows, lost)
    kept = [piece for piece, gone in zip(pieces, lost, strict=True) if not gone]
    edges = np.concatenate([[0.0], np.cumsum(rows[~lost]) / len(values)])
    edges[-1] = 1.0
    return QuantileTable(
        edges,
        _exact([piece[1] for piece in kept], values),
        _exact([piece[2] for piece in kept], values),
    )


def _exact(ends: list[float], values: np.ndarray) -> np.ndarray:
    """Return ends of pieces as floats, or as integers where floats are too coarse for `values`."""
    if values.dtype.kind != "i" or max(abs(int(values.min())), abs(int(values.max()))) <= 2**53:
        return np.array(ends, dtype=np.float64)
    return np.array([int(end) for end in ends], dtype=np.int64)


def _pooled(
    rows: np.ndarray, min_support: int, below: float | None, above: float | None
) -> list[tuple[float, float, float]]:
    """Join the means of consecutive groups by lines, from `below` to `above`.

    Where no kept value lies beyond, the outermost half group decodes to its mean: a line
    carried on would make values that cannot be, such as dates in the future.
    """
    groups = np.array_split(rows, len(rows) // min_support)
    means = np.array([group.mean() for group in groups])
    sizes = [len(group) for group in groups]
    below = means[0] if below is None else below
    above = means[-1] if above is None else above
    knots = np.concatenate([[below], means, [above]])
    halves: list[float] = [sizes[0] / 2, *[(a + b) / 2 for a, b in pairwise(sizes)]]
    halves.append(sizes[-1] / 2)
    return list(zip(halves, knots[:-1], knots[1:], strict=True))


def _hand_over(rows: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """Give the rows of pieces that are not kept to the pieces beside them, half each."""
    rows = rows.astype(np.float64)
    for i in np.flatnonzero(lost):
        beside = [j for j in (i - 1, i + 1) if 0 <= j < len(rows)]
        for j in beside:
            rows[j] += rows[i] / len(beside)
    return rows


def to_quantiles(
    table: QuantileTable, values: np.ndarray, step: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Map numbers to their place in the distribution.

    Parameters
    ----------
    table : QuantileTable
    values : ndarray of shape (n,)
    step : float, default=0
        As in `fit_quantiles`.

    Returns
    -------
    centre, half_width : ndarray of shape (n,), float64
        Every point of ``centre +- half_width`` (in 0..1) decodes to the value: drawing one at
        random makes the cells uniform (the randomised probability integral transform).
    """
    levels, inverse = np.unique(values, return_inverse=True)
    atoms = np.flatnonzero(table.is_atom)
    low = _cumulative(table, levels - step / 2 if step else levels)
    high = _cumulative(table, levels + step / 2 if step else levels)
    snapped = _snap(table, levels)
    if len(atoms):
        place = np.clip(np.searchsorted(table.start[atoms], snapped), 0, len(atoms) - 1)
        hit = table.start[atoms][place] == snapped
        low = np.where(hit, table.edges[atoms[place]], low)
        high = np.where(hit, table.edges[atoms[place] + 1], high)
    centre, half_width = (low + high) / 2, (high - low) / 2
    return centre[inverse], half_width[inverse]


def from_quantiles(table: QuantileTable, places: np.ndarray) -> np.ndarray:
    """Map places in the distribution (0..1) to numbers; inverse of `to_quantiles`."""
    piece = np.searchsorted(table.edges, places, side="right") - 1
    piece = np.clip(piece, 0, len(table.start) - 1)
    widths = np.diff(table.edges)
    share = np.clip((places - table.edges[piece]) / np.maximum(widths[piece], 1e-300), 0, 1)
    rise = (table.stop - table.start)[piece]
    if table.start.dtype == np.int64:
        return table.start[piece] + np.rint(share * rise).astype(np.int64)
    return table.start[piece] + share * rise


def _snap(table: QuantileTable, x: np.ndarray) -> np.ndarray:
    """Move numbers that lie between the pieces to the nearest value of a piece."""
    after = np.clip(np.searchsorted(table.stop, x), 0, len(table.stop) - 1)
    before = np.maximum(after - 1, 0)
    inside = (table.start[after] <= x) & (x <= table.stop[after])
    to_before = np.abs(x - table.stop[before]) < np.abs(x - table.start[after])
    nearest = np.where(to_before, table.stop[before], table.start[after])
    nearest = np.where(x > table.stop[-1], table.stop[-1], nearest)
    return np.where(inside, x, nearest)


def _cumulative(table: QuantileTable, x: np.ndarray) -> np.ndarray:
    """Distribution function of the pooled pieces, at the middle of an atom."""
    x = _snap(table, x)
    piece = np.clip(np.searchsorted(table.stop, x), 0, len(table.stop) - 1)
    rise = (table.stop - table.start)[piece]
    share = np.where(rise > 0, (x - table.start[piece]) / np.where(rise > 0, rise, 1), 0.5)
    return table.edges[piece] + np.clip(share, 0, 1) * np.diff(table.edges)[piece]
