"""What an encoder stores says nothing of fewer rows than min_support."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgan import GridEncoder
from synthgan.exceptions import DataWarning

pytestmark = pytest.mark.filterwarnings("ignore:.*comes back:synthgan.exceptions.DataWarning")


def test_the_range_of_pooled_values_holds_no_extreme():
    x = np.random.default_rng(0).normal(size=1000)
    frame = pd.DataFrame({"x": x})
    encoder = GridEncoder(min_support=5).fit(frame)
    low, high = encoder.limits_["x"]
    stored = np.concatenate(list(encoder.to_state()[1].values()))
    assert not np.isin(x, stored).any()
    assert low not in x
    assert high not in x
    assert (encoder.schema_.columns[0].minimum, encoder.schema_.columns[0].maximum) == (low, high)


def stored_numbers(encoder):
    """Every number that is kept of the data."""
    record, arrays = encoder.to_state()
    found = [float(x) for x in re.findall(r"-?\d+\.?\d*(?:e[+-]?\d+)?", json.dumps(record))]
    return np.concatenate([*(a.ravel() for a in arrays.values() if a.dtype != bool), found])


@settings(max_examples=150)
@given(
    st.integers(2, 8), st.integers(1, 60), st.integers(0, 60), st.integers(0, 30),
    st.integers(0, 2**32 - 1), st.sampled_from(["float", "integer", "date"]),
)  # fmt: skip
def test_no_number_of_fewer_rows_can_be_found_in_what_is_stored(
    min_support, n_rare, n_common, n_missing, seed, kind
):
    # Rare numbers with unmistakable digits, beside one common number and gaps.
    rng = np.random.default_rng(seed)
    rare = rng.choice(10**7, n_rare, replace=False) + 10**7
    numbers = np.concatenate([rare, np.full(n_common, 3)]).astype(float)
    values = pd.Series(np.concatenate([numbers, np.full(n_missing, np.nan)]))
    if len(values) < min_support:
        return
    if kind == "float":
        values = values / 1000
        rare = rare / 1000
    elif kind == "integer":
        values = values.astype("Int64")
    else:
        values = pd.to_datetime(values.astype("Int64"), unit="s")
    encoder = GridEncoder(min_support=min_support).fit(pd.DataFrame({"x": values}))
    stored = stored_numbers(encoder)
    assert not np.isin(rare, stored).any()
    if n_common >= min_support:
        # Nor can one be had from a mean with rows whose common number is known.
        for k in range(2, min_support + 1):
            for common in {3.0, 3 / 1000}:
                assert not np.isclose(
                    stored[:, None] * k - (k - 1) * common, rare, rtol=1e-12
                ).any()


def test_two_means_of_nearly_the_same_rows_are_not_stored():
    x = np.round(np.random.default_rng(0).uniform(1000, 9000, 403), 2)
    encoder = GridEncoder(min_support=5).fit(pd.DataFrame({"x": x}))
    stored = stored_numbers(encoder)
    for k in (4, 5, 6, 7):
        differences = (k + 1) * stored[:, None] - k * stored[None, :]
        hits = np.isclose(differences[:, :, None], np.sort(x)[[5, -6]], rtol=0, atol=1e-7)
        assert not hits.any()


def test_a_nearly_empty_column_comes_back_empty():
    frame = pd.DataFrame({"x": [98_765.25, *[np.nan] * 9], "y": range(10)})
    with pytest.warns(DataWarning, match="'x' has 1 value.* fewer than min_support=5"):
        encoder = GridEncoder().fit(frame)
    assert 98_765.25 not in stored_numbers(encoder)
    assert encoder.inverse_transform(encoder.encode(frame, warn=False)[0])["x"].isna().all()


def test_a_rare_flag_that_is_lost_is_counted():
    flag = pd.DataFrame({"x": [1] * 4 + [0] * 96})
    with pytest.warns(DataWarning, match="'x' comes back constant: its 4 other value"):
        GridEncoder().fit(flag)
