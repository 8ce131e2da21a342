"""Averages that give no single person away; pure functions of arrays."""

from __future__ import annotations

import numpy as np

__all__ = ["P_PERCENT", "guarded_means"]

P_PERCENT = 0.15  # of the p-percent rule
_FEWEST = 3  # people, of whom two do not tell what the third has


def guarded_means(
    values: np.ndarray, low: np.ndarray, high: np.ndarray, least: int = 3
) -> np.ndarray:
    """Average values so that no one can tell from a mean what one person has.

    Parameters
    ----------
    values : ndarray of shape (n_means, n_people), float64
        One value a person, ascending in each row.
    low, high : ndarray of shape (n_means,)
        Known bounds of the values of each row; NaN where they are the lowest or the highest values
        of all.
    least : int, default=3
        Fewest people whose values may be told: one fewer of them are protected together.

    Returns
    -------
    means : ndarray of shape (n_means,)
        Plain means of fewer than three people, as `min_support` of 1 or 2 asks for.

    Notes
    -----
    The lowest of the lowest values is replaced by the second lowest, and the highest of the highest
    by the second highest (a winsorised mean): a single outlier does not change the mean. Then
    the p-percent rule with p = 15. It is known that all values lie above `low`. So if all but a few
    people are near it, the mean tells what these few have in common, to within the sum of the
    others' distances. Distances are cut where the sum of all but the ``least - 1`` largest (of the
    only group: but the two largest) is less than 15 % of them. The same from above.

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
    """Move the highest values of each group down to where no one dominates.

    Of a group that is the only one, it is known that they lie above the lowest.
    """
    low = np.where(is_only, x[:, 0], np.minimum(low, x[:, 0]))[:, None]  # NaN: nothing is known
    distances = x - low
    sums = np.cumsum(distances, axis=1)
    most = np.where(is_only, sums[:, -3], sums[:, -1 - n_few])[:, None] / P_PERCENT
    return np.where(np.isnan(low), x, low + np.minimum(distances, most))
