"""Settings of trees for few rows; uses numbers only."""

from __future__ import annotations

__all__ = ["leaf_rows"]

_LEAVES = 4  # that all rows fill


def leaf_rows(n_rows: int, most: int = 20) -> int:
    """Return the least rows of a leaf, so that trees can divide few training rows, too.

    Parameters
    ----------
    n_rows : int
        For training.
    most : int, default=20
        What many rows get; scikit-learn's boosted trees with 20 divide no table of less than 40.

    Examples
    --------
    >>> [leaf_rows(n) for n in (2, 8, 39, 80, 10_000)]
    [1, 2, 9, 20, 20]
    """
    return max(1, min(most, n_rows // _LEAVES))
