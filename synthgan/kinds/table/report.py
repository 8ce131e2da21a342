"""Measures and pictures of tables in a report."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd

from synthgan import metrics
from synthgan.report.displays import ColumnDisplay, CorrelationDisplay
from synthgan.report.pictures import Picture, vector_picture
from synthgan.report.pooling import FEWEST
from synthgan.report.report import Report

__all__ = ["MEASURES", "draw"]

_MOST_COLUMNS = 60
_MOST_CORRELATED = 60  # columns of the correlation heat maps
_FIDELITY = (
    metrics.c2st,
    metrics.c2st_linear,
    metrics.column_shapes,
    metrics.kolmogorov_smirnov,
    metrics.total_variation,
    metrics.wasserstein,
    metrics.jensen_shannon,
    metrics.quartiles,
    metrics.missing_shares,
    metrics.range_coverage,
    metrics.category_coverage,
    metrics.pair_trends,
    metrics.correlations,
    metrics.mutual_information,
    metrics.mmd,
    metrics.precision,
    metrics.recall,
    metrics.density,
    metrics.coverage,
    metrics.alpha_precision,
    metrics.beta_recall,
)
_USEFULNESS = (metrics.tstr, metrics.importance_agreement, metrics.global_utility)
_PRIVACY = (
    metrics.singling_out,
    metrics.linkability,
    metrics.attribute_inference,
    metrics.membership_inference,
    metrics.exact_copies,
    metrics.near_copies,
    metrics.closest_record,
    metrics.neighbour_ratio,
    metrics.authenticity,
)
MEASURES = {
    "fidelity": {measure.__name__: measure for measure in _FIDELITY},
    "usefulness": {measure.__name__: measure for measure in _USEFULNESS},
    "privacy": {
        "singling_out_univariate": partial(metrics.singling_out, mode="univariate"),
        **{measure.__name__: measure for measure in _PRIVACY},
    },
}


def draw(report: Report) -> dict[str, list[Picture]]:
    """Draw the distribution of each column, and the correlations."""
    real, fake = report.records["real"], report.records["fake"]
    n_people = len(real) if report.groups is None else pd.Series(list(report.groups)).nunique()
    if n_people < FEWEST and not report.show_real:
        return {}
    shapes = report.scores.get("fidelity", {}).get("column_shapes")
    values = pd.Series(np.nan, real.columns) if shapes is None else shapes.detail["value"]
    # In the order of the table; if there are too many columns, those that differ most.
    names = list(real.columns)
    if len(names) > _MOST_COLUMNS:
        worst = set(values.sort_values(kind="stable").index[:_MOST_COLUMNS])
        names = [name for name in names if name in worst]
    columns = []
    for name in names:
        drawn = ColumnDisplay.from_frames(
            real[[name]], fake[[name]], name, groups=report.groups, show_real=report.show_real
        ).plot()
        caption = "" if math.isnan(values[name]) else f"similarity {values[name]:.3f}"
        alt = f"Distribution of {name} in real (filled) and synthetic (outlined) records."
        columns.append(vector_picture(drawn.figure_, alt, caption))
    pictures = {"columns": columns}
    if 1 < real.shape[1] <= _MOST_CORRELATED:
        display = CorrelationDisplay.from_frames(real, fake, random_state=0).plot()
        alt = (
            "Three heat maps of the associations between columns: real records, synthetic records, "
            "and the difference."
        )
        pictures["correlations"] = [vector_picture(display.figure_, alt)]
    return pictures
