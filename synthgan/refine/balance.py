"""Balanced selection from a pool: match marginal distributions; independent of grids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthgan.privacy import EVERYTHING, Support
from synthgan.trees.bins import find_bin

__all__ = ["Margins", "draw_balanced"]

_MOST_BINS = 20
_ROWS_PER_BIN = 10  # of a sample; neighbouring bins with fewer expected rows are joined
_FEWEST_EXPECTED = 5  # rows; bins with fewer expected rows are not balanced, or joined
_STRENGTH = 10.0
_BLOCKS = 64
_SWEEPS = 2
_TINY = 1e-280


@dataclass(frozen=True)
class Margins:
    """Bins of each feature of real rows, and the share of rows in each bin.

    Parameters
    ----------
    edges : list of ndarray
        Lower edges of all bins except the first of each feature, ascending.
    shares : list of ndarray
        Two more entries than edges: the last bin of a feature is for missing values (NaN).
    """

    edges: list[np.ndarray]
    shares: list[np.ndarray]

    @classmethod
    def fit(cls, real: np.ndarray, fake: np.ndarray, support: Support = EVERYTHING) -> Margins:
        """Learn bins of about equal shares.

        Parameters
        ----------
        real, fake : ndarray of shape (n, n_features)
            Edges are quantiles of generated rows, so that no edge is a value of a real row; shares
            are those of real rows.
        support : Support, default=EVERYTHING
            Support of the real rows. Bins with too few people, or with fewer than 5, are joined.
        """
        n_bins = int(np.clip(len(real) // _ROWS_PER_BIN, 2, _MOST_BINS))
        edges, shares = [], []
        for ours, theirs in zip(real.T, fake.T, strict=True):
            found = _bin_edges(theirs[~np.isnan(theirs)], n_bins)
            found = _supported(found, ours, support)
            counts = np.bincount(find_bin(found, ours), minlength=len(found) + 2)
            if not support.holds(np.isnan(ours)):
                counts[-1] = 0
            edges.append(found)
            shares.append(counts / max(1, counts.sum()))
        return cls(edges, shares)

    def bins(self, x: np.ndarray, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the bins of features, coarse enough for a sample of `n_rows` rows.

        Parameters
        ----------
        x : ndarray of shape (n, n_features)
        n_rows : int

        Returns
        -------
        bins : ndarray of shape (n, n_features)
            Numbered consecutively over all features.
        expected : ndarray of shape (n_bins,)
            Expected rows of the sample in each bin.
        """
        found, expected, n_bins = [], [], 0
        for of_x, shares in zip(_find_bins(self.edges, x), self.shares, strict=True):
            middles = np.cumsum(shares) - shares / 2
            _, merged = np.unique(middles * n_rows // _ROWS_PER_BIN, return_inverse=True)
            expected.append(np.bincount(merged, shares) * n_rows)
            found.append(merged[of_x] + n_bins)
            n_bins += len(expected[-1])
        if not found:
            return np.zeros((len(x), 0), dtype=np.intp), np.zeros(0)
        return np.stack(found).T, np.concatenate(expected)


def draw_balanced(
    logits: np.ndarray, bins: np.ndarray, expected: np.ndarray, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw `n` rows of a pool without replacement, so that bin counts match the expected counts.

    Block after block of the pool, rows are drawn in proportion to their odds, but no row more than
    once (Pareto sampling), with weights that push the counts of all rows drawn so far towards the
    expected ones; then block after block is drawn again, given all others. After each sweep, the
    remaining deficit of a bin is added permanently to its weight, so that biased shares of the pool
    leave no lasting deficit.

    Parameters
    ----------
    logits : ndarray of shape (n_pool,)
    bins : ndarray of shape (n_pool, n_features)
        Numbered consecutively over all features.
    expected : ndarray of shape (n_bins,)
        Expected rows in each bin; bins that expect fewer than 5 are not balanced.
    n : int
        At most `n_pool`.
    rng : Generator

    Returns
    -------
    chosen : ndarray of shape (n,)
        Positions in the pool, all different.

    References
    ----------
    Deville and Tille (2004), Efficient balanced sampling: the cube method,
    doi 10.1093/biomet/91.4.893 (the objective; the algorithm is different). Rosen (1997), On
    sampling with probability proportional to size, doi 10.1016/S0378-3758(96)00186-3.
    """
    counts, lasting = np.zeros(len(expected)), np.zeros(len(expected))
    strength = np.where(expected >= _FEWEST_EXPECTED, _STRENGTH / np.maximum(expected, 1), 0.0)
    n_blocks = int(np.clip(n, 1, _BLOCKS))
    order = rng.permutation(len(logits))
    logits, bins = logits[order], bins.T.take(order, axis=1)
    starts = np.append(0, np.cumsum(_even_sizes(len(logits), n_blocks)))
    chosen, counted = [np.zeros(0, np.intp)] * n_blocks, np.zeros((n_blocks, len(expected)))
    for sweep in range(_SWEEPS):
        for i, size in enumerate(_even_sizes(n, n_blocks)):
            counts -= counted[i]
            placed = (i if not sweep else n_blocks - 1) / n_blocks
            push = lasting + strength * ((placed + 0.5 / n_blocks) * expected - counts)
            block = slice(starts[i], starts[i + 1])
            pushed = logits[block] + push[bins[:, block]].sum(axis=0)
            chosen[i] = starts[i] + _draw_pareto(pushed, size, rng)
            own = bins.take(chosen[i], axis=1)
            counted[i] = np.bincount(own.ravel(), minlength=len(expected))
            counts += counted[i]
        lasting += strength * (expected - counts)
    return np.asarray(order[np.concatenate(chosen)])


def _even_sizes(n: int, n_parts: int) -> list[int]:
    """Return sizes of parts, as even as possible, the larger ones first."""
    return [n // n_parts + (i < n % n_parts) for i in range(n_parts)]


def _draw_pareto(logits: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw `n` positions without replacement, with inclusion probabilities in proportion to odds.

    Probabilities that would be above 1 are 1.
    """
    if n == len(logits):
        return np.arange(n)
    order = np.argsort(-logits)
    weights = logits[order]
    weights = np.exp(weights - weights[:1])
    rest = np.cumsum(weights[::-1])[::-1]
    # So many of the largest are certain that no other probability is above 1.
    is_certain = weights[:n] * np.arange(n, 0, -1) > rest[:n]
    n_certain = n if is_certain.all() else int(np.argmin(is_certain))
    shares = weights[n_certain:] * ((n - n_certain) / max(rest[n_certain], _TINY))
    shares = np.minimum(np.maximum(shares, _TINY), 1 - 1e-12)
    at = rng.random(len(shares))
    drawn = np.argpartition(at / (1 - at) / (shares / (1 - shares)), n - n_certain)
    return np.concatenate([order[:n_certain], order[n_certain:][drawn[: n - n_certain]]])


def _bin_edges(column: np.ndarray, n_bins: int) -> np.ndarray:
    levels = np.unique(column)
    if len(levels) > n_bins:
        levels = np.unique(np.quantile(column, np.linspace(0, 1, n_bins + 1)[:-1]))
    return levels[1:] - 1e-6


def _supported(edges: np.ndarray, column: np.ndarray, support: Support) -> np.ndarray:
    """Remove edges until enough people lie between adjacent edges."""
    least = max(support.least, _FEWEST_EXPECTED)
    bins = np.where(np.isnan(column), -1, find_bin(edges, column))
    kept: list[int] = []
    first = 0
    for last in range(len(edges) + 1):
        if support.count((bins >= first) & (bins <= last)) >= least:
            kept.append(last)
            first = last + 1
    # Enough people must lie above the last edge, too.
    if first <= len(edges):
        kept = kept[:-1]
    return edges[[bin for bin in kept if bin < len(edges)]]


def _find_bins(edges: Sequence[np.ndarray], x: np.ndarray) -> list[np.ndarray]:
    """Return the bin of each value, feature by feature."""
    return [find_bin(e, column) for e, column in zip(edges, x.T, strict=True)]
