"""WeightedSum: a column is a weighted sum of others, with weights that a level may choose."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Annotated

import numpy as np
import pandas as pd

from synthgan.constraints.base import plain_values, require_numbers
from synthgan.constraints.computed import ComputedColumn, amounts_of
from synthgan.encoding.tables.column import Column
from synthgan.exceptions import ParameterError
from synthgan.privacy import Support
from synthgan.state import fields
from synthgan.state.stored import Name, Scalar

__all__ = ["PEOPLE_PER_WEIGHT", "WeightedSum", "fit_weights"]

PEOPLE_PER_WEIGHT = 10
_MOST_DIGITS = 9
_N_TRIMMED, _TRIMMED = 3, 0.95  # fits, each without the 5 % of rows that the last one missed most
_Parts = Annotated[Sequence[Hashable], fields.list_of(fields.name)]


class WeightedSum(ComputedColumn):
    """A column is approximately a weighted sum of others; its residual replaces it.

    The column is ``offset + weights @ parts``. Offset and weights are learnt, if wanted for each
    level of a further column: a customer's value from calls and messages, with weights by age
    group.

    Parameters
    ----------
    column : hashable
        The dependent column of numbers.
    parts : list of hashable
        Columns of numbers, at least one.
    by : hashable or None, default=None
        A column of levels or of numbers; None: the same weights in all rows.

    Notes
    -----
    Rows may deviate from the sum and are restored exactly, see `ComputedColumn`. Weights have the
    fewest digits that fit. A level of which fewer than 10 people a weight, or fewer than
    `min_support`, have rows gets no weights: there the sum is undefined.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from synthgan.constraints.weighted_sums import WeightedSum
    >>> frame = pd.DataFrame({"calls": range(60), "texts": [5, 0, 2] * 20})
    >>> frame["cost"] = 0.5 * frame["calls"] + 0.1 * frame["texts"]
    >>> constraint = WeightedSum("cost", ["calls", "texts"]).fit(frame)
    >>> constraint.weights_
    [[0.0, 0.5, 0.1]]
    >>> constraint.restore(constraint.apply(frame), np.random.default_rng()).equals(frame)
    True
    """

    levels_: list[Scalar | None]
    weights_: list[list[float]]

    def __init__(self, column: Name, parts: _Parts, by: Name | None = None) -> None:
        self.column = column
        self.parts = parts
        self.by = by

    @property
    def uses(self) -> tuple[Hashable, ...]:
        """Columns that the constraint needs."""
        return (self.column, *self.parts, *(() if self.by is None else (self.by,)))

    def _check_parameters(self) -> None:
        if isinstance(self.parts, str) or not len(self.parts):
            raise ParameterError(
                f"parts={self.parts!r} of WeightedSum is not allowed; give a list of columns."
            )
        if len(set(self.uses)) < len(self.uses):
            raise ParameterError(f"{self!r} names a column twice; give different columns.")

    def _refuse_kinds(self) -> None:
        require_numbers(self.schema_.columns[: 1 + len(self.parts)], self)

    def _learn(self, frame: pd.DataFrame, support: Support) -> None:
        numbers = self._numbers(frame, self.schema_.columns[: 1 + len(self.parts)])
        present = np.isfinite(numbers).all(axis=1)
        rows = self._levels(frame)
        levels = list(dict.fromkeys(rows))
        index = {level: code for code, level in enumerate(levels)}
        codes = np.array([index[level] for level in rows])
        people = support.counts(np.where(present, codes, -1), len(levels))
        least = max(support.least, PEOPLE_PER_WEIGHT * (1 + len(self.parts)))
        self.levels_, self.weights_ = [], []
        for code in np.flatnonzero(people >= least):
            own, *parts = numbers[present & (codes == code)].T
            step = 10.0 ** -(self.schema_.columns[0].decimals or 0)
            self.levels_.append(levels[code])
            self.weights_.append(fit_weights(own, np.array(parts).T, step / 2).tolist())

    def _check_learnt(self) -> None:
        super()._check_learnt()
        if {len(w) for w in self.weights_} - {1 + len(self.parts)}:
            raise ValueError("its weights do not match its parts")
        if len(self.weights_) != len(self.levels_):
            raise ValueError("its weights do not match its levels")

    def _compute(self, frame: pd.DataFrame) -> np.ndarray:
        parts = self._numbers(frame, self.schema_.columns[1 : 1 + len(self.parts)])
        index = {level: i for i, level in enumerate(self.levels_)}
        rows = np.array([index.get(level, -1) for level in self._levels(frame)], dtype=int)
        weights = np.full((len(self.levels_) + 1, 1 + len(self.parts)), np.nan)
        weights[:-1] = np.array(self.weights_).reshape(-1, weights.shape[1])
        offset, factors = weights[rows, 0], weights[rows, 1:]
        return offset + (factors * parts).sum(axis=1)

    def _levels(self, frame: pd.DataFrame) -> list[Scalar | None]:
        if self.by is None:
            return [None] * len(frame)
        return plain_values(self.schema_.columns[-1], frame[self.by])

    @staticmethod
    def _numbers(frame: pd.DataFrame, columns: Sequence[Column]) -> np.ndarray:
        """Return numbers of columns, NaN where missing, of shape (n_rows, n_columns)."""
        amounts = [amounts_of(column, frame[column.name]) for column in columns]
        return np.column_stack([np.where(present, x, np.nan) for x, present in amounts])


def fit_weights(own: np.ndarray, parts: np.ndarray, allowed: float) -> np.ndarray:
    """Return offset and weights of the fewest digits that fit as well as those of least squares.

    Parameters
    ----------
    own : ndarray of shape (n_rows,)
    parts : ndarray of shape (n_rows, n_parts)
    allowed : float
        Deviation that rounding explains.

    Returns
    -------
    weights : ndarray of shape (1 + n_parts,)
        The offset first.
    """
    x = np.column_stack([np.ones(len(own)), parts])
    size = np.maximum(np.abs(x).max(axis=0), np.finfo(float).tiny)
    kept = np.ones(len(own), dtype=bool)
    for _ in range(_N_TRIMMED):
        weights = np.linalg.lstsq((x / size)[kept], own[kept], rcond=1e-12)[0] / size
        misses = np.abs(own - x @ weights)
        kept = misses <= np.quantile(misses, _TRIMMED)

    def share(some: np.ndarray) -> float:
        return float(np.mean(np.abs(own - x @ some) <= allowed * (1 + 1e-6)))

    best = share(weights)
    for digits in range(1, _MOST_DIGITS):
        rounded = np.array([float(f"{w:.{digits - 1}e}") for w in weights])
        rounded[np.abs(rounded * size) < allowed] = 0.0
        if share(rounded) >= best:
            return rounded
    return weights
