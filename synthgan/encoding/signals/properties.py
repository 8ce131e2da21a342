"""Properties that can be measured on signal windows, and used as conditions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from synthgan.records.beats import check_beats, find_beats, rates_bpm

__all__ = ["PROPERTIES", "measure"]


def heart_rate_bpm(values: np.ndarray, fs_hz: float, lead: int = 0) -> np.ndarray:
    """Heart rate of each window, from the intervals between R peaks of a lead: see `rates_bpm`.

    Parameters
    ----------
    values : ndarray of shape (n, n_leads, n_samples)
    fs_hz : float
    lead : int, default=0
        Its place.

    Returns
    -------
    rates : ndarray of shape (n,)
        Beats per minute; NaN where fewer than two beats are found.
    """
    return rates_bpm(find_beats(values[:, lead], fs_hz), fs_hz, len(values), values.shape[2])


PROPERTIES: dict[str, Callable[..., np.ndarray]] = {
    "heart_rate_bpm": heart_rate_bpm,
}


def measure(
    names: list[str], values: np.ndarray, fs_hz: float | None, lead: int = 0
) -> dict[str, np.ndarray]:
    """Measure properties of windows (n, n_leads, n_samples), by name.

    Raises
    ------
    DataError, ParameterError
        Windows are too short, or the sampling rate is too low, to find beats.
    """
    if not names or fs_hz is None:
        return {}
    check_beats(fs_hz, values.shape[2])
    return {name: PROPERTIES[name](values, fs_hz, lead) for name in names}
