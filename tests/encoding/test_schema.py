import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from synthgan.encoding import Column, Schema
from synthgan.exceptions import DataError
from tests.frames import frames


@given(frames())
def test_json_round_trip(frame):
    schema = Schema.infer(frame)
    assert Schema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema


@pytest.mark.parametrize(
    ("values", "dtype", "kind"),
    [
        ([1.5, 2.0], "float64", "continuous"),
        ([1, None], "Int64", "integer"),
        ([True, False], "bool", "boolean"),
        ([True, None], "object", "boolean"),
        (["a", None], "object", "string"),
        (["a", "b"], "string", "string"),
        (["a", "b"], "category", "category"),
        (pd.to_datetime(["2020-01-01", None]), None, "datetime"),
        (pd.to_timedelta([1, 2], unit="h"), None, "timedelta"),
        ([1, 2], "int64[pyarrow]", "integer"),
        ([1.5, None], "double[pyarrow]", "continuous"),
        (["a", None], "string[pyarrow]", "string"),
        ([True, None], "bool[pyarrow]", "boolean"),
    ],
)
def test_kinds(values, dtype, kind):
    (column,) = Schema.infer(pd.DataFrame({"x": pd.Series(values, dtype=dtype)}))
    assert column.kind == kind


def test_fields_of_a_column():
    frame = pd.DataFrame(
        {
            "price": [1.25, 3.5, np.nan, 2.0],
            "day": pd.to_datetime(["2020-01-01", "2021-05-05", "2022-02-02", "2020-01-01"]),
            "grade": pd.Categorical(["b", "a", "a", "b"], ["c", "b", "a"], ordered=True),
        }
    )
    price, day, grade = Schema.infer(frame)
    assert (price.decimals, price.missing, price.minimum, price.maximum) == (2, 0.25, 1.25, 3.5)
    assert day.minimum == 18262  # days since 1970
    assert grade.categories == ("c", "b", "a")
    assert grade.ordered


@pytest.mark.parametrize(
    ("series", "message"),
    [
        (pd.Series([1.0, np.inf]), r"column 'x' holds 1 infinite value"),
        (pd.Series([1.0, 1e301]), r"column 'x' holds .*1e\+301.*up to 1e\+300"),
        (pd.Series([1, "a"], dtype=object), r"column 'x' holds values of several types \(int, str"),
        (pd.Series([[1], [2]]), r"column 'x' holds objects of type list"),
        (pd.Series([1 + 2j]), r"column 'x' has dtype complex128"),
        (pd.Series(pd.period_range("2020", periods=2, freq="D")), r"column 'x' has dtype period"),
        (pd.Series(pd.arrays.SparseArray([0, 1])), r"column 'x' has dtype Sparse"),
    ],
)
def test_what_cannot_be_learnt_is_named(series, message):
    with pytest.raises(DataError, match=message):
        Schema.infer(series.to_frame("x"))


@pytest.mark.parametrize("name", [("a", 1), float("nan"), float("inf"), pd.Timestamp("2020-01-01")])
def test_names_that_json_has_not(name):
    schema = Schema.infer(pd.DataFrame([[1]], columns=pd.Index([name], tupleize_cols=False)))
    with pytest.raises(DataError, match=r"column name .* cannot be saved; a name is a string or"):
        schema.to_dict()


@pytest.mark.parametrize("name", [0.5, 2.0, np.float64(1.5), 3, "a"])
def test_names_of_numbers_and_text_come_back(name):
    schema = Schema.infer(pd.DataFrame([[1]], columns=[name]))
    again = Schema.from_dict(json.loads(json.dumps(schema.to_dict())))
    assert again == schema
    assert type(again.names[0]) is type(schema.names[0])


@pytest.mark.parametrize(
    ("dtype", "written", "read"),
    [
        ("datetime64[us]", ["2020-01-02", None], [pd.Timestamp("2020-01-02"), pd.NaT]),
        (
            "datetime64[us, Europe/Madrid]",
            ["2020-01-02"],
            [pd.Timestamp("2020-01-02", tz="Europe/Madrid")],
        ),
        ("timedelta64[us]", ["2h"], [pd.Timedelta(hours=2)]),
        ("int64", [2.0], [2]),
        ("float32", ["0.5"], [0.5]),
        ("string", ["a"], ["a"]),
    ],
)
def test_values_are_read_as_people_write_them(dtype, written, read):
    column = Column.infer(pd.Series(read, dtype="Int64" if dtype == "int64" else dtype, name="x"))
    got = column.read(pd.Series(written, dtype=object))
    assert got.dropna().tolist() == [x for x in read if x is not pd.NaT]


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("datetime64[us]", "no date"),
        ("datetime64[us]", pd.Timestamp("2020-01-01", tz="UTC")),
        ("timedelta64[us]", "no time"),
        ("int64", 2.5),
        ("float64", "much"),
    ],
)
def test_values_that_cannot_be_read_are_named(dtype, value):
    column = Column.infer(pd.Series([1], name="x").astype(dtype))
    with pytest.raises(DataError, match=r"column 'x' has dtype .* and cannot hold \["):
        column.read(pd.Series([value]))
