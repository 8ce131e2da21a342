"""What the schema holds of a column, counted so that the counts of parts can be added."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from synthgan.encoding.tables.dtypes import (
    COARSEST_NS,
    MAX_DECIMALS,
    RESOLUTIONS_NS,
    UNIT_NS,
    check_time,
    from_wall_clock,
    kind_of,
    name_of,
    raw_numbers,
    ticks_of,
    time_unit,
    zone_of,
)
from synthgan.encoding.tables.lattice_finding import HOURS, hours_differ
from synthgan.exceptions import DataError
from synthgan.privacy import EVERYTHING, Support

__all__ = ["Facts"]

_MOST_SIGNED = 2**63 - 1
_SCALES = {"continuous": MAX_DECIMALS + 1, "datetime": len(RESOLUTIONS_NS)}
_SCALES["timedelta"] = _SCALES["datetime"]


@dataclass(frozen=True)
class _Clock:
    """Local times of dates with a time zone.

    Parameters
    ----------
    finer : ndarray of int
        People with times finer than each resolution, in local time.
    hours : ndarray of int of shape (24,)
        Rows of each hour.
    low, high : int or None
        First and last moment in local time.
    is_reversible : bool
        Whether local times determine all moments.
    """

    finer: np.ndarray
    hours: np.ndarray
    low: int | None
    high: int | None
    is_reversible: bool

    def merged(self, other: _Clock) -> _Clock:
        """Return the local times of both."""
        return _Clock(
            self.finer + other.finer,
            self.hours + other.hours,
            *_ends(self, other),
            self.is_reversible and other.is_reversible,
        )


@dataclass(frozen=True)
class Facts:
    """Counts of a column from which `Column` is made.

    Parameters
    ----------
    name : hashable
    kind, dtype : as `Column`
        The kind of objects is None where all are missing.
    source : dtype
        The pandas dtype.
    n_rows, n_missing : int
    people_missing, people_present : int
        People with a missing value, and with a value.
    low, high : number or None
        Range of the values; of dates and durations in units of their dtype.
    finer : ndarray of int
        People with values finer than each scale: decimals from 0, or resolutions from days. Those
        of scales that are known to be too coarse are not counted on.
    large : ndarray of int
        People with floats too large to have each number of decimals.
    clock : _Clock or None
    """

    name: Any
    kind: str | None
    source: Any
    n_rows: int
    n_missing: int
    people_missing: int
    people_present: int
    low: Any = None
    high: Any = None
    finer: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    large: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    clock: _Clock | None = None

    @classmethod
    def of(
        cls, series: pd.Series, support: Support = EVERYTHING, before: Facts | None = None
    ) -> Facts:
        """Count what is in a column; `before` are the facts of other rows, to which these come.

        Raises
        ------
        DataError
            Infinite values, values of several types, or a dtype that has no encoding.
        """
        dtype, gaps = series.dtype, series.isna().to_numpy()
        is_open = bool(gaps.all()) and types.is_object_dtype(dtype)
        facts = cls(
            name=series.name.item() if isinstance(series.name, np.generic) else series.name,
            kind=None if is_open else kind_of(series),
            source=dtype,
            n_rows=len(series),
            n_missing=int(gaps.sum()),
            people_missing=support.count(gaps) if gaps.any() else 0,
            people_present=support.count(~gaps),
        )
        name_of(dtype)
        if isinstance(dtype, pd.CategoricalDtype):
            _check_categories(facts.name, dtype)
        if facts.kind not in (*_SCALES, "integer"):
            return facts
        if facts.kind in ("datetime", "timedelta"):
            check_time(series)
        values = raw_numbers(series, facts.kind)[~gaps]
        if not len(values):
            return replace(facts, finer=np.zeros(_SCALES.get(facts.kind, 0), np.int64),
                           large=np.zeros(_SCALES.get(facts.kind, 0), np.int64),
                           clock=_clock_of(series, support, 0))  # fmt: skip
        low, high = values.min().item(), values.max().item()
        facts = replace(facts, low=low, high=high)
        least, support = support.least, support.take(~gaps)
        if facts.kind == "integer":
            return replace(facts, low=_whole(low, dtype), high=_whole(high, dtype))
        known = 0 if before is None else before._n_refuted(least)
        if facts.kind == "continuous":
            is_finer, precision = _finer_decimals(dtype)
            values = values.astype(precision)
            large = _too_large(values, support)
        else:
            is_finer, large = _finer_times(dtype), np.zeros(_SCALES["datetime"], np.int64)
        finer = _count_finer(values, is_finer, len(large), support, known)
        known = 0 if before is None or before.clock is None else before._n_refuted(least, True)
        return replace(facts, finer=finer, large=large, clock=_clock_of(series, support, known))

    def merged(self, other: Facts) -> Facts:
        """Return the facts of the rows of both.

        Raises
        ------
        DataError
            Columns of different types.
        """
        first = other if self.kind is None else self
        if None not in (self.kind, other.kind) and self.kind != other.kind:
            raise DataError(
                f"column {self.name!r} holds {self.kind} values in one part and {other.kind} "
                "values in another; convert it to one type."
            )
        counts = {
            name: getattr(self, name) + getattr(other, name)
            for name in ("n_rows", "n_missing", "people_missing", "people_present")
        }
        low, high = _ends(self, other)
        clock = self.clock or other.clock
        if self.clock is not None and other.clock is not None:
            clock = self.clock.merged(other.clock)
        return replace(
            first, **counts, low=low, high=high, finer=_sum(self.finer, other.finer),
            large=_sum(self.large, other.large), clock=clock,
            source=_joined_dtype(self, other),
        )  # fmt: skip

    def fields(self, least: int, may_be_local: bool = True) -> dict[str, Any]:
        """Return the fields of the `Column`; what fewer people have is ignored.

        `may_be_local`: whether local times are known, as `Column.wall_clock` needs them.
        """
        dtype = self.source
        found: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind or "string",
            "dtype": name_of(dtype),
            "missing": self._share_missing(least),
        }
        if isinstance(dtype, pd.CategoricalDtype):
            found["categories"] = tuple(dtype.categories.tolist())
            found["categories_dtype"] = name_of(dtype.categories.dtype)
            found["ordered"] = bool(dtype.ordered)
        if self.kind in ("datetime", "timedelta"):
            return found | self._scale_of_time(least, may_be_local)
        if self.kind not in ("continuous", "integer") or self.low is None:
            return found
        origin = 2**63 if self.kind == "integer" and self.high > _MOST_SIGNED else 0
        found |= {"shifted": bool(origin), "decimals": 0}
        if self.kind == "continuous":
            found["decimals"] = self._decimals(least)
        return found | {"minimum": self.low - origin, "maximum": self.high - origin}

    def _share_missing(self, least: int) -> float:
        """Return the share of missing values; 0 or 1 where too few people differ."""
        if not self.n_missing or self.people_missing < least:
            return 0.0
        share = float(f"{self.n_missing / self.n_rows:.3g}")
        return share if self.people_present >= least else 1.0

    def _decimals(self, least: int) -> int | None:
        for decimals in range(MAX_DECIMALS + 1):
            if decimals and self.large[decimals] >= least:
                return None
            if self.finer[decimals] < least:
                return decimals
        return None

    def _scale_of_time(self, least: int, may_be_local: bool) -> dict[str, Any]:
        """Choose resolution and clock of dates and durations."""
        day = COARSEST_NS // UNIT_NS[time_unit(self.source)]
        resolution, clock = _coarsest(self.finer, self.source, least), self.clock
        low, high, local = self.low, self.high, False
        if clock is not None and resolution != day and may_be_local:
            on_the_wall = _coarsest(clock.finer, self.source, least)
            every = np.arange(HOURS)
            local = on_the_wall == day or (
                clock.is_reversible and hours_differ(every, HOURS, clock.hours)
            )
            if local:
                resolution, low, high = on_the_wall, clock.low, clock.high
        found = {"resolution": resolution, "wall_clock": local}
        if low is None:
            return found
        return found | {"minimum": low // resolution, "maximum": high // resolution, "decimals": 0}

    def _n_refuted(self, least: int, of_clock: bool = False) -> int:
        """Return how many of the coarsest scales are known to be too coarse."""
        finer = self.clock.finer if of_clock and self.clock is not None else self.finer
        is_enough = finer < least
        return int(is_enough.argmax()) if is_enough.any() else len(finer)


def _count_finer(
    values: np.ndarray,
    is_finer: Callable[[np.ndarray, int], np.ndarray],
    n_scales: int,
    support: Support,
    known: int,
) -> np.ndarray:
    """Count the people whose values are finer than each scale, from scale `known` on."""
    counts = np.zeros(n_scales, np.int64)
    for scale in range(known, n_scales):
        rows = is_finer(values, scale)
        if not rows.any():
            break
        counts[scale] = support.count(rows)
        values, support = values[rows], support.take(rows)
    return counts


def _finer_decimals(dtype: Any) -> tuple[Callable[[np.ndarray, int], np.ndarray], Any]:
    """Return what finds values that so many decimals do not reproduce in the column's precision.

    Values that arithmetic left two units in the last place from such a decimal number count as
    that: 0.15 / 3 as 0.05.
    """
    is_float32 = str(dtype).lower() in ("float32", "float[pyarrow]")
    precision: Any = np.float32 if is_float32 else np.float64

    def is_finer(values: np.ndarray, decimals: int) -> np.ndarray:
        # The least numbers that are not 0 are not near it.
        sizes = np.abs(values)
        near = 0.0 if is_float32 else np.minimum(2 * np.spacing(sizes), sizes / 2)
        with np.errstate(over="ignore"):  # of values too large to have decimals
            rounded = np.round(values, decimals).astype(precision)
        return np.abs(rounded - values) > near

    return is_finer, precision


def _too_large(values: np.ndarray, support: Support) -> np.ndarray:
    """Count the people whose values are too large to have so many decimals."""
    sizes = np.abs(values)
    most = sizes.max()
    limits = [2.0**52 / 10.0**decimals for decimals in range(MAX_DECIMALS + 1)]
    return np.array([support.count(sizes > limit) if most > limit else 0 for limit in limits])


def _finer_times(dtype: Any) -> Callable[[np.ndarray, int], np.ndarray]:
    unit_ns = UNIT_NS[time_unit(dtype)]

    def is_finer(ticks: np.ndarray, scale: int) -> np.ndarray:
        resolution = RESOLUTIONS_NS[scale] // unit_ns
        return ticks % resolution != 0 if resolution > 1 else np.zeros(len(ticks), dtype=bool)

    return is_finer


def _coarsest(finer: np.ndarray, dtype: Any, least: int) -> int:
    """Find the coarsest of day ... nanosecond that divides the values, in units of the dtype."""
    unit_ns = UNIT_NS[time_unit(dtype)]
    enough = [i for i, n in enumerate(finer) if n < least]
    return max(1, RESOLUTIONS_NS[enough[0]] // unit_ns) if enough else 1


def _clock_of(series: pd.Series, support: Support, known: int) -> _Clock | None:
    """Count local times; None of a column without a time zone. `support` is that of the values."""
    zone, dtype = zone_of(series.dtype), series.dtype
    if zone is None:
        return None
    series = series[series.notna()]
    if not len(series):
        n_scales = _SCALES["datetime"]
        return _Clock(np.zeros(n_scales, np.int64), np.zeros(HOURS, np.int64), None, None, True)
    local = ticks_of(series, wall_clock=True)
    day = COARSEST_NS // UNIT_NS[time_unit(dtype)]
    dates = pd.Series(pd.DatetimeIndex(series))
    again = from_wall_clock(dates.dt.tz_localize(None), zone)
    return _Clock(
        _count_finer(local, _finer_times(dtype), _SCALES["datetime"], support, known),
        np.bincount(local % day * HOURS // day, minlength=HOURS),
        local.min().item(),
        local.max().item(),
        bool((again == dates).all()),
    )


def _check_categories(name: Any, dtype: pd.CategoricalDtype) -> None:
    odd = [
        level
        for level in dtype.categories
        if isinstance(level, tuple) or (isinstance(level, int) and abs(level) >= 2**63)
    ]
    if odd:
        raise DataError(
            f"column {name!r} has a category {odd[0]!r}; categories are single values, and "
            "integers of 64 bits: convert them."
        )


def _joined_dtype(one: Facts, other: Facts) -> Any:
    """Return the dtype of both; categories are joined."""
    first, second = one.source, other.source
    if first == second or other.kind is None:
        return first
    if one.kind is None:
        return second
    are_categories = all(isinstance(d, pd.CategoricalDtype) for d in (first, second))
    if are_categories and not (first.ordered or second.ordered):
        return pd.CategoricalDtype(first.categories.union(second.categories, sort=False))
    raise DataError(
        f"column {one.name!r} has dtype {first} in one part and {second} in another; convert it to "
        "one dtype."
    )


def _whole(number: int, dtype: Any) -> int:
    """Return an integer as it is in its column; `raw_numbers` shifts unsigned ones."""
    return number + 2**63 if str(dtype).lower().startswith("uint64") else number


def _ends(one: Any, other: Any) -> tuple[Any, Any]:
    lows = [x.low for x in (one, other) if x.low is not None]
    highs = [x.high for x in (one, other) if x.high is not None]
    return min(lows, default=None), max(highs, default=None)


def _sum(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Add counts; a column without values has none yet."""
    return one + other if len(one) == len(other) else (one if len(one) else other)
