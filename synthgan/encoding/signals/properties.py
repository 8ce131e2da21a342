"""Properties that can be measured on signal windows, and used as conditions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from synthgan.records.beats import check_beats, find_beats, rates_bpm

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
        Beats per minute; NaN where fewer than two beats are found.
    """
    return rates_bpm(find_beats(values[:, 0], fs_hz), fs_hz, len(values))


PROPERTIES: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "heart_rate_bpm": heart_rate_bpm,
}


def measure(names: list[str], values: np.ndarray, fs_hz: float | None) -> dict[str, np.ndarray]:
    """Measure properties of windows (n, n_leads, n_samples), by name.

    Raises
    ------
    DataError, ParameterError
        Windows are too short, or the sampling rate is too low, to find beats.
    """
    if not names or fs_hz is None:
        return {}
    check_beats(fs_hz, values.shape[2])
    return {name: PROPERTIES[name](values, fs_hz) for name in names}
