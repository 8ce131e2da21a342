"""From noise and conditions to grids; the same in training and after it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from synthgan.gan.heads import Head, from_network_scale
from synthgan.gan.isolation import one_thread_after_fork
from synthgan.gan.known_cells import KnownCells
from synthgan.gan.networks.protocol import DealingGenerator, Seeded, with_rng

__all__ = ["Sampler", "grids_at_a_time"]

_MOST_GRIDS, _MOST_CELLS = 16_384, 2**21  # that are made at a time
_MOST_IN_A_PASS = 1024  # grids, whose layers stay in the processor's cache
# Networks of large grids have many maps: few at a time stay in the processor's cache.
_LARGE, _MOST_LARGE_CELLS = 1024, 2**17

Deal = Callable[[Tensor], Tensor]
Choose = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Sampler:
    """Noise, conditions and head around a generator.

    Parameters
    ----------
    head : Head
        Turns raw outputs into grids.
    known : KnownCells
        What conditions mean.
    latent_dim : int
        Length of the noise vector.
    n_cells : int, default=1
        Of a grid; large grids are made in smaller chunks.
    """

    head: Head
    known: KnownCells
    latent_dim: int
    n_cells: int = 1

    def make(
        self, generate: Seeded, c: Tensor, rng: torch.Generator, deal: Deal | None = None
    ) -> Tensor:
        """Make one grid for each row of conditions, in the networks' scale.

        `generate` is a generator as `with_rng` gives it; `rng` draws all noise. `deal` maps noise
        to the number of a vector, which many rows have.
        """
        z = torch.randn(len(c), self.latent_dim, generator=rng, device=c.device)
        raw = self.known.force(generate(z, c, rng=rng), c)
        grid = self.head(raw, rng) if deal is None else self.head.spread(raw, deal(z), rng)
        return self.known.paste(grid, c)

    @one_thread_after_fork()
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
            ``choose(grids, known, rng)`` maps candidates (candidates * n, *shape), and the
            features of their conditions (n, n_features), to the positions of those to keep, (n,).

        Returns
        -------
        grids : ndarray of shape (n, *shape), float32
            Cells 0..255.
        """
        if not len(c):  # no network need know what none of them looks like
            return self.sample(generator, self.known.none(1, c.device), seed)[:0]
        rng = torch.Generator(c.device).manual_seed(seed)
        picker = np.random.default_rng(seed)
        generate, chunks = with_rng(generator), []
        deal, most = None, _MOST_IN_A_PASS
        if isinstance(generator, DealingGenerator) and generator.n_latents < math.inf:
            deal, most = generator.deal, _MOST_GRIDS
        for part in self._chunks(c, candidates):
            asked = part.repeat(candidates, 1)
            passes = asked.split(min(most, grids_at_a_time(self.n_cells)))
            made = [self.head.to_cells(self.make(generate, some, rng, deal)) for some in passes]
            cells = torch.cat(made).cpu().numpy()
            if choose is not None:
                cells = cells[choose(cells, self.known.features(part).cpu().numpy(), picker)]
            chunks.append(cells)
        return np.concatenate(chunks)

    @one_thread_after_fork()
    @torch.no_grad()
    def extend(self, generator: nn.Module, c: Tensor, seed: int, n_samples: int) -> np.ndarray:
        """Draw paths of any length from a generator that is a `AnyLengthGenerator`.

        Returns
        -------
        paths : ndarray of shape (n, n_channels, n_samples), float32
            Cells.
        """
        if not len(c):
            return self.extend(generator, self.known.none(1, c.device), seed, n_samples)[:0]
        rng = torch.Generator(c.device).manual_seed(seed)
        times = max(1, math.ceil(n_samples / self.n_cells))
        path, paths = with_rng(generator.path), []  # type: ignore[arg-type]
        for part in self._chunks(c, times):
            z = torch.randn(len(part), self.latent_dim, generator=rng, device=c.device)
            raw = path(z, part, n_samples, rng=rng)
            paths.append(from_network_scale(raw).cpu().numpy())
        return np.concatenate(paths)

    def _chunks(self, c: Tensor, times: int) -> tuple[Tensor, ...]:
        """Split conditions so that a chunk's grids, `times` as many, fit into memory."""
        return c.split(max(1, grids_at_a_time(self.n_cells) // times))


def grids_at_a_time(n_cells: int) -> int:
    """Return how many grids of so many cells a generator makes in one pass."""
    most_cells = _MOST_CELLS if n_cells < _LARGE else _MOST_LARGE_CELLS
    return max(1, min(_MOST_GRIDS, most_cells // n_cells))
