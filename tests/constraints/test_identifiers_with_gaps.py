"""Identifiers some of which are missing."""

import numpy as np
import pandas as pd
import pytest

from synthgan.constraints.constraint_set import ConstraintSet
from synthgan.constraints.identifiers import Identifier
from synthgan.exceptions import DataWarning

N = 300


@pytest.mark.parametrize("dtype", ["Int64", "Int32", "UInt64", "Float64", "float64"])
@pytest.mark.parametrize("name", ["id", "row"])
def test_they_are_found_and_do_not_repeat(dtype, name):
    rng = np.random.default_rng(0)
    numbers = pd.Series(np.arange(N) if name == "row" else rng.permutation(1000)[:N], dtype="Int64")
    numbers[::10] = pd.NA
    is_numpy = dtype == "float64"
    series = (
        pd.Series(numbers.to_numpy(float, na_value=np.nan)) if is_numpy else numbers.astype(dtype)
    )
    frame = pd.DataFrame({name: series, "x": rng.normal(size=N)})
    with pytest.warns(DataWarning, match=f"column {name!r} identifies rows"):
        constraints = ConstraintSet().fit(frame)
    assert [type(one) for one in constraints.constraints_] == [Identifier]
    fake = constraints.restore(constraints.apply(frame), rng)
    assert fake[name].dtype == series.dtype
    assert fake[name].dropna().is_unique
    assert 0.05 < fake[name].isna().mean() < 0.2


@pytest.mark.parametrize(
    "values",
    [
        np.where(np.arange(N) % 10, np.arange(N) // 2, np.nan),  # not all different
        np.where(np.arange(N) % 10, np.random.default_rng(0).permutation(N), np.nan),  # no order
        np.where(np.arange(N) % 10, np.arange(N) + 0.5, np.nan),
        np.where(np.arange(N) < 9, np.arange(N), np.nan),  # too few
        np.where(np.arange(N) % 10, np.arange(N) - 9, np.nan),
    ],
)
def test_other_numbers_with_gaps_are_none(values):
    frame = pd.DataFrame({"amount": values, "x": np.random.default_rng(0).normal(size=N)})
    assert ConstraintSet().fit(frame).constraints_ == []
