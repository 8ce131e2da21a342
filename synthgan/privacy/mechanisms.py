"""Randomised mechanisms of OpenDP: noisy counts, labels above a threshold, noisy choice.

Noise comes from the operating system's generator and is exact: no seed, no floating-point sum
(Mironov 2012, DOI 10.1145/2382196.2382264; Canonne, Kamath and Steinke 2020, arXiv 2004.00010).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from synthgan.exceptions import ParameterError

__all__ = ["choose_largest", "epsilon_of", "noisy_counts", "noisy_labels", "rho_of"]

_LARGEST_EPSILON = 1e4


@cache
def _opendp() -> Any:
    try:
        import opendp.prelude as dp
    except ImportError as error:
        raise ParameterError(
            "differential privacy needs OpenDP: pip install 'synthgan[privacy]'."
        ) from error
    dp.enable_features("contrib")  # most of OpenDP; proofs are there, their vetting is not over
    return dp


def epsilon_of(rho: float, delta: float) -> float:
    """Return epsilon of rho-zero-concentrated differential privacy at a delta."""
    if rho <= 0:
        return 0.0
    dp = _opendp()
    space = dp.atom_domain(T=float, nan=False), dp.absolute_distance(T=float)
    curve = dp.c.make_zCDP_to_approxDP(dp.m.make_gaussian(*space, scale=1.0))
    return float(curve.map(math.sqrt(2 * rho)).epsilon(delta))


def rho_of(epsilon: float, delta: float) -> float:
    """Return the largest rho whose epsilon at `delta` is no larger than `epsilon`."""
    high = epsilon
    while epsilon_of(high, delta) < epsilon and high < _LARGEST_EPSILON:
        high *= 2
    found = float(brentq(lambda rho: epsilon_of(rho, delta) - epsilon, 0.0, high, rtol=1e-9))
    while epsilon_of(found, delta) > epsilon:
        found *= 1 - 1e-6
    return found


def noisy_counts(counts: np.ndarray, sensitivity: int, rho: float) -> tuple[np.ndarray, float]:
    """Add discrete Gaussian noise to counts.

    Parameters
    ----------
    counts : ndarray of int
    sensitivity : int
        Largest Euclidean norm of the change that one person makes.
    rho : float
        What it may cost.

    Returns
    -------
    noisy : ndarray of int, of the same shape
    scale : float
        Standard deviation of the noise.
    """
    dp = _opendp()
    scale = sensitivity / math.sqrt(2 * rho)
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l2_distance(T=float)
    release = dp.m.make_gaussian(*space, scale=_upward(scale))
    noisy = np.array(release(counts.ravel().tolist()), dtype=np.int64)
    return noisy.reshape(counts.shape), scale


def noisy_labels(
    counts: Mapping[str, int], max_rows: int, rho: float, delta: float
) -> tuple[dict[str, int], float]:
    """Release the labels whose noisy counts exceed a threshold, and these counts.

    Parameters
    ----------
    counts : mapping of str to int
        Rows that have a label; only labels that some row has.
    max_rows : int
        Rows of one person.
    rho, delta : float
        What it may cost.

    Returns
    -------
    noisy : dict of str to int
    scale : float

    References
    ----------
    Korolova et al. (2009), Releasing search queries and clicks privately,
    DOI 10.1145/1526709.1526733. Rogers (2023), A unifying privacy analysis framework for unknown
    domain algorithms in differential privacy, arXiv 2309.09170.
    """
    dp = _opendp()
    scale = _upward(max_rows / math.sqrt(2 * rho))
    space = (
        dp.map_domain(dp.atom_domain(T=str), dp.atom_domain(T=int)),
        dp.l02inf_distance(dp.absolute_distance(T=float)),
    )
    change = (max_rows, float(max_rows), float(max_rows))
    # One label of a person fails with delta / max_rows; a little more until the library agrees.
    threshold = math.ceil(max_rows + scale * norm.isf(delta / max_rows))
    while True:
        release = dp.m.make_gaussian_threshold(*space, scale=scale, threshold=threshold)
        if release.map(change)[1] <= delta:
            break
        threshold = math.ceil(1.02 * threshold) + 1
    return {str(k): int(v) for k, v in release(dict(counts)).items()}, scale


def choose_largest(scores: np.ndarray, sensitivity: float, n: int, rho: float) -> tuple[Any, float]:
    """Choose the `n` largest scores by the exponential mechanism.

    Parameters
    ----------
    scores : ndarray of shape (n_scores,), float64
    sensitivity : float
        Largest change of any score that one person makes.
    n : int
    rho : float
        What it may cost.

    Returns
    -------
    chosen : ndarray of int of shape (n,)
        Positions, the largest first.
    scale : float
        Of the Gumbel noise.

    References
    ----------
    Durfee and Rogers (2019), Practical differentially private top-k selection with pay-what-you-get
    composition, arXiv 1905.04273.
    """
    dp = _opendp()
    scale = _upward(sensitivity * math.sqrt(n / (2 * rho)))
    space = dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.linf_distance(T=float)
    measure = dp.zero_concentrated_divergence()
    release = dp.m.make_noisy_top_k(*space, measure, k=n, scale=scale)
    while release.map(float(sensitivity)) > rho:
        scale *= 1.01
        release = dp.m.make_noisy_top_k(*space, measure, k=n, scale=scale)
    return np.array(release(scores.tolist()), dtype=np.int64), scale


def _upward(scale: float) -> float:
    """Return the next larger float, so that rounding never lowers the noise."""
    return float(np.nextafter(scale, math.inf))
