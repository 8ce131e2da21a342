"""Dates in parts: the day, or the week and the weekday, and the time of the day; each has cells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from synthgan.encoding.groups import OFF
from synthgan.encoding.tables.binned import BinnedNumbers
from synthgan.encoding.tables.codecs import (
    Codec,
    Constant,
    Encoded,
    Levels,
    Linear,
    QuantileCell,
    RankedLevels,
    StoredCodec,
)
from synthgan.encoding.tables.lattice import EPOCH_WEEKDAY
from synthgan.encoding.tables.levels import (
    Allowed,
    Between,
    choose,
    draw_levels,
    level_codes,
    nothing_between,
)
from synthgan.exceptions import ArchiveError, DataError
from synthgan.state import fields
from synthgan.state.stored import one_class_of

__all__ = ["Moments", "read_codec"]

_ROUNDS = 100  # of draws between two ends
_LARGEST = 2**40  # days
_Part = Annotated[Any, one_class_of("part of dates", Constant, Levels, QuantileCell)]


@dataclass(frozen=True)
class Moments(StoredCodec):
    """Cells of the day, of the weekday if weekdays differ, and of the time of the day.

    Parameters
    ----------
    days : Codec
        Of days since 1970; of weeks, which begin on Mondays, where `weekdays` are apart.
    weekdays : Codec or None
        Monday is 0.
    times : Codec
        Of ticks since midnight.
    per_day : int
        Ticks in a day.
    low, high : int
        First and last day.
    """

    _record_name, _class_name = "codec Moments", "Moments"

    days: _Part
    weekdays: Annotated[
        Any, fields.optional(one_class_of("weekdays of dates", Constant, Levels, QuantileCell))
    ]
    times: _Part
    per_day: Annotated[int, fields.whole(1, 86_400 * 10**9)]
    low: Annotated[int, fields.whole(-_LARGEST, _LARGEST)]
    high: Annotated[int, fields.whole(-_LARGEST, _LARGEST)]
    kind = "continuous"
    lowest_cell = OFF
    levels = ()
    step = 0.0

    @property
    def parts(self) -> dict[str, Codec]:
        """Codec of each part, by name."""
        if self.weekdays is None:
            return {"day": self.days, "time": self.times}
        return {"week": self.days, "weekday": self.weekdays, "time": self.times}

    @property
    def n_cells(self) -> int:
        """Cells of all parts."""
        return sum(part.n_cells for part in self.parts.values())

    @property
    def groups(self) -> tuple[Codec, ...]:
        """Codecs whose cells are generated together."""
        return tuple(part for part in self.parts.values() if part.n_cells)

    @property
    def limits(self) -> tuple[int, int]:
        """First and last moment."""
        first, last = _ends(self.times)
        return self.low * self.per_day + first, self.high * self.per_day + last

    def cell_names(self, name: str) -> list[str]:
        """Name each cell of a column."""
        return [
            text
            for part, codec in self.parts.items()
            for text in codec.cell_names(f"{name}:{part}")
        ]

    def encode(self, values: np.ndarray) -> Encoded:
        """Encode each part; half-widths are (n, number of parts with continuous cells)."""
        cells, widths = [], []
        for part, numbers in zip(self.parts.values(), self._split(values), strict=True):
            found, half_width = part.encode(numbers)
            cells.append(found)
            if part.n_cells and part.kind == "continuous":
                widths.append(np.zeros(len(values)) if half_width is None else half_width)
        return np.concatenate(cells, axis=1), np.stack(widths, axis=1) if widths else None

    def decode(self, cells: np.ndarray) -> np.ndarray:
        """Decode each part; the day stays between the first and the last."""
        ends = np.cumsum([part.n_cells for part in self.parts.values()])[:-1]
        pieces = np.split(cells, ends, axis=1)
        return self._joined(
            [part.decode(x) for part, x in zip(self.parts.values(), pieces, strict=True)]
        )

    def draw(
        self, n: int, rng: np.random.Generator, allowed: Allowed = None, between: Between = None
    ) -> np.ndarray:
        """Draw each part from its distribution."""
        if allowed is not None:
            chosen = choose(allowed, between, self.limits)
            return draw_levels(chosen, self._weights(np.array(chosen)), n, rng, None, None)
        low, high = between or (-math.inf, math.inf)
        ends = [_divided(end, self.per_day) for end in (low, high)]
        try:
            drawn = self._draw(n, rng, low, high, ends)
            for _ in range(_ROUNDS):
                wrong = ~((low <= drawn) & (drawn <= high))
                if not wrong.any():
                    return drawn
                drawn[wrong] = self._draw(int(wrong.sum()), rng, low, high, ends)
        except DataError:
            pass
        raise nothing_between(between, self.limits)

    def _draw(
        self, n: int, rng: np.random.Generator, low: float, high: float, ends: list[float]
    ) -> np.ndarray:
        times = None
        if ends[0] == ends[1]:  # one day: a part of it may be short
            times = (low - ends[0] * self.per_day, high - ends[0] * self.per_day)
        if self.weekdays is None:
            parts = [self.days.draw(n, rng, None, (ends[0], ends[1]))]
        else:
            first, last = (end + EPOCH_WEEKDAY for end in ends)
            weeks = (_divided(first, 7), _divided(last, 7))
            some = (first % 7, last % 7) if weeks[0] == weeks[1] else None
            parts = [self.days.draw(n, rng, None, weeks), self.weekdays.draw(n, rng, None, some)]
        return self._joined([*parts, self.times.draw(n, rng, None, times)])

    def _split(self, values: np.ndarray) -> list[np.ndarray]:
        days, times = np.divmod(values.astype(np.int64), self.per_day)
        if self.weekdays is None:
            return [days, times]
        return [*np.divmod(days + EPOCH_WEEKDAY, 7), times]

    def _joined(self, parts: list[np.ndarray]) -> np.ndarray:
        days, *weekdays, times = (np.rint(x).astype(np.int64) for x in parts)
        if weekdays:
            days = 7 * days + weekdays[0] - EPOCH_WEEKDAY
            # The first and the last week may have some of their days only.
            days = np.where(days < self.low, days + 7, np.where(days > self.high, days - 7, days))
        days = days.clip(self.low, self.high)
        return days * self.per_day + times.clip(0, self.per_day - 1)

    def _weights(self, values: np.ndarray) -> np.ndarray:
        """Return the shares of moments, in any unit; equal where none is known."""
        weights = np.ones(len(values))
        for part, numbers in zip(self.parts.values(), self._split(values), strict=True):
            if isinstance(part, Levels):
                weights *= np.array(part.shares)[level_codes(part.levels, numbers)]
            elif part.n_cells:
                half_width = part.encode(numbers)[1]
                weights *= 1.0 if half_width is None or not half_width.any() else half_width
        return weights if weights.any() else np.ones(len(values))

    def _check_record(self) -> None:
        super()._check_record()
        parts = [*self.parts.values()]
        is_whole = all(type(x) is int for part in parts for x in part.levels)
        if not is_whole or any(not (part.n_cells or part.levels) for part in parts):
            raise ArchiveError("codec Moments has a part without whole numbers")
        if self.low > self.high:
            raise ArchiveError("codec Moments has no day")


def _divided(end: float, by: int) -> float:
    return end // by if math.isfinite(end) else end


read_codec: Any = one_class_of(
    "codec", BinnedNumbers, Constant, Levels, Linear, Moments, QuantileCell, RankedLevels
)


def _ends(codec: Codec) -> tuple[int, int]:
    """Return the least and the greatest number of a codec."""
    low, high = codec.limits or (codec.levels[0], codec.levels[-1])
    return round(low), round(high)
