"""Spectral whitening of windows; pure functions of arrays.

Most of the power of a signal is at low frequencies. A network that is trained on the raw signal
learns these, and treats the rest, including the sharp waves of a heart beat, as noise. Whitening
divides frequencies by a power of their mean amplitude, so that all contribute.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.fft import dct, idct

from synthgan.privacy import P_PERCENT

__all__ = ["fit_gains", "gains_for", "limit_window_power", "smooth_power", "unwhiten", "whiten"]

_FEWEST_BINS, _N_BINS = 4, 40
_FEWEST_LIMITED = 5  # windows
_LEAST_POWER = 1e-12  # of the strongest frequency
_STILL = 1e-20  # power of a constant lead, whose synthetic windows are then constant, too


def fit_gains(windows: np.ndarray, exponent: float, n_cells: int | None = None) -> np.ndarray:
    """Learn the gain of each frequency.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_leads, n_samples)
    exponent : float
        Amplitudes are divided by this power of their mean: 0 keeps the spectrum, 1 makes it flat.
    n_cells : int or None, default=None
        How many frequencies, from the lowest; None: all.

    Returns
    -------
    gains : ndarray of shape (n_leads, n_cells)
        Gains of the frequencies of the cosine transform (DCT-II), smoothed over about a twelfth of
        a decade; whitened windows have unit variance.

    Notes
    -----
    The cosine transform extends a window by its mirror image. There is no step at the edges, so
    whitening changes them little.
    """
    power = (dct(windows, norm="ortho") ** 2).mean(axis=0)
    gains = _smooth(power)[:, :n_cells] ** (-exponent / 2)
    power = power[:, :n_cells]
    variance = (power * gains**2).mean(axis=1, keepdims=True)
    return gains / np.sqrt(np.where(variance > 0, variance, _STILL**2))


def limit_window_power(windows: np.ndarray) -> np.ndarray:
    """Limit the power of windows that would dominate the mean spectrum.

    The power of each window and lead is limited to the second largest power, and to the sum of all
    but the two largest powers, divided by .15 (the p-percent rule, as for averages of numbers).
    """
    power = (windows**2).mean(axis=2)
    ordered = np.sort(power, axis=0)
    if len(ordered) < _FEWEST_LIMITED:
        return windows
    most = np.minimum(ordered[-2], ordered[:-2].sum(axis=0) / P_PERCENT)
    over = power > most
    return windows * np.where(over, np.sqrt(most / np.where(over, power, 1.0)), 1.0)[:, :, None]


def smooth_power(windows: np.ndarray) -> np.ndarray:
    """Return the mean power at each frequency of the cosine transform, smoothed like the gains.

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
    """Interpolate the gains for windows of another length, shape (n_leads, n_samples)."""
    if gains.shape[1] == n_samples:
        return gains
    learnt = np.arange(gains.shape[1])
    wanted = np.arange(n_samples) * (gains.shape[1] / n_samples)
    curves = [np.interp(np.log1p(wanted), np.log1p(learnt), np.log(lead)) for lead in gains]
    return np.exp(np.stack(curves))


def whiten(windows: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Multiply spectra by gains.

    Parameters
    ----------
    windows : ndarray of shape (n, n_leads, n_samples)
    gains : ndarray of shape (n_leads, n_cells)
        Higher frequencies are left out, and as many samples: a decimation without aliases.

    Returns
    -------
    whitened : ndarray of shape (n, n_leads, n_cells)
    """
    return idct(dct(windows, norm="ortho")[:, :, : gains.shape[1]] * gains, norm="ortho")


def unwhiten(
    whitened: np.ndarray,
    gains: np.ndarray,
    extend: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """Invert `whiten`.

    Parameters
    ----------
    whitened : ndarray of shape (n, n_leads, n_cells)
    gains : ndarray of shape (n_leads, n_cells)
    extend : callable or None, default=None
        Adds the frequencies above to spectra (n, n_leads, n_cells); None: there are none.
    """
    spectra = dct(whitened, norm="ortho") / gains
    return idct(spectra if extend is None else extend(spectra), norm="ortho")


def _interpolate(middles: np.ndarray, values: np.ndarray, n_samples: int) -> np.ndarray:
    return np.interp(np.log1p(np.arange(n_samples)), np.log1p(middles), values)
