"""A generator that is a mixture: rows of raw outputs, one of which the noise chooses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from synthgan.encoding.groups import CellGroup
from synthgan.exceptions import ParameterError
from synthgan.gan.known_cells import KnownCells
from synthgan.gan.level_probabilities import LevelProbabilities

__all__ = ["Mixture", "MixtureGenerator"]

_LEAST = 1e-30  # of a probability


class Mixture(BaseEstimator):
    """A mixture of rows of independent levels; for tables with differential privacy.

    Parameters
    ----------
    n_components : int, default=2000

    Notes
    -----
    It has no discriminator: it learns measured tables, see `MarginalStep`. Its noise vector is one
    number. Conditions need no training: a component is chosen by the probability that it gives to
    what is known.

    References
    ----------
    S. Aydore et al. (2021), Differentially private query release through adaptive projection,
    arXiv 2103.06641 (rows of probabilities that are fitted to measured tables).
    """

    latent_dim = 1
    _parameter_constraints: dict[str, Any] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, n_components: int = 2000) -> None:
        self.n_components = n_components

    def build(
        self,
        shape: tuple[int, ...],
        n_conditions: int,
        latent_dim: int,
        groups: Sequence[CellGroup] = (),
        rng: torch.Generator | None = None,
    ) -> tuple[nn.Module, nn.Module]:
        """Build the generator; see `SeededNetwork`. There is no discriminator.

        All groups of cells may be known.
        """
        self._validate_params()
        generator = MixtureGenerator(self.n_components, shape, groups, rng)
        if n_conditions != KnownCells(generator.groups).n_conditions:
            raise ParameterError("of a Mixture, all cells may be known; no others.")
        return generator, nn.Identity()


class MixtureGenerator(nn.Module):
    """See `Mixture`.

    Parameters
    ----------
    n_components : int
    shape : tuple of int
        Of a grid.
    groups : sequence of CellGroup
    rng : torch.Generator or None
        Draws the first raw outputs, from a standard normal distribution.
    """

    def __init__(
        self,
        n_components: int,
        shape: tuple[int, ...],
        groups: Sequence[CellGroup],
        rng: torch.Generator | None,
    ) -> None:
        super().__init__()
        self.shape = shape
        first = torch.randn(n_components, math.prod(shape), generator=rng)
        self.raw = nn.Parameter(first)
        self.groups = [group for group in groups if group.kind != "null"]
        self.probabilities = LevelProbabilities(groups, KnownCells([]))

    def levels(self) -> Tensor:
        """Return the probabilities of all levels in each component, (n_components, n_levels)."""
        return self.probabilities(self.raw, self.raw.new_zeros(len(self.raw), 0))

    def start_at(self, shares: Tensor) -> None:
        """Shift all components so that they begin around the shares of all levels, (n_levels,)."""
        with torch.no_grad():
            self.raw.add_(self.probabilities.raw_of(shares.to(self.raw), self.raw.shape[1]))

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        """Map noise (n, 1) and conditions to the raw outputs (n, *shape) of one component each."""
        chance = torch.special.ndtr(z[:, 0])
        if not c.is_meta and c.any():
            bounds = self._likelihood(c).cumsum(1)
            at = torch.searchsorted(bounds, (chance[:, None] * bounds[:, -1:]), right=True)[:, 0]
        else:
            at = (chance * len(self.raw)).long()
        return self.raw[at.clamp(max=len(self.raw) - 1)].reshape(len(z), *self.shape)

    def _likelihood(self, c: Tensor) -> Tensor:
        """Return how likely what is known is in each component, relatively, (n, n_components)."""
        known = KnownCells(self.groups, c.device)
        nothing = known.force(self.raw.new_zeros(len(c), *self.shape), c)
        # Of what is not known, every level is possible.
        possible = (LevelProbabilities(self.groups, known)(nothing, c) > 0).to(self.raw.dtype)
        total: Any = 0.0
        sizes = self.probabilities.sizes
        for may_be, own in zip(
            possible.split(sizes, 1), self.levels().split(sizes, 1), strict=True
        ):
            total = total + (may_be @ own.T).clamp(min=_LEAST).log()
        return (total - total.max(dim=1, keepdim=True).values).exp()
