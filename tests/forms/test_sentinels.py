"""Codes for missing values are announced; values that only look like them are not."""

import numpy as np
import pandas as pd
import pytest

from synthgan import TabularGANSynthesizer
from synthgan.exceptions import DataWarning, grouped_notices
from synthgan.forms.sentinels import announce_sentinels, find_sentinels
from synthgan.privacy import Support

N = 500
R = np.random.default_rng(0)
LAB = R.lognormal(5, 0.8, N).round(3)
AGE = R.integers(18, 90, N)
SCORE = R.integers(0, 10, N)
COUNT = R.poisson(3, N)
YEAR = R.integers(1980, 2024, N)
DAY = pd.Timestamp("2015-01-01") + pd.to_timedelta(R.integers(0, 900, N), unit="D")


def _with(values, *codes, rows=12):
    values = pd.Series(values).copy()
    for i, code in enumerate(codes):
        values.iloc[i * rows : (i + 1) * rows] = code
    return values


def _found(values, least=5, people=None):
    return find_sentinels(pd.Series(values, name="x"), Support(least, people))


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        (LAB, [-9]),
        (LAB, [-1]),
        (LAB, [99999]),
        (COUNT, [-99]),
        (COUNT, [99]),
        (AGE, [999]),
        (AGE, [99]),
        (SCORE, [-9]),
        (SCORE, [-9, -8, -7]),
        (SCORE, [99]),
        (SCORE, [97, 98, 99]),
        (YEAR, [9999]),
        (YEAR, [8888, 9999]),
        (R.normal(37, 0.5, N).round(1), [99.9]),
    ],
)
def test_codes_apart_from_all_other_values_are_found(values, codes):
    found = _found(_with(values, *codes))
    assert found == [(f"{code:g}" if code < 99999 else "99999", 12) for code in sorted(codes)]


def test_minus_one_beside_counts_is_found_where_it_is_more_than_a_tail():
    assert _found(_with(COUNT, -1, rows=200)) == [("-1", 200)]
    assert _found(_with(COUNT, -1, rows=6)) == []


@pytest.mark.parametrize(
    "code", ["1900-01-01", "1970-01-01", "1899-12-30", "9999-12-31", "2099-12-31"]
)
@pytest.mark.parametrize("unit", ["us", "s"])
def test_dates_that_stand_for_none_are_found(code, unit):
    dates = _with(pd.Series(DAY).dt.as_unit(unit), pd.Timestamp(code).as_unit(unit))
    assert _found(dates) == [(code, 12)]
    assert _found(dates.dt.tz_localize("UTC")) == [(code, 12)]


def test_dates_beyond_the_microseconds_of_64_bits_are_looked_at_too():
    late = pd.Series(np.array(["294247-01-10T04:00:55"] * 60, dtype="datetime64[s]"))
    assert _found(late) == []


@pytest.mark.parametrize(
    "values",
    [
        _with(R.integers(18, 104, N), 99, 103),  # ages
        SCORE,
        R.integers(-1, 2, N),
        R.integers(-10, 30, N),  # degrees
        R.normal(0, 3, N).round(0),
        COUNT,
        R.poisson(93, N),
        R.integers(85, 100, N),  # saturation
        np.minimum(R.poisson(99, N), 99) - R.integers(0, 20, N),
        R.integers(1, 10, N) * 11,
        YEAR,
        R.integers(60, 100, N),  # years of two digits
        R.integers(0, 100, N),
        R.integers(0, 1000, N),
        LAB,
        R.pareto(1.0, N).round(1),
        R.random(N) < 0.5,
        R.choice(["-9", "1", "2"], N),
        pd.Series(DAY),
        pd.Timestamp("1890-01-01") + pd.to_timedelta(R.integers(0, 40_000, N), unit="D"),
        [9, 99, 999] * 20,
        [np.nan] * 20,
    ],
)
def test_nothing_is_found_where_values_only_look_like_codes(values):
    assert _found(values) == []


def test_values_of_few_people_are_not_named():
    lab = _with(LAB, -9, rows=4)
    assert _found(lab) == []
    lab = _with(LAB, -9, rows=40)
    assert _found(lab, people=np.minimum(np.arange(N) // 20, 9)) == []
    assert _found(lab, people=np.arange(N) // 4) == [("-9", 40)]


@pytest.mark.parametrize("dtype", ["Int64", "int64[pyarrow]", "float32", "Float64"])
def test_dtypes(dtype):
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    assert _found(_with(AGE, -9).astype(dtype)) == [("-9", 12)]


def test_columns_are_announced_in_one_sentence():
    frame = pd.DataFrame({"lab": _with(LAB, -9), "age": _with(AGE, 999), "user_id": _with(AGE, -9)})
    with pytest.warns(DataWarning, match="column 'lab' holds -9 in 12 row") as caught:
        announce_sentinels(frame[["lab", "user_id"]], Support(5))
    assert len(caught) == 1
    with pytest.warns(DataWarning) as caught, grouped_notices():
        announce_sentinels(frame, Support(5))
    assert str(caught[0].message) == (
        "2 columns ('lab': -9 in 12 row(s), 'age': 999 in 12 row(s)) hold values apart from their "
        "others, which are learnt like these; replace them by NaN (--na) where they stand for "
        "missing values."
    )


def test_fit_announces_them_and_learns_them_as_they_are():
    text = pd.Series(_with(LAB, -9)).map("{:.3f}".format)
    frame = pd.DataFrame({"lab": text, "age": AGE})
    with pytest.warns(DataWarning, match=r"column 'lab' holds -9 in 12 row\(s\), apart"):
        model = TabularGANSynthesizer(max_steps=2, random_state=0).fit(frame)
    assert (model.forms_.read(frame)["lab"] == -9).sum() == 12
