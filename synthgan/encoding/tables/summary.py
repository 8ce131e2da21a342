"""The summary of a table, column by column: all that an encoder is fitted from.

Summaries of parts of a table can be merged, where each row is of another person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from synthgan.encoding.tables import numbers as counting
from synthgan.encoding.tables.column import LEVEL_KINDS, Column
from synthgan.encoding.tables.dtypes import (
    COARSEST_NS,
    UNIT_NS,
    raw_numbers,
    shift,
    ticks_of,
    zone_of,
)
from synthgan.encoding.tables.dtypes import time_unit as unit_of
from synthgan.encoding.tables.facts import Facts
from synthgan.encoding.tables.fitting_numbers import Dates
from synthgan.encoding.tables.numbers import Numbers
from synthgan.exceptions import DataError
from synthgan.privacy import EVERYTHING, Support

__all__ = ["ColumnSummary", "TableSummary"]

_GAP_CELLS = 2**24  # that are multiplied at a time


@dataclass(frozen=True)
class ColumnSummary:
    """What is counted of a column.

    Parameters
    ----------
    facts : Facts
    support : Support
        How many people must share what is stored.
    labels : DataFrame or None
        Of a column of labels: by label, in order of appearance, its ``rows`` and ``people``.
    numbers : Numbers or None
        Of a column of numbers: as `raw_numbers` gives them.
    dates : Dates or None
        Of dates too many to be counted one by one: they, their days and times.
    """

    facts: Facts
    support: Support
    labels: pd.DataFrame | None = None
    numbers: Numbers | None = None
    dates: Dates | None = None

    @classmethod
    def of(
        cls, series: pd.Series, support: Support = EVERYTHING, before: ColumnSummary | None = None
    ) -> ColumnSummary:
        """Count a column; `before` is the summary of other rows, to which these come."""
        facts = Facts.of(series, support, None if before is None else before.facts)
        if facts.kind is None or facts.kind in LEVEL_KINDS:
            return cls(facts, support, labels=_count_labels(series, facts.kind, support))
        present = series.notna().to_numpy()
        values = raw_numbers(series, facts.kind)[present]
        return cls(facts, support, numbers=Numbers.of(values, support.take(present)))

    @property
    def n_present(self) -> int:
        """Count the rows that have a value."""
        return self.facts.n_rows - self.facts.n_missing

    def column(self) -> Column:
        """Return the schema of the column."""
        return Column.of(self.facts, self.support.least, may_be_local=self.dates is None)

    def labels_by_frequency(self) -> pd.DataFrame:
        """Return the labels, the most frequent first; of equally frequent ones, the first."""
        if self.labels is None:
            raise ValueError(f"column {self.facts.name!r} holds no labels")
        return self.labels.sort_values("rows", ascending=False, kind="stable")

    def numbers_of(self, column: Column) -> Numbers:
        """Return the numbers of a column as its schema counts them."""
        if self.numbers is None:
            raise ValueError(f"column {column.name!r} holds no numbers")
        numbers, dtype = self.numbers, self.facts.source
        if column.kind == "integer":
            is_shifted = str(dtype).lower().startswith("uint64")
            if not is_shifted or column.shifted:
                return numbers
            return numbers.map(lambda x: shift(x.view(np.uint64)).view(np.int64))
        if column.wall_clock:
            numbers = numbers.map(lambda x: _local(x, dtype))
        return numbers.map(lambda x: x // column.resolution) if column.resolution > 1 else numbers

    def dates_of(self, column: Column) -> Dates:
        """Return the dates of a column as its schema counts them, and their days and times."""
        if self.dates is None:
            return Dates.of(self.numbers_of(column), column.per_day)
        by = column.resolution
        moments, days, times = self.dates
        return Dates(moments.map(lambda x: x // by), days, times.map(lambda x: x // by))

    def bounded(self, most: int | None = None) -> ColumnSummary:
        """Return the summary with at most so many labels or numbers counted one by one."""
        if self.labels is not None and len(self.labels) > (most or counting.MOST_COUNTED):
            order = np.argsort(-self.labels["rows"].to_numpy(), kind="stable")
            return replace(self, labels=self.labels.iloc[np.sort(order[: len(order) // 2])])
        if self.numbers is None:
            return self
        bounded = self.numbers.bounded(most)
        if bounded is self.numbers:
            return self
        dates = None
        if self.facts.kind == "datetime":
            _, days, times = self._parts()
            dates = Dates(bounded, days.bounded(most), times.bounded(most))
        return replace(self, numbers=bounded, dates=dates)

    def merged(self, other: ColumnSummary, most: int | None = None) -> ColumnSummary:
        """Return the summary of the rows of both.

        Raises
        ------
        DataError
            Columns of different types.
        """
        facts = self.facts.merged(other.facts)
        if self.facts.kind is None or other.facts.kind is None:  # one has no values
            one = other if self.facts.kind is None else self
            return replace(one, facts=facts)
        if self.labels is not None and other.labels is not None:
            both = pd.concat([self.labels, other.labels]).groupby(level=0, sort=False).sum()
            return replace(self, facts=facts, labels=both).bounded(most)
        if self.numbers is None or other.numbers is None:
            raise ValueError(f"column {facts.name!r} holds numbers in one part only")
        if self.dates is not None or other.dates is not None:
            pairs = zip(self._parts(), other._parts(), strict=True)
            dates = Dates(*(one.merged(two, most) for one, two in pairs))
            return replace(self, facts=facts, numbers=dates.moments, dates=dates)
        merged = replace(self, facts=facts, numbers=self.numbers.merged(other.numbers, 2**62))
        return merged.bounded(most)

    def _parts(self) -> Dates:
        """Return dates, days and times in units of the dtype."""
        if self.dates is not None or self.numbers is None:
            return self.dates  # type: ignore[return-value]
        return Dates.of(self.numbers, COARSEST_NS // UNIT_NS[unit_of(self.facts.source)])


@dataclass(frozen=True)
class TableSummary:
    """What is counted of a table.

    Parameters
    ----------
    columns : list of ColumnSummary
    n_rows : int
    both_missing : ndarray of int of shape (n_columns, n_columns)
        Rows in which two columns have no value.
    """

    columns: list[ColumnSummary]
    n_rows: int
    both_missing: np.ndarray

    @classmethod
    def of(
        cls, frame: pd.DataFrame, support: Support = EVERYTHING, before: TableSummary | None = None
    ) -> TableSummary:
        """Count the rows of a table, each of another person.

        Parameters
        ----------
        frame : DataFrame
        support : Support
        before : TableSummary or None, default=None
            Of other rows, to which these are added: the scales that they show are then known.
        """
        known: Sequence[Any] = [None] * frame.shape[1] if before is None else before.columns
        columns = [
            ColumnSummary.of(frame[name], support, one).bounded()
            for name, one in zip(frame.columns, known, strict=True)
        ]
        return cls(columns, len(frame), _count_gaps(frame))

    def merged(self, other: TableSummary) -> TableSummary:
        """Return the summary of the rows of both.

        Raises
        ------
        DataError
            Other columns, or columns of different types.
        """
        names = [[column.facts.name for column in one.columns] for one in (self, other)]
        if names[0] != names[1]:
            raise DataError(f"parts have different columns: {names[0]!r} and {names[1]!r}.")
        pairs = zip(self.columns, other.columns, strict=True)
        return TableSummary(
            [one.merged(two) for one, two in pairs],
            self.n_rows + other.n_rows,
            self.both_missing + other.both_missing,
        )

    def gaps_alike(self, one: int, other: int, least: int) -> bool:
        """Return whether two columns are missing in the same rows, but for too few."""
        both, first, second = (
            int(self.both_missing[i, j]) for i, j in ((one, other), (one, one), (other, other))
        )
        n_differ, neither = first + second - 2 * both, self.n_rows - first - second + both
        return not n_differ or (n_differ < least and both >= least and neither >= least)


def _count_labels(series: pd.Series, kind: str | None, support: Support) -> pd.DataFrame:
    if kind == "boolean" and series.dtype == object:  # numpy's own are among them
        series = series.astype("boolean")
    rows = series.value_counts(dropna=True, sort=False)
    rows = rows[rows > 0]
    people = rows if support.people is None else support.of_labels(series).reindex(rows.index)
    index = rows.index.astype(object)
    return pd.DataFrame(
        {"rows": rows.to_numpy(np.int64), "people": people.to_numpy(np.int64)}, index=index
    )


def _count_gaps(frame: pd.DataFrame) -> np.ndarray:
    """Count the rows in which two columns have no value."""
    n_columns = frame.shape[1]
    counts = np.zeros((n_columns, n_columns), np.int64)
    n_at_once = max(1, _GAP_CELLS // max(1, n_columns))
    for first in range(0, len(frame), n_at_once):
        gaps = frame.iloc[first : first + n_at_once].isna().to_numpy()
        some = np.flatnonzero(gaps.any(axis=0))
        ones = gaps[:, some].astype(np.float32)  # sums are exact below 2**24
        counts[np.ix_(some, some)] += np.rint(ones.T @ ones).astype(np.int64)
    return counts


def _local(ticks: np.ndarray, dtype: Any) -> np.ndarray:
    """Return the local times of moments."""
    moments = pd.Series(ticks.view(f"M8[{unit_of(dtype)}]")).dt.tz_localize("UTC")
    return ticks_of(moments.dt.tz_convert(zone_of(dtype)), wall_clock=True)
