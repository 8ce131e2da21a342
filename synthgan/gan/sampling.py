"""From noise and conditions to grids; the same in training and after it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from synthgan.gan.conditions import KnownCells
from synthgan.gan.heads import from_network_scale

__all__ = ["Sampler"]

_CHUNK = 16_384  # grids made at a time

Choose = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Sampler:
    """What stands around a generator.

    Parameters
    ----------
    head : Module
        Turns raw outputs into grids; called as ``head(raw, rng)``.
    known : KnownCells
        What conditions mean.
    latent_dim : int
        Length of the noise vector.
    """

    head: nn.Module
    known: KnownCells
    latent_dim: int

    def make(self, generator: nn.Module, c: Tensor, rng: torch.Generator) -> Tensor:
        """Make one grid for each row of conditions, in the networks' scale."""
        z = torch.randn(len(c), self.latent_dim, generator=rng, device=c.device)
        raw = self.known.force(generator(z, c), c)
        return self.known.paste(self.head(raw, rng), c)

    @torch.no_grad()
    def sample(
        self,
        generator: nn.Module,
        c: Tensor,
        seed: int,
        candidates: int = 1,
        choose: Choose | None = None,
    ) -> np.ndarray:
        """Draw grids from a generator at rest.

        Parameters
        ----------
        generator : Module
            In evaluation mode, on the device of the head.
        c : Tensor of shape (n, n_conditions)
            One grid for each row.
        seed : int
        candidates : int, default=1
            Grids made for each one that is kept.
        choose : callable or None
            ``choose(grids, known, rng)`` maps candidates (candidates, n, *shape), and the mask
            of what was known (n, n_groups), to the number of the one to keep, shape (n,).

        Returns
        -------
        grids : ndarray of shape (n, *shape), float32
            Cells 0..255.
        """
        rng = torch.Generator(c.device).manual_seed(seed)
        picker = np.random.default_rng(seed)
        n_chunks = max(1, math.ceil(len(c) * candidates / _CHUNK))
        chunks = []
        for part in c.tensor_split(n_chunks):
            made = self.make(generator, part.repeat(candidates, 1), rng)
            cells = from_network_scale(made).clamp(0, 255).cpu().numpy()
            if choose is not None:
                cells = cells.reshape(candidates, len(part), *cells.shape[1:])
                known = self.known.mask(part).cpu().numpy()
                cells = cells[choose(cells, known, picker), np.arange(len(part))]
            chunks.append(cells)
        return np.concatenate(chunks)
