"""Numbers as ranks among the rows of the same label: a laboratory value among those of its test."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass, field, replace
from typing import Annotated

import numpy as np
import pandas as pd

from synthgan.encoding.tables.column import Column
from synthgan.exceptions import ArchiveError
from synthgan.families.coding import LabelLevels, as_labels
from synthgan.families.number_values import nearest, numbers_or_nan, shared_numbers, spread
from synthgan.privacy import EVERYTHING, Support, pooled_means
from synthgan.state import fields
from synthgan.state.stored import Name, Stored

__all__ = ["LabelRanks"]

_MOST_LEVELS, _FEWEST_ROWS = 30, 200  # of a label; rarer levels share the ranks of all rows
_MOST_KNOTS, _ROWS_A_KNOT = 100, 10
_MIN_BETWEEN = 0.1  # of the variance of ranks, between labels

_Numbers = Annotated[tuple[float, ...], fields.list_of(fields.number())]
_Tables = Annotated[tuple[_Numbers, ...], fields.list_of(fields.list_of(fields.number()))]


@dataclass(frozen=True)
class LabelRanks(Stored):
    """A column of numbers or durations whose distribution depends on a label.

    The number is replaced by its rank among the rows of its label, 0 to 1. Whole numbers are spread
    over the interval that is rounded to them first.

    Parameters
    ----------
    column : Column
    by : hashable
        A column of labels.
    levels : tuple of str
    knots, ranks : tuple of tuple of float
        Numbers, ascending, and their ranks: for each level, then for all other rows. A knot is a
        mean over as many people as must share a stored value.
    shared : tuple of float, default=()
        Values that enough people share, ascending, if most rows have one, such as doses; restored
        numbers are the nearest ones of these.
    """

    _record_name = "label ranks"

    column: Column
    by: Name
    levels: tuple[str, ...]
    knots: _Tables
    ranks: _Tables
    shared: _Numbers = field(default=(), metadata={"sparse": True})

    @classmethod
    def find(
        cls,
        table: pd.DataFrame,
        support: Support = EVERYTHING,
        fixed: Collection[Hashable] = (),
    ) -> list[LabelRanks]:
        """Find numbers whose distribution depends on a label, and the label that explains most.

        Parameters
        ----------
        table : DataFrame of shape (n_rows, n_columns)
        support : Support, default=EVERYTHING
        fixed : collection of hashable
            Columns of numbers that are left as they are.
        """
        labels = []
        for name in table.columns:
            if pd.api.types.infer_dtype(table[name], skipna=True) in ("string", "categorical"):
                texts = as_labels(table[name])
                people = support.of_labels(pd.Series(texts))
                counts = pd.Series(texts).value_counts()[people.index[people >= support.least]]
                levels = counts.index[counts >= _FEWEST_ROWS].tolist()
                if 2 <= len(levels) <= _MOST_LEVELS:
                    labels.append(LabelLevels(name, tuple(levels)))
        codes = {level.name: level.codes(as_labels(table[level.name])) for level in labels}
        found = []
        for name in table.columns:
            if not labels or name in set(fixed) or not _is_plain_number(table[name]):
                continue
            ranks = table[name].rank(pct=True).to_numpy(np.float64, na_value=np.nan)
            between = [_between(ranks, codes[level.name]) for level in labels]
            best = int(np.argmax(between))
            if between[best] >= _MIN_BETWEEN:
                level = labels[best]
                found.append(cls._learn(table[name], level, codes[level.name], support))
        return [one for one in found if one is not None]

    @classmethod
    def _learn(
        cls, series: pd.Series, level: LabelLevels, codes: np.ndarray, support: Support
    ) -> LabelRanks | None:
        """Learn the ranks; None where no value may be stored."""
        column = replace(Column.infer(series, support), minimum=None, maximum=None)
        values = spread(column, series)
        there = ~np.isnan(values)
        every = _knots(values, np.flatnonzero(there), support)
        if not every[0]:
            return None
        own = [np.flatnonzero(there & (codes == code)) for code in range(len(level.levels))]
        tables = [_knots(values, rows, support) for rows in own]
        knots, ranks = zip(*(one if one[0] else every for one in [*tables, every]), strict=True)
        return cls(
            column,
            level.name,
            level.levels,
            knots,
            ranks,
            shared_numbers(numbers_or_nan(column, series), support),
        )

    def apply(self, table: pd.DataFrame) -> pd.DataFrame:
        """Replace the numbers by their ranks."""
        values = spread(self.column, table[self.column.name])
        table = table.copy(deep=False)
        ranks = self._map(values, table, self.knots, self.ranks)
        table[self.column.name] = pd.Series(ranks, index=table.index)
        return table

    def restore(self, table: pd.DataFrame) -> pd.DataFrame:
        """Replace the ranks by numbers; inverse of `apply` up to the distance of knots."""
        ranks = table[self.column.name].to_numpy(np.float64, na_value=np.nan)
        table = table.copy(deep=False)
        values = self._map(ranks, table, self.ranks, self.knots)
        present = ~np.isnan(values)
        values = np.where(present, values, 0.0)
        if self.shared:
            values = nearest(values, self.shared)
        if self.column.kind in ("integer", "timedelta"):
            values = np.rint(values).astype(np.int64)
        elif self.column.decimals is not None:
            values = np.round(values, self.column.decimals)
        table[self.column.name] = self.column.restore(values, present).set_axis(table.index)
        return table

    def _map(
        self,
        values: np.ndarray,
        table: pd.DataFrame,
        at: tuple[tuple[float, ...], ...],
        to: tuple[tuple[float, ...], ...],
    ) -> np.ndarray:
        codes = LabelLevels(self.by, self.levels).codes(as_labels(table[self.by]))
        mapped = np.full(len(values), np.nan)
        for code in np.unique(codes):
            own = (codes == code) & ~np.isnan(values)
            if own.any():
                mapped[own] = np.interp(values[own], at[code], to[code])
        return mapped

    def _check_record(self) -> None:
        sizes = [list(map(len, part)) for part in (self.knots, self.ranks)]
        if sizes[0] != sizes[1] or len(sizes[0]) != len(self.levels) + 1:
            raise ArchiveError("ranks of other labels")
        if min(sizes[0]) < 2:
            raise ArchiveError("ranks without numbers")
        if any((np.diff(one) < 0).any() for one in (*self.knots, *self.ranks, self.shared)):
            raise ArchiveError("ranks that are not ascending")


def _is_plain_number(series: pd.Series) -> bool:
    is_number = pd.api.types.is_numeric_dtype(series.dtype) or series.dtype.kind == "m"
    return bool(is_number and not pd.api.types.is_bool_dtype(series.dtype) and series.nunique() > 2)


def _knots(
    values: np.ndarray, rows: np.ndarray, support: Support
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return means of neighbouring values, and their ranks; none where they are too few."""
    rows = rows[np.argsort(values[rows], kind="stable")]
    fewest = max(_ROWS_A_KNOT, len(rows) // _MOST_KNOTS)
    if len(rows) < 2 * fewest:
        return (), ()
    sizes, means = pooled_means(values[rows], support.take(rows), fewest=fewest)
    if len(means) < 2 or np.isnan(means).any():
        return (), ()
    ranks = np.cumsum(sizes) - sizes / 2
    ranks = (ranks - ranks[0]) / (ranks[-1] - ranks[0])
    return tuple(means.tolist()), tuple(ranks.tolist())


def _between(ranks: np.ndarray, codes: np.ndarray) -> float:
    """Return the share of the variance of ranks that lies between labels."""
    there = ~np.isnan(ranks)
    ranks, codes = ranks[there], codes[there]
    if len(ranks) < _FEWEST_ROWS or not ranks.var() > 0:
        return 0.0
    counts = np.bincount(codes)
    means = np.bincount(codes, weights=ranks) / np.maximum(counts, 1)
    return float(counts @ (means - ranks.mean()) ** 2 / len(ranks) / ranks.var())
