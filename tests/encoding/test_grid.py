import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from sklearn.base import clone

from synthgan import GridEncoder
from synthgan.encoding import CellGroup
from synthgan.exceptions import DataError, DataWarning, OutlierWarning, ParameterError
from synthgan.synthesizers.recipes import TABLE_PRESETS
from tests.frames import frames

EXACT_KINDS = ["small int", "bool", "boolean", "object", "string", "category", "day"]
layouts = st.sampled_from(["morton", "row-major", "sectioned"])
pytestmark = pytest.mark.filterwarnings("ignore:.*comes back:synthgan.exceptions.DataWarning")


def assert_came_back(back, frame, **options):
    """Same columns, dtypes and index type; row labels are fresh."""
    kinds = {"RangeIndex": pd.RangeIndex}
    assert isinstance(back.index, kinds.get(type(frame.index).__name__, pd.Index))
    assert back.index.inferred_type == frame.index.inferred_type
    assert_frame_equal(
        back.reset_index(drop=True), frame.reset_index(drop=True), check_freq=False, **options
    )


@settings(max_examples=75)
@given(frames(), layouts)
def test_quantile_cells_with_min_support_1_are_exact(frame, layout):
    encoder = GridEncoder(min_support=1, layout=layout).fit(frame)
    grids = encoder.transform(frame)
    assert grids.dtype == np.float32
    assert_came_back(encoder.inverse_transform(grids), frame, check_exact=True)


@settings(max_examples=50)
@given(frames(), st.integers(0, 2**32 - 1))
def test_every_point_of_a_cell_decodes_alike(frame, seed):
    encoder = GridEncoder(min_support=1).fit(frame)
    grids, half_widths = encoder.encode_cells(frame)
    if half_widths is None:
        return
    free = [c for g in encoder.cell_groups_ if g.kind == "continuous" for c in g.cells]
    flat = grids.reshape(len(grids), -1).astype(np.float64)
    shift = np.random.default_rng(seed).uniform(-0.99, 0.99, half_widths.shape)
    flat[:, free] += shift * half_widths
    assert_came_back(encoder.inverse_transform(flat), frame, check_exact=True)


@settings(max_examples=50)
@given(frames(kinds=EXACT_KINDS), layouts, st.sampled_from(["floor", "round"]))
def test_grey_levels_are_exact_for_levels_small_integers_and_days(frame, layout, rounding):
    wide = [c for c in frame if frame[c].dtype.kind == "M" and np.ptp(frame[c].dropna()).days > 254]
    frame = frame.drop(columns=wide)
    if not frame.shape[1]:
        return
    encoder = GridEncoder(scaling="minmax", layout=layout, rounding=rounding).fit(frame)
    grids = encoder.transform(frame)
    assert grids.dtype == np.uint8
    assert_came_back(encoder.inverse_transform(grids), frame)


@settings(max_examples=50)
@given(frames(kinds=["float", "decimal", "Float64"]), st.sampled_from(["floor", "round"]))
def test_grey_levels_are_within_a_step_for_floats(frame, rounding):
    frame = frame.reset_index(drop=True)
    encoder = GridEncoder(scaling="minmax", rounding=rounding).fit(frame)
    back = encoder.inverse_transform(encoder.transform(frame))
    assert (back.isna() == frame.isna()).all(axis=None)
    for name, step in encoder.step_.items():
        decimals = encoder.schema_.columns[encoder.schema_.names.index(name)].decimals
        slack = step * (1 + 1e-6) + (0 if decimals is None else 0.5 * 10.0**-decimals) + 1e-300
        ours, theirs = (t[name].to_numpy(np.float64, na_value=0) for t in (back, frame))
        assert (np.abs(ours - theirs) <= slack).all()


@settings(max_examples=25)
@given(frames(min_rows=8, max_rows=40, kinds=["decimal", "small int", "day"]), st.integers(2, 8))
def test_pooled_values_stay_in_their_range_and_null_stays_null(frame, min_support):
    frame = frame.reset_index(drop=True)
    encoder = GridEncoder(min_support=min_support).fit(frame)
    back = encoder.inverse_transform(encoder.encode(frame, warn=False))
    # Of so few rows one average may be the value of too few: then nothing is stored.
    is_empty = back.isna().all() & (frame.notna().sum() < 2 * min_support)
    assert (back.dtypes == frame.dtypes)[~is_empty].all()
    for name in frame:
        real = frame[name].dropna()
        if len(real) < min_support or is_empty[name]:
            assert back[name].isna().all()
        else:
            # Missing values of fewer rows are filled. Columns whose gaps differ in fewer rows
            # share them.
            gaps = frame[name].isna()
            differ = back[name].isna() != (gaps & (gaps.sum() >= min_support))
            assert differ.sum() < min_support
            common = (real.map(real.value_counts()) >= min_support) & ~differ[real.index]
            assert (back.loc[real.index, name][common] == real[common]).all()
            assert back[name].dropna().between(real.min(), real.max()).all()


@given(frames(min_rows=5), layouts, st.sampled_from(["minmax", "quantile"]))
def test_groups_cover_the_grid_once(frame, layout, scaling):
    encoder = GridEncoder(scaling=scaling, layout=layout).fit(frame)
    cells = [cell for group in encoder.cell_groups_ for cell in group.cells]
    assert sorted(cells) == list(range(np.prod(encoder.grid_shape_)))
    grids = encoder.encode(frame, warn=False).reshape(len(frame), -1)
    for group in encoder.cell_groups_:
        values = grids[:, list(group.cells)]
        if group.kind == "null":
            assert (values == 0).all()
            continue
        gone = (
            np.zeros(len(grids), bool) if group.presence is None else grids[:, group.presence] == 1
        )
        assert (values[gone] == 0).all()
        there = values[~gone]
        assert ((there >= 1) & (there <= 255)).all()
        if group.kind == "one_hot":
            assert (np.sort(there, axis=1)[:, -1:] == 255).all()
            assert (np.sort(there, axis=1)[:, :-1] == 1).all()
        if group.kind == "binary":
            assert np.isin(there, [1, 255]).all()


@given(frames(min_rows=2))
def test_rows_do_not_depend_on_each_other(frame):
    encoder = GridEncoder(min_support=1).fit(frame)
    whole = encoder.transform(frame)
    assert np.array_equal(encoder.transform(frame.iloc[1:]), whole[1:])
    assert np.array_equal(encoder.transform(frame.iloc[::-1]), whole[::-1])


@given(frames(min_rows=5))
def test_what_was_learnt_survives_as_plain_data(frame):
    encoder = GridEncoder().fit(frame)
    again = clone(encoder).from_state(*encoder.to_state())
    grids = encoder.encode(frame, warn=False)
    assert np.array_equal(again.encode(frame, warn=False), grids)
    assert_came_back(again.inverse_transform(grids), encoder.inverse_transform(grids))


def test_thesis_grid_of_the_thyroid_table(thyroid_path):
    thyroid = pd.read_csv(thyroid_path)
    patients = thyroid[thyroid["Class"] == 3].drop(columns="Class")
    encoder = clone(TABLE_PRESETS["thesis-thyroid"].parameters["encoder"])
    with pytest.warns(OutlierWarning, match="164 of 6666 rows dropped"):
        grids = encoder.fit_transform(patients)
    assert grids.shape == (6502, 7, 7)
    first = grids[0].tolist()
    assert first[0] == [192, 9, 70, 0, 0, 0, 0]  # Age TSH T3, Table 6.2
    assert first[1] == [104, 77, 143, 0, 0, 0, 0]  # TT4 T4U FTI
    binary = patients.drop(columns=list(encoder.limits)).iloc[0].to_numpy().reshape(5, 3)
    assert np.array_equal(grids[0, 2:, :3], np.where(binary == 1, 255, 1))
    assert not grids[:, :, 3:].any()


def test_presence_cell():
    frame = pd.DataFrame({"x": [0.5, 7.25, np.nan, 3.0]})
    encoder = GridEncoder(scaling="minmax", layout="row-major").fit(frame)
    value, presence = encoder.transform(frame).reshape(4, -1)[:, :2].T
    assert value.tolist() == [1, 255, 0, 95]  # the smallest value is no NULL
    assert presence.tolist() == [255, 255, 1, 255]
    assert encoder.cell_groups_[0] == CellGroup("continuous", (0,), presence=1, column="x")


def test_high_cardinality_takes_one_cell():
    rng = np.random.default_rng(0)
    often = np.repeat(np.arange(9000), 5)
    numbers = rng.permutation(np.concatenate([often, rng.integers(9000, 10_000, 5000)]))
    frame = pd.DataFrame({"city": [f"city {i}" for i in numbers]})
    encoder = GridEncoder().fit(frame)
    assert encoder.cell_groups_ == [CellGroup("continuous", (0,), column="city")]
    grids, half_widths = encoder.encode_cells(frame, warn=False)
    dithered = grids.reshape(-1, 1) + half_widths * rng.uniform(-0.9, 0.9, half_widths.shape)
    back = encoder.inverse_transform(dithered)["city"]
    often = frame["city"].map(frame["city"].value_counts()) >= 5
    assert (back == frame["city"])[often].all()
    assert back.isin(frame["city"][often]).all()
    with pytest.raises(DataError, match=r"'city' has .* levels, more than the 255 grey levels"):
        GridEncoder(scaling="minmax").fit(frame)


def test_array_in_array_out():
    x = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    encoder = GridEncoder(min_support=1).fit(x)
    back = encoder.inverse_transform(encoder.transform(x))
    assert isinstance(back, np.ndarray)
    assert back.dtype == np.float32
    assert np.array_equal(back, x)


def test_polars_and_pyarrow_in_and_out():
    polars = pytest.importorskip("polars")
    table = polars.DataFrame(
        {
            "whole": [1, None, 3, 2**60 + 1],
            "small": polars.Series([1, 2, None, 4], dtype=polars.Int8),
            "real": [0.5, None, 2.5, 1.25],
            "flag": [True, None, False, True],
            "text": ["a", None, "b", "a"],
            "day": polars.Series([1, 20_000, None, 3], dtype=polars.Int32).cast(polars.Date),
            "time": polars.Series([1, 2, None, 10**15]).cast(polars.Datetime("us")),
            "span": polars.Series([1, 2, None, 10**12]).cast(polars.Duration("us")),
            "group": polars.Series(["x", "y", None, "x"], dtype=polars.Categorical),
        }
    )
    for given_table in (table, table.to_arrow()):
        encoder = GridEncoder(min_support=1).fit(given_table)
        record, arrays = encoder.to_state()
        encoder = clone(encoder).from_state(json.loads(json.dumps(record)), arrays)
        back = encoder.inverse_transform(encoder.transform(given_table))
        assert type(back) is type(given_table)
        assert back.schema == given_table.schema
        assert back.equals(given_table)
    with pytest.raises(DataError, match=r"LazyFrame has no rows yet; give its collect\(\)"):
        GridEncoder().fit(table.lazy())


def test_arrow_dtypes_of_pandas():
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(
        {
            "i": pd.Series([1, None, 3], dtype="int64[pyarrow]"),
            "f": pd.Series([1.5, None, 3], dtype="double[pyarrow]"),
            "s": pd.Series(["a", None, "b"], dtype="string[pyarrow]"),
            "b": pd.Series([True, None, False], dtype="bool[pyarrow]"),
            "t": pd.to_datetime(pd.Series(["2020-01-01", None, "2021-05-05"])).astype(
                "timestamp[us][pyarrow]"
            ),
            "d": pd.to_timedelta(pd.Series([1, None, 5], dtype="Int64"), unit="s").astype(
                "duration[us][pyarrow]"
            ),
        }
    )
    encoder = GridEncoder(min_support=1).fit(frame)
    assert_frame_equal(encoder.inverse_transform(encoder.transform(frame)), frame)


def test_tables_that_only_speak_a_protocol(clinic):
    class Arrow:
        def __arrow_c_stream__(self, requested_schema=None):
            return pyarrow.Table.from_pandas(table).__arrow_c_stream__(requested_schema)

    pyarrow = pytest.importorskip("pyarrow")
    table = clinic[["age", "ward", "smoker"]]
    if not hasattr(pd.DataFrame, "from_arrow"):
        pytest.skip("this pandas reads the dataframe protocol, not Arrow's")
    encoder = GridEncoder(min_support=1).fit(Arrow())
    assert_frame_equal(
        encoder.inverse_transform(encoder.transform(Arrow())), table, check_dtype=False
    )


def test_set_output_gives_a_table_of_cells(clinic):
    encoder = GridEncoder().set_output(transform="pandas")
    cells = encoder.fit_transform(clinic)
    assert list(cells.columns) == list(encoder.get_feature_names_out())
    assert "outcome=worse" in cells
    assert "hba1c:present" in cells
    back = encoder.inverse_transform(cells)
    assert (back.dtypes == clinic.dtypes).all()


@pytest.mark.parametrize("scaling", ["minmax", "quantile"])
def test_png_round_trip(tmp_path, clinic, scaling):
    encoder = GridEncoder(scaling=scaling, min_support=1).fit(clinic)
    files = encoder.to_images(clinic, tmp_path / "grids")
    assert len(files) == len(clinic)
    back = encoder.from_images(tmp_path / "grids")
    assert_frame_equal(back, encoder.inverse_transform(encoder.transform(clinic)))
    with pytest.raises(DataError, match="holds PNG files already"):
        encoder.to_images(clinic, tmp_path / "grids")


def test_bad_images_are_named(tmp_path, clinic):
    encoder = GridEncoder().fit(clinic)
    with pytest.raises(DataError, match="holds no PNG file"):
        encoder.from_images(tmp_path)
    (tmp_path / "row-0.png").write_text("no picture")
    with pytest.raises(DataError, match=r"row-0.png' is not a readable PNG"):
        encoder.from_images(tmp_path)
    (tmp_path / "row-0.png").unlink()
    GridEncoder().fit(clinic[["age"]]).to_images(clinic[["age"]][:1], tmp_path)
    with pytest.raises(DataError, match=r"has shape \(1, 1\)"):
        encoder.from_images(tmp_path)


def test_outliers():
    frame = pd.DataFrame({"x": np.arange(11.0), "y": np.arange(11.0)})
    limits = {"x": (2.0, 8.0)}
    with pytest.warns(OutlierWarning, match=r"'x' widened from \(2.0, 8.0\) .* keep 4 value"):
        kept = GridEncoder(scaling="minmax", limits=limits).fit(frame)
    assert kept.limits_ == {"x": (0.0, 10.0), "y": (0.0, 10.0)}
    clip = GridEncoder(scaling="minmax", limits=limits, outliers="clip").fit(frame)
    with pytest.warns(OutlierWarning, match=r"4 values clipped .* \('x': 4\)"):
        back = clip.inverse_transform(clip.transform(frame))
    assert (back["x"].min(), back["x"].max()) == (2.0, 8.0)
    drop = GridEncoder(scaling="minmax", limits=limits, outliers="drop")
    with pytest.warns(OutlierWarning, match=r"4 of 11 rows dropped"):
        assert len(drop.fit_transform(frame)) == 7
    quantiles = GridEncoder(scaling="minmax", limits=0.1, outliers="clip").fit(frame)
    assert quantiles.limits_["x"] == (1.0, 9.0)


@pytest.mark.parametrize("n_levels", [65, 200, 255])
@pytest.mark.parametrize("scaling", ["minmax", "quantile"])
def test_many_levels_are_exact(n_levels, scaling):
    frame = pd.DataFrame({"x": [f"level {i}" for i in range(n_levels)] * 5})
    encoder = GridEncoder(scaling=scaling).fit(frame)
    assert len(encoder.cell_groups_) == 1
    assert (encoder.inverse_transform(encoder.transform(frame)) == frame).all(axis=None)


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([*range(240, 256)] * 2, dtype="uint8"),
        pd.Series([*range(240, 256)] * 2, dtype="UInt8"),
        pd.Series(np.linspace(1e38, 3.4e38, 40), dtype="float32"),
        pd.Series(pd.date_range("2262-01-01", periods=90, freq="D", unit="ns")),
        pd.Series(pd.timedelta_range("1h", periods=40, freq="7min")),
    ],
)
def test_no_cell_decodes_beyond_the_data(values):
    frame = values.to_frame("x")
    encoder = GridEncoder(min_support=3, max_one_hot_numeric=2).fit(frame)
    cells = np.linspace(1, 255, 300, dtype=np.float32).reshape(-1, 1, 1)
    decoded = encoder.inverse_transform(cells)["x"]
    assert decoded.dtype == values.dtype
    assert decoded.is_monotonic_increasing
    assert decoded.between(values.min(), values.max()).all()


def test_large_integers_beside_rare_ones():
    common = [2**60 + 1] * 10 + [2**60 + 7] * 10
    rare = [2**60 + 1000 + 50 * i for i in range(20)]
    frame = pd.DataFrame({"x": common + rare})
    encoder = GridEncoder(min_support=5).fit(frame)
    back = encoder.inverse_transform(encoder.encode(frame, warn=False))
    assert back["x"][:20].tolist() == common


def test_midnights_of_a_zone_stay_midnights():
    days = pd.date_range("2020-01-01", periods=900, freq="D", tz="Europe/Madrid", unit="us")
    frame = pd.DataFrame({"x": days})
    encoder = GridEncoder().fit(frame)
    cells = np.linspace(1, 255, 500, dtype=np.float32).reshape(-1, 1, 1)
    decoded = encoder.inverse_transform(cells)["x"]
    assert (decoded == decoded.dt.normalize()).all()
    assert decoded.dtype == frame["x"].dtype


def test_columns_are_matched_by_place_when_one_side_is_an_array():
    frame = pd.DataFrame({"a": np.arange(9.0), "b": np.arange(9.0) ** 2})
    encoder = GridEncoder(min_support=1).fit(frame)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        cells = encoder.transform(frame.to_numpy())
    assert np.array_equal(cells, encoder.transform(frame))
    with pytest.warns(UserWarning, match="was fitted without feature names"):
        cells = GridEncoder(min_support=1).fit(frame.to_numpy()).transform(frame)
    assert np.array_equal(cells, encoder.transform(frame))


def test_multiindex_and_named_columns():
    columns = pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])
    frame = pd.DataFrame(np.arange(20.0).reshape(10, 2), columns=columns)
    encoder = GridEncoder(min_support=1).fit(frame)
    assert_frame_equal(encoder.inverse_transform(encoder.transform(frame)), frame)
    named = frame.set_axis(pd.Index(["x", "y"], name="measure"), axis=1)
    encoder = GridEncoder(min_support=1).fit(named)
    assert_frame_equal(encoder.inverse_transform(encoder.transform(named)), named)


def test_without_null_every_level_is_used():
    frame = pd.DataFrame({"x": range(256)})
    encoder = GridEncoder(scaling="minmax-full").fit(frame)
    assert encoder.cell_groups_[0].lowest_cell == 0
    assert_frame_equal(encoder.inverse_transform(encoder.transform(frame)), frame)


def test_limits_leave_flags_alone():
    frame = pd.DataFrame({"flag": [1] + [0] * 199, "x": np.arange(200.0)})
    encoder = GridEncoder(scaling="minmax", limits=0.02, outliers="drop").fit(frame)
    with pytest.warns(OutlierWarning, match=r"8 of 200 rows dropped .*\('x': 8\)"):
        encoder.transform(frame)


def test_bad_data():
    nothing = pd.DataFrame({"x": [np.nan] * 6, "y": range(6)})
    with pytest.warns(DataWarning, match="column 'x' has no values; it comes back empty"):
        encoder = GridEncoder().fit(nothing)
    assert encoder.inverse_transform(encoder.encode(nothing, warn=False))["x"].isna().all()
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(DataError, match=r"column names \['a'\] occur more than once"):
        GridEncoder().fit(twice)
    with pytest.raises(DataError, match=r"the table has no columns"):
        GridEncoder().fit(pd.DataFrame(index=[0, 1]))
    with pytest.raises(DataError, match=r"too few rows \(n_samples=0"):
        GridEncoder().fit(pd.DataFrame({"x": []}))
    with pytest.raises(DataError, match="'x' holds 'c', a level not seen in fit"):
        GridEncoder().fit(pd.DataFrame({"x": list("ab" * 5)})).transform(pd.DataFrame({"x": ["c"]}))
    with pytest.raises(DataError, match=r"limits are given for columns \['z'\]"):
        GridEncoder(scaling="minmax", limits={"z": (0, 1)}).fit(nothing[["y"]])
    with pytest.raises(DataError, match=r"'x' has missing values and scaling='minmax-full'"):
        GridEncoder(scaling="minmax-full").fit(pd.DataFrame({"x": [1.0, np.nan, 2.0]}))
    with pytest.raises(ParameterError, match="side=2 gives 4 positions for 5 cells"):
        GridEncoder(side=2, min_support=1).fit(pd.DataFrame(np.eye(5)))
    with pytest.raises(ParameterError, match=r"limits=\(5, 1\) need a min-max scaling"):
        GridEncoder(limits=(5, 1)).fit(nothing)
    for side in ((2,), (0, 3), (2, "x")):
        with pytest.raises(ParameterError, match=r"side=.* is not allowed"):
            GridEncoder(side=side).fit(nothing[["y"]])
    with pytest.raises(ValueError, match="The 'scaling' parameter of GridEncoder"):
        GridEncoder(scaling="log").fit(nothing)


def test_bad_grids():
    encoder = GridEncoder(min_support=1).fit(pd.DataFrame({"x": [1.0, 2.0, 3.0]}))
    with pytest.raises(DataError, match=r"grids have shape \(1, 7, 7\)"):
        encoder.inverse_transform(np.zeros((1, 7, 7)))
    shape = (1, *encoder.grid_shape_)
    with pytest.raises(DataError, match=r"cells outside 0\.\.255 or NaN"):
        encoder.inverse_transform(np.full(shape, np.nan))
    with pytest.raises(DataError, match=r"cells outside 0\.\.255 or NaN"):
        encoder.inverse_transform(np.full(shape, 256))


def test_rows_are_encoded_in_lots(clinic, monkeypatch):
    """So that what is made on the way needs little memory."""
    encoder = GridEncoder().fit(clinic)
    whole = encoder.encode_cells(clinic, warn=False)
    monkeypatch.setattr("synthgan.encoding.tables.grid.ROWS_AT_A_TIME", 7)
    for ours, theirs in zip(encoder.encode_cells(clinic, warn=False), whole, strict=True):
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs)
