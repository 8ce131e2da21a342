"""How the ranks that a generator makes are distributed, so that they become even."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from synthgan.exceptions import ArchiveError
from synthgan.state import fields

__all__ = ["RankCalibration"]

_MOST_KNOTS, _FEWEST_ROWS = 100, 500
_FEWEST_IN_BIN = 200


@dataclass
class RankCalibration:
    """The distribution of generated ranks, in bins of what was predicted.

    Real ranks are even whatever was predicted. Generated ones that are not are made even.

    Parameters
    ----------
    edges : ndarray of shape (n_bins - 1,)
        Ascending, between bins of predictions.
    knots : ndarray of shape (n_bins, 2, n_knots)
        Ranks as they are generated, and even ones.
    """

    edges: np.ndarray
    knots: np.ndarray

    @classmethod
    def fit(
        cls, ranks: np.ndarray, predicted: np.ndarray, edges: np.ndarray
    ) -> RankCalibration | None:
        """Learn the distribution of generated ranks; None for fewer than 500.

        Parameters
        ----------
        ranks, predicted : ndarray of shape (n,)
        edges : ndarray of shape (n_bins - 1,)
            A bin of fewer than 200 ranks has the distribution of all.
        """
        there = ~np.isnan(ranks)
        if there.sum() < _FEWEST_ROWS:
            return None
        at = np.linspace(0, 1, _MOST_KNOTS)
        pooled = np.quantile(ranks[there], at)
        knots, bins = [], np.searchsorted(edges, predicted, side="right")
        for i in range(len(edges) + 1):
            own = ranks[there & (bins == i)]
            even = pooled if len(own) < _FEWEST_IN_BIN else np.quantile(own, at)
            knots.append([even, at])
        return cls(edges, np.array(knots))

    def apply(self, ranks: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """Return even ranks, shape (n,); missing ones stay missing."""
        even, bins = ranks.copy(), np.searchsorted(self.edges, predicted, side="right")
        for i, knots in enumerate(self.knots):
            own = bins == i
            even[own] = np.interp(ranks[own], *knots)
        return even

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all arrays, by their names in archives."""
        n_bins, _, n_knots = self.knots.shape
        return {
            "calibration": self.knots.reshape(2 * n_bins, n_knots),
            "calibration_edges": self.edges,
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, Any]) -> RankCalibration | None:
        """Restore from the output of `to_arrays`, which is removed; None if there is none.

        Raises
        ------
        ArchiveError
            An invalid array.
        """
        if "calibration" not in arrays:
            return None
        edges = arrays.pop("calibration_edges", np.zeros(0))  # an archive before there were bins
        read = fields.read_arrays(
            {"calibration": arrays.pop("calibration"), "calibration_edges": edges},
            "conditional ranks", calibration=fields.array_of(2 * len(edges) + 2, None),
            calibration_edges=fields.array_of(None),
        )  # fmt: skip
        knots = read["calibration"]
        ordered = [read["calibration_edges"], *knots]
        if not knots.shape[1] or any((np.diff(one) < 0).any() for one in ordered):
            raise ArchiveError("the tables of conditional ranks are not ascending")
        return cls(read["calibration_edges"], knots.reshape(-1, 2, knots.shape[1]))
