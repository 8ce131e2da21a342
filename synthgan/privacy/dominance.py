"""Averages that disclose no single person; pure functions of arrays."""

from __future__ import annotations

import numpy as np

__all__ = ["P_PERCENT", "guarded_means"]

P_PERCENT = 0.15  # p of the p-percent rule
_FEWEST = 3  # people: with three, two cannot compute the value of the third


def guarded_means(
    values: np.ndarray, low: np.ndarray, high: np.ndarray, least: int = 3
) -> np.ndarray:
    """Average values so that a mean does not disclose the value of a person.

    Parameters
    ----------
    values : ndarray of shape (n_means, n_people), float64
        One value per person, ascending in each row.
    low, high : ndarray of shape (n_means,)
        Known bounds of the values of each row; NaN for the group of the lowest and that of the
        highest values.
    least : int, default=3
        Minimum number of people whose values may be disclosed jointly: groups of one fewer are
        protected.

    Returns
    -------
    means : ndarray of shape (n_means,)
        Groups of fewer than three people, possible with `min_support` 1 or 2, have plain means.

    Notes
    -----
    The lowest of the lowest values is replaced by the second lowest, and the highest of the highest
    by the second highest (a winsorised mean), so a single outlier does not change the mean. Then
    the p-percent rule is applied, with p = 15. All values are known to lie above `low`. If all but
    a few people are near it, the mean discloses the sum of these few, up to the sum of the others'
    distances from `low`. Distances are therefore limited so that the sum of all but the
    ``least - 1`` largest (for a single group: all but the two largest) is at least 15 % of the sum
    of the largest. The same is done from above.

    References
    ----------
    Hundepool et al. (2012), Statistical Disclosure Control, doi 10.1002/9781118348239, section
    4.2.2. Dixon (1960), Simplified estimation from censored normal samples,
    doi 10.1214/aoms/1177705900.

    Examples
    --------
    >>> nan = np.array([np.nan])
    >>> guarded_means(np.array([[21.0, 22.0, 23.0, 24.0, 98765432.1]]), np.array([20.0]), nan)
    array([22.8])
    """
    if values.shape[1] < _FEWEST:
        return values.mean(axis=1)
    is_lowest, is_highest = np.isnan(low), np.isnan(high)
    is_only = is_lowest & is_highest
    n_few = min(max(least - 1, 2), values.shape[1] - 1)
    x = _cut(_trim(values, is_highest), low, is_only, n_few)
    x = -_cut(_trim(-x[:, ::-1], is_lowest), -high, is_only, n_few)
    return x.mean(axis=1)


def _trim(x: np.ndarray, is_highest: np.ndarray) -> np.ndarray:
    """Replace the highest value of the highest groups by the second highest."""
    x = x.copy()
    x[is_highest, -1] = x[is_highest, -2]
    return x


def _cut(x: np.ndarray, low: np.ndarray, is_only: np.ndarray, n_few: int) -> np.ndarray:
    """Reduce the highest values of each group until none dominates.

    For a single group, the known lower bound is its lowest value.
    """
    low = np.where(is_only, x[:, 0], np.minimum(low, x[:, 0]))[:, None]  # NaN: no known bound
    distances = x - low
    sums = np.cumsum(distances, axis=1)
    most = np.where(is_only, sums[:, -3], sums[:, -1 - n_few])[:, None] / P_PERCENT
    return np.where(np.isnan(low), x, low + np.minimum(distances, most))
