"""Lookup constraints: fixed combinations, and dependent columns."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Hashable, Sequence
from operator import eq
from typing import Annotated, Any

import numpy as np
import pandas as pd

from synthgan.constraints.base import (
    Constraint,
    ConstraintOfTwo,
    Translated,
    describe,
    from_plain,
    numbers_of,
    plain_values,
    with_column,
    without_columns,
)
from synthgan.constraints.bins import learn_bins
from synthgan.encoding.tables.column import Column
from synthgan.encoding.tables.schema import Schema
from synthgan.exceptions import DataError, DataWarning, ParameterError, notice
from synthgan.privacy import EVERYTHING, Support
from synthgan.state import fields
from synthgan.state.stored import Scalar, Share

__all__ = ["DependentColumn", "FixedCombinations"]

_Values = list[Scalar | None]
_Columns = Annotated[Sequence[Hashable], fields.list_of(fields.name)]


class FixedCombinations(Constraint):
    """Only combinations of values that occur in the data.

    The first column is replaced by the combinations as levels; the others are dropped.

    Parameters
    ----------
    columns : list of hashable
        Two columns or more. A missing value is part of a combination.

    Notes
    -----
    A combination of fewer than `min_support` rows is not stored. `apply` replaces it by the most
    frequent one among those that agree with it in most columns, and a warning counts the rows.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from synthgan.constraints.lookups import FixedCombinations
    >>> frame = pd.DataFrame({"city": ["Lyon", "Bonn", "Bonn"], "country": ["F", "D", "D"]})
    >>> constraint = FixedCombinations(["city", "country"]).fit(frame)
    >>> constraint.apply(frame)["city"].tolist()
    ['1: Lyon | F', '0: Bonn | D', '0: Bonn | D']
    >>> constraint.restore(constraint.apply(frame), np.random.default_rng()).equals(frame)
    True
    """

    schema_: Schema
    min_support_: Annotated[int, fields.whole(1)]
    combinations_: list[_Values]
    shares_: list[Share]

    def __init__(self, columns: _Columns) -> None:
        self.columns = columns

    @property
    def uses(self) -> tuple[Hashable, ...]:
        """Columns that the constraint needs."""
        return tuple(self.columns)

    @property
    def rewrites(self) -> tuple[Hashable, ...]:
        """All columns of the constraint."""
        return tuple(self.columns)

    def fit(self, frame: pd.DataFrame, support: Support = EVERYTHING) -> FixedCombinations:
        """Learn the combinations and their frequencies; see `Constraint.fit`."""
        if isinstance(self.columns, str) or len(set(self.columns)) < max(2, len(self.columns)):
            raise ParameterError(
                f"columns={self.columns!r} of FixedCombinations is not allowed; "
                "give a list of at least two different columns."
            )
        self.schema_ = describe(frame, self.columns, support)
        self.min_support_ = support.least
        stored = _common(self._rows(frame), support)
        if not stored:
            raise DataError(
                f"columns {list(self.columns)!r} have no combination that at least "
                f"min_support={support.least} rows share: leave FixedCombinations out."
            )
        total = sum(count for _, count in stored)
        self.combinations_ = [list(row) for row, _ in stored]
        self.shares_ = [count / total for _, count in stored]
        return self

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Replace the columns by one; see `Constraint.apply`."""
        rows = self._rows(frame)
        index = {tuple(row): i for i, row in enumerate(self.combinations_)}
        unknown = Counter(row for row in rows if row not in index)
        if unknown:
            warnings.warn(
                f"{unknown.total()} row(s) hold a combination of columns {list(self.columns)!r} "
                f"that fewer than min_support={self.min_support_} rows share; each is replaced by "
                "the most frequent combination that agrees in most columns.",
                DataWarning,
                stacklevel=2,
            )
        for row in unknown:
            stored = self.combinations_
            index[row] = int(np.argmax([sum(map(eq, row, other)) for other in stored]))
        return self._combined(frame, [index[row] for row in rows])

    def restore(self, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Look up combinations; other levels give the most frequent; see `Constraint.restore`."""
        index = {label: i for i, label in enumerate(self._labels())}
        levels = table[self.columns[0]].astype(object)
        rows = [self.combinations_[index.get(level, 0)] for level in levels]
        for i, column in enumerate(self.schema_):
            series = from_plain(column, [row[i] for row in rows], table.index)
            table = with_column(table, column.name, series)
        return table

    def holds(self, frame: pd.DataFrame) -> np.ndarray:
        """Return which rows have a stored combination; see `Constraint.holds`."""
        stored = set(map(tuple, self.combinations_))
        return np.array([row in stored for row in self._rows(frame)], dtype=bool)

    def translate(
        self, known: pd.DataFrame, mask: pd.DataFrame, rng: np.random.Generator
    ) -> Translated:
        """Draw from the combinations that match the known cells; see `Constraint.translate`."""
        names = list(self.columns)
        is_known = mask[names].to_numpy(dtype=bool)
        cells = np.empty(is_known.shape, dtype=object)
        for i, column in enumerate(self.schema_):
            at = is_known[:, i]
            cells[at, i] = plain_values(column, known[column.name][at])
        rows = [self._draw(c, m, rng) for c, m in zip(cells, is_known, strict=True)]
        some = pd.Series(is_known.any(axis=1), index=mask.index)
        mask = without_columns(with_column(mask, names[0], some), names[1:])
        return self._combined(known, rows), mask

    def _check_learnt(self) -> None:
        self.columns, rows = list(self.columns), self.combinations_
        if len(set(self.columns)) < 2 or {len(row) for row in rows} != {len(self.columns)}:
            raise ValueError("its combinations do not match its columns")
        _check_shares(self.shares_, rows)
        for i, column in enumerate(self.schema_):
            _check_values(column, [row[i] for row in rows])

    def _draw(self, cells: np.ndarray, is_known: np.ndarray, rng: np.random.Generator) -> int:
        if not is_known.any():
            return 0
        known = np.flatnonzero(is_known).tolist()
        fits = [all(row[i] == cells[i] for i in known) for row in self.combinations_]
        if not any(fits):
            wanted = ", ".join(f"{self.columns[i]!r}: {cells[i]!r}" for i in known)
            raise DataError(
                f"no combination of columns {list(self.columns)!r} in the training data has "
                f"{{{wanted}}}; give conditions that occur."
            )
        shares = np.where(fits, self.shares_, 0.0)
        return int(rng.choice(len(shares), p=shares / shares.sum()))

    def _rows(self, frame: pd.DataFrame) -> list[tuple[Any, ...]]:
        values = [plain_values(column, frame[column.name]) for column in self.schema_]
        return list(zip(*values, strict=True))

    def _labels(self) -> list[str]:
        # Numbered, because values may contain the separator.
        return [
            f"{i}: " + " | ".join("missing" if value is None else str(value) for value in row)
            for i, row in enumerate(self.combinations_)
        ]

    def _combined(self, frame: pd.DataFrame, indices: list[int]) -> pd.DataFrame:
        labels = self._labels()
        levels = pd.Series([labels[i] for i in indices], dtype=object, index=frame.index)
        frame = with_column(frame, self.columns[0], levels)
        return without_columns(frame, self.columns[1:])


class DependentColumn(ConstraintOfTwo):
    """A column that is determined by another: it is dropped, and restored by lookup.

    Parameters
    ----------
    column : hashable
        The dependent column.
    of : hashable
        The column that determines it.

    Notes
    -----
    A level of `of` that fewer than `min_support` rows have is not stored. Such a level gives the
    value of the nearest stored level if `of` has numbers or dates, otherwise the most frequent
    value.

    Where the value is constant in intervals of numbers or dates, such as classes of the body mass
    index or quantile bins, the edges of the intervals are stored instead of levels: the numbers of
    the fewest digits that separate the rows. Values of fewer than `min_support` people have no
    interval.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from synthgan.constraints.lookups import DependentColumn
    >>> frame = pd.DataFrame({"degree": ["BSc", "PhD", "BSc"], "years": [16, 21, 16]})
    >>> constraint = DependentColumn("years", of="degree").fit(frame)
    >>> constraint.apply(frame).columns.tolist()
    ['degree']
    >>> constraint.restore(constraint.apply(frame), np.random.default_rng()).equals(frame)
    True
    """

    schema_: Schema
    levels_: _Values
    values_: _Values
    shares_: list[Share]
    edges_: list[Scalar] | None = None
    side_: Annotated[str, fields.one_of("left", "right")] = "left"

    def fit(self, frame: pd.DataFrame, support: Support = EVERYTHING) -> DependentColumn:
        """Learn the value of each level; see `Constraint.fit`."""
        self.schema_ = self._describe(frame, support)
        column, of = self.schema_
        levels, values = (plain_values(c, frame[c.name]) for c in (of, column))
        rows = list(zip(levels, values, strict=True))
        pairs = set(rows)
        if len({level for level, _ in pairs}) < len(pairs):
            twice = [n for n in Counter(level for level, _ in pairs).values() if n > 1]
            raise DataError(
                f"column {self.column!r} is not determined by column {self.of!r}: {len(twice)} "
                f"level(s) of {self.of!r} have several values of it; leave {self!r} out."
            )
        self.edges_, self.side_ = None, "left"
        if of.numeric and self._fit_bins(frame, values, support):
            return self
        stored = _common(rows, support)
        if not stored:
            raise DataError(
                f"column {self.of!r} has no level that at least min_support={support.least} rows "
                f"share; leave {self!r} out."
            )
        self.levels_ = [level for (level, _), _ in stored]
        self.values_ = [value for (_, value), _ in stored]
        total = sum(count for _, count in stored)
        self.shares_ = [count / total for _, count in stored]
        return self

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Drop the column; see `Constraint.apply`."""
        return without_columns(frame, [self.column])

    def restore(self, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Restore the column by lookup; see `Constraint.restore`."""
        # Each level is looked up once.
        codes, levels = pd.factorize(table[self.of], use_na_sentinel=False)
        given = self._given(pd.Series(levels))
        values = from_plain(self.schema_.columns[0], given, pd.RangeIndex(len(given)))
        return with_column(table, self.column, values.take(codes).set_axis(table.index))

    def holds(self, frame: pd.DataFrame) -> np.ndarray:
        """Compare with the stored levels; True for other levels; see `Constraint.holds`."""
        column, of = self.schema_
        values = plain_values(column, frame[self.column])
        if self.edges_ is not None:
            pairs, stored = zip(self._given(frame[self.of]), values, strict=True), set(self.values_)
            return np.array([value not in stored or given == value for given, value in pairs], bool)
        given = dict(zip(self.levels_, self.values_, strict=True))
        levels = plain_values(of, frame[self.of])
        pairs = zip(levels, values, strict=True)
        return np.array([given.get(level, value) == value for level, value in pairs], dtype=bool)

    def translate(
        self, known: pd.DataFrame, mask: pd.DataFrame, rng: np.random.Generator
    ) -> Translated:
        """Draw unknown levels that give the known values; see `Constraint.translate`."""
        is_known = mask[self.column].to_numpy(dtype=bool)
        has_level = mask[self.of].to_numpy(dtype=bool)
        column, of = self.schema_
        values = plain_values(column, known[self.column][is_known])
        wanted = dict(zip(np.flatnonzero(is_known), values, strict=True))
        rows = np.flatnonzero(is_known & has_level)
        for i, given in zip(rows, self._given(known[self.of].iloc[rows]), strict=True):
            if wanted[i] != given:
                raise DataError(
                    f"conditions {self.of!r}: {known[self.of].iloc[i]!r} and {self.column!r}: "
                    f"{wanted[i]!r} contradict each other; {self.of!r} gives {given!r}: correct "
                    "one."
                )
        if (is_known & ~has_level).any():
            levels = np.full(len(known), None, dtype=object)
            levels[:] = self.levels_[0]  # arbitrary where nothing is known
            levels[has_level] = plain_values(of, known[self.of][has_level])
            for i in np.flatnonzero(is_known & ~has_level):
                levels[i] = self._draw(wanted[i], rng)
            known = with_column(known, self.of, from_plain(of, levels.tolist(), known.index))
        mask = with_column(mask, self.of, has_level | is_known)
        return without_columns(known, [self.column]), without_columns(mask, [self.column])

    def _check_learnt(self) -> None:
        if len(set(self.levels_)) < max(1, len(self.values_)):
            raise ValueError("its numbers of levels and values differ")
        _check_shares(self.shares_, self.values_)
        _check_values(self.schema_.columns[0], self.values_)
        _check_values(self.schema_.columns[1], self.levels_)
        if self.edges_ is not None:
            edges = np.array(self.edges_, dtype=np.float64)
            n_values = [len(values) for values in self._of_intervals()]
            if not (np.diff(edges) > 0).all() or set(n_values) != {1}:
                raise ValueError("its intervals do not match its levels")

    def _fit_bins(self, frame: pd.DataFrame, values: list[Any], support: Support) -> bool:
        """Learn intervals; return whether there are any."""
        of = self.schema_.columns[1]
        numbers, present = numbers_of(of, frame[self.of])
        index = {value: code for code, value in enumerate(dict.fromkeys(values))}
        codes, labels = np.array([index[value] for value in values]), list(index)
        bins = learn_bins(of, numbers[present], codes[present], labels, support.take(present))
        if bins is None:
            return False
        self.edges_, self.side_ = bins.edges, bins.side
        share = float(present.mean())
        self.levels_, self.shares_ = bins.levels, [share * one for one in bins.shares]
        self.values_ = [labels[code] for code in bins.values]
        if not present.all() and support.holds(~present):
            self.levels_ = [*self.levels_, None]
            self.values_ = [*self.values_, values[int(np.argmin(present))]]
            self.shares_ = [*self.shares_, 1 - share]
        if n_rare := sum(value not in set(self.values_) for value in values):
            notice(
                f"column {self.column!r} has {n_rare} value(s) of fewer people than "
                f"min_support={support.least}; each comes back as the value of the nearest "
                f"interval of {self.of!r}.",
                "have values of too few people: each comes back as that of the nearest interval",
                self.column,
            )
        return True

    def _interval(self, numbers: Sequence[Any]) -> np.ndarray:
        side: Any = "right" if self.side_ == "left" else "left"
        return np.searchsorted(np.array(self.edges_), np.array(numbers), side=side)

    def _of_intervals(self) -> list[set[Any]]:
        """Return the values of each interval."""
        found: list[set[Any]] = [set() for _ in range(len(self.edges_ or ()) + 1)]
        pairs = zip(self.levels_, self.values_, strict=True)
        numbers = [(level, value) for level, value in pairs if level is not None]
        for i, (_, value) in zip(self._interval([n for n, _ in numbers]), numbers, strict=True):
            found[i].add(value)
        return found

    def _draw(self, value: Any, rng: np.random.Generator) -> Any:
        shares = np.where([given == value for given in self.values_], self.shares_, 0.0)
        if not shares.any():
            raise DataError(
                f"condition {self.column!r}: {value!r} does not occur; column {self.column!r} has "
                f"{sorted(set(self.values_), key=str)!r}."
            )
        i = int(rng.choice(len(shares), p=shares / shares.sum()))
        level = self.levels_[i]
        if self.edges_ is None or level is None:
            return level
        # A number on the way to the next level of the interval.
        nearby = [x for x in self.levels_[max(i - 1, 0) : i + 2] if x is not None]
        alike = [x for x in nearby if self._interval([x]) == self._interval([level])]
        column = self.schema_.columns[1]
        drawn = rng.uniform((level + min(alike)) / 2, (level + max(alike)) / 2)
        if column.kind != "continuous":
            return round(drawn)
        return drawn if column.decimals is None else round(drawn, column.decimals)

    def _given(self, series: pd.Series) -> list[Any]:
        """Return the value for each level of `of`, stored or not."""
        of = self.schema_.columns[1]
        given = dict(zip(self.levels_, self.values_, strict=True))
        levels = plain_values(of, series)
        if self.edges_ is not None:
            of_intervals = [next(iter(values)) for values in self._of_intervals()]
            numbers = [level is not None for level in levels]
            where = self._interval([0 if level is None else level for level in levels])
        elif of.numeric:
            levels = _nearest(levels, [level for level in self.levels_ if level is not None])
        totals = dict.fromkeys(self.values_, 0.0)
        for value, share in zip(self.values_, self.shares_, strict=True):
            totals[value] += share
        usual = max(totals, key=totals.__getitem__)
        if self.edges_ is not None:
            missing = given.get(None, usual)
            pairs = zip(where, numbers, strict=True)
            return [of_intervals[i] if is_there else missing for i, is_there in pairs]
        return [given.get(level, usual) for level in levels]


def _common(rows: list[tuple[Any, ...]], support: Support) -> list[tuple[tuple[Any, ...], int]]:
    """Return the rows that enough people share and their counts, in descending order."""
    counts = Counter(rows)
    people = counts
    if support.people is not None:
        people = Counter(row for row, _ in set(zip(rows, support.people.tolist(), strict=True)))
    return [(row, n) for row, n in counts.most_common() if people[row] >= support.least]


def _check_shares(shares: Sequence[float], values: Sequence[Any]) -> None:
    if len(shares) != len(values) or not any(shares):
        raise ValueError(f"it has {len(shares)} shares for {len(values)} values")


def _check_values(column: Column, values: Sequence[Any]) -> None:
    """Raise ValueError or TypeError if a column cannot hold the values."""
    from_plain(column, values, pd.RangeIndex(len(values)))


def _nearest(numbers: list[Any], stored: list[Any]) -> list[Any]:
    """Return the stored number nearest to each number; None stays None."""
    if not stored:
        return numbers
    ordered = np.sort(stored)
    middles = ordered[1:] - np.diff(ordered) / 2
    present = [number is not None for number in numbers]
    filled = [0 if number is None else number for number in numbers]
    nearest = ordered[np.searchsorted(middles, filled)].tolist()
    return [near if is_there else None for near, is_there in zip(nearest, present, strict=True)]
