"""Whether windows are stationary or aligned to an event; pure functions of arrays."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm, t

__all__ = ["is_stationary"]

_N_PARTS = 8
_MOST_DEVIATION = 5.0  # standard errors; half of PTB-DB's lead I, 1489 windows, stays below 3.2
_LEAST = 1e-12  # of the variance: below this a part is constant


def is_stationary(values: np.ndarray, aligned: bool | None = None) -> bool:
    """Test whether windows are stationary, like segments of longer recordings.

    Parameters
    ----------
    values : ndarray of shape (n_windows, n_leads, n_samples)
    aligned : bool or None, default=None
        Whether windows are known to be aligned to an event.

    Returns
    -------
    stationary : bool
        If `aligned` is None: False where an eighth of the window differs significantly from the
        others in mean, power or steepness, as in windows that are aligned to an event.
        Also False for windows of fewer than 32 samples, which are too short for the test.

    Notes
    -----
    If the heart rate is a multiple of the window rate, the windows of a recording look aligned,
    unless there are many other recordings.
    """
    n_windows, n_leads, n_samples = values.shape
    length = n_samples // _N_PARTS
    if length < 4:
        return False
    if aligned is not None:
        return not aligned
    parts = values[:, :, : length * _N_PARTS].reshape(n_windows, n_leads, _N_PARTS, length)
    steps = np.diff(parts, axis=3)
    powers = [
        np.log(power + _LEAST * power.mean() + np.finfo(float).tiny)
        for power in (parts.var(axis=3), np.square(steps).mean(axis=3))
    ]
    features = np.stack([parts.mean(axis=3), *powers], axis=3)
    features -= features.mean(axis=2, keepdims=True)
    if n_windows < 2:
        return True
    errors = features.std(axis=0, ddof=1) / np.sqrt(n_windows)
    deviations = np.abs(features.mean(axis=0)) / np.where(errors > 0, errors, np.inf)
    # With few windows, the standard errors are uncertain.
    return bool(deviations.max() < t.isf(norm.sf(_MOST_DEVIATION), n_windows - 1))
