"""Every kind of column survives its codec; what is learnt of it can be drawn and be known."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from synthgan import GridEncoder
from synthgan.encoding.tables.codecs import Constant, Levels, Linear, QuantileCell, RankedLevels
from synthgan.encoding.tables.known import draw_known, encode_known
from synthgan.exceptions import DataError
from tests.encoding.quantiles import fit_quantiles
from tests.frames import frames

pytestmark = pytest.mark.filterwarnings("ignore:.*comes back:synthgan.exceptions.DataWarning")
N = 300


def with_gaps(values, share=0.1):
    series = pd.Series(values).copy()
    series[np.random.default_rng(1).random(len(series)) < share] = None
    return series


def planted():
    rng = np.random.default_rng(0)
    seconds = pd.to_datetime("2015-01-01") + pd.to_timedelta(rng.integers(0, 10**8, N), unit="s")
    seconds = pd.Series(seconds)
    midnights = seconds.dt.normalize()
    flags = pd.Series(rng.random(N) < 0.3)
    whole = pd.Series(rng.integers(0, 1000, N))
    real = pd.Series(rng.normal(size=N))
    span = pd.to_timedelta(whole, unit="min")
    return {
        "zoned": with_gaps(seconds.dt.tz_localize("UTC").dt.tz_convert("America/New_York")),
        "zoned midnights": midnights.dt.tz_localize("Europe/Madrid"),
        "nanoseconds": seconds.astype("datetime64[ns]"),
        "timedelta": with_gaps(span),
        "ordered": pd.Series(
            pd.Categorical.from_codes(rng.integers(0, 3, N), ["low", "mid", "high"], ordered=True)
        ),
        "numbers as categories": whole.mod(3).astype("category"),
        "flags as categories": flags.astype("category"),
        "many categories": pd.Series([f"level {i % 70}" for i in range(N)] * 2, dtype="category"),
        "Int64": with_gaps(whole.astype("Int64")),
        "uint8": whole.mod(256).astype("uint8"),
        "boolean": with_gaps(flags.astype("boolean")),
        "bool and NA": pd.Series([True, pd.NA, False] * 100, dtype=object).fillna(pd.NA),
        "string": with_gaps(pd.Series(list("abc") * 100, dtype="string")),
        "constant": pd.Series([3.5] * N),
        "constant string": pd.Series(["a"] * N),
        "constant date": pd.Series([pd.Timestamp("2020-01-01")] * N),
        "nearly empty": with_gaps(real, 0.97),
        "nearly empty dates": with_gaps(seconds, 0.97),
        "nearly empty flags": with_gaps(flags.astype("boolean"), 0.97),
        "empty": pd.Series([np.nan] * N),
        "empty string": pd.Series([None] * N, dtype="string"),
        "empty date": pd.Series([None] * N, dtype="datetime64[ns, UTC]"),
        "empty Int64": pd.Series([None] * N, dtype="Int64"),
        "float32": real.astype("float32"),
        "float32 decimals": real.round(1).astype("float32"),
        "Float32": with_gaps(real.round(2).astype("Float32")),
    }


def planted_arrow():
    dtypes = {
        "Int64": "int32[pyarrow]", "float32": "float[pyarrow]", "string": "string[pyarrow]",
        "boolean": "bool[pyarrow]", "zoned": "timestamp[us, tz=America/New_York][pyarrow]",
        "timedelta": "duration[us][pyarrow]", "nanoseconds": "timestamp[ns][pyarrow]",
        "zoned midnights": "timestamp[us, tz=Europe/Madrid][pyarrow]",
    }  # fmt: skip
    table = planted()
    return {dtype: table[name].astype(dtype) for name, dtype in dtypes.items()}


def fitted(values, **parameters):
    frame = values.to_frame("x")
    encoder = GridEncoder(**parameters).fit(frame)
    return encoder, encoder.decode(encoder.encode(frame, warn=False))["x"]


def check_survival(values):
    encoder, back = fitted(values)
    assert back.dtype == values.dtype
    assert (back.isna() == values.isna()).all()
    record, arrays = encoder.to_state()
    again = GridEncoder().from_state(json.loads(json.dumps(record)), arrays)
    there = back[back.notna()]
    codec = encoder.column_cells_[0].codec
    counts = values.value_counts()
    often = values.isin(counts.index[counts >= 5])
    assert (back[often] == values[often]).all()
    if codec.limits is not None:
        assert there.between(values.min(), values.max()).all()
        low, high = there.sort_values().iloc[[len(there) // 4, len(there) // 2]]
        drawn = draw_known(again, "x", 200, np.random.default_rng(0), between=(low, high))
        assert drawn.dtype == values.dtype
        assert drawn.between(low, high).all()
    drawn = draw_known(again, "x", 200, np.random.default_rng(0))
    assert drawn.isna().all() if there.empty else drawn.dtype == values.dtype
    assert drawn.name == "x"
    for value in there.iloc[:3]:
        drawn = draw_known(again, "x", 9, np.random.default_rng(0), allowed=[value])
        assert (drawn == value).all()
        grids, known, _ = encode_known(again, pd.DataFrame({"x": [value]}), ONE_KNOWN)
        assert (again.decode(grids)["x"] == value).all()
        assert known.sum() == codec.n_cells + encoder.column_cells_[0].nullable


ONE_KNOWN = pd.DataFrame({"x": [True]})


@pytest.mark.filterwarnings("ignore:.*comes back empty:synthgan.exceptions.DataWarning")
@pytest.mark.parametrize("kind", planted())
def test_every_kind_of_column_survives(kind):
    check_survival(planted()[kind])


@pytest.mark.parametrize("kind", ["int32", "float", "string", "bool", "timestamp", "duration"])
def test_arrow_columns_survive(kind):
    pytest.importorskip("pyarrow")
    for dtype, values in planted_arrow().items():
        if dtype.startswith(kind):
            check_survival(values)


def test_midnights_of_an_arrow_zone_stay_midnights():
    pytest.importorskip("pyarrow")
    _, back = fitted(planted_arrow()["timestamp[us, tz=Europe/Madrid][pyarrow]"])
    clock = pd.DatetimeIndex(back)
    assert (clock == clock.normalize()).all()


TABLE = fit_quantiles(np.array([1.0, 1.0, 2.0, 4.0, 4.0, 4.0]))
CODECS = [
    Constant((3,)),
    Linear(1.0, 5.0),
    Linear(1.0, 5.0, whole=True),
    QuantileCell(TABLE),
    QuantileCell(TABLE, lattice=1.0),
    Levels((1, 2, 4), (0.25, 0.25, 0.5)),
]


@given(st.sampled_from(CODECS), st.floats(0, 6), st.floats(0, 6), st.integers(0, 99))
def test_codecs_draw_what_they_can_decode_between_the_ends(codec, low, high, seed):
    rng = np.random.default_rng(seed)
    try:
        drawn = codec.draw(40, rng, between=(low, high))
    except DataError as error:
        assert f"holds no value between {low} and {high}" in str(error)  # noqa: PT017
        return
    assert drawn.shape == (40,)
    assert ((low <= drawn) & (drawn <= high)).all()
    if not isinstance(codec, Linear) or codec.whole:
        assert set(drawn) <= {1, 2, 3, 4, 5}


@pytest.mark.parametrize("codec", CODECS[1:])
def test_codecs_draw_among_the_allowed(codec):
    drawn = codec.draw(300, np.random.default_rng(0), allowed=[1, 4])
    assert set(drawn) == {1, 4}
    drawn = codec.draw(300, np.random.default_rng(0), allowed=[1, 4], between=(2, 9))
    assert set(drawn) == {4}
    with pytest.raises(DataError, match=r"holds no value between 2 and 3"):
        codec.draw(1, np.random.default_rng(0), allowed=[1, 4], between=(2, 3))
    with pytest.raises(DataError, match=r"level 9 is not known|cannot hold 9; learnt range is 1"):
        codec.draw(1, np.random.default_rng(0), allowed=[9])


def test_levels_and_codes_are_drawn_by_their_shares():
    codes = np.repeat([0.0, 1.0, 2.0], [50, 30, 20])
    for codec in (
        Levels(("a", "b", "c"), (0.5, 0.3, 0.2)),
        RankedLevels(("a", "b", "c"), QuantileCell(fit_quantiles(codes))),
    ):
        drawn = pd.Series(codec.draw(5000, np.random.default_rng(0)))
        shares = drawn.value_counts(normalize=True)
        assert np.allclose(shares[["a", "b", "c"]], [0.5, 0.3, 0.2], atol=0.03)
    grey = RankedLevels(("a", "b"), Linear(0.0, 1.0, rounding="round"))
    assert set(grey.draw(99, np.random.default_rng(0))) == {"a", "b"}


def test_known_integers_may_reach_to_the_ends_of_64_bits():
    low = -8384883669863125889
    wide = pd.DataFrame({"x": [53372544] * 10 + [0, 1, low, low]})
    (cells,) = GridEncoder(min_support=1, max_one_hot_numeric=2).fit(wide).column_cells_
    cells.check_known(pd.Series([-(2**63), 53372544], name="x"))
    with pytest.raises(DataError, match="column 'x' cannot hold 9223372036854775807"):
        cells.check_known(pd.Series([2**63 - 1], name="x"))


@settings(max_examples=30)
@given(frames(min_rows=6, max_rows=30), st.integers(0, 99))
@example(pd.DataFrame({"x": [1e-45] * 5 + [1e296]}), 0)
def test_drawn_columns_can_be_encoded(frame, seed):
    encoder = GridEncoder(min_support=2).fit(frame)
    for cells in encoder.column_cells_:
        drawn = draw_known(encoder, cells.column.name, 20, np.random.default_rng(seed))
        if drawn.notna().all():
            cells.check_known(drawn)


@settings(max_examples=50)
@given(frames(min_rows=5), st.data())
def test_known_cells_are_those_of_encode_and_the_others_are_empty(frame, data):
    encoder = GridEncoder(min_support=1).fit(frame)
    rows = st.lists(st.booleans(), min_size=frame.shape[1], max_size=frame.shape[1])
    mask = [data.draw(rows) for _ in range(len(frame))]
    mask = pd.DataFrame(mask, columns=frame.columns)
    grids, known, half_widths = encode_known(encoder, frame, mask)
    full, full_widths = encoder.encode_cells(frame)
    assert grids.dtype == full.dtype
    flat, full = grids.reshape(len(frame), -1), full.reshape(len(frame), -1)
    assert (flat[known] == full[known]).all()
    assert not flat[~known].any()
    of = {}
    for group in encoder.cell_groups_:
        for cell in group.cells:
            of.setdefault(cell, {group.column})
    # Columns with gaps in the same rows share a presence cell, the last one of the first column.
    for cells in encoder.column_cells_:
        if cells.gate is not None:
            own = [cell for cell, names in of.items() if cells.gate in names]
            referred = {g.presence for g in encoder.cell_groups_ if g.column == cells.gate}
            (presence,) = referred - {None} or own
            of[presence].add(cells.column.name)
    for cell, names in of.items():
        is_padding = any(g.kind == "null" and cell in g.cells for g in encoder.cell_groups_)
        is_known = False if is_padding else mask[list(names)].any(axis=1)
        assert (known[:, cell] == is_known).all()
    if half_widths is not None:
        assert half_widths.shape == full_widths.shape
        assert ((half_widths == full_widths) | (half_widths == 0)).all()


def people():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": rng.integers(20, 80, N),
            "sex": list("fm") * (N // 2),
            "born": pd.Timestamp("2000-01-01") + pd.to_timedelta(rng.integers(0, 900, N), unit="D"),
            "stay": pd.to_timedelta(rng.integers(1, 90, N), unit="h"),
            "score": with_gaps(rng.integers(0, 4, N) / 10),
            "ward": [f"ward {i % 30}" for i in range(N)],
            "empty": [np.nan] * N,
        }
    )


@pytest.fixture(scope="module")
def encoder():
    with pytest.warns(match="'empty' has no values; it comes back empty"):
        return GridEncoder().fit(people())


def test_known_missing_values_switch_the_presence_cell_off(encoder):
    rows = pd.DataFrame({"score": [0.1, np.nan, np.nan], "sex": ["f", "m", None]})
    mask = pd.DataFrame({"score": [True, True, False], "sex": [True, True, False]})
    grids, known, _ = encode_known(encoder, rows, mask)
    group = next(g for g in encoder.cell_groups_ if g.column == "score" and g.presence is not None)
    flat = grids.reshape(3, -1)
    assert flat[:, group.presence].tolist() == [255, 1, 0]
    assert known[:, group.presence].tolist() == [True, True, False]
    assert not flat[1:, list(group.cells)].any()
    assert known[1, list(group.cells)].all()
    assert not known[2].any()


@pytest.mark.parametrize(
    ("name", "between"),
    [
        ("age", (30, 40)),
        ("age", (29.5, None)),
        ("born", ("2000-06-01", "2000-06-30")),
        ("born", (pd.Timestamp("2000-06-01 12:00"), None)),
        ("stay", ("5h", pd.Timedelta(days=1))),
        ("score", (0.1, 0.3)),
    ],
)
def test_ranges_are_given_as_people_write_them(encoder, name, between):
    values = people()[name]
    ends = pd.Series(between).fillna(values.max()).tolist()
    ends = pd.Series(ends).astype(values.dtype) if values.dtype.kind in "mM" else ends
    drawn = draw_known(encoder, name, 300, np.random.default_rng(0), between=between)
    assert drawn.dtype == values.dtype
    assert drawn.between(*ends).all()
    assert drawn.nunique() >= min(5, values[values.between(*ends)].nunique())


def test_large_integers_are_known_and_drawn_exactly():
    frame = pd.DataFrame({"x": [2**62 + 1 + i for i in range(30)]})
    encoder = GridEncoder(min_support=1).fit(frame)
    last = [2**62 + 30]
    drawn = draw_known(encoder, "x", 9, np.random.default_rng(0), between=(last[0], None))
    assert set(drawn) == set(last)
    grids, _, _ = encode_known(encoder, frame[-1:], ONE_KNOWN)
    assert encoder.inverse_transform(grids)["x"].tolist() == last
    check_error(
        encoder, "x", "cannot hold 4611686018427387964; learnt range is", allowed=[2**62 + 60]
    )


def check_error(encoder, name, message, **wanted):
    with pytest.raises(DataError, match=message):
        draw_known(encoder, name, 1, np.random.default_rng(0), **wanted)


@pytest.mark.parametrize(
    ("name", "wanted", "message"),
    [
        (
            "age",
            {"between": (90, 99)},
            r"'age' holds no value between 90 and 99; learnt range is 2",
        ),
        ("age", {"between": (30.2, 30.8)}, r"'age' holds no value between 30.2 and 30.8"),
        ("age", {"between": ("a", 3)}, r"between=\('a', 3\) of column 'age' is not allowed"),
        (
            "born",
            {"between": ("2030", None)},
            r"'born' holds no value between 2030 and None.* 2000",
        ),
        (
            "born",
            {"between": ("x", None)},
            r"between=\('x', None\) of column 'born' is not",
        ),
        ("score", {"between": (0.11, 0.19)}, r"'score' holds no value between .*; known are \[0.0"),
        ("sex", {"between": (0, 1)}, r"'sex' has levels, and between=\(0, 1\) is for numbers"),
        ("sex", {"allowed": ["x"]}, r"'sex': level 'x' is not known; known are \['f', 'm'\]"),
        ("sex", {"allowed": []}, r"allowed=\[\] of column 'sex' is not allowed; give one or more"),
        ("ward", {"allowed": ["x"]}, r"known are \['ward 0', .*, ... 30 in all\]"),
        ("score", {"allowed": [0.15]}, r"'score': level 0.15 is not known; known are \[0.0, 0.1"),
        ("age", {"allowed": [99]}, r"'age' cannot hold 99; learnt range is 2. to 7"),
        ("empty", {"allowed": [1.0]}, r"'empty': level 1.0 is not known; known are \[\]"),
        ("no", {}, r"column 'no' was not seen in fit; the columns are \['age', 'sex'"),
    ],
)
def test_what_cannot_be_drawn_is_named(encoder, name, wanted, message):
    check_error(encoder, name, message, **wanted)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("sex", None, r"'sex' cannot hold a missing value: it had none in fit"),
        ("sex", "x", r"'sex': level 'x' is not known"),
        ("born", "1950-01-01", r"'born' cannot hold 1950-01-01 .*; learnt range is 200"),
        ("no", 1, r"column 'no' was not seen in fit"),
    ],
)
def test_what_cannot_be_known_is_named(encoder, name, value, message):
    rows = pd.DataFrame({name: [value]})
    with pytest.raises(DataError, match=message):
        encode_known(encoder, rows, rows.notna() | True)
    if name != "no":
        assert not encode_known(encoder, rows, rows.notna() & False)[1].any()


def test_a_mask_fits_its_table(encoder):
    rows = people()[["age", "sex"]]
    with pytest.raises(DataError, match=r"mask has shape \(300, 1\) and known \(300, 2\)"):
        encode_known(encoder, rows, rows[["age"]].notna())


def test_grey_levels_are_known_and_drawn():
    rows = people()[["age", "sex", "born"]]
    encoder = GridEncoder(scaling="minmax").fit(rows)
    grids, known, half_widths = encode_known(encoder, rows, rows.notna())
    assert grids.dtype == np.uint8
    assert np.array_equal(grids, encoder.transform(rows))
    assert known.sum() == len(rows) * 3
    assert half_widths is None
    drawn = draw_known(encoder, "born", 99, np.random.default_rng(0), between=("2001-01-01", None))
    assert drawn.between(pd.Timestamp("2001-01-01"), rows["born"].max()).all()
