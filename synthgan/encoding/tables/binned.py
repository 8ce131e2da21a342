"""BinnedNumbers: one-hot cells of the bin of a number, and a cell of its place in the bin."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from synthgan.encoding.groups import OFF, ON
from synthgan.encoding.tables import quantile
from synthgan.encoding.tables.codecs import (
    Codec,
    Encoded,
    Levels,
    QuantileCell,
    StoredCodec,
)
from synthgan.encoding.tables.levels import Allowed, Between
from synthgan.exceptions import ArchiveError
from synthgan.state.stored import Share, one_class_of

__all__ = ["BinnedNumbers"]

_SPAN = ON - OFF


@dataclass(frozen=True)
class _Place:
    """The cell of the place in a bin: uniform, and independent of all else."""

    n_cells = 1
    kind = "uniform"
    lowest_cell = OFF


@dataclass(frozen=True)
class BinnedNumbers(StoredCodec):
    """Cells for a generator that learns counts: which bin a number is in, and where in it.

    Parameters
    ----------
    inner : QuantileCell
        The distribution of the column.
    borders : tuple of float
        Quantile levels at which the bins end, from 0 to 1.
    """

    _record_name, _class_name = "codec BinnedNumbers", "BinnedNumbers"

    inner: Annotated[Any, one_class_of("inner codec", QuantileCell)]
    borders: tuple[Share, ...]
    kind = "one_hot"
    lowest_cell = OFF
    levels = ()

    @property
    def bins(self) -> Levels | None:
        """Codec of the number of the bin; None where there is one bin."""
        n_bins = len(self.borders) - 1
        if n_bins < 2:
            return None
        return Levels(tuple(range(n_bins)), tuple(np.diff(self.borders).tolist()))

    @property
    def groups(self) -> tuple[Any, ...]:
        """Codecs of the bin, and of the place in it."""
        bins = self.bins
        return (_Place(),) if bins is None else (bins, _Place())

    @property
    def n_cells(self) -> int:
        """Cells of the bin, then that of the place."""
        return sum(part.n_cells for part in self.groups)

    @property
    def limits(self) -> tuple[float, float]:
        """Range of the numbers."""
        return self.inner.limits

    @property
    def step(self) -> float:
        """Widest piece of the distribution."""
        return self.inner.step

    def cell_names(self, name: str) -> list[str]:
        """Name the cells by their bins."""
        n_bins = self.n_cells - 1
        return [*(f"{name}:bin{i}" for i in range(n_bins)), f"{name}:place"]

    def bin_of(self, values: np.ndarray) -> np.ndarray:
        """Return the number of the bin of each value, from 0."""
        return self._bin_at(self._quantile_levels(values))

    def encode(self, values: np.ndarray) -> Encoded:
        """Map numbers to cells."""
        return self._cells_at(self._quantile_levels(values)), None

    def decode(self, cells: np.ndarray) -> np.ndarray:
        """Map cells to numbers."""
        bins, place = self.bins, cells[:, -1].astype(np.float64)
        at = 0 if bins is None else bins.decode(cells[:, :-1])
        borders = np.array(self.borders)
        share = (np.clip(place, OFF, ON) - OFF) / _SPAN
        low, high = borders[at], borders[np.add(at, 1)]
        # The end of a bin belongs to the next one.
        level = np.minimum(low + share * (high - low), np.nextafter(high, low))
        return np.asarray(self.inner.values_at(level))

    def middle(self) -> np.ndarray:
        """Return the cells of the median, of shape (n_cells,)."""
        return self._cells_at(np.array([0.5]))[0]

    def draw(
        self, n: int, rng: np.random.Generator, allowed: Allowed = None, between: Between = None
    ) -> np.ndarray:
        """Draw from the distribution of the column."""
        return self.inner.draw(n, rng, allowed, between)

    def _quantile_levels(self, values: np.ndarray) -> np.ndarray:
        return quantile.to_quantiles(self.inner.table, values, self.inner.lattice)[0]

    def _bin_at(self, quantile_levels: np.ndarray) -> np.ndarray:
        n_bins = len(self.borders) - 1
        return np.clip(np.searchsorted(self.borders, quantile_levels, "right") - 1, 0, n_bins - 1)

    def _cells_at(self, quantile_levels: np.ndarray) -> np.ndarray:
        at, borders = self._bin_at(quantile_levels), np.array(self.borders)
        low, width = borders[at], np.diff(borders)[at]
        share = np.clip((quantile_levels - low) / np.maximum(width, 1e-300), 0, 1)
        place = OFF + _SPAN * share[:, None]
        bins: Codec | None = self.bins
        return place if bins is None else np.concatenate([bins.encode(at)[0], place], axis=1)

    def _check_record(self) -> None:
        super()._check_record()
        borders = np.array(self.borders)
        rises = len(borders) > 1 and (np.diff(borders) > 0).all()
        if not rises or borders[0] != 0 or not math.isclose(borders[-1], 1):
            raise ArchiveError("codec BinnedNumbers has bins that do not fill 0 to 1")
