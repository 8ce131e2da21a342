"""Lattices: the points of a scale at which the values of a column lie.

A lattice counts its points: values become coordinates, which are whole at the points and linear
between them. Where a share of the values lies beside the points, coordinates are squeezed: each
point takes that share of the way to the next one, so that cells reproduce both kinds.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from synthgan.exceptions import ArchiveError
from synthgan.state import fields
from synthgan.state.stored import Share, Stored, one_class_of

__all__ = ["EPOCH_WEEKDAY", "Lattice", "Months", "Steps", "Weekdays", "read_lattice"]

EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0
_NEAR = 1e-6  # of a step: rounding of floats
_MOST_DECIMALS = 12
_LARGEST = 2**62
_Whole = Annotated[int, fields.whole(-_LARGEST, _LARGEST)]
_PerDay = Annotated[int, fields.whole(1, 86_400 * 10**9)]


@dataclass(frozen=True)
class Lattice(Stored):
    """Base of lattices; `share` is the share of values that lie on its points.

    Subclasses give `_below` and `_points`.
    """

    share: Share

    def raw(self, values: np.ndarray) -> np.ndarray:
        """Return squeezed coordinates of values; whole for those on the lattice."""
        return self.squeezed(self._coordinates(values))

    def squeezed(self, at: Any) -> Any:
        """Return squeezed coordinates."""
        point = np.rint(at)
        off = at - point
        squeezed = np.sign(off) * (self.share / 2 + np.abs(off) * (1 - self.share))
        return np.where((off == 0) | (self.share == 1), at, point + squeezed)

    def points(self, raw: np.ndarray) -> np.ndarray:
        """Return coordinates of squeezed ones; inverse of `raw`."""
        point = np.rint(raw)
        if self.share == 1:
            return point
        off = raw - point
        beside = np.maximum(np.abs(off) - self.share / 2, 0) / (1 - self.share)
        return point + np.sign(off) * beside

    def values(self, at: np.ndarray) -> np.ndarray:
        """Return the values at coordinates."""
        k = np.floor(at).astype(np.int64)
        low = self._points(k)
        gap = self._points(k + 1) - low
        return low + np.rint((at - k) * gap).astype(np.int64)

    def ends(self, low: float, high: float) -> tuple[float, float]:
        """Return an inclusive range of values as coordinates."""
        first, last = (
            float(self._coordinates(np.array([end]))[0]) if np.isfinite(end) else end
            for end in (low, high)
        )
        return first, last

    def inward(self, low: float, high: float) -> tuple[float, float]:
        """Narrow a range of coordinates to points, if all values lie on them."""
        if self.share < 1:
            return low, high
        return float(np.ceil(low - _NEAR)), float(np.floor(high + _NEAR))

    def _coordinates(self, values: np.ndarray) -> np.ndarray:
        whole = np.floor(values).astype(np.int64)
        k = self._below(whole)
        low = self._points(k)
        return k + (values - low) / (self._points(k + 1) - low)

    @abstractmethod
    def _below(self, values: np.ndarray) -> np.ndarray:
        """Return the number of the last point that is not above each value."""

    @abstractmethod
    def _points(self, k: np.ndarray) -> np.ndarray:
        """Return the points of these numbers."""


@dataclass(frozen=True)
class Steps(Lattice):
    """Points ``offset + k * step``.

    Examples
    --------
    >>> prices = Steps(1.0, 500, 250)
    >>> prices.raw(np.array([750, 1250])).tolist(), prices.values(np.array([1.0])).tolist()
    ([1.0, 2.0], [750])
    """

    _record_name, _class_name = "lattice Steps", "Steps"

    step: Annotated[float, fields.plain_number]
    offset: Annotated[float, fields.plain_number]

    def values(self, at: np.ndarray) -> np.ndarray:
        """Return the values at coordinates."""
        if isinstance(self.step, int):
            return super().values(at)
        values = at * self.step + self.offset
        return np.where(at == np.rint(at), np.round(values, self._decimals), values)

    @property
    def _decimals(self) -> int:
        ends = np.array([self.step, self.offset])
        exact = (d for d in range(_MOST_DECIMALS) if (np.round(ends, d) == ends).all())
        return next(exact, _MOST_DECIMALS)

    def _coordinates(self, values: np.ndarray) -> np.ndarray:
        if isinstance(self.step, int):
            return super()._coordinates(values)
        at = (values - self.offset) / self.step
        point = np.rint(at)
        return np.where(np.abs(at - point) < _NEAR, point, at)

    def _below(self, values: np.ndarray) -> np.ndarray:
        return (values - self.offset) // self.step

    def _points(self, k: np.ndarray) -> np.ndarray:
        return k * self.step + self.offset

    def _check_record(self) -> None:
        if not (np.isfinite([self.step, self.offset]).all() and self.step > 0):
            raise ArchiveError("lattice Steps has an invalid step or offset")
        if max(abs(self.step), abs(self.offset)) > _LARGEST:
            raise ArchiveError("lattice Steps has too large a step or offset")
        if type(self.step) is not type(self.offset):
            raise ArchiveError("lattice Steps mixes whole numbers and floats")


@dataclass(frozen=True)
class Weekdays(Lattice):
    """Some days of each week (Monday is 0), `offset` ticks after midnight; a day has `per_day`.

    Examples
    --------
    >>> business = Weekdays(1.0, (0, 1, 2, 3, 4), 1, 0)
    >>> friday = np.array(["2024-03-01"], dtype="M8[D]").astype(np.int64)
    >>> business.values(business.raw(friday) + 1).astype("M8[D]").tolist()
    [datetime.date(2024, 3, 4)]
    """

    _record_name, _class_name = "lattice Weekdays", "Weekdays"

    days: tuple[Annotated[int, fields.whole(0, 6)], ...]
    per_day: _PerDay
    offset: _Whole

    def _below(self, values: np.ndarray) -> np.ndarray:
        day = (values - self.offset) // self.per_day + EPOCH_WEEKDAY
        week, weekday = np.divmod(day, 7)
        return len(self.days) * week + np.searchsorted(self.days, weekday, side="right") - 1

    def _points(self, k: np.ndarray) -> np.ndarray:
        week, rank = np.divmod(k, len(self.days))
        day = 7 * week + np.array(self.days)[rank] - EPOCH_WEEKDAY
        return day * self.per_day + self.offset

    def _check_record(self) -> None:
        if not self.days or list(self.days) != sorted(set(self.days)):
            raise ArchiveError("lattice Weekdays has invalid days")


@dataclass(frozen=True)
class Months(Lattice):
    """One moment in every `step` months: `offset` ticks after the start of the month.

    `first` is the number of one such month since January 1970. Ends of months have a negative
    offset from the start of the next.

    Examples
    --------
    >>> ends = Months(1.0, 1, 0, 1, -1)
    >>> at = ends.raw(np.array(["2024-01-31"], dtype="M8[D]").astype(np.int64))
    >>> ends.values(at + 1).astype("M8[D]").tolist()
    [datetime.date(2024, 2, 29)]
    """

    _record_name, _class_name = "lattice Months", "Months"

    step: Annotated[int, fields.whole(1, 1200)]
    first: Annotated[int, fields.whole(0, 1199)]
    per_day: _PerDay
    offset: _Whole

    def _below(self, values: np.ndarray) -> np.ndarray:
        days = ((values - self.offset) // self.per_day).astype("M8[D]")
        return (days.astype("M8[M]").astype(np.int64) - self.first) // self.step

    def _points(self, k: np.ndarray) -> np.ndarray:
        months = (self.first + self.step * k).astype("M8[M]")
        return months.astype("M8[D]").astype(np.int64) * self.per_day + self.offset


read_lattice: Any = one_class_of("lattice", Steps, Weekdays, Months)
