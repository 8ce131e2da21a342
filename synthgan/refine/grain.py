"""How grainy images are, and how much noise a generator has to add for as much grain."""

from __future__ import annotations

import numpy as np

__all__ = ["grain_power", "noise_factor"]

_LEAST_SHARE = 0.01  # of the grain, that noise has to make up
_MOST_FACTOR = 2.0


def grain_power(grids: np.ndarray) -> float:
    """Mean square of what is finer than any outline: second differences down and across.

    Parameters
    ----------
    grids : ndarray of shape (..., height, width)
        At least 3 x 3.

    References
    ----------
    Immerkaer (1996), Fast noise variance estimation, doi 10.1006/cviu.1996.0060.
    """
    rows = np.diff(np.asarray(grids, dtype=np.float32), n=2, axis=-2)
    return float(np.square(np.diff(rows, n=2, axis=-1)).mean(dtype=np.float64))


def noise_factor(real: float, weaker: float, stronger: float, times: float) -> float:
    """Say by how much the noise of a generator should be stronger.

    Parameters
    ----------
    real, weaker, stronger : float
        `grain_power` of real images, and of fakes with noise `times` as strong and as it is.
    times : float
        Less than 1.

    Returns
    -------
    factor : float
        Between 1/2 and 2, as far as can be told from so little; 1 where noise makes no grain.

    Notes
    -----
    Noise is added to what the generator draws, so that powers add: p(f) = outlines + f**2 * noise.
    """
    noise = (stronger - weaker) / (1 - times**2)
    if noise <= _LEAST_SHARE * stronger:
        return 1.0
    missing = max(0.0, real - (stronger - noise))
    return float(np.clip(np.sqrt(missing / noise), 1 / _MOST_FACTOR, _MOST_FACTOR))
