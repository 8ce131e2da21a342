"""Smoothing of noisy two-way tables: shrink them towards those of independent columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Codes", "smooth_table"]

_LEAST_SHARE = 1e-4  # of a code


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
            of the rank, otherwise they tell one code from those before.
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


def smooth_table(table: np.ndarray, variance: float, a: Codes, b: Codes) -> np.ndarray:
    """Estimate a table from a noisy one.

    What differs from independent columns is written as a sum of products of functions of either
    column, or of its cells. Coefficients of a block are shrunk by one share, that of the signal
    in their mean square (empirical Bayes). Of the four ways to choose functions or cells for the
    two columns, the one with the least estimated error is taken.

    Parameters
    ----------
    table : ndarray of shape (n_a, n_b)
        Shares with noise.
    variance : float
        Of the noise of each cell.
    a, b : Codes

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
    independent = np.outer(a.shares, b.shares)
    found = [
        _shrink(table - independent, variance, a.analysis(by_a), b.analysis(by_b))
        for by_a in (False, True)
        for by_b in (False, True)
    ]
    residuals = [((table - independent - signal) ** 2).sum() for signal, _ in found]
    # The variance of all cells is the same for each of them, and left out.
    risks = [r + 2 * variance * kept for r, (_, kept) in zip(residuals, found, strict=True)]
    return independent + found[int(np.argmin(risks))][0]


def _shrink(
    x: np.ndarray,
    variance: float,
    rows: tuple[np.ndarray, np.ndarray, np.ndarray],
    columns: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> tuple[np.ndarray, float]:
    """Shrink coefficients; return the signal and how many coefficients are kept."""
    (to_a, from_a, of_a), (to_b, from_b, of_b) = rows, columns
    coefficients = to_a.T @ x @ to_b
    noise = variance * np.outer((to_a**2).sum(0), (to_b**2).sum(0))
    kept = np.zeros_like(coefficients)
    for i in np.unique(of_a):
        for j in np.unique(of_b):
            block = np.ix_(of_a == i, of_b == j)
            weights = 1 / noise[block]
            excess = ((coefficients[block] ** 2 - noise[block]) * weights).sum() / weights.sum()
            signal = max(0.0, float(excess))
            kept[block] = signal / (signal + noise[block])
    return from_a @ (kept * coefficients) @ from_b.T, float(kept.sum())
