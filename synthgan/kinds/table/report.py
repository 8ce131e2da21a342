"""Measures and pictures of tables in a report."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from synthgan import metrics
from synthgan.report.pictures import Picture
from synthgan.report.pooling import FEWEST
from synthgan.report.report import Report
from synthgan.report.table_pictures import draw_columns, draw_correlations, least_similar

__all__ = ["MEASURES", "draw"]

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
    drawn = {name: values[name] for name in least_similar(dict(values[real.columns]))}
    pictures = {
        "columns": draw_columns(real, fake, drawn, report.groups, report.show_real),
        "correlations": draw_correlations(real, fake),
    }
    return {name: some for name, some in pictures.items() if some}
