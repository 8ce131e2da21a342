"""Image grain: measure fine noise, and match the generator's noise to that of real images."""

from __future__ import annotations

import numpy as np

__all__ = ["grain_power", "noise_factor"]

_LEAST_SHARE = 0.01  # minimum share of the grain that is due to noise
_MOST_FACTOR = 2.0


def grain_power(grids: np.ndarray) -> float:
    """Mean square of second differences, down and across, as a measure of fine noise.

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
    """Return the factor by which the noise of a generator should be scaled.

    Parameters
    ----------
    real, weaker, stronger : float
        `grain_power` of real images, of synthetic images with noise scaled by `times`, and of
        synthetic images with unchanged noise.
    times : float
        Scale below 1.

    Returns
    -------
    factor : float
        Limited to 1/2 .. 2, because it is an extrapolation; 1 if noise does not affect the grain.

    Notes
    -----
    Noise is added to the generated image, so powers add: p(f) = outlines + f**2 * noise.
    """
    noise = (stronger - weaker) / (1 - times**2)
    if noise <= _LEAST_SHARE * stronger:
        return 1.0
    missing = max(0.0, real - (stronger - noise))
    return float(np.clip(np.sqrt(missing / noise), 1 / _MOST_FACTOR, _MOST_FACTOR))
