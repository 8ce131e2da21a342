"""FrequentCombinations: numbers that often stand together; a column marks their rows."""

from __future__ import annotations

import logging
from collections.abc import Collection, Hashable, Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
import pandas as pd
from scipy import sparse

from synthgan.constraints.base import (
    Constraint,
    Translated,
    describe,
    numbers_of,
    require_numbers,
    unused_name,
    with_column,
    without_columns,
)
from synthgan.encoding.tables.column import Column
from synthgan.encoding.tables.schema import Schema
from synthgan.exceptions import DataError
from synthgan.privacy import EVERYTHING, Support
from synthgan.state import fields
from synthgan.state.stored import Name

__all__ = ["FrequentCombinations", "find_frequent_combinations"]

logger = logging.getLogger(__name__)

_FEWEST_PEOPLE, _LEAST_SHARE = 20, 0.005  # of a combination
_FEWEST_COLUMNS, _MOST_COLUMNS = 3, 200
_FEWEST_VALUES = 20  # of a column; fewer are learnt as labels are
_MOST_ROWS, _MOST_VALUES = 20_000, 4000  # that are searched; the most frequent values
_MOST_COMBINATIONS = 15
# How often the other values stand beside the rarest one, and how many times as often as elsewhere.
_TOGETHER, _LIFT = 0.5, 3.0
_OTHER = "other"
_LARGEST = 2.0**53  # whole numbers up to here are exact as floats

_Combination = dict[int, float]  # values by the positions of their columns
_Stored = Annotated[
    list[list[float | None]], fields.list_of(fields.list_of(fields.optional(fields.number())))
]


class FrequentCombinations(Constraint):
    """In some rows, several columns of numbers hold a combination of values that is frequent.

    Examples are the averages that stand for the measurements of people who were not measured, or
    the numbers of an account that nobody uses. A further column holds which combination a row has,
    if any; its numbers are then replaced by those of other rows. So synthetic rows have either the
    whole combination or none of it, and each combination is as frequent as in the data.

    Parameters
    ----------
    columns : list of hashable
        Columns of numbers, at least three.

    Notes
    -----
    A combination is of three or more columns, at least 20 people and 0.5 % of the rows have it. In
    half of the rows with its rarest value or more, each of its other values stands beside it, which
    is three times as often as in all rows, or more. The rule is that of association rules: their
    confidence and lift (Brin, Motwani, Ullman and Tsur 1997, doi 10.1145/253260.253325).

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from synthgan.constraints.frequent_combinations import FrequentCombinations
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame(rng.normal(size=(500, 3)).round(2), columns=["t3", "t4", "tsh"])
    >>> frame.iloc[:25] = [0.2, 1.1, 1.9]
    >>> constraint = FrequentCombinations(["t3", "t4", "tsh"]).fit(frame)
    >>> constraint.apply(frame)["combination of t3"].value_counts().to_dict()
    {'other': 475, '1': 25}
    >>> table = constraint.apply(frame).assign(**{"combination of t3": "1"})
    >>> constraint.restore(table, rng).drop_duplicates().to_numpy().tolist()
    [[0.2, 1.1, 1.9]]
    """

    stage = 2
    schema_: Schema
    label_: Name
    combinations_: _Stored

    def __init__(self, columns: Annotated[Sequence[Name], fields.list_of(fields.name)]) -> None:
        self.columns = columns

    @property
    def rewrites(self) -> tuple[Hashable, ...]:
        """Columns whose numbers are replaced in rows that have a combination."""
        return tuple(self.columns)

    @property
    def makes(self) -> tuple[Hashable, ...]:
        """The column that holds which combination a row has."""
        return (self.label_,)

    def fit(self, frame: pd.DataFrame, support: Support = EVERYTHING) -> FrequentCombinations:
        """Find the combinations; see `Constraint.fit`."""
        self.schema_ = describe(frame, self.columns, support)
        require_numbers(self.schema_, self)
        self.label_ = unused_name(f"combination of {self.columns[0]}", frame.columns)
        found = _search(_numbers(self.schema_, frame), support)
        if not found:
            raise DataError(
                f"no combination of values is frequent in the columns {list(self.columns)!r}; "
                f"leave {type(self).__name__} out."
            )
        self.combinations_ = [
            [values.get(i) for i in range(len(self.columns))] for values, _ in found
        ]
        return self

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add the column of combinations, and draw their numbers anew; see `Constraint.apply`."""
        return self._applied(frame, self._which(_numbers(self.schema_, frame)))

    def restore(self, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Write the numbers of combinations; see `Constraint.restore`."""
        which = self._label_of.get_indexer(pd.Index(table[self.label_].astype(object)))
        for i, column in enumerate(self.schema_.columns):
            rows = self._members(i)[which]
            if not rows.any():
                continue
            values, present = numbers_of(column, table[column.name])
            own = [0 if combination[i] is None else combination[i] for combination in self._all]
            values = np.where(rows, np.array(own, values.dtype)[which], values)
            series = column.restore(values, present | rows).set_axis(table.index)
            table = with_column(table, column.name, series)
        return without_columns(table, [self.label_])

    def translate(
        self, known: pd.DataFrame, mask: pd.DataFrame, rng: np.random.Generator
    ) -> Translated:
        """Set the combination of rows with known numbers; see `Constraint.translate`.

        It is known to be none where only some of its numbers are known.
        """
        masks = mask[list(self.columns)].to_numpy(dtype=bool)
        some = masks.any(axis=1)
        numbers = _numbers(self.schema_, known[list(self.columns)].where(masks))
        which = np.where(some, self._which(numbers), 0)
        mask = with_column(mask, self.label_, some)
        for i, name in enumerate(self.columns):
            mask = with_column(mask, name, masks[:, i] & ~self._members(i)[which])
        return self._applied(known, which), mask

    @property
    def _label_of(self) -> pd.Index:
        """Labels of no combination, and of each."""
        return pd.Index([_OTHER, *(str(i + 1) for i in range(len(self.combinations_)))])

    @property
    def _all(self) -> list[list[float | None]]:
        """Values of no combination, and of each."""
        return [[None] * len(self.columns), *self.combinations_]

    def _members(self, i: int) -> np.ndarray:
        """Return which combinations, and none, hold a value of column `i`."""
        return np.array([combination[i] is not None for combination in self._all])

    def _which(self, numbers: list[np.ndarray]) -> np.ndarray:
        """Return the combination of each row, counted from 1; 0: none."""
        which = np.zeros(len(numbers[0]), dtype=np.int64)
        for k in range(len(self.combinations_), 0, -1):  # of two, a row has the first
            of_all = zip(numbers, self._all[k], strict=True)
            has_it = [column == value for column, value in of_all if value is not None]
            which[np.logical_and.reduce(has_it)] = k
        return which

    def _applied(self, frame: pd.DataFrame, which: np.ndarray) -> pd.DataFrame:
        """Write labels, and in rows with a combination numbers of rows that have none."""
        labels = pd.Categorical.from_codes(which, categories=self._label_of)
        frame = with_column(frame, self.label_, pd.Series(labels, index=frame.index))
        free = np.flatnonzero(which == 0)
        if not len(free) or len(free) == len(which):
            return frame
        others = np.random.default_rng(0).choice(free, len(which))
        for i, name in enumerate(self.columns):
            rows = np.where(self._members(i)[which], others, np.arange(len(which)))
            frame = with_column(frame, name, frame[name].iloc[rows].set_axis(frame.index))
        return frame

    def _check_learnt(self) -> None:
        sizes = {len(combination) for combination in self.combinations_}
        if not self.combinations_ or sizes != {len(self.columns)}:
            raise ValueError("the combinations do not match the columns")
        if any(all(value is None for value in one) for one in self.combinations_):
            raise ValueError("a combination is empty")
        for i, column in enumerate(self.schema_.columns):
            values = [value for one in self.combinations_ if (value := one[i]) is not None]
            if column.kind != "continuous" and not all(float(x).is_integer() for x in values):
                raise ValueError(f"column {column.name!r} holds whole numbers")


def find_frequent_combinations(
    frame: pd.DataFrame, support: Support = EVERYTHING, fixed: Collection[Hashable] = ()
) -> list[FrequentCombinations]:
    """Find columns with frequent combinations of values; see `FrequentCombinations`.

    Parameters
    ----------
    frame : DataFrame
    support : Support, default=EVERYTHING
        Combinations of fewer people are left out.
    fixed : collection of hashable
        Columns that are left out.

    Returns
    -------
    found : list of FrequentCombinations
        One, not fitted, or none.
    """
    schema = _numeric(frame[[name for name in frame.columns if name not in set(fixed)]])
    found = _search(_numbers(schema, frame), support)
    some = sorted({i for values, _ in found for i in values})
    if not some:
        return []
    names = [schema.names[i] for i in some]
    for values, n_rows in found:
        shown = {schema.names[i]: value for i, value in values.items()}
        logger.info("%d rows have the combination %r", n_rows, shown)
    return [FrequentCombinations(names)]


def _numeric(frame: pd.DataFrame) -> Schema:
    """Describe the columns of numbers, but for those of few values."""
    kept = []
    for name in frame.columns:
        try:
            column = Column.infer(frame[name])
        except DataError:
            continue
        if column.kind in ("integer", "continuous") and frame[name].nunique() >= _FEWEST_VALUES:
            kept.append(replace(column, minimum=None, maximum=None))
    return Schema(tuple(kept[:_MOST_COLUMNS]))


def _numbers(schema: Schema, frame: pd.DataFrame) -> list[np.ndarray]:
    """Return the numbers of columns; NaN where missing, or too large to be exact."""
    found = []
    for column in schema.columns:
        values, present = numbers_of(column, frame[column.name])
        values = values.astype(np.float64)
        found.append(np.where(present & (np.abs(values) < _LARGEST), values, np.nan))
    return found


def _search(numbers: list[np.ndarray], support: Support) -> list[tuple[_Combination, int]]:
    """Return combinations, and how many rows have them; the longest come first."""
    if len(numbers) < _FEWEST_COLUMNS:
        return []
    every = np.column_stack(numbers)
    n_rows = len(every)
    some = np.arange(n_rows)
    if n_rows > _MOST_ROWS:
        some = np.sort(np.random.default_rng(0).choice(n_rows, _MOST_ROWS, replace=False))
    least = max(_FEWEST_PEOPLE, support.least)
    taken, chosen = np.zeros(n_rows, dtype=bool), []
    for values in _candidates(every[some]):
        own = (every[:, list(values)] == list(values.values())).all(axis=1) & ~taken
        if support.count(own) < least or own.sum() < _LEAST_SHARE * n_rows:
            continue
        taken |= own
        chosen.append((values, int(own.sum())))
        if len(chosen) == _MOST_COMBINATIONS:
            break
    return chosen


def _candidates(x: np.ndarray) -> list[_Combination]:
    """Return values that stand beside a rarer one unusually often; the longest come first."""
    least = max(1, _LEAST_SHARE * len(x))
    seen: list[tuple[int, float, np.ndarray]] = []
    for i, column in enumerate(x.T):
        values, codes, counts = np.unique(column, return_inverse=True, return_counts=True)
        order = np.argsort(codes, kind="stable")
        rows_of = np.split(order, np.cumsum(counts)[:-1])
        frequent = np.flatnonzero((counts >= least) & ~np.isnan(values))
        seen += [(i, float(values[k]), rows_of[k]) for k in frequent]
    if not seen:
        return []
    seen = sorted(seen, key=lambda one: -len(one[2]))[:_MOST_VALUES]
    items = [(i, value) for i, value, _ in seen]
    rows = np.concatenate([rows for *_, rows in seen])
    places = np.repeat(np.arange(len(seen)), [len(rows) for *_, rows in seen])
    ones = np.ones(len(rows), dtype=np.float32)
    is_item = sparse.csr_array((ones, (rows, places)), (len(x), len(items)))
    both = (is_item.T @ is_item).toarray()
    counts = both.diagonal()
    found: dict[tuple[tuple[int, float], ...], float] = {}
    for item, beside in enumerate(both):
        share = beside / counts[item]
        is_tied = (share >= _TOGETHER) & (share >= _LIFT * counts / len(x))
        is_tied &= counts >= counts[item]
        members = tuple(sorted({items[item], *(items[j] for j in np.flatnonzero(is_tied))}))
        if len(members) >= _FEWEST_COLUMNS:
            found[members] = float(counts[item])
    return [dict(one) for one in sorted(found, key=lambda one: (-len(one), -found[one]))]
