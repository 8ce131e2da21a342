"""Which columns are identifiers: of sorted, different whole numbers, those that count rows."""

import warnings

import numpy as np
import pandas as pd
import pytest

from synthgan.constraints.identifiers import find_identifiers
from synthgan.exceptions import DataWarning, grouped_notices

R = np.random.default_rng(0)
POPULATION = np.sort(R.choice(10**5, 1000, replace=False))
KEPT = R.random(1000) < 0.9


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (POPULATION, "has unequal steps"),
        (POPULATION[::-1], "has unequal steps"),
        (np.cumsum(R.integers(1, 9, 300)), "has unequal steps"),
        (np.arange(1900, 2024), "lies between the years 1500 and 2100"),
        (np.arange(2023, 1899, -1), "lies between the years 1500 and 2100"),
    ],
    ids=["sorted", "descending", "small steps", "years", "years descending"],
)
@pytest.mark.parametrize("dtype", ["int64", "Int64", "int32"])
def test_sorted_quantities_are_learnt(values, why, dtype):
    frame = pd.DataFrame({"amount": pd.Series(values, dtype=dtype)})
    with pytest.warns(DataWarning, match=f"'amount' is sorted and all different, but {why}: it is"):
        assert find_identifiers(frame) == []


@pytest.mark.parametrize(
    "values",
    [
        np.arange(500),
        np.arange(500, 0, -1),
        np.arange(7, 7000, 7),
        np.arange(1000)[KEPT],
        100_000 + np.arange(1000)[KEPT][::-1],
    ],
    ids=["from 0", "descending", "steps of 7", "rows left out", "left out, descending"],
)
def test_numbers_of_rows_are_replaced(values):
    with pytest.warns(DataWarning, match="column 'nr' identifies rows"):
        assert len(find_identifiers(pd.DataFrame({"nr": values}))) == 1


def test_an_identifiers_name_decides():
    with pytest.warns(DataWarning, match="column 'patient_id' identifies rows"):
        assert len(find_identifiers(pd.DataFrame({"patient_id": POPULATION}))) == 1
    with pytest.warns(DataWarning, match="column 'id' identifies rows"):
        assert len(find_identifiers(pd.DataFrame({"id": np.arange(1900, 2024)}))) == 1


def test_what_was_decided_is_said_once_for_all_columns():
    frame = pd.DataFrame({"a": POPULATION, "b": POPULATION**2})
    with warnings.catch_warnings(record=True) as caught, grouped_notices():
        warnings.simplefilter("always")
        assert find_identifiers(frame) == []
    (message,) = map(str, (one.message for one in caught))
    assert message.startswith("2 columns ('a', 'b') are sorted and all different, but have unequal")
