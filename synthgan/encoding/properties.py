"""What can be measured of signal windows, and asked of generated ones."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from synthgan.beats import check_beats, find_beats

__all__ = ["PROPERTIES", "measure"]


def heart_rate_bpm(values: np.ndarray, fs_hz: float) -> np.ndarray:
    """Heart rate of each window, from the median interval between R peaks of the first lead.

    Parameters
    ----------
    values : ndarray of shape (n, n_leads, n_samples)
    fs_hz : float

    Returns
    -------
    rates : ndarray of shape (n,)
        Beats a minute; NaN where fewer than two beats are found.
    """
    beats = find_beats(values[:, 0], fs_hz)
    rates = np.full(len(values), np.nan)
    ends = np.searchsorted(beats.window, np.arange(len(values) + 1))
    for i, (first, last) in enumerate(pairwise(ends)):
        if last - first > 1:
            interval = np.median(np.diff(beats.sample[first:last]))
            rates[i] = 60 * fs_hz / interval if interval > 0 else np.nan
    return rates


PROPERTIES: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "heart_rate_bpm": heart_rate_bpm,
}


def measure(names: list[str], values: np.ndarray, fs_hz: float | None) -> dict[str, np.ndarray]:
    """Measure properties of windows (n, n_leads, n_samples), by name.

    Raises
    ------
    DataError, ParameterError
        Windows too short, or sampled too rarely, to find beats in.
    """
    if not names or fs_hz is None:
        return {}
    check_beats(fs_hz, values.shape[2])
    return {name: PROPERTIES[name](values, fs_hz) for name in names}
