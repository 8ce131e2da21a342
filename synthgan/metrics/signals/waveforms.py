"""Measures of waveforms: amplitudes, spectrum, autocorrelation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.signal import welch

from synthgan.exceptions import DataError
from synthgan.metrics.compared_sets import Part
from synthgan.metrics.points import ks
from synthgan.metrics.score import Score
from synthgan.metrics.signals.windows import (
    MOST_WINDOWS,
    each_lead,
    read_window_sets,
    window_measure,
)

__all__ = [
    "STATISTICS",
    "amplitudes",
    "autocorrelation",
    "power_densities",
    "spectrum",
    "window_statistics",
]

STATISTICS = ("min", "max", "mean", "sd", "peak to peak")
_BAND_HZ = (0.5, 40.0)
_SEGMENT_S = 2.0
# mV^2/Hz, far below recording noise; keeps logarithms of constant windows finite
_LEAST_DENSITY = 1e-9
_LAG_S = 1.0
_LEAST_POWER = 1e-12  # rounding error of a constant window
_SHOWN_LAGS = 100


def amplitudes(
    real: Any,
    fake: Any,
    *,
    fs_hz: float,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
) -> Score:
    """Compare the amplitudes of windows.

    Parameters
    ----------
    real, fake : DataFrame or array-like
        Windows in mV, of shape (n_windows, n_samples) or (n_windows, n_leads, n_samples), at least
        two. Windows with missing samples are left out, and the note counts them.
    fs_hz : float
        Samples per second.
    holdout : DataFrame, array-like or None, default=None
        Real windows that were not used in training; gives the ceiling.
    target : object, default=None
        Not used.
    random_state : int, RandomState instance, Generator or None, default=None
        Seed of the phases of the floor and of the sub-samples of large sets: up to 5000 windows of
        each set are drawn.

    Returns
    -------
    score : Score
        The mean of one minus the Kolmogorov-Smirnov distance of the windows' minimum, maximum and
        mean value, standard deviation, and range from peak to peak. 0..1, higher is better. With
        several leads each is compared with itself, and the value is their mean. The floor has real
        windows (of the holdout, if there is one) with random Fourier phases, see
        `phase_randomised`, in place of the synthetic ones.

    Raises
    ------
    DataError
        Windows of wrong or different shapes, with infinite samples, fewer than two, or real ones
        that are all constant.
    ParameterError
        `fs_hz` is not a positive number.

    Examples
    --------
    >>> import numpy as np
    >>> real = np.random.default_rng(0).normal(size=(50, 250))
    >>> score = amplitudes(real, real + 9, fs_hz=250, random_state=0)
    >>> score.detail["value"].round(1).to_dict()
    {'min': 0.0, 'max': 0.0, 'mean': 0.0, 'sd': 1.0, 'peak to peak': 1.0}
    """

    @each_lead
    def compare(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
        a, b = window_statistics(ours), window_statistics(theirs)
        values = [1 - ks(a[:, i], b[:, i]) for i in range(len(STATISTICS))]
        return Part.mean(pd.DataFrame({"value": values}, pd.Index(STATISTICS, name="statistic")))

    compared = read_window_sets(real, fake, holdout, fs_hz=fs_hz)
    return compared.compare("amplitudes", compare, random_state, most=MOST_WINDOWS)


@window_measure("spectrum (decades)", higher_is_better=False, least_s=0.5, adapt=each_lead)
def spectrum(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator, fs_hz: float) -> Part:
    """Compare the power at each frequency.

    Returns
    -------
    score : Score
        The mean over frequencies of 0.5 to 40 Hz (or to half the sampling rate) of the difference
        of both mean power spectral densities, in decades: 0.3 is a factor of two. Lower is better,
        0 is equal. ``detail`` has both densities in mV^2/Hz by ``frequency_hz``. Surrogates have
        the same power, so the floor is near 0 and does not reflect shapes.

    Notes
    -----
    Welch's estimate with Hann segments of 2 s, or of the whole window where it is shorter. The
    surrogates' periodograms are exactly those of the windows; their Welch spectra differ slightly
    if the first and the last level of a window differ.

    References
    ----------
    Welch (1967), doi 10.1109/TAU.1967.1161901.
    """
    frequencies_hz, a = power_densities(ours, fs_hz)
    b = power_densities(theirs, fs_hz)[1]
    if not len(frequencies_hz):
        raise DataError(
            f"fs_hz={fs_hz:g} resolves no frequency of the band {_BAND_HZ} Hz; sample at a "
            "higher rate."
        )
    a, b = a.mean(axis=0), b.mean(axis=0)
    gaps = np.abs(np.log10(a) - np.log10(b))
    index = pd.Index(frequencies_hz, name="frequency_hz")
    detail = pd.DataFrame({"real": a, "fake": b, "value": gaps}, index=index)
    return Part(float(gaps.mean()), detail)


@window_measure("autocorrelation", higher_is_better=False, least_s=0.5, adapt=each_lead)
def autocorrelation(
    ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator, fs_hz: float
) -> Part:
    """Compare the autocorrelations of windows.

    Returns
    -------
    score : Score
        The mean over lags up to 1 s (or the window's length) of the difference of both mean
        autocorrelations, 0..2. Lower is better, 0 is equal. ``detail`` has both at a hundred lags
        (``lag_s``), evenly spaced.
    """
    a, b = (_autocorrelations(x, int(_LAG_S * fs_hz)).mean(axis=0) for x in (ours, theirs))
    gaps = np.abs(a - b)
    shown = np.unique(np.linspace(0, len(a) - 1, _SHOWN_LAGS).astype(int))
    index = pd.Index(shown / fs_hz, name="lag_s")
    detail = pd.DataFrame({"real": a, "fake": b, "value": gaps}).iloc[shown].set_index(index)
    return Part(float(gaps.mean()), detail)


def window_statistics(windows: np.ndarray) -> np.ndarray:
    """Minimum, maximum, mean, standard deviation, peak to peak; shape (n_windows, 5).

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_samples)
    """
    low, high = windows.min(axis=1), windows.max(axis=1)
    return np.column_stack([low, high, windows.mean(axis=1), windows.std(axis=1), high - low])


def power_densities(windows: np.ndarray, fs_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz from 0.5 to 40, and the power densities of each window.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_samples)
    fs_hz : float

    Returns
    -------
    frequencies_hz : ndarray of shape (n_frequencies,)
    densities : ndarray of shape (n_windows, n_frequencies)
        mV^2/Hz, plus 1e-9.
    """
    n_segment = min(windows.shape[1], int(_SEGMENT_S * fs_hz))
    frequencies_hz, densities = welch(windows, fs_hz, nperseg=n_segment)
    seen = (frequencies_hz >= _BAND_HZ[0]) & (frequencies_hz <= _BAND_HZ[1])
    return frequencies_hz[seen], densities[:, seen] + _LEAST_DENSITY


def _autocorrelations(windows: np.ndarray, n_lags: int) -> np.ndarray:
    """Autocorrelation of each window; 0 for a constant one."""
    n = windows.shape[1]
    waves = np.fft.rfft(windows - windows.mean(axis=1, keepdims=True), 2 * n)
    products = np.fft.irfft(np.abs(waves) ** 2, 2 * n)[:, : min(n, n_lags)]
    return products / (products[:, :1] + _LEAST_POWER)
