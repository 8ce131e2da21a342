"""Columns of uncommon types come in and go out as they were, or are refused with advice."""

import datetime as dt
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from synthgan import GridEncoder, TabularGANSynthesizer
from synthgan.exceptions import ArchiveError, DataError
from synthgan.records.columns import check_spelled, plain_column, restore_column
from synthgan.records.tables import to_frame

pytestmark = pytest.mark.filterwarnings(
    "ignore:column 'x' has no values", "ignore:the table has 60 people", "ignore:.*come back"
)

N = 60
RNG = np.random.default_rng(0)
PICKS = RNG.integers(0, 12, N)
DAYS = [dt.date(2020, 1, 31) + dt.timedelta(days=17 * int(i)) for i in PICKS]
TIMES = [dt.time(int(i), 15, 30) for i in PICKS]
MOMENTS = [dt.datetime(2020, 1, 31, int(i), 15) for i in PICKS]
SPANS = [dt.timedelta(minutes=int(i)) for i in PICKS]
PRICES = [Decimal(f"10.{50 + int(i)}") for i in PICKS]
LABELS = [f"l{i}" for i in PICKS % 4]
LARGE = PICKS.astype(np.uint64) * np.uint64(2**60)
OBJECTS = {
    "date": DAYS, "time": TIMES, "datetime": MOMENTS, "timedelta": SPANS, "decimal": PRICES,
    "timestamp": [pd.Timestamp(moment, tz="UTC") for moment in MOMENTS],
}  # fmt: skip
EXTENSIONS = {
    "uint64": (LARGE, "uint64"), "UInt64": (LARGE, "UInt64"), "Float64": (PICKS / 4, "Float64"),
    "Float32": (PICKS / 4, "Float32"), "float16": (PICKS / 4, "float16"),
    "Int8": (PICKS, "Int8"), "boolean": (PICKS > 3, "boolean"), "string": (LABELS, "string"),
}  # fmt: skip
ARROW = {
    "date32": (DAYS, "date32"), "date64": (DAYS, "date64"), "time32": (TIMES, "time32(s)"),
    "time64": (TIMES, "time64(us)"), "nanotime": (TIMES, "time64(ns)"),
    "decimal128": (PRICES, "decimal128(9,2)"), "decimal256": (PRICES, "decimal256(40,3)"),
    "dictionary": (LABELS, "dictionary(int32,string)"),
    "ordered dictionary": (LABELS, "dictionary(int8,large_string,True)"),
    "string": (LABELS, "string"), "large_string": (LABELS, "large_string"),
    "timestamp": (MOMENTS, "timestamp(us)"), "zoned": (MOMENTS, "timestamp(ms,Europe/Madrid)"),
    "duration": (SPANS, "duration(us)"), "bool": ((PICKS > 3).tolist(), "bool_"),
    "uint64": (LARGE, "uint64"), "int8": (PICKS.tolist(), "int8"),
    "null": ([None] * N, "null"), "double": (PICKS / 4, "float64"),
}  # fmt: skip


def arrow_type(pyarrow, spelled):
    name, _, rest = spelled.rstrip(")").partition("(")
    parts = [part for part in rest.split(",") if part]
    if name == "dictionary":
        return pyarrow.dictionary(*(getattr(pyarrow, p)() for p in parts[:2]), len(parts) > 2)
    return getattr(pyarrow, name)(*(int(p) if p.isdigit() else p for p in parts))


def there_and_back(table):
    """Encode and decode a table, with an encoder that was saved."""
    encoder = GridEncoder(min_support=1).fit(table)
    grids = encoder.transform(table)
    record, arrays = encoder.to_state()
    again = GridEncoder(min_support=1).from_state(json.loads(json.dumps(record)), arrays)
    return again.inverse_transform(grids)


def same(series, back):
    assert back.dtype == series.dtype
    assert back.isna().equals(series.isna())
    here, there = series[series.notna()].tolist(), back[back.notna()].tolist()
    assert here == there
    assert list(map(type, here)) == list(map(type, there))
    assert list(map(str, here)) == list(map(str, there))  # 1.50 is not 1.5


@pytest.mark.parametrize("has_gaps", [False, True])
@pytest.mark.parametrize("name", OBJECTS)
def test_objects(name, has_gaps):
    series = pd.Series(OBJECTS[name], dtype=object)
    if has_gaps:
        series[::7] = None
    same(series, there_and_back(pd.DataFrame({"x": series}))["x"])


@pytest.mark.parametrize("has_gaps", [False, True])
@pytest.mark.parametrize("name", EXTENSIONS)
def test_extensions(name, has_gaps):
    values, dtype = EXTENSIONS[name]
    series = pd.Series(values).astype(dtype)
    if has_gaps and not isinstance(series.dtype, np.dtype):
        series[::7] = None
    same(series, there_and_back(pd.DataFrame({"x": series}))["x"])


@pytest.mark.parametrize("has_gaps", [False, True])
@pytest.mark.parametrize("name", ARROW)
def test_arrow_dtypes_of_pandas(name, has_gaps):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    values, spelled = ARROW[name]
    type_ = arrow_type(pyarrow, spelled)
    made = pyarrow.array(values) if name == "null" else pyarrow.array(list(values)).cast(type_)
    dtype = pd.ArrowDtype(type_)
    series = pd.Series(pd.arrays.ArrowExtensionArray(pyarrow.chunked_array([made])), dtype=dtype)
    if has_gaps and name != "null":
        series = series.where(np.arange(N) % 7 > 0)
    same(series, there_and_back(pd.DataFrame({"x": series, "y": 1.0}))["x"])


@pytest.mark.parametrize("name", ARROW)
def test_tables_of_pyarrow(name):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    values, spelled = ARROW[name]
    type_ = arrow_type(pyarrow, spelled)
    made = pyarrow.array(values) if name == "null" else pyarrow.array(list(values)).cast(type_)
    table = pyarrow.table({"x": made, "y": np.ones(N)})
    back = there_and_back(table)
    assert back.schema.equals(table.schema)
    assert back["x"].to_pylist() == table["x"].to_pylist()


@pytest.mark.parametrize(
    ("name", "values", "dtype"),
    [
        ("Date", DAYS, "Date"),
        ("Time", TIMES, "Time"),
        ("Duration", SPANS, "Duration('ms')"),
        ("Datetime", MOMENTS, "Datetime('us')"),
        ("zoned", MOMENTS, "Datetime('ms','Europe/Madrid')"),
        ("Decimal", PRICES, "Decimal(9, 2)"),
        ("Categorical", LABELS, "Categorical()"),
        ("Enum", LABELS, "Enum(['l3', 'l1', 'l0', 'l2'])"),
        ("UInt64", LARGE.tolist(), "UInt64"),
        ("Boolean", (PICKS > 3).tolist(), "Boolean"),
        ("Null", [None] * N, "Null"),
        ("String", LABELS, "String"),
        ("Float32", (PICKS / 4).tolist(), "Float32"),
    ],
)
@pytest.mark.parametrize("has_gaps", [False, True])
def test_polars(name, values, dtype, has_gaps):
    polars = pytest.importorskip("polars", reason="polars is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    wanted = eval(f"polars.{dtype}", {"polars": polars})  # noqa: S307
    values = [None if has_gaps and not i % 7 else x for i, x in enumerate(values)]
    table = polars.DataFrame({"x": polars.Series(values).cast(wanted), "y": PICKS})
    back = there_and_back(table)
    assert back.schema == table.schema
    assert back["x"].to_list() == table["x"].to_list()


def test_levels_of_an_enum_that_no_row_has_are_lost():
    polars = pytest.importorskip("polars", reason="polars is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    series = polars.Series("x", LABELS, dtype=polars.Enum(["l3", "l1", "l0", "l2", "none"]))
    table = polars.DataFrame([series])
    encoder = GridEncoder(min_support=3).fit(table)
    back = encoder.inverse_transform(encoder.transform(table))
    assert back["x"].dtype == polars.Enum(["l3", "l1", "l0", "l2"])


REFUSED = {
    "period": (pd.Series(pd.period_range("2000-01", periods=N, freq="M")), "to_timestamp"),
    "interval": (pd.Series(pd.arrays.IntervalArray.from_breaks(range(N + 1))), "array.mid"),
    "sparse": (pd.Series(pd.arrays.SparseArray(PICKS)), "sparse.to_dense"),
    "complex": (pd.Series(PICKS + 1j), "real and imaginary"),
    "bytes": (pd.Series([b"a"] * N), "decode"),
    "list": (pd.Series([[1, 2]] * N), "each of its entries"),
    "dict": (pd.Series([{"a": 1}] * N), "each of its entries"),
    "objects of periods": (
        pd.Series(list(pd.period_range("2000-01", periods=N, freq="M")), dtype=object),
        "to_timestamp",
    ),
    "dates among moments": (pd.Series(DAYS[:9] + MOMENTS[9:], dtype=object), "several types"),
    "decimals of 20 digits": (pd.Series([Decimal("1" * 20)] * N), "up to 15 digits"),
    "times of a zone": (pd.Series([dt.time(1, tzinfo=dt.timezone.utc)] * N), "time zone"),
    "endless decimals": (pd.Series([Decimal("inf")] * N, dtype=object), "infinite"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_learnt_is_refused_with_advice(name):
    series, advice = REFUSED[name]
    with pytest.raises(DataError, match=rf"(?s)column 'x' .*{advice}"):
        GridEncoder().fit(pd.DataFrame({"x": series}))


@pytest.mark.parametrize(
    ("values", "advice"),
    [
        ([[1, 2]] * N, "each of its entries"),
        ([{"a": 1}] * N, "each of its entries"),
        ([b"a"] * N, "decode"),
    ],
)
def test_nested_columns_of_arrow_are_refused_with_advice(values, advice):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = pyarrow.table({"x": values})
    for given in (table, table.to_pandas(types_mapper=pd.ArrowDtype)):
        with pytest.raises(DataError, match=f"column 'x' .*{advice}"):
            GridEncoder().fit(given)


def test_integers_of_128_bits_are_refused():
    polars = pytest.importorskip("polars", reason="polars is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = polars.DataFrame({"x": polars.Series(range(N), dtype=polars.Int128)})
    with pytest.raises(DataError, match="'x' has dtype Int128"):
        GridEncoder().fit(table)


def test_large_unsigned_integers_keep_their_order_and_conditions():
    frame = pd.DataFrame({"x": LARGE, "y": RNG.normal(size=N)})
    encoder = GridEncoder(min_support=1, max_one_hot_numeric=2).fit(frame)
    cells = encoder.transform(frame).reshape(N, -1)[:, encoder.positions_[0][0]]
    assert np.array_equal(np.argsort(cells, kind="stable"), np.argsort(LARGE, kind="stable"))
    model = TabularGANSynthesizer(max_steps=2, random_state=0, constraints=[])
    model.fit(frame)
    fake = model.sample(10, conditions={"x": (2**62, 2**63 + 2**62)})
    assert fake["x"].dtype == np.uint64
    assert fake["x"].between(2**62, 2**63 + 2**62).all()
    low = frame.assign(x=np.uint64(5))
    with pytest.raises(DataError, match="had no such integers in fit"):
        GridEncoder(min_support=1).fit(low).transform(frame)


def test_decimals_of_several_lengths_keep_their_values():
    series = pd.Series([Decimal("1.5"), Decimal("2"), Decimal("0.125")] * 5, dtype=object)
    plain, spelled = plain_column(series)
    assert spelled == "Decimal"
    assert restore_column(plain, spelled).map(str).tolist() == ["1.5", "2", "0.125"] * 5


def test_common_columns_are_not_copied():
    frame = pd.DataFrame({"x": PICKS, "y": LABELS, "z": pd.Series(LABELS, dtype=object)})
    assert to_frame(frame)[0] is frame


def test_targets_of_uncommon_types_come_back():
    frame = pd.DataFrame({"x": RNG.normal(size=N)})
    y = pd.Series(DAYS, dtype=object, name="seen")
    model = TabularGANSynthesizer(max_steps=2, random_state=0).fit(frame, y)
    _, fake = model.sample(5, return_y=True)
    assert fake.name == "seen"
    assert set(map(type, fake)) == {dt.date}


def test_conditions_in_the_types_of_the_table():
    frame = pd.DataFrame(
        {name: pd.Series(OBJECTS[name], dtype=object) for name in ("date", "time", "decimal")}
    )
    parameters = {"max_steps": 2, "random_state": 0, "constraints": [], "condition_on": "any"}
    encoder = GridEncoder(min_support=1)
    model = TabularGANSynthesizer(encoder=encoder, **parameters).fit(frame)
    for name in frame:
        low, high = np.sort(frame[name])[[10, 30]]
        fake = model.sample(5, conditions={name: low})
        assert (fake[name] == low).all()
        fake = model.sample(5, conditions={name: (low, high)})
        assert fake[name].between(low, high).all()


def test_conditions_in_tables_of_other_libraries():
    polars = pytest.importorskip("polars", reason="polars is not installed")
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = polars.DataFrame({"x": DAYS, "y": LABELS, "z": RNG.normal(size=N)})
    encoder = GridEncoder(min_support=1)
    parameters = {"max_steps": 2, "random_state": 0, "constraints": [], "condition_on": "any"}
    model = TabularGANSynthesizer(encoder=encoder, **parameters).fit(table)
    wanted = table[["x", "y"]][:4]
    for conditions in (wanted, wanted.to_arrow(), wanted.to_pandas()):
        assert model.sample(conditions=conditions)[["x", "y"]].equals(wanted)
    assert pyarrow.table(wanted.to_arrow()).num_rows == 4


@pytest.mark.parametrize("spelled", ["", "dates", "Decimal:", "Decimal:999", "arrow:", "x" * 300])
def test_invalid_types_of_archives_are_refused(spelled):
    with pytest.raises(ArchiveError, match="invalid type"):
        check_spelled(spelled)
