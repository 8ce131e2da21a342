"""Common parts of simulated data sets: checks of sizes, smooth fields."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np

from synthgan.exceptions import ParameterError

__all__ = ["check_count", "check_size", "smooth_noise"]

_LEAST_SIDE = 8


def check_count(n: Any) -> None:
    """Refuse an invalid number of records."""
    if not _is_whole(n) or n < 0:
        raise ParameterError(f"n={n!r} is not allowed; give a whole number, 0 or more.")


def check_size(n: Any, shape: Any) -> tuple[int, int]:
    """Check the number of images and their shape; return height and width."""
    check_count(n)
    sides = list(shape) if isinstance(shape, Sequence) and not isinstance(shape, str) else []
    if len(sides) != 2 or not all(_is_whole(side) and side >= _LEAST_SIDE for side in sides):
        raise ParameterError(
            f"shape={shape!r} is not allowed; give height and width, whole numbers of "
            f"{_LEAST_SIDE} or more."
        )
    return int(sides[0]), int(sides[1])


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], n_waves: int) -> np.ndarray:
    """Draw a field of mean square about 1, a sum of cosines with up to `n_waves` half periods."""
    k = np.arange(n_waves + 1)
    down, across = (np.cos(np.pi * np.outer(np.arange(s) + 0.5, k) / s) for s in shape)
    fall = 1 / (1 + k[:, None] + k)
    fall[0, 0] = 0
    power = (fall**2 * np.outer(1 / (1 + (k > 0)), 1 / (1 + (k > 0)))).sum()
    return down @ (rng.normal(size=fall.shape) * fall / np.sqrt(power)) @ across.T
