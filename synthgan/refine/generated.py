"""Real grids, and those that a trained generator makes with random known cells, to be compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synthgan.gan.heads import to_network_scale
from synthgan.gan.known_cells import KnownCells
from synthgan.privacy import Support

__all__ = ["RealAndGenerated"]


@dataclass(frozen=True)
class RealAndGenerated:
    """Real grids, and a generator that makes others.

    Parameters
    ----------
    real : ndarray of shape (n, *grid_shape)
    support : Support
        Of the real rows.
    labels : ndarray of shape (n, n_label_cells) or None
        Cells that stand beside the grids.
    known : KnownCells
        On the CPU.
    draw_grids : callable
        Called as ``draw_grids(c, seed)``; generates a grid for each row of conditions.
    masked : float
        Share of the rows that have known cells.
    rng : Generator
    """

    real: np.ndarray
    support: Support
    labels: np.ndarray | None
    known: KnownCells
    draw_grids: Callable[[Tensor, int], np.ndarray]
    masked: float
    rng: np.random.Generator

    def conditions(
        self, grids: np.ndarray, draws: torch.Generator, labels: np.ndarray | None = None
    ) -> Tensor:
        """Draw which cells of grids are known, and return them as conditions."""
        cells = to_network_scale(torch.from_numpy(grids))
        beside = None if labels is None else to_network_scale(torch.from_numpy(labels))
        return self.known.draw(cells, self.masked, draws, beside, balance=False)[1]
