"""Measures of a fake table against a real one; knows neither torch nor the GAN."""

from synthgan.metrics.columns import column_shapes
from synthgan.metrics.pairs import pair_trends
from synthgan.metrics.score import Score

__all__ = ["Score", "column_shapes", "pair_trends"]
