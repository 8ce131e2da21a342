"""Mode collapse: whether generated grids are all alike. Pure functions of arrays."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

__all__ = ["n_to_compare", "relative_spread"]

_MOST, _FEWEST, _MOST_CELLS = 200, 10, 2**22


def n_to_compare(n_rows: int, n_cells: int) -> int:
    """Return how many grids to draw; 0 where there are too few rows to decide."""
    n = min(_MOST, n_rows, max(_FEWEST, _MOST_CELLS // n_cells))
    return n if n >= _FEWEST else 0


def relative_spread(real: np.ndarray, fake: np.ndarray) -> float:
    """Compare the distances between generated grids with those between real grids.

    Parameters
    ----------
    real, fake : ndarray of shape (n, *shape)

    Returns
    -------
    spread : float
        Mean distance of a fake to its nearest other fake, over the same of real grids; NaN where
        at least half of the real grids have a duplicate, as then generated grids may, too.
    """
    among_real, among_fake = _nearest(real), _nearest(fake)
    if not among_real.median() > 0:
        return math.nan
    return float(among_fake.mean() / among_real.mean())


def _nearest(grids: np.ndarray) -> Tensor:
    """Distance of each grid to the nearest other one, shape (n,)."""
    flat = torch.from_numpy(grids.reshape(len(grids), -1).astype(np.float32))
    # By way of a matrix product, small distances would be lost to rounding.
    apart = torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist")
    return apart.fill_diagonal_(math.inf).amin(dim=1)
