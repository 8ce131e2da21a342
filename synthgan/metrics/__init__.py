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
from synthgan.metrics.pairs import correlations, mutual_information, pair_trends
from synthgan.metrics.score import Score

__all__ = [
    "Score",
    "category_coverage",
    "column_shapes",
    "correlations",
    "jensen_shannon",
    "kolmogorov_smirnov",
    "missing_shares",
    "mutual_information",
    "pair_trends",
    "quartiles",
    "range_coverage",
    "total_variation",
    "wasserstein",
]
