"""Features of windows by random convolutions; uses arrays only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from synthgan.metrics.signals.waveforms import window_statistics

__all__ = ["ConvolutionSpace", "convolution_features"]

_N_GROUPS, _N_KERNELS = 40, 10  # of kernels with one dilation, and in each
_LENGTH = 9
_SEED = 0  # all sets see the same kernels, as all see the same principal components
_BLOCK = 4  # windows whose convolutions stay in the cache
_MOST_FITTED = 3000
_TINY = 1e-9  # rounding error of a constant window


class _Kernels(NamedTuple):
    """Kernels of one dilation, which see one mixture of the leads."""

    mixture: np.ndarray  # (n_leads,)
    weights: np.ndarray  # (n_kernels, length)
    bias: np.ndarray  # (n_kernels, 1)
    dilation: int


class ConvolutionSpace:
    """Space of windows with the features of `convolution_features`, each of variance 1.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_leads, n_samples)
        Windows to which the scales are fitted; of many, 3000 that are evenly spaced.
    """

    def __init__(self, windows: np.ndarray) -> None:
        features = convolution_features(windows[:: max(1, len(windows) // _MOST_FITTED)])
        spread = features.std(axis=0)
        self.middle = features.mean(axis=0)
        self.scale = np.where(spread > _TINY, spread, 1.0)

    def points(self, windows: np.ndarray) -> np.ndarray:
        """Return the scaled features, of shape (n_windows, n_features)."""
        return (convolution_features(windows) - self.middle) / self.scale


def convolution_features(windows: np.ndarray) -> np.ndarray:
    """Return how often 400 random convolutions are positive, their maxima, and statistics.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_leads, n_samples)

    Returns
    -------
    features : ndarray of shape (n_windows, 800 + 5 * n_leads)
        The share of positive values and the maximum of each convolution of the standardised
        windows, and the statistics of `amplitudes` of each lead.

    Notes
    -----
    Kernels have nine weights, drawn from a normal distribution and centred, a bias from -1 to 1,
    and a dilation, log-uniform up to the window's length; 10 kernels share one of 40 dilations. Of
    several leads, those 10 see one random mixture. The kernels are the same in every call.

    References
    ----------
    Dempster et al. (2020), ROCKET: exceptionally fast and accurate time series classification using
    random convolutional kernels, doi 10.1007/s10618-020-00701-z.
    """
    n_windows, n_leads, n_samples = windows.shape
    kernels = _draw_kernels(n_leads, n_samples)
    centred = windows - windows.mean(axis=2, keepdims=True)
    scaled = (centred / (centred.std(axis=2, keepdims=True) + _TINY)).astype(np.float32)
    features = np.empty((n_windows, len(kernels), 2, _N_KERNELS))
    for start in range(0, n_windows, _BLOCK):
        rows = slice(start, start + _BLOCK)
        for i, (mixture, weights, bias, dilation) in enumerate(kernels):
            seen = np.tensordot(scaled[rows], mixture, axes=(1, 0))  # (rows, n_samples)
            reach = (weights.shape[1] - 1) * dilation
            # (rows, length, n_samples - reach): one row of samples for each weight
            shifted = sliding_window_view(seen, n_samples - reach, axis=1)[:, ::dilation]
            convolved = np.matmul(weights, shifted) + bias
            features[rows, i, 0] = (convolved > 0).mean(axis=2)
            features[rows, i, 1] = convolved.max(axis=2)
    statistics = [window_statistics(windows[:, i]) for i in range(n_leads)]
    return np.hstack([features.reshape(n_windows, -1), *statistics])


def _draw_kernels(n_leads: int, n_samples: int) -> list[_Kernels]:
    rng = np.random.default_rng(_SEED)
    length = min(_LENGTH, n_samples)
    longest = np.log2((n_samples - 1) / (length - 1))
    kernels = []
    for i in range(_N_GROUPS):
        # One dilation from each of 40 equal parts of the range: all scales are seen.
        dilation = int(2 ** ((i + rng.random()) / _N_GROUPS * longest))
        mixture = np.zeros(n_leads)
        used = rng.choice(n_leads, int(2 ** rng.uniform(0, np.log2(n_leads + 1))), replace=False)
        mixture[used] = rng.normal(size=len(used)) if n_leads > 1 else 1.0
        weights = rng.normal(size=(_N_KERNELS, length))
        weights -= weights.mean(axis=1, keepdims=True)
        bias = rng.uniform(-1, 1, (_N_KERNELS, 1))
        drawn = [x.astype(np.float32) for x in (mixture / np.linalg.norm(mixture), weights, bias)]
        kernels.append(_Kernels(drawn[0], drawn[1], drawn[2], dilation))
    return kernels
