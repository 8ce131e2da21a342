"""Min-max scaling to grey levels (thesis Eq. 6.1 and 6.2); pure functions of arrays."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from synthgan.exceptions import ParameterError

__all__ = ["TOP_LEVEL", "from_levels", "learn_limits", "level_step", "to_levels"]

TOP_LEVEL = 255


def learn_limits(values: np.ndarray, limits: Any = "minmax") -> tuple[float, float]:
    """Choose the interval that is mapped to the levels.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Finite numbers, at least one.
    limits : {"minmax"}, float or pair of float, default="minmax"
        ``"minmax"``: the smallest and the largest value. A float q in [0, 0.5): the
        quantiles q and 1 - q. A pair: fixed limits.

    Returns
    -------
    low, high : float

    Raises
    ------
    ParameterError
        Any other value of `limits`.

    Examples
    --------
    >>> learn_limits(np.array([3.0, 1.0, 2.0]))
    (1.0, 3.0)
    """
    if isinstance(limits, str) and limits == "minmax":
        return float(values.min()), float(values.max())
    if isinstance(limits, float | int) and 0 <= limits < 0.5:
        low, high = np.quantile(values, [limits, 1 - limits])
        return float(low), float(high)
    is_pair = isinstance(limits, tuple | list) and len(limits) == 2
    if is_pair and all(isinstance(end, Real) for end in limits) and limits[0] < limits[1]:
        return float(limits[0]), float(limits[1])
    raise ParameterError(
        f"limits={limits!r} is not allowed; give 'minmax', a quantile in [0, 0.5), "
        "a pair (low, high) with low < high, or a dict of these by column."
    )


def to_levels(
    values: np.ndarray,
    low: float,
    high: float,
    lowest_cell: int = 1,
    rounding: str = "floor",
) -> np.ndarray:
    """Map numbers to grey levels.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Numbers; those outside the limits are clipped.
    low, high : float
        Limits, mapped to `lowest_cell` and 255.
    lowest_cell : {0, 1}, default=1
        1 keeps level 0 for NULL (Eq. 6.1), 0 does not (Eq. 6.2).
    rounding : {"floor", "round"}, default="floor"
        Eq. 6.1 and 6.2 print ``"floor"``; the published rows of Table 6.2 match ``"round"``.

    Returns
    -------
    levels : ndarray of shape (n,), uint8

    Examples
    --------
    >>> to_levels(np.array([0.0, 0.5, 1.0]), 0.0, 1.0)
    array([  1, 128, 255], dtype=uint8)
    """
    span = TOP_LEVEL - lowest_cell
    # Multiply before dividing, so that whole numbers on as many levels stay exact.
    levels = (np.clip(values, low, high) - low) * span / ((high - low) or 1.0) + lowest_cell
    rounded = np.floor(levels) if rounding == "floor" else np.rint(levels)
    return rounded.astype(np.uint8)


def from_levels(
    levels: np.ndarray,
    low: float,
    high: float,
    lowest_cell: int = 1,
    rounding: str = "floor",
) -> np.ndarray:
    """Map each grey level back to the middle of its interval; inverse of `to_levels`.

    Parameters
    ----------
    levels : ndarray of shape (n,)
        Levels in ``lowest_cell .. 255``.
    low, high, lowest_cell, rounding
        As in `to_levels`.

    Returns
    -------
    values : ndarray of shape (n,), float64
        Within one `level_step` (floor) or half of one (round) of the number encoded.
    """
    middle = 0.5 if rounding == "floor" else 0.0
    span = TOP_LEVEL - lowest_cell
    share = (np.asarray(levels, dtype=np.float64) - lowest_cell + middle) / span
    return np.clip(low + share * (high - low), low, high)


def level_step(low: float, high: float, lowest_cell: int = 1) -> float:
    """Return the width of one level, in the units of the limits."""
    return (high - low) / (TOP_LEVEL - lowest_cell)
