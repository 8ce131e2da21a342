"""An encoder that learns a table part by part is that of the whole table."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgan import GridEncoder
from synthgan.encoding.tables import numbers
from synthgan.encoding.tables.schema import Schema
from synthgan.encoding.tables.summary import TableSummary
from synthgan.exceptions import DataError, ParameterError
from synthgan.privacy import Support
from tests.frames import frames

pytestmark = pytest.mark.filterwarnings("ignore::synthgan.exceptions.DataWarning")


def parts_of(frame, n_parts):
    ends = np.linspace(0, len(frame), n_parts + 1).astype(int)
    return [frame.iloc[a:b] for a, b in pairwise(ends) if b > a]


def same(one, other):
    (record, arrays), (theirs, their_arrays) = one.to_state(), other.to_state()
    assert record == theirs
    assert arrays.keys() == their_arrays.keys()
    for name, array in arrays.items():
        assert array.dtype == their_arrays[name].dtype
        assert np.array_equal(array, their_arrays[name]), name


@settings(max_examples=60)
@given(frames(min_rows=8), st.integers(1, 4), st.sampled_from(["quantile", "minmax"]))
def test_an_encoder_of_parts_is_that_of_the_whole(frame, n_parts, scaling):
    whole = GridEncoder(scaling=scaling).fit(frame)
    encoder = GridEncoder(scaling=scaling)
    for part in parts_of(frame, n_parts):
        encoder.partial_fit(part)
    same(encoder, whole)
    assert np.array_equal(encoder.encode(frame, warn=False), whole.encode(frame, warn=False))


@settings(max_examples=40)
@given(frames(min_rows=8))
def test_merged_encoders_are_that_of_the_whole(frame):
    first, second = (GridEncoder(min_support=2).partial_fit(part) for part in parts_of(frame, 2))
    same(first.merge(second), GridEncoder(min_support=2).fit(frame))


@given(frames(min_rows=6))
def test_the_summary_of_parts_merged_is_that_of_the_whole(frame):
    support = Support(3)
    whole = TableSummary.of(frame, support)
    first, second = (TableSummary.of(part, support) for part in parts_of(frame, 2))
    merged = first.merged(second)
    assert merged.n_rows == whole.n_rows == len(frame)
    assert np.array_equal(merged.both_missing, whole.both_missing)
    columns = [column.column() for column in merged.columns]
    assert columns == [column.column() for column in whole.columns]
    assert columns == list(Schema.infer(frame, support))
    for one, other in zip(merged.columns, whole.columns, strict=True):
        if one.labels is not None:
            ours, theirs = (x.labels_by_frequency().reset_index() for x in (one, other))
            assert ours.to_numpy().tolist() == theirs.to_numpy().tolist()
        else:
            assert np.array_equal(one.numbers.levels, other.numbers.levels)
            assert np.array_equal(one.numbers.counts, other.numbers.counts)


def many(n=6000):
    rng = np.random.default_rng(0)
    start = np.datetime64("2020-01-01", "s")
    office = rng.integers(0, 700, n) * 86_400 + rng.integers(8 * 3600, 17 * 3600, n)
    return pd.DataFrame(
        {
            "real": rng.normal(size=n),
            "zero": np.where(rng.random(n) < 0.4, 0.0, rng.lognormal(size=n)),
            "cents": rng.lognormal(4, 1, n).round(2),
            "whole": rng.integers(0, 10**6, n),
            "huge": rng.integers(2**60, 2**62, n),
            "seen": (start + office).astype("M8[ms]"),
            "gap": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "gap too": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "few": rng.choice(["a", "b"], n),
            "many": np.array([f"c{i % 700}" for i in rng.zipf(1.4, n)], dtype=object),
        }
    ).assign(**{"gap too": lambda x: x["gap too"].where(x["gap"].notna())})


@pytest.fixture
def few_counted(monkeypatch):
    pytest.importorskip("datasketches")
    monkeypatch.setattr(numbers, "MOST_COUNTED", 800)


@pytest.mark.usefixtures("few_counted")
def test_columns_of_many_different_numbers_are_within_the_error():
    frame = many()
    whole, encoder = GridEncoder().fit(frame), GridEncoder()
    for part in parts_of(frame, 5):
        encoder.partial_fit(part)
    assert encoder.summary_.columns[0].numbers.sketch is not None
    assert encoder.summary_.columns[5].dates is not None
    assert [c.kind for c in encoder.cell_groups_] == [c.kind for c in whole.cell_groups_]
    (ours, widths), (theirs, _) = (one.encode_cells(frame, warn=False) for one in (encoder, whole))
    assert widths.shape[0] == len(frame)
    shape = (len(frame), -1)
    assert np.abs(ours.reshape(shape) - theirs.reshape(shape)).max() / 254 < 0.01
    back = encoder.decode(ours)
    assert (back.dtypes == frame.dtypes).all()
    for name in ("real", "zero", "cents", "whole"):
        ordered = np.sort(frame[name])
        ranks = np.searchsorted(ordered, [frame[name], back[name]]) / len(frame)
        assert np.abs(ranks[0] - ranks[1]).max() < 0.01
    assert back["seen"].dt.hour.between(8, 17).all()
    assert (back["zero"] == 0).sum() == (frame["zero"] == 0).sum()


def test_rare_values_are_those_of_the_whole_table():
    rows = pd.DataFrame({"label": ["a", "b"] * 8 + ["rare"], "x": [1, 2] * 8 + [77]})
    encoder = GridEncoder().partial_fit(rows)
    assert "rare" not in encoder.column_cells_[0].codec.levels
    for _ in range(4):
        encoder.partial_fit(rows)
    assert "rare" in encoder.column_cells_[0].codec.levels
    assert 77 in encoder.column_cells_[1].codec.levels


def test_an_encoder_waits_for_enough_rows():
    rows = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
    encoder = GridEncoder().partial_fit(rows)
    assert not encoder.__sklearn_is_fitted__()
    assert encoder.partial_fit(rows).__sklearn_is_fitted__()
    assert not hasattr(encoder.fit(pd.concat([rows] * 3)), "summary_")


def test_parts_that_do_not_fit_are_refused():
    rows = pd.DataFrame({"x": [1.0, 2.0] * 5, "y": [1, 2] * 5})
    encoder = GridEncoder().partial_fit(rows)
    with pytest.raises(DataError, match="column 'x' holds continuous values in one part and strin"):
        encoder.partial_fit(rows.assign(x="a"))
    with pytest.raises(DataError, match="column 'y' has dtype int64 in one part and int32 in ano"):
        encoder.partial_fit(rows.astype({"y": "int32"}))
    with pytest.raises(ValueError, match="feature names should match"):
        encoder.partial_fit(rows.rename(columns={"x": "z"}))
    with pytest.raises(ParameterError, match="groups cannot be counted in passes"):
        encoder.partial_fit(rows, groups="x")
    with pytest.raises(ParameterError, match="merge needs encoders that were fitted by partial"):
        encoder.merge(GridEncoder().fit(rows))
    with pytest.raises(ParameterError, match="merge needs encoders of equal parameters"):
        encoder.merge(GridEncoder(min_support=9).partial_fit(rows))
    other = GridEncoder().partial_fit(rows.rename(columns={"x": "z"}))
    with pytest.raises(DataError, match="parts have different columns: "):
        encoder.merge(other)


def test_categories_of_parts_are_joined():
    parts = [pd.DataFrame({"c": pd.Categorical([*levels] * 5)}) for levels in ("ab", "bc")]
    encoder = GridEncoder().partial_fit(parts[0]).partial_fit(parts[1])
    assert encoder.schema_.columns[0].categories == ("a", "b", "c")
    ordered = [part.assign(c=part["c"].cat.as_ordered()) for part in parts]
    with pytest.raises(DataError, match="column 'c' has dtype category in one part and category"):
        GridEncoder().partial_fit(ordered[0]).partial_fit(ordered[1])


def test_parts_without_values_have_the_type_of_the_others():
    empty = pd.DataFrame({"text": pd.Series([None] * 6, dtype=object)})
    full = pd.DataFrame({"text": pd.Series([True, False] * 6, dtype=object)})
    for parts in ([empty, full], [full, empty]):
        encoder = GridEncoder()
        for part in parts:
            encoder.partial_fit(part)
        same(encoder, GridEncoder().fit(pd.concat(parts, ignore_index=True)))
