"""What every measure returns."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

__all__ = ["Score", "plain"]


@dataclass(frozen=True)
class Score:
    """A measure, and what gives its figure a meaning.

    Parameters
    ----------
    name : str
        What was measured.
    value : float
        The figure; NaN when nothing could be measured.
    higher_is_better : bool
    detail : DataFrame
        The parts of the figure, in a column ``value``: one a column, a pair of columns, a model, or
        an arm of an attack.
    interval : (float, float) or None, default=None
        95 % confidence interval, where the figure is an estimate from a sample.
    ceiling : float or None, default=None
        The same figure with the holdout in place of the fake: what other real records reach. None
        without a holdout.
    floor : float or None, default=None
        The same figure with shuffled columns, each by itself, in place of the fake: what is reached
        without any dependence between columns. Those of the holdout, if there is one.
    note : str, default=""
        What a reader must know: sub-samples, an attack that is no better than its baseline.
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
        """Return all of it as plain data that JSON can hold; NaN becomes None."""
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
    """Return a value that JSON can hold: text, finite numbers, booleans and None as they are."""
    if value is None or isinstance(value, bool | str):
        return value
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, int | float | bool) else str(value)
