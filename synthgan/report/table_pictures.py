"""Pictures of one table in a report: the distribution of each column, and the correlations."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from synthgan.report.displays import ColumnDisplay, CorrelationDisplay
from synthgan.report.pictures import Picture, vector_picture

__all__ = ["MOST_COLUMNS", "draw_columns", "draw_correlations", "least_similar"]

MOST_COLUMNS = 60
_MOST_CORRELATED = 60  # columns of the correlation heat maps


def least_similar(values: Mapping[Any, float]) -> list[Any]:
    """Return the columns to draw, those that differ most first; at most `MOST_COLUMNS`."""
    worst = sorted(values, key=lambda name: (math.isnan(values[name]), values[name]))
    return worst[:MOST_COLUMNS]


def draw_columns(
    real: pd.DataFrame,
    fake: pd.DataFrame,
    values: Mapping[Hashable, float],
    groups: Any = None,
    show_real: bool = True,
    table: str = "",
) -> list[Picture]:
    """Draw the distribution of some columns.

    Parameters
    ----------
    real, fake : DataFrame
    values : mapping of hashable to float
        The columns to draw, with their similarity, or NaN.
    groups, show_real
        As in `ColumnDisplay.from_frames`.
    table : str, default=""
        Name of the table, for the captions.
    """
    pictures = []
    for name, value in values.items():
        drawn = ColumnDisplay.from_frames(
            real[[name]], fake[[name]], name, groups=groups, show_real=show_real
        ).plot()
        similarity = "" if math.isnan(value) else f"similarity {value:.3f}"
        caption = ", ".join(filter(None, (table, similarity)))
        alt = f"Distribution of {name} in real (filled) and synthetic (outlined) records."
        pictures.append(vector_picture(drawn.figure_, alt, caption))
    return pictures


def draw_correlations(real: pd.DataFrame, fake: pd.DataFrame, table: str = "") -> list[Picture]:
    """Draw the associations between the columns of a table that has neither one nor too many."""
    if not 1 < real.shape[1] <= _MOST_CORRELATED:
        return []
    display = CorrelationDisplay.from_frames(real, fake, random_state=0).plot()
    alt = (
        "Three heat maps of the associations between columns: real records, synthetic records, "
        "and the difference."
    )
    return [vector_picture(display.figure_, alt, table)]
