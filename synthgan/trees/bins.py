"""Bins of the values of a feature."""

from __future__ import annotations

from typing import Literal

import numpy as np

__all__ = ["find_bin"]


def find_bin(
    edges: np.ndarray, column: np.ndarray, side: Literal["left", "right"] = "right"
) -> np.ndarray:
    """Return the bin of each value; the last one is for missing values.

    `side` is the bin of a value that is an edge: the one above (``"right"``) or below it.
    """
    # NaN is sorted behind all edges.
    return np.searchsorted(edges, column, side=side) + np.isnan(column)
