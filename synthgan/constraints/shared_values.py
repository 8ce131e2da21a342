"""SharedValue: a column equals another in some rows, and a further column marks them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Hashable

import numpy as np
import pandas as pd

from synthgan.constraints.base import (
    ConstraintOfTwo,
    Translated,
    numbers_of,
    require_numbers,
    unused_name,
    with_column,
    without_columns,
)
from synthgan.constraints.number_columns import Numbers
from synthgan.constraints.residuals import tick_limits
from synthgan.encoding.tables.schema import Schema
from synthgan.privacy import EVERYTHING, Support
from synthgan.state.stored import Name

__all__ = ["SharedValue", "find_shared_values"]

logger = logging.getLogger(__name__)

_MOST_COLUMNS = 100
_FEWEST_VALUES = 50  # of a column that may share them
_FREQUENT = 0.01  # share of the rows with a value that is no evidence, such as 0
_LEAST_SHARE, _FEWEST_ROWS = 0.02, 30  # of rows that share a value that is not frequent
_TIMES_NEAR = 5.0  # as many as have values a step apart
_NEAR_STEPS = 5


class SharedValue(ConstraintOfTwo):
    """In some rows a column has the value of another: a payment settles the whole bill.

    A further column of booleans marks these rows, so that the synthetic values are exactly
    equal there. In other rows they may be anything.

    Parameters
    ----------
    column : hashable
        A column of numbers.
    of : hashable
        Another one.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from synthgan.constraints.shared_values import SharedValue
    >>> frame = pd.DataFrame({"bill": [310, 95, 120], "paid": [310, 50, 120]})
    >>> constraint = SharedValue("paid", of="bill").fit(frame)
    >>> table = constraint.apply(frame)
    >>> table["paid is bill"].tolist()
    [True, False, True]
    >>> restored = constraint.restore(table.assign(bill=[7, 8, 9]), np.random.default_rng())
    >>> restored["paid"].tolist()
    [7, 50, 9]
    """

    schema_: Schema
    flag_: Name

    @property
    def makes(self) -> tuple[Hashable, ...]:
        """The column that marks the rows that share the value."""
        return (self.flag_,)

    def fit(self, frame: pd.DataFrame, support: Support = EVERYTHING) -> SharedValue:
        """Describe the columns; see `Constraint.fit`."""
        self.schema_ = self._describe(frame, support)
        require_numbers(self.schema_, self)
        self.flag_ = unused_name(f"{self.column} is {self.of}", frame.columns)
        return self

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add the column of booleans; see `Constraint.apply`."""
        (own, has_own), (other, has_other) = self._numbers(frame)
        return with_column(frame, self.flag_, has_own & has_other & (own == other))

    def restore(self, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Copy the other value in rows that share it; see `Constraint.restore`."""
        column = self.schema_.columns[0]
        (own, has_own), (other, has_other) = self._numbers(table)
        shares = table[self.flag_].to_numpy(dtype=bool) & has_other
        other = np.clip(other, *tick_limits(column))
        if column.decimals is not None:
            other = np.round(other, column.decimals)
        values = np.where(shares, other, own)
        values = values if column.kind == "continuous" else values.astype(np.int64)
        series = column.restore(values, has_own | shares).set_axis(table.index)
        return without_columns(with_column(table, self.column, series), [self.flag_])

    def translate(
        self, known: pd.DataFrame, mask: pd.DataFrame, rng: np.random.Generator
    ) -> Translated:
        """Mark the rows that share the value where both are known; see `Constraint.translate`."""
        both = mask[self.column].to_numpy(dtype=bool) & mask[self.of].to_numpy(dtype=bool)
        return self.apply(known), with_column(mask, self.flag_, both)

    def _numbers(self, frame: pd.DataFrame) -> list[tuple[np.ndarray, np.ndarray]]:
        return [numbers_of(column, frame[column.name]) for column in self.schema_]


def find_shared_values(
    frame: pd.DataFrame, fixed: Collection[Hashable] = (), gone: Collection[Hashable] = ()
) -> list[SharedValue]:
    """Find columns that have the value of another in more rows than near values explain.

    Rows with a value that 1 % of the rows have in either column do not count: that both are 0
    is weak evidence. At least 2 % of the rows must share a value, and five times as many as have
    values a step of rounding apart.

    Parameters
    ----------
    frame : DataFrame
    fixed : collection of hashable
        Columns that may be shared, but do not share.
    gone : collection of hashable
        Columns that do neither.

    Returns
    -------
    shared : list of SharedValue
        Not fitted; each column has the values of at most one other, in no circle.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from synthgan.constraints.shared_values import find_shared_values
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"bill": rng.integers(1, 9999, 500)})
    >>> frame["paid"] = np.where(rng.random(500) < 0.3, frame["bill"], rng.integers(1, 9999, 500))
    >>> find_shared_values(frame)
    [SharedValue(column='paid', of='bill')]
    """
    numbers = Numbers.read(frame, gone)
    some = np.flatnonzero((numbers.n_distinct >= _FEWEST_VALUES) & ~numbers.are_times)
    some = some[:_MOST_COLUMNS]
    is_rare = np.array([_rare(numbers.values[:, i]) for i in some], bool).reshape(-1, len(frame)).T
    least = max(_FEWEST_ROWS, _LEAST_SHARE * len(frame))
    pairs = []
    for k, i in enumerate(some):
        rare = is_rare[:, [k]] & is_rare[:, k + 1 :]
        apart = np.abs(numbers.values[:, some[k + 1 :]] - numbers.values[:, [i]])
        n_equal = ((apart == 0) & rare).sum(axis=0)
        for j in np.flatnonzero(n_equal >= least):
            step = max(numbers.own_steps[[i, some[k + 1 + j]]])
            near = (apart[:, j] > 0) & (apart[:, j] <= (_NEAR_STEPS + 0.5) * step) & rare[:, j]
            if n_equal[j] > _TIMES_NEAR * near.sum() / _NEAR_STEPS:
                pairs.append((int(n_equal[j]), int(some[k + 1 + j]), int(i)))
    found: dict[Hashable, SharedValue] = {}
    for _, later, earlier in sorted(pairs, key=lambda pair: (-pair[0], *pair[1:])):
        column, of = numbers.names[later], numbers.names[earlier]
        if column in found or column in set(fixed):
            continue
        found[column] = SharedValue(column, of)
        logger.info("column %r has the value of column %r in some rows", column, of)
    return list(found.values())


def _rare(values: np.ndarray) -> np.ndarray:
    """Return which rows have a value that is not frequent."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (counts[where] < _FREQUENT * len(values)) & ~np.isnan(values)
