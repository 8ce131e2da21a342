"""Noisy contingency tables, made more exact by what is known of them; rows are not read again."""

from __future__ import annotations

import numpy as np

__all__ = ["shrink_to"]


def shrink_to(expected: np.ndarray, noisy: np.ndarray, scale: float) -> np.ndarray:
    """Estimate a table from its noisy counts and from the one that is to be expected.

    How two columns depend on each other is described by few factors, and noise by many small ones:
    of the difference between both tables, the singular values that noise alone would give become
    0, and the larger ones as much smaller as the noise has made them larger.

    Parameters
    ----------
    expected : ndarray of shape (n, m)
        For example that of independent columns.
    noisy : ndarray of shape (n, m)
    scale : float
        Standard deviation of the noise of each cell.

    Returns
    -------
    estimate : ndarray of shape (n, m)

    References
    ----------
    M. Gavish and D. L. Donoho (2017), Optimal shrinkage of singular values,
    DOI 10.1109/TIT.2017.2653801.

    Examples
    --------
    >>> import numpy as np
    >>> from synthgan.privacy.denoising import shrink_to
    >>> shrink_to(np.zeros((2, 2)), np.array([[100.0, 0.0], [0.0, 1.0]]), 1.0).round(2).tolist()
    [[99.98, 0.0], [0.0, 0.0]]
    """
    left, values, right = np.linalg.svd(noisy - expected, full_matrices=False)
    few, many = sorted(noisy.shape)
    if not few or not scale > 0:
        return noisy
    ratio, sizes = few / many, values / (scale * np.sqrt(many))
    kept = sizes > 1 + np.sqrt(ratio)
    inner = np.maximum((sizes**2 - ratio - 1) ** 2 - 4 * ratio, 0.0)
    shrunk = np.where(kept, np.sqrt(inner) / np.maximum(sizes, 1e-12), 0.0)
    return np.asarray(expected + (left * (shrunk * scale * np.sqrt(many))) @ right)
