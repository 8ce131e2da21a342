"""What an encoder stores says nothing of fewer rows than min_support."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgan import GridEncoder
from synthgan.exceptions import DataWarning, OutlierWarning

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


@settings(max_examples=75)
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
    assert encoder.inverse_transform(encoder.encode(frame, warn=False))["x"].isna().all()


def test_a_rare_flag_that_is_lost_is_counted():
    flag = pd.DataFrame({"x": [1] * 4 + [0] * 96})
    with pytest.warns(DataWarning, match="'x' comes back constant: its 4 other value"):
        GridEncoder().fit(flag)


LABELS = st.sampled_from(["object", "string", "category", "ordered"])


def label_series(labels, kind):
    if kind != "ordered":
        return pd.Series(labels, dtype=kind)
    order = [*sorted({label for label in labels if label is not None}), "nobody's"]
    return pd.Series(pd.Categorical(labels, order, ordered=True))


@settings(max_examples=75)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=80),
    st.integers(2, 6), st.integers(0, 5), st.integers(2, 6), LABELS,
)  # fmt: skip
def test_no_label_of_fewer_rows_can_be_found_in_what_is_stored(
    picks, min_support, n_missing, max_one_hot, kind
):
    labels = [f"<{a * b}>" for a, b in picks] + [None] * n_missing
    if len(labels) < min_support:
        return
    frame = pd.DataFrame({"x": label_series(labels, kind)})
    counts = frame["x"].value_counts()
    common = counts[counts >= min_support].index.astype(object)
    encoder = GridEncoder(min_support=min_support, max_one_hot=max_one_hot).fit(frame)
    stored = json.dumps(encoder.to_state()[0])
    assert set(re.findall("<[0-9]+>", stored)) == set(common)
    assert "nobody" not in stored
    back = encoder.decode(encoder.encode(frame, warn=False))["x"]
    kept = frame["x"].isin(common)
    assert (back[kept].astype(object) == frame["x"][kept].astype(object)).all()
    if len(common):
        gaps = frame["x"].isna()
        assert (back.isna() == (gaps & (gaps.sum() >= min_support))).all()
        assert set(back.dropna()) <= set(common)
    else:
        assert back.isna().all()
    if kind in ("category", "ordered"):
        assert set(back.cat.categories) == set(common)
        assert back.cat.ordered == frame["x"].cat.ordered


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            "aaaaaabbbbbbcccd",
            r"'x' has 4 value\(s\) of 2 label.*each comes back as one of the 2",
        ),
        ("aaaaaabbbc", r"'x' comes back constant: its 4 other value\(s\) of 2 label\(s\)"),
        ("aaaabbbc", r"'x' has 8 value\(s\) of 3 label\(s\), all rarer .* it comes back empty"),
    ],
)
def test_pooled_labels_are_counted(labels, message):
    frame = pd.DataFrame({"x": list(labels)})
    with pytest.warns(DataWarning, match=message):
        encoder = GridEncoder(min_support=5).fit(frame)
    common = [label for label in "abcd" if labels.count(label) >= 5]
    back = encoder.decode(encoder.encode(frame, warn=False))["x"]
    assert sorted(back.dropna().unique()) == common


def test_labels_that_look_pooled_are_counted_at_transform():
    frame = pd.DataFrame({"x": list("aaaaabbbbbc")})
    encoder = GridEncoder(min_support=5)
    encoder.fit_transform(frame)
    message = r"2 values clipped or pooled .* the limits or the kept labels \('x': 2\)"
    with pytest.warns(OutlierWarning, match=message):
        encoder.transform(pd.DataFrame({"x": list("aczb")}))


def test_a_rare_rank_becomes_the_nearest_kept_one():
    ranks = pd.Categorical([*"aaaaabcddddd"], list("abcd"), ordered=True)
    encoder = GridEncoder(min_support=5).fit(pd.DataFrame({"x": ranks}))
    back = encoder.decode(encoder.encode(pd.DataFrame({"x": ranks}), warn=False))["x"]
    assert "".join(back) == "aaaaaadddddd"


def test_rows_of_rare_labels_do_not_depend_on_each_other():
    frame = pd.DataFrame({"x": list("aaaaaaabbbbbcdefgh")})
    encoder = GridEncoder(min_support=5).fit(frame)
    whole = encoder.encode(frame, warn=False)
    assert np.array_equal(encoder.encode(frame[::-1], warn=False), whole[::-1])


def test_with_min_support_1_unused_categories_stay():
    frame = pd.DataFrame({"x": pd.Categorical(["a", "b"], list("abc"))})
    encoder = GridEncoder(min_support=1).fit(frame)
    assert encoder.inverse_transform(encoder.transform(frame))["x"].dtype == frame["x"].dtype
