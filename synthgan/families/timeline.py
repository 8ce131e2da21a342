"""The order of the rows of a family, and their dates: coded as steps and as offsets."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from synthgan.constraints.base import numbers_of
from synthgan.encoding.tables.column import Column
from synthgan.privacy import EVERYTHING, Support
from synthgan.state.stored import Name, Stored

__all__ = [
    "Timeline",
    "as_numbers",
    "dates_of",
    "durations_of",
    "is_number",
    "on_clock",
    "same_zone",
    "taken",
]

_MOST_SPREAD = 0.5  # of offsets, as a share of the spread of the dates themselves


@dataclass(frozen=True)
class Timeline(Stored):
    """Which columns of a child table are dates, and from where they are counted.

    Parameters
    ----------
    order : Column or None
        The column that orders the rows: a number or a date. It is learnt as the first value of a
        family and as steps from row to row.
    own : tuple of (hashable, str)
        Dates that are learnt as durations since the order's date in the same row, and their dtypes.
    of_parent : tuple of (hashable, str, tuple of hashable)
        Dates that are learnt as durations since a date of the parent, their dtypes, and that date;
        where it is missing, the next one counts.
    """

    _record_name = "timeline"

    order: Column | None = None
    own: tuple[tuple[Name, str], ...] = ()
    of_parent: tuple[tuple[Name, str, tuple[Name, ...]], ...] = ()

    @classmethod
    def fit(
        cls,
        child: pd.DataFrame,
        order: Any,
        parent: pd.DataFrame,
        owners: np.ndarray,
        support: Support = EVERYTHING,
    ) -> Timeline:
        """Choose how dates are counted.

        Parameters
        ----------
        child : DataFrame of shape (n_rows, n_columns)
        order : hashable or None
        parent : DataFrame of shape (n_parents, n_parent_columns)
        owners : ndarray of int of shape (n_rows,)
            The row of the parent; -1: none.
        """
        column = None
        if order is not None:
            column = replace(Column.infer(child[order], support), minimum=None, maximum=None)
        dates = [c for c in child.columns if c != order and child[c].dtype.kind == "M"]
        own, of_parent = [], []
        for name in dates:
            dtype = str(child[name].dtype)
            if column is not None and same_zone(child[order], child[name]):
                own.append((name, dtype))
            elif bases := _bases_of(child[name], parent, owners):
                of_parent.append((name, dtype, bases))
        return cls(column, tuple(own), tuple(of_parent))

    @property
    def name(self) -> Any:
        """The name of the order column."""
        return None if self.order is None else self.order.name

    def apply(self, child: pd.DataFrame, parent: pd.DataFrame, owners: np.ndarray) -> pd.DataFrame:
        """Replace dates by durations; the order column stays."""
        coded = child.copy(deep=False)
        for name, _ in self.own:
            coded[name] = child[name] - child[self.name]
        for name, _, bases in self.of_parent:
            coded[name] = child[name] - taken(_first_of(parent, bases), owners, child.index)
        return coded

    def restore(self, coded: pd.DataFrame, parent: pd.DataFrame, owners: np.ndarray) -> Any:
        """Turn durations into dates; inverse of `apply`."""
        child = coded.copy(deep=False)
        for name, dtype in self.own:
            dates = coded[self.name] + coded[name]
            child[name] = dates.astype(pd.api.types.pandas_dtype(dtype))
        for name, dtype, bases in self.of_parent:
            dates = taken(_first_of(parent, bases), owners, coded.index) + coded[name]
            child[name] = dates.astype(pd.api.types.pandas_dtype(dtype))
        return child

    def dated(self, table: Any, names: Iterable[Hashable], clock: np.ndarray) -> Any:
        """Turn some durations since the order's date into dates."""
        return self._shifted(table, names, clock, 1)

    def undated(self, table: Any, names: Iterable[Hashable], clock: np.ndarray) -> Any:
        """Turn dates into durations since the order's date; inverse of `dated`."""
        return self._shifted(table, names, clock, -1)

    def _shifted(self, table: Any, names: Iterable[Hashable], clock: np.ndarray, sign: int) -> Any:
        table = table.copy(deep=False)
        for name in names:
            times = self.from_clock(clock).set_axis(table.index)
            table[name] = table[name] + times if sign > 0 else table[name] - times
        return table

    def cut(self, child: Any, until: Any, limit: pd.Series, owners: np.ndarray) -> Any:
        """Cut durations that go beyond a date of the parent."""
        most = taken(limit, owners, child.index) - child[self.name]
        lasts = child[until].where(~(child[until] > most), most.clip(lower=pd.Timedelta(0)))
        child = child.copy(deep=False)
        child[until] = lasts
        return child

    def clock(self, child: pd.DataFrame) -> np.ndarray:
        """Return the order column as numbers, dates in multiples of their resolution.

        Without an order column all are 0.
        """
        if self.order is None:
            return np.zeros(len(child))
        return self.order.numbers(child[self.name])[0].astype(np.float64)

    def from_clock(self, clock: np.ndarray) -> pd.Series:
        """Return the order column of such numbers, missing where they are NaN."""
        order = self.order
        if order is None:
            return pd.Series(clock)
        present = ~np.isnan(clock)
        values = np.where(present, clock, 0.0)
        if order.kind != "continuous":
            values = np.rint(values).astype(np.int64)
        return order.restore(values, present)


def on_clock(order: Column | None, dates: pd.Series) -> np.ndarray:
    """Return other dates as numbers of the order column, NaN where missing."""
    if order is None:
        return np.zeros(len(dates))
    numbers, present = numbers_of(order, dates)
    return np.where(present, numbers.astype(np.float64), np.nan)


def dates_of(parents: pd.DataFrame, order: Column | None) -> dict[Hashable, np.ndarray]:
    """Return the dates of parents as numbers of the clock, NaN where missing."""
    dates: dict[Hashable, np.ndarray] = {}
    if order is not None and order.kind == "datetime":
        like = pd.Series([], dtype=order.pandas_dtype())
        for name in parents.columns:
            if same_zone(parents[name], like):
                dates[name] = on_clock(order, parents[name])
    return dates


def durations_of(order: Column | None, series: pd.Series) -> np.ndarray:
    """Return durations in units of the clock; 0 where missing or negative."""
    lasts = np.maximum(np.nan_to_num(as_numbers(series)), 0.0)
    return lasts if order is None else lasts / order.resolution


def as_numbers(series: pd.Series) -> np.ndarray:
    """Return numbers, dates and durations as float64, NaN where missing."""
    if series.dtype.kind in "mM":
        plain = series.dt.tz_convert("UTC").dt.tz_localize(None) if _zone(series) else series
        values = plain.to_numpy().astype(np.int64).astype(np.float64)
        values[series.isna().to_numpy()] = np.nan
        return values
    return pd.to_numeric(series).to_numpy(np.float64, na_value=np.nan)


def is_number(series: pd.Series) -> bool:
    """Return whether a column holds numbers, dates or durations."""
    is_number = pd.api.types.is_numeric_dtype(series.dtype) or series.dtype.kind in "mM"
    return bool(is_number and not pd.api.types.is_bool_dtype(series.dtype))


def same_zone(one: pd.Series, other: pd.Series) -> bool:
    """Return whether two columns are dates that can be subtracted."""
    return one.dtype.kind == other.dtype.kind == "M" and _zone(one) == _zone(other)


def _zone(series: pd.Series) -> Any:
    return getattr(series.dtype, "tz", None)


def taken(base: pd.Series, owners: np.ndarray, index: pd.Index) -> pd.Series:
    """Return a column of the parent for each child row; missing where there is no parent."""
    return base.reindex(np.where(owners < 0, len(base), owners)).set_axis(index)


def _first_of(parent: pd.DataFrame, bases: Sequence[Hashable]) -> pd.Series:
    """Return the first of some dates that is there."""
    first = parent[bases[0]]
    for base in bases[1:]:
        first = first.fillna(parent[base])
    return first


def _bases_of(series: pd.Series, parent: pd.DataFrame, owners: np.ndarray) -> tuple[Hashable, ...]:
    """Return the date of the parent from which a date differs least; none where none helps."""
    best, spread = None, _MOST_SPREAD * as_numbers(series.dropna()).std() if len(series) else 0.0
    there = series.notna().to_numpy()
    for name in parent.columns:
        if not same_zone(parent[name], series):
            continue
        base = taken(parent[name], owners, series.index)
        of = float(as_numbers((series - base)[there]).std())
        if not base[there].isna().any() and of < spread:
            best, spread = name, of
    return () if best is None else (best,)
