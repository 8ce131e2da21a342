"""Codecs: map the values of one column to cells and back; independent of columns and NULL.

Every codec has ``n_cells``, ``kind`` (as in `CellGroup`), ``lowest_cell``,
``encode(values) -> (cells, half_width)``, ``decode(cells) -> values``, ``limits``, ``step`` and
``draw(n, rng, allowed, between) -> values`` of the learnt marginal. ``half_width``, where not None,
is how far a cell may be moved without decoding to another value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

import numpy as np

from synthgan.encoding import scaling
from synthgan.encoding.groups import NULL, OFF, ON
from synthgan.encoding.tables import quantile
from synthgan.encoding.tables.lattice import Lattice, read_lattice
from synthgan.encoding.tables.levels import (
    Allowed,
    Between,
    array_of_levels,
    choose,
    draw_levels,
    level_codes,
    nothing_between,
)
from synthgan.encoding.tables.quantile import QuantileTable
from synthgan.exceptions import ArchiveError
from synthgan.state import fields
from synthgan.state.stored import Scalar, Share, Stored, one_class_of

__all__ = [
    "Codec",
    "Constant",
    "Encoded",
    "Levels",
    "Linear",
    "QuantileCell",
    "RankedLevels",
    "StoredCodec",
]

_SPAN = ON - OFF
_MIDDLE = (OFF + ON) / 2
_CELLS = np.array([OFF, ON], dtype=np.uint8)

Encoded = tuple[np.ndarray, np.ndarray | None]


class Codec(Protocol):
    """Interface of all codecs."""

    @property
    def n_cells(self) -> int:
        """Number of cells."""

    @property
    def kind(self) -> str:
        """Kind of the cells, as in `CellGroup`."""

    @property
    def lowest_cell(self) -> int:
        """Lowest cell value; 0 is possible only without NULL."""

    @property
    def limits(self) -> tuple[float, float] | None:
        """Range that a scaled cell spans."""

    @property
    def step(self) -> float:
        """Width of one level in the column's units; 0 when decoding is exact."""

    @property
    def levels(self) -> tuple[Any, ...]:
        """Levels of a codec that has them."""

    @property
    def groups(self) -> tuple[Codec, ...]:
        """Codecs of the cells that are generated together; itself, unless it has parts."""

    def cell_names(self, name: str) -> list[str]:
        """Name each cell of a column."""

    def encode(self, values: np.ndarray) -> Encoded:
        """Map values (n,) to cells (n, n_cells)."""

    def decode(self, cells: np.ndarray) -> np.ndarray:
        """Map cells (n, n_cells) to values (n,)."""

    def draw(
        self, n: int, rng: np.random.Generator, allowed: Allowed = None, between: Between = None
    ) -> np.ndarray:
        """Draw n values, only those allowed and those between two ends, inclusive."""

    def to_dict(self) -> dict[str, Any]:
        """Return the codec as plain data, and its table."""


class StoredCodec(Stored):
    """Base class of codecs: their records, whose names must stay as they are."""

    _n_levels: tuple[float, float] = (0, 0)  # that fit makes
    n_cells: Any
    kind: Any
    limits: Any
    levels: Any

    @property
    def groups(self) -> tuple[Any, ...]:
        """Itself, if it has cells."""
        return (self,) if self.n_cells else ()

    def cell_names(self, name: str) -> list[str]:
        """Name each cell of a column."""
        if self.kind == "one_hot":
            return [f"{name}={level}" for level in self.levels]
        return [name] * self.n_cells

    def _check_record(self) -> None:
        low, high = self._n_levels
        if not low <= len(self.levels) <= high or not fields.all_different(self.levels):
            raise ArchiveError(
                f"{self._record_name} has invalid levels {fields.brief(self.levels)}"
            )
        if self.limits is not None and self.limits[0] > self.limits[1]:
            raise ArchiveError(f"{self._record_name} has invalid limits {self.limits}")


@dataclass(frozen=True)
class Constant(StoredCodec):
    """No cell: the column has one value, or none."""

    _record_name, _class_name, _n_levels = "codec Constant", "Constant", (0, 1)

    levels: tuple[Scalar, ...] = ()
    n_cells = 0
    kind = "continuous"
    lowest_cell = OFF
    limits = None
    step = 0.0

    def encode(self, values: np.ndarray) -> Encoded:
        """Return no cell."""
        return np.zeros((len(values), 0)), None

    def decode(self, cells: np.ndarray) -> np.ndarray:
        """Repeat the value; 0 where there is none."""
        return np.repeat(array_of_levels(self.levels or (0,)), len(cells))

    def draw(
        self, n: int, rng: np.random.Generator, allowed: Allowed = None, between: Between = None
    ) -> np.ndarray:
        """Repeat the value, if the conditions allow it."""
        return draw_levels(self.levels, (1.0,) * len(self.levels), n, rng, allowed, between)


@dataclass(frozen=True)
class Linear(StoredCodec):
    """One cell of min-max grey levels (thesis Eq. 6.1 and 6.2)."""

    _record_name, _class_name = "codec Linear", "Linear"

    low: float
    high: float
    lowest_cell: Annotated[int, fields.whole(NULL, OFF)] = field(
        default=OFF, metadata={"stored": "lowest"}
    )
    rounding: Annotated[str, fields.one_of("floor", "round")] = "floor"
    whole: bool = False  # whether values are whole numbers
    n_cells = 1
    kind = "continuous"
    levels = ()

    @property
    def limits(self) -> tuple[float, float]:
        """Range that the cell spans."""
        return self.low, self.high

    @property
    def step(self) -> float:
        """Width of one grey level in the column's units."""
        return scaling.level_step(self.low, self.high, self.lowest_cell)

    def encode(self, values: np.ndarray) -> Encoded:
        """Map numbers to grey levels."""
        levels = scaling.to_levels(values, self.low, self.high, self.lowest_cell, self.rounding)
        return levels[:, None], None

    def decode(self, cells: np.ndarray) -> np.ndarray:
        """Map grey levels to the middle of their intervals; whole numbers stay whole."""
        levels = np.clip(np.rint(cells[:, 0]), self.lowest_cell, ON)
        values = scaling.from_levels(levels, self.low, self.high, self.lowest_cell, self.rounding)
        if not self.whole:
            return values
        # Round half down: the middle of a floored level lies above its number.
        return np.ceil(values - 0.5 - 1e-9 * max(1.0, self.step))

    def draw(
        self, n: int, rng: np.random.Generator, allowed: Allowed = None, between: Between = None
    ) -> np.ndarray:
        """Draw uniformly within the limits; the codec stores no other part of the distribution."""
        low, high = between or self.limits
        low, high = max(low, self.low), min(high, self.high)
        if self.whole:
            low, high = math.ceil(low), math.floor(high)
        if allowed is not None:
            chosen = choose(allowed, between, self.limits)
            return draw_levels(chosen, (1.0,) * len(chosen), n, rng, None, None)
        if low > high:
            raise nothing_between(between, self.limits)
        return rng.integers(int(low), int(high) + 1, n) if self.whole else rng.uniform(low, high, n)


@dataclass(frozen=True)
class QuantileCell(StoredCodec):
    """One randomised quantile cell: the quantile level of the value in its column."""

    _record_name, _class_name = "codec Places", "Places"

    table: Annotated[QuantileTable, QuantileTable.from_arrays]  # beside the record in archives
    lattice: Annotated[float, fields.number(0)] = 0.0  # spacing of the values; 0 if continuous
    # Points at which values lie; the table is then of their coordinates.
    points: Annotated[Lattice | None, fields.optional(read_lattice)] = field(
        default=None, metadata={"sparse": True}
    )
    n_cells = 1
    kind = "continuous"
    lowest_cell = OFF
    levels = ()

    @property
    def limits(self) -> tuple[float, float]:
        """Range of the stored values."""
        low, high = self._values(np.array([self.table.start[0], self.table.stop[-1]])).tolist()
        return low, high

    @property
    def step(self) -> float:
        """Widest pooled piece; 0 when every value is exact."""
        if self.points is None:
            return self.table.largest_gap
        return float(np.max(self._values(self.table.stop) - self._values(self.table.start)))

    def encode(self, values: np.ndarray) -> Encoded:
        """Map numbers to the centres of their intervals."""
        raw = values if self.points is None else self.points.raw(values)
        centre, half_width = quantile.to_quantiles(self.table, raw, self.lattice)
        if self.points is not None and self.points.share < 1:
            exact, width = quantile.to_quantiles(self.table, raw)
            is_point = raw == np.rint(raw)
            centre = np.where(is_point, centre, exact)
            half_width = np.where(is_point, half_width, width)
        return (OFF + _SPAN * centre)[:, None], _SPAN * half_width

    def decode(self, cells: np.ndarray) -> np.ndarray:
        """Map cells to the values at their quantile levels."""
        return self.values_at((np.clip(cells[:, 0].astype(np.float64), OFF, ON) - OFF) / _SPAN)

    def values_at(self, quantile_levels: np.ndarray) -> np.ndarray:
        """Return the values at quantile levels, 0..1."""
        return self._values(quantile.from_quantiles(self.table, quantile_levels))

    def draw(
        self, n: int, rng: np.random.Generator, allowed: Allowed = None, between: Between = None
    ) -> np.ndarray:
        """Draw uniform quantile levels and return their values."""
        low, high = between or (-math.inf, math.inf)
        if allowed is not None:
            chosen = choose(allowed, between, self.limits, self.lattice / 2)
            half_width: Any = self.encode(array_of_levels(chosen))[1]
            shares = half_width if half_width.any() else np.ones(len(chosen))
            return draw_levels(chosen, shares, n, rng, None, None)
        if self.points is None:
            values = quantile.draw_quantiles(self.table, n, rng, low, high, self.lattice)
        else:
            values = self._draw_points(n, rng, *self.points.ends(low, high))
        if values is None:
            raise nothing_between(between, self.limits)
        return values

    def _draw_points(
        self, n: int, rng: np.random.Generator, low: float, high: float
    ) -> np.ndarray | None:
        """Draw values between two coordinates."""
        points: Any = self.points
        first, last = points.inward(low, high)
        if first > last:  # only single values beside the points may lie in between
            atoms = self.table.is_atom & (self.table.start >= low) & (self.table.start <= high)
            shares = np.diff(self.table.edges)[atoms]
            if not len(shares):
                return None
            return self._values(rng.choice(self.table.start[atoms], n, p=shares / shares.sum()))
        low_raw, high_raw = (
            points.squeezed(end) if math.isfinite(end) else end for end in (first, last)
        )
        ends = (low_raw - self.lattice / 2, high_raw + self.lattice / 2)
        raw = quantile.draw_quantiles(self.table, n, rng, *ends)
        if raw is None:
            return None
        at = self._at(raw)
        return points.values(np.where((low <= at) & (at <= high), at, np.clip(at, first, last)))

    def _at(self, raw: np.ndarray) -> np.ndarray:
        """Return coordinates of the table's numbers; single values may lie beside the points."""
        points: Any = self.points
        at = points.points(raw)
        if points.share < 1:
            return at
        return np.where(np.isin(raw, self.table.start[self.table.is_atom]), raw, at)

    def _values(self, raw: np.ndarray) -> np.ndarray:
        """Return the values of the table's numbers."""
        return raw if self.points is None else self.points.values(self._at(raw))


@dataclass(frozen=True)
class Levels(StoredCodec):
    """One binary cell for two levels, one-hot cells for more."""

    _record_name, _class_name, _n_levels = "codec Levels", "Levels", (2, math.inf)

    levels: tuple[Scalar, ...]
    shares: tuple[Share, ...]  # of the rows that have a level
    lowest_cell = OFF
    limits = None
    step = 0.0

    @property
    def n_cells(self) -> int:
        """One for two levels, otherwise one per level."""
        return 1 if len(self.levels) == 2 else len(self.levels)

    @property
    def kind(self) -> str:
        """Kind of the cells."""
        return "binary" if len(self.levels) == 2 else "one_hot"

    def _check_record(self) -> None:
        super()._check_record()
        n_shares, n_levels = len(self.shares), len(self.levels)
        if n_shares != n_levels or not any(self.shares):
            raise ArchiveError(f"codec Levels has {n_shares} shares for {n_levels} levels")

    def encode(self, values: np.ndarray) -> Encoded:
        """Set the cell of each value's level to ON."""
        codes = level_codes(self.levels, values)
        if self.kind == "binary":
            return _CELLS[codes][:, None], None
        return np.where(np.eye(len(self.levels), dtype=bool), *_CELLS[::-1])[codes], None

    def codes(self, cells: np.ndarray) -> np.ndarray:
        """Return the number of the highest cell."""
        if self.kind == "binary":
            return np.asarray(cells[:, 0] >= _MIDDLE).astype(np.intp)
        return cells.argmax(axis=1)

    def decode(self, cells: np.ndarray) -> np.ndarray:
        """Return the level of the highest cell."""
        return array_of_levels(self.levels)[self.codes(cells)]

    def draw(
        self, n: int, rng: np.random.Generator, allowed: Allowed = None, between: Between = None
    ) -> np.ndarray:
        """Draw levels by their shares."""
        return draw_levels(self.levels, self.shares, n, rng, allowed, between)


@dataclass(frozen=True)
class RankedLevels(StoredCodec):
    """One cell for many levels: levels are ranked by frequency and their ranks are encoded."""

    _record_name, _class_name, _n_levels = "codec Codes", "Codes", (2, math.inf)

    levels: tuple[Scalar, ...]
    inner: Annotated[Linear | QuantileCell, one_class_of("inner codec", Linear, QuantileCell)]
    n_cells = 1
    kind = "continuous"
    limits = None
    step = 0.0

    @property
    def lowest_cell(self) -> int:
        """Lowest cell value; 0 is possible only without NULL."""
        return self.inner.lowest_cell

    @property
    def shares(self) -> np.ndarray:
        """Shares of the levels; equal shares for grey levels, which do not store them."""
        if isinstance(self.inner, QuantileCell):
            return np.diff(self.inner.table.edges)
        return np.full(len(self.levels), 1 / len(self.levels))

    def _check_record(self) -> None:
        super()._check_record()
        (first, last), n = self.inner.limits, len(self.levels)
        one_each = isinstance(self.inner, Linear) or len(self.inner.table.start) == n
        if first < 0 or last > n - 1 or not one_each:
            raise ArchiveError(f"codec Codes of {n} levels has ranks {first} to {last}")

    def encode(self, values: np.ndarray) -> Encoded:
        """Encode the ranks of the levels."""
        return self.inner.encode(level_codes(self.levels, values).astype(np.float64))

    def codes(self, cells: np.ndarray) -> np.ndarray:
        """Decode the ranks of the levels."""
        return np.rint(self.inner.decode(cells)).astype(np.intp)

    def decode(self, cells: np.ndarray) -> np.ndarray:
        """Return the levels of the ranks."""
        return array_of_levels(self.levels)[self.codes(cells)]

    def draw(
        self, n: int, rng: np.random.Generator, allowed: Allowed = None, between: Between = None
    ) -> np.ndarray:
        """Draw levels by their shares."""
        return draw_levels(self.levels, self.shares, n, rng, allowed, between)
