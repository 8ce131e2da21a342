"""Measures of fakes against real records; knows neither torch nor the GAN."""

from synthgan.metrics.columns import (
    category_coverage,
    column_shapes,
    jensen_shannon,
    kolmogorov_smirnov,
    missing_shares,
    quartiles,
    range_coverage,
    total_variation,
    wasserstein,
)
from synthgan.metrics.joint import (
    alpha_precision,
    authenticity,
    beta_recall,
    coverage,
    density,
    mmd,
    precision,
    recall,
)
from synthgan.metrics.pairs import correlations, mutual_information, pair_trends
from synthgan.metrics.score import Score
from synthgan.metrics.two_sample import c2st, c2st_linear
from synthgan.metrics.utility import global_utility, importance_agreement, tstr

__all__ = [
    "Score",
    "alpha_precision",
    "authenticity",
    "beta_recall",
    "c2st",
    "c2st_linear",
    "category_coverage",
    "column_shapes",
    "correlations",
    "coverage",
    "density",
    "global_utility",
    "importance_agreement",
    "jensen_shannon",
    "kolmogorov_smirnov",
    "missing_shares",
    "mmd",
    "mutual_information",
    "pair_trends",
    "precision",
    "quartiles",
    "range_coverage",
    "recall",
    "total_variation",
    "tstr",
    "wasserstein",
]
