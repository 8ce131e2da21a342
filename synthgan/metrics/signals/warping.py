"""Dynamic time warping distances between windows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthgan.metrics.compared_sets import Part
from synthgan.metrics.signals.windows import window_measure

__all__ = ["dtw", "dtw_distances"]

_MOST_WINDOWS = 200
_RATE_HZ = 100.0
_MOST_SAMPLES = 250
_BAND_S = 0.1


@window_measure("dynamic time warping (mV)", higher_is_better=False, most=_MOST_WINDOWS, equal=True)
def dtw(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator, fs_hz: float) -> Part:
    """Dynamic time warping distance to the nearest window of the other set.

    Returns
    -------
    score : Score
        Mean of two means, in mV: of the distances from each synthetic to its nearest real window,
        and from each real to its nearest synthetic window; ``detail`` has both. The first is large
        if synthetic windows are unrealistic, the second if they do not cover the real ones. Lower
        is better; 0 means copies. Distances grow if there are fewer windows: compare with the
        ceiling.

    Notes
    -----
    Windows are averaged down to 100 Hz, or to 250 samples if that is less. Time may be shifted by
    0.1 s at most (a band after Sakoe and Chiba); all leads are warped together. The distance is the
    root of the summed squared differences along the best path, divided by the number of samples.

    References
    ----------
    Sakoe and Chiba (1978), Dynamic programming algorithm optimization for spoken word recognition,
    doi 10.1109/TASSP.1978.1163055.
    """
    n = ours.shape[2]
    factor = max(1, round(fs_hz / _RATE_HZ), -(-n // _MOST_SAMPLES))
    band = max(1, round(_BAND_S * fs_hz / factor))
    distances = dtw_distances(_averaged(ours, factor), _averaged(theirs, factor), band)
    values = {
        "fake to real": float(distances.min(axis=0).mean()),
        "real to fake": float(distances.min(axis=1).mean()),
    }
    detail = pd.DataFrame({"value": values}).rename_axis("direction")
    return Part(float(detail["value"].mean()), detail)


def dtw_distances(a: np.ndarray, b: np.ndarray, band: int) -> np.ndarray:
    """Distances of all pairs of windows by dynamic time warping.

    Parameters
    ----------
    a, b : ndarray of shape (n, n_leads, n_samples), (m, n_leads, n_samples)
    band : int
        Maximum shift between the windows, in samples.

    Returns
    -------
    distances : ndarray of shape (n, m)
        Root of the summed squared differences along the best path, divided by the number of
        samples.

    Examples
    --------
    >>> import numpy as np
    >>> early, late = np.zeros((2, 1, 1, 20))
    >>> early[..., 8], late[..., 10] = 1, 1
    >>> [float(dtw_distances(early, late, band)[0, 0] ** 2 * 20) for band in (0, 1, 2)]
    [2.0, 2.0, 0.0]
    """
    n_samples = a.shape[2]
    wide = 2 * band + 1
    # Cell k of a row i: sample i of one window, sample i + k - band of the other.
    above = np.full((wide + 1, len(a), len(b)), np.inf)
    above[band] = 0.0
    for i in range(n_samples):
        row = np.full_like(above, np.inf)
        for k in range(max(0, band - i), min(wide, n_samples + band - i)):
            best = np.minimum(above[k], above[k + 1])
            if k:
                np.minimum(best, row[k - 1], out=best)
            row[k] = best + _squared(a[:, :, i], b[:, :, i + k - band])
        above = row
    return np.sqrt(above[band] / n_samples)


def _squared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared differences of one sample of all pairs, summed over leads."""
    total = np.square(a[:, 0, None] - b[:, 0])
    for lead in range(1, a.shape[1]):
        total += np.square(a[:, lead, None] - b[:, lead])
    return total


def _averaged(windows: np.ndarray, factor: int) -> np.ndarray:
    """Means over blocks of `factor` samples; surplus samples at the end are cut off."""
    n = windows.shape[2] // factor
    return windows[..., : n * factor].reshape(*windows.shape[:2], n, factor).mean(axis=3)
