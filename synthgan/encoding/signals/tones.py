"""Steady tones in windows, such as mains hum; pure functions of arrays."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter

__all__ = ["find_tones"]

_FEWEST_CYCLES = 6  # slower physiological waves look steady within a window
_LEAST_EXCESS = 0.35  # of the mean log power over that of its neighbours
_LEAST_ERRORS = 6.0  # the same in standard errors
_NEIGHBOURS = 10  # frequencies on either side
_LOBE = 3  # frequencies from a tone to where the power is back to normal
_LEAST_DROP, _ENOUGH_DROP = 0.7, 3.0  # of the excess, and whatever the excess is
_MOST_TONES = 8
_FEWEST_WINDOWS, _MOST_WINDOWS = 10, 2000
_SILENT = 1e-12  # of a window's mean power


def find_tones(windows: np.ndarray) -> tuple[float, ...]:
    """Find tones that have the same frequency in many windows.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_leads, n_samples)

    Returns
    -------
    cycles : tuple of float
        Cycles per window of each tone; up to eight, the strongest first. Frequencies are
        interpolated by a parabola through three points of the Fourier transform.
    """
    windows = windows[:: -(-len(windows) // _MOST_WINDOWS) or 1]
    n_windows, _, n_samples = windows.shape
    if n_windows < _FEWEST_WINDOWS or n_samples // 2 < _FEWEST_CYCLES + 2 * _LOBE:
        return ()
    centred = windows - windows.mean(axis=2, keepdims=True)
    power = np.abs(np.fft.rfft(centred * np.hanning(n_samples), axis=2)) ** 2
    floor = _SILENT * power.mean(axis=2, keepdims=True) + np.finfo(float).tiny
    logs = np.log(power + floor).mean(axis=1)
    means, errors = logs.mean(axis=0), logs.std(axis=0) / np.sqrt(n_windows)
    excess = means - median_filter(means, size=2 * _NEIGHBOURS + 1, mode="nearest")
    k = np.arange(_FEWEST_CYCLES, len(means) - _LOBE)
    left, right = means[k - 1], means[k + 1]
    drop = means[k] - np.maximum(means[k - _LOBE], means[k + _LOBE])
    is_tone = (means[k] > left) & (means[k] >= right)
    is_tone &= (excess[k] > _LEAST_EXCESS) & (excess[k] > _LEAST_ERRORS * errors[k])
    is_tone &= drop > np.minimum(_LEAST_DROP * excess[k], _ENOUGH_DROP)
    cycles = k + (left - right) / (2 * (left - 2 * means[k] + right + (left == right)))
    clearest = np.argsort(-excess[k][is_tone], kind="stable")[:_MOST_TONES]
    return tuple(cycles[is_tone][clearest].tolist())
