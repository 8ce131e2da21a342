"""Decimals of numbers."""

from __future__ import annotations

import pandas as pd
import pytest

from synthgan.encoding.tables.column import Column
from synthgan.privacy import Support


@pytest.mark.parametrize(
    ("values", "dtype", "decimals"),
    [
        ([0.15 / 3, 1.0, 0.25], "float64", 2),  # 0.049999999999999996
        ([0.1 + 0.2, 7.0], "float64", 1),
        ([1 / 3, 0.5], "float64", None),
        ([0.05, 0.25], "float32", 2),
        ([1e300, 0.5], "float64", None),
        ([5e-324, 7.0], "float64", None),  # the least number, two units from 0
    ],
)
def test_what_arithmetic_left_near_a_decimal_number_counts_as_that(
    values: list[float], dtype: str, decimals: int | None
) -> None:
    series = pd.Series(values, dtype=dtype)
    assert Column.infer(series.rename("x"), Support()).decimals == decimals


def test_values_of_few_people_may_have_more_decimals() -> None:
    series = pd.Series([0.5] * 20 + [0.123])
    assert Column.infer(series.rename("x"), Support(2)).decimals == 1
