"""Formula constraints: a column is replaced by its residual from a formula of others."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from synthgan.constraints.base import require_numbers
from synthgan.constraints.computed import ComputedColumn, amounts_of, ticks_per
from synthgan.constraints.residuals import TIMES
from synthgan.exceptions import DataError, ParameterError
from synthgan.state import fields
from synthgan.state.stored import Name

__all__ = ["Formula"]


class Kind(NamedTuple):
    """A sum, or a product: the signs of its terms, or the powers of its factors."""

    is_sum: bool
    weights: tuple[int, ...]

    def __call__(self, parts: Sequence[Any]) -> Any:
        """Compute the formula of arrays that broadcast."""
        if self.is_sum:
            first, *others = (w * part for w, part in zip(self.weights, parts, strict=True))
            return sum(others, first)
        result = parts[0]  # its power is 1 in all kinds
        for weight, part in zip(self.weights[1:], parts[1:], strict=True):
            power = part if abs(weight) == 1 else part ** abs(weight)
            result = result * power if weight > 0 else result / power
        return result


FORMULAS = {
    "a": Kind(True, (1,)),
    "a + b": Kind(True, (1, 1)),
    "a - b": Kind(True, (1, -1)),
    "a + b + c": Kind(True, (1, 1, 1)),
    "a + b - c": Kind(True, (1, 1, -1)),
    "a * b": Kind(False, (1, 1)),
    "a / b": Kind(False, (1, -1)),
    "a / b ** 2": Kind(False, (1, -2)),
    "a * b * c": Kind(False, (1, 1, 1)),
    "a * b / c": Kind(False, (1, 1, -1)),
}


def keeps_dates(kind: str, are_dates: Sequence[bool], factor: float = 1.0) -> bool:
    """Return whether a formula of dates has a meaning: a date, or a length of time.

    `are_dates` is true where the column, and each part, is a date. A date plus a length of time is
    a date; a date minus a date is a length of time.
    """
    own, *parts = are_dates
    if not any(are_dates):
        return True
    is_sum, weights = FORMULAS[kind]
    n_dates = sum(weight * is_date for weight, is_date in zip(weights, parts, strict=True))
    return is_sum and n_dates == own and (factor == 1 or not own)


class Formula(ComputedColumn):
    """A column is approximately given by a formula of others; its residual replaces it.

    The column is ``factor * formula + offset``.

    Parameters
    ----------
    column : hashable
        The dependent column: numbers, dates or durations.
    kind : str
        The formula: ``"a"``, ``"a + b"``, ``"a - b"``, ``"a + b + c"``, ``"a + b - c"``,
        ``"a * b"``, ``"a / b"``, ``"a / b ** 2"``, ``"a * b * c"`` or ``"a * b / c"``.
    a, b, c : hashable
        Columns of numbers, dates or durations in it; those that it does not name are None. Dates
        may be in sums only, where they make a date or, as in ``"a - b"``, a length of time.
    factor : float, default=1.0
        Multiplier of the formula.
    offset : float, default=0.0
        Added to it. Minus half a step makes a formula that is rounded down.
    unit_days : float, default=1.0
        Days in one unit of numbers that are lengths of time; 1/24 if they are hours.

    Notes
    -----
    The formula is a description, not a condition: rows may deviate from it and are restored
    exactly. It is rounded to the number of decimals that minimises the entropy of the residuals.
    Where it is undefined, for example because a part is missing, a further column holds the column
    itself, and the residual is drawn from the other rows. If fewer than `min_support` people have
    such rows, the median of the column is used instead (an average of `min_support` values).
    Restored values that deviate from the formula are clipped to the range of the data, whose ends
    are such averages, too.
    """

    _later: ClassVar[dict[str, Any]] = {"c": None, "offset": 0.0, "unit_days": 1.0}

    def __init__(
        self,
        column: Name,
        kind: Annotated[str, fields.one_of(*FORMULAS)],
        a: Name,
        b: Name | None = None,
        factor: float = 1.0,
        c: Name | None = None,
        offset: float = 0.0,
        unit_days: float = 1.0,
    ) -> None:
        self.column = column
        self.kind = kind
        self.a = a
        self.b = b
        self.factor = factor
        self.c = c
        self.offset = offset
        self.unit_days = unit_days

    @property
    def uses(self) -> tuple[Hashable, ...]:
        """Columns that the constraint needs."""
        return (self.column, *(part for part in (self.a, self.b, self.c) if part is not None))

    def _check_parameters(self) -> None:
        n_parts = len(self.uses) - 1
        in_order = (self.b is not None) >= (self.c is not None)
        if self.kind not in FORMULAS or not in_order:
            n_needed = -1
        else:
            n_needed = len(FORMULAS[self.kind].weights)
        if n_parts != n_needed:
            raise ParameterError(
                f"kind={self.kind!r}, b={self.b!r} and c={self.c!r} of Formula do not match; "
                f"kinds are {list(FORMULAS)}: give the columns that the kind names."
            )
        if self.column in self.uses[1:]:
            raise ParameterError(
                f"{self!r} is not allowed: a column cannot depend on itself: give other columns."
            )
        if not (self.unit_days > 0 and np.isfinite(self.unit_days)):
            raise ParameterError(
                f"unit_days={self.unit_days!r} of Formula is not allowed; give days, more than 0."
            )

    def _refuse_kinds(self) -> None:
        require_numbers(self.schema_, self, also=TIMES)
        are_dates = [column.kind == "datetime" for column in self.schema_]
        if not keeps_dates(self.kind, are_dates, self.factor):
            dates = [column.name for column in self.schema_ if column.kind == "datetime"]
            raise DataError(
                f"{self!r} has no meaning for dates ({dates!r}); a sum may give a date, or "
                "'a - b' a length of time: give other columns."
            )

    def _rounds_up(self) -> bool:
        return self.offset != 0

    def _compute(self, frame: pd.DataFrame) -> np.ndarray:
        own, *parts = self.schema_.columns
        numbers = []
        for column in parts:
            values, present = amounts_of(column, frame[column.name], self.unit_days)
            numbers.append(np.where(present, values, np.nan))
        computed = self.factor * FORMULAS[self.kind](numbers) + self.offset
        return computed * ticks_per(own, self.unit_days) if own.kind in TIMES else computed
