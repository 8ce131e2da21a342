"""How the values of one column become value cells and back; knows neither columns nor NULL.

Every codec has ``n_cells``, ``kind`` (as in `CellGroup`), ``first`` (its lowest cell),
``encode(values) -> (cells, half_width)``, ``decode(cells) -> values``, ``limits`` and ``step``.
``half_width``, where not None, tells how far a cell may be moved without decoding to another value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from synthgan.encoding import quantile, scaling
from synthgan.encoding.quantile import QuantileTable
from synthgan.exceptions import DataError

__all__ = [
    "CODECS",
    "NULL",
    "OFF",
    "ON",
    "Codec",
    "Codes",
    "Constant",
    "Levels",
    "Linear",
    "Places",
]

NULL, OFF, ON = 0, 1, 255
_SPAN = ON - OFF
_MIDDLE = (OFF + ON) / 2

Encoded = tuple[np.ndarray, np.ndarray | None]


class Codec(Protocol):
    """What every codec offers."""

    @property
    def n_cells(self) -> int:
        """Number of cells."""

    @property
    def kind(self) -> str:
        """Kind of the cells, as in `CellGroup`."""

    @property
    def first(self) -> int:
        """Lowest cell that is a value."""

    @property
    def limits(self) -> tuple[float, float] | None:
        """Range that a scaled cell spans."""

    @property
    def step(self) -> float:
        """What one level is worth; 0 when exact."""

    @property
    def levels(self) -> tuple[Any, ...]:
        """Levels of a codec that has them."""

    def encode(self, values: np.ndarray) -> Encoded:
        """Map values (n,) to cells (n, n_cells)."""

    def decode(self, cells: np.ndarray) -> np.ndarray:
        """Map cells (n, n_cells) to values (n,)."""


@dataclass(frozen=True)
class Constant:
    """No cell: one value, or none at all."""

    levels: tuple[Any, ...] = ()
    n_cells = 0
    kind = "continuous"
    first = OFF
    limits = None
    step = 0.0

    def encode(self, values: np.ndarray) -> Encoded:
        """Return no cell."""
        return np.zeros((len(values), 0)), None

    def decode(self, cells: np.ndarray) -> np.ndarray:
        """Repeat the value; 0 where there is none."""
        return np.repeat(_array(self.levels or (0,)), len(cells))


@dataclass(frozen=True)
class Linear:
    """One cell of min-max grey levels (thesis Eq. 6.1 and 6.2)."""

    low: float
    high: float
    lowest: int = OFF
    rounding: str = "floor"
    whole: bool = False  # whether values are whole numbers
    n_cells = 1
    kind = "continuous"
    levels = ()

    @property
    def first(self) -> int:
        """Lowest cell that is a value."""
        return self.lowest

    @property
    def limits(self) -> tuple[float, float]:
        """Range that the cell spans."""
        return self.low, self.high

    @property
    def step(self) -> float:
        """What one grey level is worth."""
        return scaling.level_step(self.low, self.high, self.lowest)

    def encode(self, values: np.ndarray) -> Encoded:
        """Map numbers to grey levels."""
        levels = scaling.to_levels(values, self.low, self.high, self.lowest, self.rounding)
        return levels[:, None], None

    def decode(self, cells: np.ndarray) -> np.ndarray:
        """Map grey levels to the middle of what they hold, whole numbers to a whole one."""
        levels = np.clip(np.rint(cells[:, 0]), self.lowest, ON)
        values = scaling.from_levels(levels, self.low, self.high, self.lowest, self.rounding)
        if not self.whole:
            return values
        # Half down: the middle of a floored level lies above its number.
        return np.ceil(values - 0.5 - 1e-9 * max(1.0, self.step))


@dataclass(frozen=True)
class Places:
    """One randomised quantile cell: the place in the column's distribution."""

    table: QuantileTable
    lattice: float = 0.0  # distance of neighbouring values; 0 when they lie anywhere
    n_cells = 1
    kind = "continuous"
    first = OFF
    levels = ()

    @property
    def limits(self) -> tuple[float, float]:
        """Range of what is stored."""
        return float(self.table.start[0]), float(self.table.stop[-1])

    @property
    def step(self) -> float:
        """Widest pooled piece; 0 when every value is exact."""
        return self.table.largest_gap

    def encode(self, values: np.ndarray) -> Encoded:
        """Map numbers to the centres of their intervals."""
        centre, half_width = quantile.to_quantiles(self.table, values, self.lattice)
        return (OFF + _SPAN * centre)[:, None], _SPAN * half_width

    def decode(self, cells: np.ndarray) -> np.ndarray:
        """Look the intervals up."""
        places = (np.clip(cells[:, 0].astype(np.float64), OFF, ON) - OFF) / _SPAN
        return quantile.from_quantiles(self.table, places)


@dataclass(frozen=True)
class Levels:
    """One binary cell for two levels, one-hot cells for more."""

    levels: tuple[Any, ...]
    first = OFF
    limits = None
    step = 0.0

    @property
    def n_cells(self) -> int:
        """One for two levels, else one a level."""
        return 1 if len(self.levels) == 2 else len(self.levels)

    @property
    def kind(self) -> str:
        """Kind of the cells."""
        return "binary" if len(self.levels) == 2 else "one_hot"

    def encode(self, values: np.ndarray) -> Encoded:
        """Switch the cell of each level on."""
        codes = level_codes(self.levels, values)
        if self.kind == "binary":
            return np.where(codes == 1, ON, OFF)[:, None], None
        return np.where(codes[:, None] == np.arange(len(self.levels)), ON, OFF), None

    def decode(self, cells: np.ndarray) -> np.ndarray:
        """Take the level of the brightest cell."""
        codes = cells[:, 0] >= _MIDDLE if self.kind == "binary" else cells.argmax(axis=1)
        return _array(self.levels)[codes.astype(int)]


@dataclass(frozen=True)
class Codes:
    """One cell over many levels, in order of frequency: their numbers, encoded in turn."""

    levels: tuple[Any, ...]
    inner: Linear | Places
    n_cells = 1
    kind = "continuous"
    limits = None
    step = 0.0

    @property
    def first(self) -> int:
        """Lowest cell that is a value."""
        return self.inner.first

    def encode(self, values: np.ndarray) -> Encoded:
        """Encode the numbers of the levels."""
        return self.inner.encode(level_codes(self.levels, values).astype(np.float64))

    def decode(self, cells: np.ndarray) -> np.ndarray:
        """Decode the numbers of the levels."""
        return _array(self.levels)[np.rint(self.inner.decode(cells)).astype(int)]


CODECS = {codec.__name__: codec for codec in (Codes, Constant, Levels, Linear, Places)}


def level_codes(levels: tuple[Any, ...], values: np.ndarray) -> np.ndarray:
    """Return the number of each value's level: the nearest for numbers, 0 for None.

    Raises
    ------
    DataError
        An object that is no level.
    """
    if values.dtype != object:
        known = np.array(levels, dtype=values.dtype)
        after = np.clip(np.searchsorted(known, values), 1, len(known) - 1)
        x, low, high = (a.astype(float) for a in (values, known[after - 1], known[after]))
        nearer_below = (x - low <= high - x) & (values != known[after])
        return np.where(nearer_below, after - 1, after)
    codes = pd.Index(_array(levels).astype(object)).get_indexer(values)
    unseen = (codes < 0) & pd.notna(values)
    if unseen.any():
        raise DataError(
            f"holds {values[unseen][0]!r}, a level not seen in fit; {len(levels)} levels are "
            "known: fit on data that has it, or drop the row."
        )
    return np.maximum(codes, 0)


def _array(levels: tuple[Any, ...]) -> np.ndarray:
    """Levels as numbers where they are numbers, else as objects."""
    kinds = {type(level) for level in levels}
    for dtype in (int, float):
        if kinds == {dtype}:
            return np.array(levels, dtype=dtype)
    array = np.empty(len(levels), dtype=object)
    array[:] = levels
    return array
