"""Smoothing of noisy two-way tables: shrink them towards what few factors explain."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

__all__ = ["Clique", "Codes", "fit_sums", "nearest_table", "smooth_table", "smooth_tables"]

_LEAST_SHARE = 1e-4  # of a code
_LEAST_CELL = 1e-9
_MOST_FACTORS = 24
_FIRST_FACTOR = 0.3  # length of each factor to begin with
_N_ROUNDS = 60
_N_FITS = 20

Clique = tuple[int, ...]


@dataclass(frozen=True)
class Codes:
    """The codes of a column: how often each occurs, and functions of them.

    Parameters
    ----------
    shares : ndarray of shape (n_codes,)
        Sum to 1.
    functions : ndarray of shape (n_codes, n_codes - 1)
        Orthonormal with the shares as weights, and orthogonal to the constant function.
    blocks : ndarray of int of shape (n_codes - 1,)
        Functions of a block are alike: polynomials of an octave of degrees.
    """

    shares: np.ndarray
    functions: np.ndarray
    blocks: np.ndarray

    @classmethod
    def of(cls, shares: np.ndarray, is_ordered: bool, has_gap: bool) -> Codes:
        """Build the functions of a column.

        Parameters
        ----------
        shares : ndarray of shape (n_codes,)
        is_ordered : bool
            Whether codes are neighbours, as bins of numbers are: functions are then polynomials
            of the rank, otherwise they distinguish one code from those before.
        has_gap : bool
            Whether the last code stands for missing values.
        """
        p = np.maximum(shares, _LEAST_SHARE)
        p = p / p.sum()
        n, n_own = len(p), len(p) - has_gap
        functions, degrees = [np.ones(n)], [0]
        if has_gap:
            functions.append(np.append(np.zeros(n_own), 1.0))
            degrees.append(1)
        if is_ordered:
            rank = (np.cumsum(p) - p / 2)[:n_own]
            rank = 2 * (rank - rank.min()) / max(np.ptp(rank), 1e-9) - 1
            waves = np.polynomial.legendre.legvander(rank, max(n_own - 1, 0)).T[1:]
            functions += [np.append(wave, np.zeros(n - n_own)) for wave in waves]
            degrees += range(1, n_own)
        else:
            frequent = np.argsort(-p[:n_own], kind="stable")
            functions += list(np.eye(n)[frequent[:-1]])
            degrees += [1] * (n_own - 1)
        root = np.sqrt(p)[:, None]
        orthogonal, _ = np.linalg.qr(root * np.stack(functions, axis=1))
        blocks = np.floor(np.log2(degrees[1:])).astype(int) if n > 1 else np.zeros(0, int)
        return cls(p, (orthogonal / root)[:, 1:], blocks)

    def analysis(self, by_functions: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (forward, backward, blocks): coefficients are forward.T @ x."""
        if by_functions:
            return self.functions, self.shares[:, None] * self.functions, self.blocks
        n = len(self.shares)
        return np.eye(n), np.eye(n), np.zeros(n, dtype=int)


def smooth_tables(
    tables: Mapping[Clique, tuple[np.ndarray, float]], columns: Sequence[Codes]
) -> dict[Clique, np.ndarray]:
    """Estimate the tables of pairs of columns from noisy ones.

    What differs from independent columns is written as a sum of products of functions of either
    column. The coefficients of all tables are blocks of one matrix, as in multiple correspondence
    analysis; a few factors explain most of it. What they explain is taken as expected, and
    `smooth_table` estimates what each table has beyond it.

    Parameters
    ----------
    tables : mapping of (int, int) to (ndarray of shape (n_a, n_b), float)
        Shares with noise of two columns, and the variance of the noise of each cell.
    columns : sequence of Codes

    Returns
    -------
    smooth : dict of (int, int) to ndarray of shape (n_a, n_b)
        No cell is negative, and the sums are the shares of the columns.
    """
    starts = np.concatenate([[0], np.cumsum([len(c.shares) - 1 for c in columns])])
    parts = [slice(*bounds) for bounds in pairwise(starts)]
    coefficients, weights = np.zeros((2, starts[-1], starts[-1]))
    for (a, b), (table, variance) in tables.items():
        to_a, to_b = columns[a].functions, columns[b].functions
        excess = table - np.outer(columns[a].shares, columns[b].shares)
        at = parts[a], parts[b]
        coefficients[at] = to_a.T @ excess @ to_b
        weights[at] = 1 / (variance * np.outer((to_a**2).sum(0), (to_b**2).sum(0)))
        coefficients[at[::-1]], weights[at[::-1]] = coefficients[at].T, weights[at].T
    factors = _factors(coefficients, weights)
    smooth: dict[Clique, np.ndarray] = {}
    for (a, b), (table, variance) in tables.items():
        from_a, from_b = (columns[j].shares[:, None] * columns[j].functions for j in (a, b))
        expected = np.outer(columns[a].shares, columns[b].shares)
        expected += (from_a @ factors[parts[a]]) @ (from_b @ factors[parts[b]]).T
        found = smooth_table(table, variance, columns[a], columns[b], expected)
        smooth[a, b] = nearest_table(found, columns[a].shares, columns[b].shares)
    return smooth


def _factors(coefficients: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return factors, shape (n, n_factors): their products are near the coefficients.

    Least weighted squares, with a penalty on the sum of the singular values (the trace) of the
    products: the largest singular value that the weighted noise alone would have.

    References
    ----------
    Candes and Plan (2010), Matrix completion with noise, doi 10.1109/JPROC.2009.2035722. Bandeira
    and van Handel (2016), Sharp nonasymptotic bounds on the norm of random matrices with
    independent entries, doi 10.1214/15-AOP1025.
    """
    n = len(coefficients)
    n_factors = min(n, _MOST_FACTORS)
    penalty = 2 * math.sqrt(weights.sum(axis=1).max(initial=0.0)) * np.eye(n_factors)
    weighted = weights * coefficients
    _, vectors = np.linalg.eigh(weighted)
    factors = vectors[:, n - n_factors :] * _FIRST_FACTOR
    for _ in range(_N_ROUNDS if weights.any() else 0):
        products = (factors[:, :, None] * factors[:, None]).reshape(n, -1)
        gram = (weights @ products).reshape(n, n_factors, n_factors) + penalty
        best = np.linalg.solve(gram, (weighted @ factors)[..., None])[..., 0]
        # Half a step: rows are fitted to those of before, and would swing between two solutions.
        factors = (factors + best) / 2
    return factors


def smooth_table(
    table: np.ndarray, variance: float, a: Codes, b: Codes, expected: np.ndarray
) -> np.ndarray:
    """Estimate a table from a noisy one.

    What differs from the expected table is written as a sum of products of functions of either
    column, or of its cells. Coefficients of a block are shrunk by one share, that of the signal
    in their mean square (empirical Bayes). Of the four ways to choose functions or cells for the
    two columns, and the expected table itself, the one with the least estimated error is taken.

    Parameters
    ----------
    table : ndarray of shape (n_a, n_b)
        Shares with noise.
    variance : float
        Of the noise of each cell.
    a, b : Codes
    expected : ndarray of shape (n_a, n_b)

    Returns
    -------
    smooth : ndarray of shape (n_a, n_b)
        Not clipped: cells may be negative.

    References
    ----------
    Stein (1981), Estimation of the mean of a multivariate normal distribution,
    doi 10.1214/aos/1176345632 (unbiased estimate of the risk). Cai (1999), Adaptive wavelet
    estimation: a block thresholding and oracle inequality approach, doi 10.1214/aos/1018031262.
    """
    excess = table - expected
    found = [(np.zeros_like(excess), 0.0)]
    found += [
        _shrink(excess, variance, a.analysis(by_a), b.analysis(by_b))
        for by_a in (False, True)
        for by_b in (False, True)
    ]
    # The variance of all cells is the same for each of them, and left out.
    risks = [((excess - signal) ** 2).sum() + 2 * variance * freedom for signal, freedom in found]
    return expected + found[int(np.argmin(risks))][0]


def _shrink(
    x: np.ndarray,
    variance: float,
    rows: tuple[np.ndarray, np.ndarray, np.ndarray],
    columns: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> tuple[np.ndarray, float]:
    """Shrink coefficients; return the signal and its degrees of freedom."""
    (to_a, from_a, of_a), (to_b, from_b, of_b) = rows, columns
    coefficients = to_a.T @ x @ to_b
    noise = variance * np.outer((to_a**2).sum(0), (to_b**2).sum(0))
    kept = np.zeros_like(coefficients)
    freedom = 0.0
    for i in np.unique(of_a):
        for j in np.unique(of_b):
            block = np.ix_(of_a == i, of_b == j)
            weights = 1 / noise[block]
            excess = ((coefficients[block] ** 2 - noise[block]) * weights).sum() / weights.sum()
            if excess > 0:
                kept[block] = excess / (excess + noise[block])
                # The share depends on the coefficients, too (James and Stein).
                freedom += float(kept[block].sum() + 2 * (1 - kept[block]).mean())
    return from_a @ (kept * coefficients) @ from_b.T, freedom


def nearest_table(table: np.ndarray, of_rows: np.ndarray, of_columns: np.ndarray) -> np.ndarray:
    """Return the table with the sums wanted and no negative cell that is nearest by squares.

    Parameters
    ----------
    table : ndarray of shape (n_a, n_b)
    of_rows, of_columns : ndarray of shape (n_a,) and (n_b,)
        Wanted sums, which sum to 1.
    """
    by_row, by_column = np.zeros((len(of_rows), 1)), np.zeros(len(of_columns))
    for _ in range(_N_FITS):
        by_row = _offsets(table + by_column, of_rows)[:, None]
        by_column = _offsets((table + by_row).T, of_columns)
    return np.maximum(0, table + by_row + by_column)


def _offsets(rows: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Return what is added to each row so that its positive cells have the sum wanted."""
    largest = -np.sort(-rows, axis=1)
    levels = (sums[:, None] - largest.cumsum(axis=1)) / np.arange(1, rows.shape[1] + 1)
    n_positive = np.maximum(1, (largest + levels > 0).sum(axis=1))
    offsets: np.ndarray = levels[np.arange(len(rows)), n_positive - 1]
    return offsets


def fit_sums(table: np.ndarray, sums: Sequence[np.ndarray]) -> np.ndarray:
    """Scale a table until its sums are those wanted (iterative proportional fitting).

    Of all tables with these sums, it is the one nearest to the table by relative entropy.

    Parameters
    ----------
    table : ndarray
        Cells below 0 count as almost 0.
    sums : sequence of ndarray
        Wanted sums over the first axis, over the second, and so on.

    Returns
    -------
    fitted : ndarray
        Sums to 1. Where the sums contradict each other, those of the last axis hold.

    References
    ----------
    Deming and Stephan (1940), On a least squares adjustment of a sampled frequency table when the
    expected marginal totals are known, doi 10.1214/aoms/1177731829.
    """
    table = np.maximum(table, _LEAST_CELL)
    wanted = [np.maximum(x, _LEAST_CELL) for x in sums]
    wanted = [np.expand_dims(x / x.sum(), axis) for axis, x in enumerate(wanted)]
    for _ in range(_N_FITS):
        for axis, x in enumerate(wanted):
            table = table * (x / table.sum(axis=axis, keepdims=True))
    return table
