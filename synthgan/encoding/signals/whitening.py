"""Spectral whitening of windows; pure functions of arrays.

Signals hold most of their power in their slowest waves. A network that sees them as they are
learns those, and takes the rest, the sharp waves of a heart beat among it, for noise. Whitening
weighs frequencies by a power of their mean amplitude, so that all are seen.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import dct, idct

from synthgan.privacy import P_PERCENT

__all__ = ["fit_gains", "gains_for", "smooth_power", "tamed", "unwhiten", "whiten"]

_FEWEST_BINS, _N_BINS = 4, 40
_FEWEST_TAMED = 5  # windows
_LEAST_POWER = 1e-12  # of the strongest frequency
_STILL = 1e-20  # what a lead that never moves is taken to move by: its fakes are as still


def fit_gains(windows: np.ndarray, exponent: float) -> np.ndarray:
    """Learn how much each frequency is to be raised.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_leads, n_samples)
    exponent : float
        0 leaves the spectrum as it is, 1 makes it flat, in between amplitudes are divided by that
        power of their mean.

    Returns
    -------
    gains : ndarray of shape (n_leads, n_samples)
        Of the frequencies of the cosine transform (DCT-II), smooth over about a twelfth of
        a decade; whitened windows have unit variance.

    Notes
    -----
    The cosine transform continues a window by its mirror image: it begins and ends without a
    step, so that whitening changes its edges little.
    """
    power = (dct(windows, norm="ortho") ** 2).mean(axis=0)
    gains = _smooth(power) ** (-exponent / 2)
    variance = (power * gains**2).mean(axis=1, keepdims=True)
    return gains / np.sqrt(np.where(variance > 0, variance, _STILL**2))


def tamed(windows: np.ndarray) -> np.ndarray:
    """Shrink windows of so much power that the mean spectrum would be theirs.

    The power of a window and lead counts up to the second largest, and up to what all but the two
    largest have together, divided by .15 (the p-percent rule, as of averages of numbers).
    """
    power = (windows**2).mean(axis=2)
    ordered = np.sort(power, axis=0)
    if len(ordered) < _FEWEST_TAMED:
        return windows
    most = np.minimum(ordered[-2], ordered[:-2].sum(axis=0) / P_PERCENT)
    over = power > most
    return windows * np.where(over, np.sqrt(most / np.where(over, power, 1.0)), 1.0)[:, :, None]


def smooth_power(windows: np.ndarray) -> np.ndarray:
    """Measure the mean power at each frequency of the cosine transform, smooth as gains are.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_leads, n_samples)

    Returns
    -------
    power : ndarray of shape (n_leads, n_samples)
    """
    return _smooth((dct(windows, norm="ortho") ** 2).mean(axis=0))


def _smooth(power: np.ndarray) -> np.ndarray:
    n_samples = power.shape[1]
    edges = np.round(np.geomspace(_FEWEST_BINS, n_samples, _N_BINS)).astype(np.int64)
    edges = np.unique(np.r_[np.arange(_FEWEST_BINS), edges].clip(max=n_samples))
    middles = (edges[:-1] + edges[1:] - 1) / 2
    means = np.add.reduceat(power, edges[:-1], axis=1) / np.diff(edges)
    means = np.maximum(means, _LEAST_POWER * means.max(axis=1, keepdims=True))
    means[means == 0] = 1.0
    return np.exp(np.stack([_interpolate(middles, np.log(lead), n_samples) for lead in means]))


def gains_for(gains: np.ndarray, n_samples: int) -> np.ndarray:
    """Give the gains for windows of another length, shape (n_leads, n_samples)."""
    if gains.shape[1] == n_samples:
        return gains
    learnt = np.arange(gains.shape[1])
    wanted = np.arange(n_samples) * (gains.shape[1] / n_samples)
    curves = [np.interp(np.log1p(wanted), np.log1p(learnt), np.log(lead)) for lead in gains]
    return np.exp(np.stack(curves))


def whiten(windows: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Weigh the frequencies of windows (n, n_leads, n_samples) by gains (n_leads, n_samples)."""
    return idct(dct(windows, norm="ortho") * gains, norm="ortho")


def unwhiten(windows: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Undo `whiten`."""
    return idct(dct(windows, norm="ortho") / gains, norm="ortho")


def _interpolate(middles: np.ndarray, values: np.ndarray, n_samples: int) -> np.ndarray:
    return np.interp(np.log1p(np.arange(n_samples)), np.log1p(middles), values)
