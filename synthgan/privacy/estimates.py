"""Estimates from noisy tables of columns together: of what is released, no row is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from synthgan.privacy.smoothing import (
    Clique,
    Codes,
    fit_sums,
    smooth_table,
    smooth_tables,
)

__all__ = [
    "Marginals",
    "MeasuredColumns",
    "Tables",
    "Triples",
    "as_shares",
    "combine",
    "estimate_marginals",
]

_LEAST_CODE = 1e-6  # share of a code

Measured = tuple[np.ndarray, float]  # shares, and the variance of their noise
Tables = dict[Clique, Measured]


@dataclass(frozen=True)
class Triples:
    """Tables of all pairs of columns within the rows that have one code of the target.

    Parameters
    ----------
    code : int
        Position of that code among all joined codes.
    shares : ndarray of shape (n_joined, n_joined)
    weights : ndarray of shape (n_joined, n_joined)
    """

    code: int
    shares: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Marginals:
    """What was measured, as shares of all rows; a weight is 1 / variance of the noise, or 0.

    Parameters
    ----------
    sizes : tuple of int
        How many codes each column has that has more than one; the others are left out.
    single, single_weights : ndarray of shape (n_codes,)
        Of each code of each column.
    joined : ndarray of int of shape (n_codes,)
        Neighbouring or rare codes are joined in tables of several columns: number of each.
    pairs, pair_weights : ndarray of shape (n_joined, n_joined)
        Of two columns; symmetric.
    triples : tuple of Triples
    """

    sizes: tuple[int, ...]
    single: np.ndarray
    single_weights: np.ndarray
    joined: np.ndarray
    pairs: np.ndarray
    pair_weights: np.ndarray
    triples: tuple[Triples, ...] = ()

    @property
    def n_measured(self) -> int:
        """How many numbers were measured."""
        n_pairs = np.count_nonzero(np.triu(self.pair_weights))
        n_triples = sum(np.count_nonzero(np.triu(t.weights)) for t in self.triples)
        return int(np.count_nonzero(self.single_weights) + n_pairs + n_triples)


@dataclass(frozen=True)
class MeasuredColumns:
    """Single columns, as measured by themselves.

    Parameters
    ----------
    single, single_weights : list of ndarray of shape (n_codes,)
        Shares of the codes of each column with noise, and 1 / variance of it.
    joins : list of ndarray of int of shape (n_codes,)
        Codes are joined in tables of several columns: number of each within its column.
    is_ordered, has_gaps : sequence of bool
        Whether codes are neighbours, and whether the last one stands for missing values.
    """

    single: list[np.ndarray]
    single_weights: list[np.ndarray]
    joins: list[np.ndarray]
    is_ordered: Sequence[bool]
    has_gaps: Sequence[bool]

    @cached_property
    def shares(self) -> list[np.ndarray]:
        """Shares of joined codes: none negative, all of a column together 1."""
        return [
            np.bincount(join, as_shares(own))
            for join, own in zip(self.joins, self.single, strict=True)
        ]

    @cached_property
    def sizes(self) -> list[int]:
        """How many joined codes each column has."""
        return [len(own) for own in self.shares]

    @cached_property
    def starts(self) -> np.ndarray:
        """Position of the first joined code of each column among all, and their number."""
        return np.concatenate([[0], np.cumsum(self.sizes)])

    def estimate(self, pairs: Tables) -> tuple[list[Codes], list[np.ndarray]]:
        """Estimate the shares of joined codes from single columns and from sums of pairs.

        Returns
        -------
        columns : list of Codes
        variances : list of ndarray of shape (n_joined_codes,)
            Of the noise of the shares.
        """
        weights = [
            1 / np.bincount(join, 1 / weight)
            for join, weight in zip(self.joins, self.single_weights, strict=True)
        ]
        totals = [own * weight for own, weight in zip(self.shares, weights, strict=True)]
        for (a, b), (table, variance) in pairs.items():
            for column, axis in ((a, 1), (b, 0)):
                noise = variance * table.shape[axis]
                totals[column] = totals[column] + table.sum(axis) / noise
                weights[column] = weights[column] + 1 / noise
        columns = [
            Codes.of(total / weight, ordered, gap)
            for total, weight, ordered, gap in zip(
                totals, weights, self.is_ordered, self.has_gaps, strict=True
            )
        ]
        return columns, [1 / weight for weight in weights]

    def scaled(
        self, columns: Sequence[Codes], variances: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scale the measured shares of codes so that joined ones sum to the estimate.

        Returns
        -------
        shares, weights : ndarray of shape (n_codes,)
            Of all columns.
        """
        shares, weights = [], []
        for own, weight, join, column, variance in zip(
            self.single, self.single_weights, self.joins, columns, variances, strict=True
        ):
            kept = np.maximum(own, _LEAST_CODE)
            n_joined = np.bincount(join)[join]
            shares.append(kept * (column.shares / np.bincount(join, kept))[join])
            # What is known of a code: its part of the joined ones, and their share.
            weights.append(1 / ((1 - 1 / n_joined) / weight + variance[join] / n_joined))
        return np.concatenate(shares), np.concatenate(weights)

    def matrices(
        self, shares: dict[Clique, np.ndarray], variances: dict[Clique, float]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Put tables of pairs into symmetric matrices of shares and of weights."""
        found = np.zeros((2, self.starts[-1], self.starts[-1]))
        for (a, b), own in shares.items():
            at, other = (slice(self.starts[j], self.starts[j + 1]) for j in (a, b))
            found[0, at, other], found[0, other, at] = own, own.T
            found[1, at, other] = found[1, other, at] = 1 / variances[a, b]
        return found[0], found[1]


def estimate_marginals(measured: MeasuredColumns, pairs: Tables, triples: Tables) -> Marginals:
    """Combine all that was measured, and smooth it.

    Parameters
    ----------
    measured : MeasuredColumns
    pairs : Tables
        Tables of the joined codes of two columns.
    triples : Tables
        Of three columns; the last one is the same in all, the target.
    """
    pairs = _with_sums(pairs, triples)
    columns, variances = measured.estimate(pairs)
    smooth = smooth_tables(pairs, columns)
    found: list[Triples] = []
    if triples:
        target = next(iter(triples))[2]
        parts = _smooth_triples(measured, triples, target, smooth, columns)
        found = [
            Triples(int(measured.starts[target]) + code, *measured.matrices(*part))
            for code, part in enumerate(parts)
        ]
    starts = measured.starts[:-1]
    return Marginals(
        tuple(map(len, measured.joins)),
        *measured.scaled(columns, variances),
        np.concatenate([j + start for j, start in zip(measured.joins, starts, strict=True)]),
        *measured.matrices(smooth, {clique: v for clique, (_, v) in pairs.items()}),
        tuple(found),
    )


def combine(one: Measured, other: Measured) -> Measured:
    """Return the mean of two measurements of the same table, weighted by 1 / variance."""
    (x, of_x), (y, of_y) = one, other
    variance = 1 / (1 / of_x + 1 / of_y)
    return variance * (x / of_x + y / of_y), variance


def _with_sums(pairs: Tables, triples: Tables) -> Tables:
    """Combine each table of a pair with the sums of the tables of triples that contain it."""
    found = dict(pairs)
    for clique, (table, variance) in triples.items():
        for axis in range(3):
            pair, total = clique[:axis] + clique[axis + 1 :], table.sum(axis)
            if pair[0] > pair[1]:
                pair, total = pair[::-1], total.T
            if pair in found:
                found[pair] = combine(found[pair], (total, variance * table.shape[axis]))
    return found


def _smooth_triples(
    measured: MeasuredColumns,
    tables: Tables,
    target: int,
    pairs: dict[Clique, np.ndarray],
    columns: Sequence[Codes],
) -> list[tuple[dict[Clique, np.ndarray], dict[Clique, float]]]:
    """Estimate pairs within each code of the target.

    Each is smoothed towards the three pairs of its columns.

    Returns
    -------
    parts : list of (dict, dict)
        For each code of the target, the shares of each pair and the variances of their noise.
    """

    def pair(a: int, b: int) -> np.ndarray:
        if (a, b) in pairs:
            return pairs[a, b]
        return pairs[b, a].T if (b, a) in pairs else np.outer(columns[a].shares, columns[b].shares)

    def given(column: int, code: int) -> Codes:
        shares = pair(column, target)[:, code]
        if column == target or not shares.sum():
            return columns[column]
        ordered, gap = measured.is_ordered[column], measured.has_gaps[column]
        return Codes.of(shares / shares.sum(), ordered, gap)

    shares = columns[target].shares
    own = [[given(column, code) for column in range(len(columns))] for code in range(len(shares))]
    parts: list[tuple[dict[Clique, np.ndarray], dict[Clique, float]]] = [({}, {}) for _ in shares]
    for (a, b, _), (table, variance) in tables.items():
        sums = [pair(b, target), pair(a, target), pair(a, b)]
        expected = fit_sums(np.ones(table.shape), sums)
        found = [
            share * smooth_table(part / share, variance / share**2, of[a], of[b], prior / share)
            for part, prior, share, of in zip(
                np.moveaxis(table, 2, 0), np.moveaxis(expected, 2, 0), shares, own, strict=True
            )
        ]
        fitted = fit_sums(np.stack(found, axis=2), sums)
        for code, (shares_of, variance_of) in enumerate(parts):
            shares_of[a, b], variance_of[a, b] = fitted[..., code], variance
    return parts


def as_shares(counts: np.ndarray) -> np.ndarray:
    """Turn noisy counts into shares: none negative, all together 1."""
    kept = np.maximum(counts, 0.0)
    return kept / kept.sum() if kept.any() else np.full(len(counts), 1 / len(counts))
