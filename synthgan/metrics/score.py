"""The result of a measure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

__all__ = ["Score", "plain"]


@dataclass(frozen=True)
class Score:
    """The value of a measure, with its interval and reference values.

    Parameters
    ----------
    name : str
        Name of the measure.
    value : float
        The value; NaN when nothing could be measured.
    higher_is_better : bool
    detail : DataFrame
        The parts of the value, in a column ``value``: one row per column, pair of columns, model,
        or arm of an attack.
    interval : (float, float) or None, default=None
        95 % confidence interval, where the value is an estimate from a sample.
    ceiling : float or None, default=None
        The same measure with the holdout in place of the synthetic data: the value of other real
        records. None without a holdout.
    floor : float or None, default=None
        The same measure with independently shuffled columns in place of the synthetic data: the
        value without any dependence between columns. The columns are those of the holdout, if there
        is one.
    note : str, default=""
        Remarks on the value: sub-samples, or an attack that is no better than its baseline.
    """

    name: str
    value: float
    higher_is_better: bool
    detail: pd.DataFrame = field(repr=False)
    interval: tuple[float, float] | None = None
    ceiling: float | None = None
    floor: float | None = None
    note: str = ""

    def __float__(self) -> float:
        return self.value

    def to_dict(self) -> dict[str, Any]:
        """Return the score as JSON-ready plain data; NaN becomes None."""
        return {
            "name": self.name,
            "value": plain(self.value),
            "higher_is_better": self.higher_is_better,
            "interval": None if self.interval is None else [plain(x) for x in self.interval],
            "ceiling": plain(self.ceiling),
            "floor": plain(self.floor),
            "note": self.note,
            "detail": [
                {str(key): plain(value) for key, value in row.items()}
                for row in self.detail.reset_index().to_dict("records")
            ],
        }


def plain(value: Any) -> Any:
    """Convert a value for JSON; text, finite numbers, booleans and None are unchanged."""
    if value is None or isinstance(value, bool | str):
        return value
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, int | float | bool) else str(value)
