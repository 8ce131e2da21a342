"""Map the numbers that a generator makes to the quantiles of real ones, column by column.

A generator rarely reaches the ends of a distribution. The rows of a sample are chosen so that bins
fill as they do in real rows, but nothing can be chosen in a tail that is not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from synthgan.encoding.groups import OFF, ON
from synthgan.exceptions import ArchiveError
from synthgan.gan.heads import CellHead
from synthgan.privacy import EVERYTHING, Support
from synthgan.refine.calibration import matched_means
from synthgan.refine.generated import RealAndGenerated
from synthgan.state import fields

__all__ = ["QuantileMap", "fit_quantile_map"]

_MOST_KNOTS, _ROWS_A_KNOT = 400, 5
_FEWEST_KNOTS = 10
_STEPS = 2**13  # at which the map is looked up
_FAKES, _MOST_CELLS = 20_000, 2**24


@dataclass(frozen=True)
class QuantileMap:
    """Piecewise linear, ascending map of shares of a cell's range, 0..1, for each column.

    Parameters
    ----------
    at, to : ndarray of shape (n_columns, n_knots)
        Shares that are generated, and real ones of the same rank; the first are 0, the last 1.
    """

    at: np.ndarray
    to: np.ndarray

    @classmethod
    def fit(cls, real: np.ndarray, fake: np.ndarray, support: Support = EVERYTHING) -> QuantileMap:
        """Match means of as many sorted values, at most 400 of them, each of 5 or more.

        Parameters
        ----------
        real, fake : ndarray of shape (n, n_columns)
            Shares, 0..1; NaN where a row has none. Columns of too few are left as they are.
        support : Support, default=EVERYTHING
            Support of the real rows: a knot averages enough people.
        """
        pairs = [
            _matched(x[~np.isnan(x)], y[~np.isnan(y)], support.take(~np.isnan(x)))
            for x, y in zip(real.T, fake.T, strict=True)
        ]
        most = max((pair.shape[1] for pair in pairs), default=2)
        padded = [np.pad(pair, ((0, 0), (0, most - pair.shape[1])), "edge") for pair in pairs]
        at, to = np.stack(padded, axis=1) if padded else np.zeros((2, 0, 2))
        return cls(at, to)

    def __call__(self, shares: Tensor) -> Tensor:
        """Map shares (n, n_columns)."""
        table, starts = (tensor.to(shares.device) for tensor in self._table)
        place = shares * _STEPS
        step = place.long().clamp_(0, _STEPS - 1)
        left = step + starts
        table = table.to(shares.dtype)
        return torch.lerp(table.take(left), table.take(left + 1), place - step)

    @cached_property
    def _table(self) -> tuple[Tensor, Tensor]:
        """Values at equal steps of all columns, one after the other, and where each begins."""
        steps = np.linspace(0, 1, _STEPS + 1)
        values = [np.interp(steps, *pair) for pair in zip(self.at, self.to, strict=True)]
        table = np.concatenate([*values, np.zeros(0)]).astype(np.float32)
        return torch.from_numpy(table), torch.arange(len(self.at)) * (_STEPS + 1)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the fitted arrays."""
        return {"at": self.at, "to": self.to}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray], n_columns: int) -> QuantileMap:
        """Build a map from the output of `to_arrays`.

        Raises
        ------
        ArchiveError
            Invalid arrays, or arrays that do not match the columns.
        """
        shape = fields.array_of(n_columns, None)
        made = cls(**fields.read_arrays(arrays, "the quantiles", at=shape, to=shape))
        for table in (made.at, made.to):
            if table.shape != made.at.shape or table.shape[1] < 2:
                raise ArchiveError("the tables of quantiles have inconsistent sizes")
            if (table[:, 0] != 0).any() or (table[:, -1] != 1).any() or (np.diff(table) < 0).any():
                raise ArchiveError("the tables of quantiles do not ascend from 0 to 1")
        return made


def fit_quantile_map(data: RealAndGenerated, head: CellHead) -> QuantileMap:
    """Fit the map of the numbers of a generator; labels beside the grids are drawn with them."""
    real, rng = data.real, data.rng
    n_fakes = int(np.clip(_MOST_CELLS // real[0].size, 1000, _FAKES))
    seeds = rng.integers(2**31 - 1, size=2).tolist()
    if data.labels is None:
        c = data.known.none(n_fakes, torch.device("cpu"))
    else:
        rows = rng.integers(len(real), size=n_fakes)
        c = data.conditions(real[rows], torch.Generator().manual_seed(seeds[0]), data.labels[rows])
    fake = data.draw_grids(c, seeds[1])
    return QuantileMap.fit(_shares(real, head), _shares(fake, head), data.support)


def _shares(grids: np.ndarray, head: CellHead) -> np.ndarray:
    """Return the shares of number cells, NaN where NULL."""
    flat = grids.reshape(len(grids), -1)[:, head.number_cells]
    return np.where(flat < OFF, np.nan, (flat - OFF) / (ON - OFF))


def _matched(real: np.ndarray, fake: np.ndarray, support: Support) -> np.ndarray:
    """Return shares of the same rank, fake above real, shape (2, n_knots)."""
    same = np.array([[0.0, 1.0], [0.0, 1.0]])
    n_knots = min(_MOST_KNOTS, min(len(real), len(fake)) // _ROWS_A_KNOT)
    if n_knots < _FEWEST_KNOTS:
        return same
    knots = matched_means(fake, real, n_knots, support)
    if knots.shape[1] < _FEWEST_KNOTS or not np.isfinite(knots).all():
        return same
    knots = np.maximum.accumulate(knots.clip(0, 1), axis=1)
    return np.column_stack([[0.0, 0.0], knots, [1.0, 1.0]])
