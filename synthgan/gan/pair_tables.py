"""Tables of pairs of columns: how far those of generated grids are from those of training grids."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from synthgan.encoding.groups import NULL, OFF, ON, CellGroup
from synthgan.gan.heads import from_network_scale

__all__ = ["PairTables"]

_LEVELS, _NUMBER = ("one_hot", "binary"), "continuous"  # kinds of groups
_N_HATS = 12  # of a continuous cell
_LEAST_SHARE = 0.01  # of a feature: errors of rarer ones do not weigh more
_MOST_FEATURES, _MOST_MEASURED = 256, 2048  # that are compared at a time, and at all
_NO_PEAK = -1.0  # of a level
_NULL_SHARE = (NULL - OFF) / (ON - OFF)  # where a cell that is NULL lies in the range


class PairTables:
    """How often values of two columns occur together in training grids.

    A level is a feature: 1 where it is on. A continuous cell has several features: hat functions
    (linear B-splines) with peaks at equal distances in its range, all 0 where the cell is NULL. The
    table of two columns holds the means of the products of their features. Of more than 2048
    features, evenly spaced ones are measured.

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
        levels = [(cell, _NO_PEAK) for g in groups if g.kind in _LEVELS for cell in g.cells]
        peaks = [i / (_N_HATS - 1) for i in range(_N_HATS)]
        numbers = [cell for g in groups if g.kind == _NUMBER for cell in g.cells]
        features = [*levels, *((cell, peak) for cell in numbers for peak in peaks)]
        features = features[:: max(1, math.ceil(len(features) / _MOST_MEASURED))]
        self.n_features = len(features)
        self._cells = torch.tensor([cell for cell, _ in features], dtype=torch.long)
        self._peaks = torch.tensor([peak for _, peak in features])
        total, n_rows = torch.zeros(()), 0
        for batch in batches:
            self._cells, self._peaks = self._cells.to(batch.device), self._peaks.to(batch.device)
            features_of_batch = self._features(batch, self._cells, self._peaks)
            total = total + features_of_batch.T @ features_of_batch
            n_rows += len(batch)
        self.shares = total / max(1, n_rows)
        own = self.shares.diagonal().clamp(min=_LEAST_SHARE)
        self._weights = 1.0 / (own[:, None] * own)

    @staticmethod
    def exist(groups: Sequence[CellGroup]) -> bool:
        """Return whether grids have cells of columns."""
        return any(g.kind in (*_LEVELS, _NUMBER) for g in groups)

    @staticmethod
    def _features(grids: Tensor, cells: Tensor, peaks: Tensor) -> Tensor:
        """Map grids (n, *shape) to features (n, n_features) of cells, with their peaks."""
        share = (from_network_scale(grids.flatten(1).index_select(1, cells)) - OFF) / (ON - OFF)
        hats = (1 - (share - peaks).abs() * (_N_HATS - 1)).relu() * (share > _NULL_SHARE / 2)
        return torch.where(peaks == _NO_PEAK, share, hats)

    def distance(
        self,
        grids: Tensor,
        rng: torch.Generator,
        mean: Callable[[Sequence[Tensor]], Sequence[Tensor]] = list,
    ) -> Tensor:
        """Estimate the chi-square distance of the tables of generated grids, summed over all pairs.

        The square of an error is the product of the errors of two independent halves, so that the
        randomness of a batch adds nothing on average. Of more than 256 features, `rng` draws 256
        whose tables are compared.

        Parameters
        ----------
        grids : Tensor of shape (n, *shape)
            In the networks' scale; their order is random.
        rng : Generator
        mean : callable
            Maps tables of these grids to those of the whole batch that they are a share of.

        Returns
        -------
        distance : Tensor of shape ()
            0 if there are no two halves.
        """
        half = len(grids) // 2
        if not half:
            return grids.new_zeros(())
        cells, peaks, shares, weights = self._cells, self._peaks, self.shares, self._weights
        if self.n_features > _MOST_FEATURES:
            some = torch.randperm(self.n_features, generator=rng, device=grids.device)
            some = some[:_MOST_FEATURES]
            cells, peaks = cells[some], peaks[some]
            shares, weights = (
                x.index_select(0, some).index_select(1, some) for x in (shares, weights)
            )
        features = self._features(grids, cells, peaks)
        tables = mean([x.T @ x / half for x in (features[:half], features[half : 2 * half])])
        errors = [table - shares for table in tables]
        return (weights * errors[0] * errors[1]).sum()
