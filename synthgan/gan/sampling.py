"""From noise and conditions to grids; the same in training and after it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from synthgan.gan.heads import Head, from_network_scale
from synthgan.gan.isolation import one_thread_after_fork
from synthgan.gan.known_cells import KnownCells
from synthgan.gan.networks.protocol import DealingGenerator, Seeded, with_rng

__all__ = ["Candidates", "Sampler", "candidates_at_a_time", "grids_at_a_time"]

_MOST_GRIDS, _MOST_CELLS = 32_768, 2**22  # that are made at a time
# Grids, and their cells, whose layers stay in the processor's cache.
_MOST_IN_A_PASS, _MOST_CELLS_OF_A_PASS = 2048, 2**19
# Networks of large grids have many maps: few at a time stay in the processor's cache.
_LARGE, _MOST_LARGE_CELLS = 1024, 2**17
# Of the candidates that rows are chosen from together: rows of few candidates cannot be balanced.
_MOST_CANDIDATE_CELLS = 2**24

Deal = Callable[[Tensor], Tensor]
Choose = Callable[["Candidates", np.ndarray, np.random.Generator], np.ndarray]


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
    correct : callable or None, default=None
        Maps the numbers that are drawn of samples, (n, n_numbers), after training.
    """

    head: Head
    known: KnownCells
    latent_dim: int
    n_cells: int = 1
    correct: Deal | None = None

    def make(self, generate: Seeded, c: Tensor, rng: torch.Generator) -> Tensor:
        """Make one grid for each row of conditions, in the networks' scale.

        `generate` is a generator as `with_rng` gives it; `rng` draws all noise.
        """
        _, raw = self._raw(generate, c, rng)
        return self.known.paste(self.head(raw, rng), c)

    def _raw(self, generate: Seeded, c: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return noise, and what the generator makes of it."""
        z = torch.randn(len(c), self.latent_dim, generator=rng, device=c.device)
        return z, self.known.force(generate(z, c, rng=rng), c)

    def _draw(
        self, generate: Seeded, passes: Sequence[Tensor], rng: torch.Generator, deal: Deal | None
    ) -> Candidates:
        """Draw a candidate for each row of conditions.

        `deal` maps noise to the number of a vector, which many rows have.
        """
        drawn = []
        for c in passes:
            z, raw = self._raw(generate, c, rng)
            of_pass = self.head.draw(raw, rng, None if deal is None else deal(z))
            if self.correct is not None:
                n_numbers = self.head.n_numbers
                of_pass[:, :n_numbers] = self.correct(of_pass[:, :n_numbers])
            drawn.append(of_pass)
        return Candidates(self, torch.cat(drawn), torch.cat(tuple(passes)), raw.shape[1:])

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
        """Draw grids from a trained generator.

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
            ``choose(made, known, rng)`` maps `Candidates`, candidates * n of them, and the features
            of their conditions (n, n_features), to the positions of those to keep, (n,).

        Returns
        -------
        grids : ndarray of shape (n, *shape), float32
            Cells 0..255.
        """
        if not len(c):  # networks may not support empty batches
            return self.sample(generator, self.known.none(1, c.device), seed)[:0]
        rng = torch.Generator(c.device).manual_seed(seed)
        picker = np.random.default_rng(seed)
        generate, n_done = with_rng(generator), 0
        deal, most = None, _grids_of_a_pass(self.n_cells)
        if isinstance(generator, DealingGenerator) and generator.n_latents < math.inf:
            deal, most = generator.deal, _MOST_GRIDS
        at_a_time = grids_at_a_time if choose is None else candidates_at_a_time
        for part in c.split(max(1, at_a_time(self.n_cells) // candidates)):
            asked = part.repeat(candidates, 1)
            passes = asked.split(min(most, grids_at_a_time(self.n_cells)))
            made, some = self._draw(generate, passes, rng, deal), None
            if choose is not None:
                some = choose(made, self.known.features(part).cpu().numpy(), picker)
            if not n_done:
                grids = np.empty((len(c), *made.grid_shape), dtype=np.float32)
            made.write(grids[n_done : n_done + len(part)], some)
            n_done += len(part)
        return grids

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
        for part in c.split(max(1, grids_at_a_time(self.n_cells) // times)):
            z = torch.randn(len(part), self.latent_dim, generator=rng, device=c.device)
            raw = path(z, part, n_samples, rng=rng)
            paths.append(from_network_scale(raw).cpu().numpy())
        return np.concatenate(paths)


@dataclass(frozen=True)
class Candidates:
    """What was drawn of grids, of which some are kept; numpy takes it as an array of the grids.

    Parameters
    ----------
    sampler : Sampler
    drawn : Tensor of shape (n, n_drawn)
    c : Tensor of shape (n, n_conditions)
    grid_shape : tuple of int
    """

    sampler: Sampler
    drawn: Tensor
    c: Tensor
    grid_shape: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.drawn)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all grids."""
        grids = np.empty((len(self), *self.grid_shape), dtype=dtype or np.float32)
        self.write(grids)
        return grids

    def write(self, grids: np.ndarray, some: np.ndarray | None = None) -> None:
        """Write all grids into an array, or those at some positions; cells 0..255."""
        head, known = self.sampler.head, self.sampler.known
        drawn, c = self.drawn, self.c
        if some is not None:
            at = torch.from_numpy(some).to(drawn.device)
            drawn, c = drawn.index_select(0, at), c.index_select(0, at)
        size = _grids_of_a_pass(math.prod(self.grid_shape))
        for start in range(0, len(drawn), size):
            rows = slice(start, start + size)
            shown = head.show(drawn[rows]).reshape(-1, *self.grid_shape)
            grids[rows] = head.to_cells(known.paste(shown, c[rows])).cpu().numpy()

    def features(self) -> np.ndarray | None:
        """Return a number for each group of cells; None where they need the grids."""
        is_free = self.sampler.known.is_free(self.c)
        return self.sampler.head.features(self.drawn) if is_free else None


def grids_at_a_time(n_cells: int) -> int:
    """Return how many grids of so many cells a generator makes in one pass."""
    most_cells = _MOST_CELLS if n_cells < _LARGE else _MOST_LARGE_CELLS
    return max(1, min(_MOST_GRIDS, most_cells // n_cells))


def candidates_at_a_time(n_cells: int) -> int:
    """Return from how many candidates of so many cells rows are chosen together."""
    return max(1, min(_MOST_GRIDS, _MOST_CANDIDATE_CELLS // n_cells))


def _grids_of_a_pass(n_cells: int) -> int:
    return max(1, min(_MOST_IN_A_PASS, _MOST_CELLS_OF_A_PASS // n_cells))
