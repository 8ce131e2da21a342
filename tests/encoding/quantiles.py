"""Quantile tables of plain arrays."""

from synthgan.encoding.tables.numbers import Numbers
from synthgan.encoding.tables.quantile import table_of
from synthgan.privacy import EVERYTHING


def fit_quantiles(values, support=EVERYTHING, step=0.0, min_pool=1):
    """Learn a quantile table of numbers; see `table_of`."""
    return table_of(Numbers.of(values, support), step, min_pool)
