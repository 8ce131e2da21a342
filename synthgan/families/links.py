"""Rows that are linked to rows of a table that does not own them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgan.state.stored import Name, Share, Stored

__all__ = ["Link", "linked_rows"]


@dataclass(frozen=True)
class Link(Stored):
    """How the rows of a table are linked to a further table.

    Parameters
    ----------
    number : hashable
        Name of the column of the further table with the number of rows that are linked to each of
        its rows; it is generated with them.
    missing : float
        Share of the rows that are linked to none.
    is_above : bool
        Whether the further table owns, over some levels, the linked rows themselves: the link then
        names the same row as the owners do.
    """

    _record_name = "link"

    number: Name
    missing: Share
    is_above: bool


def linked_rows(
    numbers: np.ndarray, missing: float, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Link `n` rows at random to rows of a table, about as many to each as it is to have.

    Parameters
    ----------
    numbers : ndarray of shape (n_rows,)
        How many rows each is to have; only their proportions count.
    missing : float
        Share of the rows that are linked to none.
    n : int
    rng : Generator

    Returns
    -------
    rows : ndarray of int of shape (n,)
        -1: none.

    Examples
    --------
    >>> linked_rows(np.array([0.0, 3.0]), 0.0, 4, np.random.default_rng(0)).tolist()
    [1, 1, 1, 1]
    """
    weights = np.maximum(np.nan_to_num(numbers), 0.0)
    if not weights.sum() > 0:
        weights = np.ones(len(weights))
    # Systematic sampling: every row gets its share, rounded up or down.
    bounds = np.cumsum(weights) / weights.sum()
    points = (np.arange(n) + rng.random()) / max(1, n)
    rows = np.minimum(np.searchsorted(bounds, points, side="right"), len(weights) - 1)
    rows = rng.permutation(rows)
    rows[rng.random(n) < missing] = -1
    return rows
