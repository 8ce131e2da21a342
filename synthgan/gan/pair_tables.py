"""Tables of pairs of columns: how far those of generated grids are from those of training grids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from synthgan.encoding.groups import NULL, OFF, ON, CellGroup
from synthgan.gan.heads import from_network_scale

__all__ = ["PairTables"]

_LEVELS, _NUMBER = ("one_hot", "binary"), "continuous"  # kinds of groups
_N_HATS = 12  # of a continuous cell
_LEAST_SHARE = 0.01  # of a feature: errors of rarer ones do not weigh more
_MOST_FEATURES = 256  # that are compared at a time
_NULL_SHARE = (NULL - OFF) / (ON - OFF)  # where a cell that is NULL lies in the range


class PairTables:
    """How often values of two columns occur together in training grids.

    A level is a feature: 1 where it is on. A continuous cell has several features: hat functions
    (linear B-splines) with peaks at equal distances in its range, all 0 where the cell is NULL. The
    table of two columns holds the means of the products of their features.

    Parameters
    ----------
    groups : sequence of CellGroup
        All cells of a grid.
    batches : iterable of Tensor of shape (n, *shape)
        All training grids, in the networks' scale.

    Attributes
    ----------
    n_features : int
    shares : Tensor of shape (n_features, n_features)
        The tables of all pairs of columns of the training grids, and of each column with itself.

    References
    ----------
    Sutherland et al. (2017), Generative models and model criticism via optimized maximum mean
    discrepancy, arXiv 1611.04488: an unbiased distance of means of products of features.
    """

    def __init__(self, groups: Sequence[CellGroup], batches: Iterable[Tensor]) -> None:
        levels = [(cell, g) for g in groups if g.kind in _LEVELS for cell in g.cells]
        numbers = [(cell, g) for g in groups if g.kind == _NUMBER for cell in g.cells]
        self.n_features = len(levels) + _N_HATS * len(numbers)
        self._levels, self._numbers = (
            torch.tensor([cell for cell, _ in some], dtype=torch.long) for some in (levels, numbers)
        )
        total, n_rows = torch.zeros(()), 0
        for batch in batches:
            self._move_to(batch.device)
            features = self._features(batch)
            total = total + features.T @ features
            n_rows += len(batch)
        self.shares = total / max(1, n_rows)
        own = self.shares.diagonal().clamp(min=_LEAST_SHARE)
        self._weights = 1.0 / (own[:, None] * own)

    @staticmethod
    def exist(groups: Sequence[CellGroup]) -> bool:
        """Return whether grids have cells of columns."""
        return any(g.kind in (*_LEVELS, _NUMBER) for g in groups)

    def _move_to(self, device: torch.device) -> None:
        self._levels, self._numbers = self._levels.to(device), self._numbers.to(device)

    def _features(self, grids: Tensor) -> Tensor:
        """Map grids (n, *shape) to (n, n_features)."""
        flat = grids.flatten(1)
        share = (from_network_scale(flat) - OFF) / (ON - OFF)
        levels = share.index_select(1, self._levels)
        at = share.index_select(1, self._numbers)
        peaks = torch.linspace(0, 1, _N_HATS, device=flat.device)
        hats = (1 - (at[:, :, None] - peaks).abs() * (_N_HATS - 1)).relu()
        hats = hats * (at > _NULL_SHARE / 2)[:, :, None]
        return torch.cat([levels, hats.flatten(1)], dim=1)

    def distance(self, grids: Tensor, rng: torch.Generator) -> Tensor:
        """Estimate the chi-square distance of the tables of generated grids, summed over all pairs.

        The square of an error is the product of the errors of two independent halves, so that the
        randomness of a batch adds nothing on average. Of more than 256 features, `rng` draws 256
        whose tables are compared.

        Parameters
        ----------
        grids : Tensor of shape (n, *shape)
            In the networks' scale; their order is random.

        Returns
        -------
        distance : Tensor of shape ()
            0 if there are no two halves.
        """
        half = len(grids) // 2
        if not half:
            return grids.new_zeros(())
        features, shares, weights = self._features(grids), self.shares, self._weights
        if self.n_features > _MOST_FEATURES:
            some = torch.randperm(self.n_features, generator=rng, device=grids.device)
            some = some[:_MOST_FEATURES]
            features = features.index_select(1, some)
            shares, weights = (
                x.index_select(0, some).index_select(1, some) for x in (shares, weights)
            )
        errors = [x.T @ x / half - shares for x in (features[:half], features[half : 2 * half])]
        return (weights * errors[0] * errors[1]).sum()
