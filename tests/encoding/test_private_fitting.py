"""Encodings of all kinds of columns, learnt from noisy releases."""

import numpy as np
import pandas as pd
import pytest

from synthgan import GridEncoder
from synthgan.encoding.tables.private_fitting import (
    check_public,
    fit_private_cells,
    n_codes,
    private_rows,
    read_codes,
)
from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.privacy.differential import Ledger
from synthgan.privacy.protected_rows import ProtectedRows

N = 1000
RHO = 1e8  # next to no noise
RNG = np.random.default_rng(0)
DAYS = pd.Timestamp("2019-03-01") + pd.to_timedelta(RNG.integers(0, 700, N), unit="D")
CODES = RNG.choice(3, N, p=[0.6, 0.3, 0.1])


def gaps(values, share=0.3):
    return pd.Series(values).mask(np.random.default_rng(1).random(N) < share)


def learn(values, public=None, rho=RHO, unit=None):
    frame = values if isinstance(values, pd.DataFrame) else pd.Series(values).to_frame("x")
    rows = ProtectedRows(private_rows(frame), Ledger(1e6, 0.5, 1.001 * rho, 1e-9))
    return fit_private_cells(rows, check_public(public, frame), float(len(frame)), rho, unit)


def back(values, public=None):
    """Return learnt cells, and the values encoded and decoded."""
    (cells,) = learn(values, public)
    frame = pd.Series(values).to_frame("x")
    encoder = GridEncoder().set_cells([cells])
    return cells, encoder.decode(encoder.encode(frame))["x"]


NUMBERS = {
    "float": RNG.normal(50, 20, N),
    "decimals": np.round(RNG.normal(size=N), 1),
    "negative": -RNG.exponential(10.0, N),
    "float32": RNG.normal(size=N).astype("float32"),
    "int8": RNG.integers(-100, 100, N).astype("int8"),
    "large": RNG.integers(-(10**9), 10**9, N) * 10**6,
    "Int64": gaps(RNG.integers(0, 9, N)).astype("Int64"),
    "gaps": gaps(RNG.normal(size=N)),
    "days": DAYS,
    "nanoseconds": gaps(DAYS.astype("datetime64[ns]") + pd.to_timedelta(RNG.integers(0, 10**9, N))),
    "zoned": (DAYS + pd.Timedelta("9h")).tz_localize("Europe/Madrid"),
    "minutes": gaps(pd.to_timedelta(RNG.integers(0, 600, N), unit="min")),
}


@pytest.mark.parametrize("name", list(NUMBERS))
def test_numbers_and_dates_come_back(name):
    values = pd.Series(NUMBERS[name])
    cells, found = back(values)
    assert found.dtype == values.dtype
    assert (found.isna() == values.isna()).all()
    assert cells.column.missing == pytest.approx(values.isna().mean(), abs=1e-3)
    is_date = values.dtype.kind in "mM"
    x, y = (s.dropna().astype("int64" if is_date else "float64") for s in (values, found))
    spread = x.quantile(0.99) - x.quantile(0.01)
    assert (x - y).abs().quantile(0.98) <= 0.07 * spread
    drawn = cells.draw(N, np.random.default_rng(0))
    assert drawn.dtype == values.dtype
    z = drawn.astype(x.dtype)
    for level in (0.05, 0.25, 0.5, 0.75, 0.95):
        assert abs(z.quantile(level) - x.quantile(level)) <= 0.13 * spread


def test_decimals_and_resolution_are_found():
    assert learn(NUMBERS["decimals"])[0].column.decimals == 1
    assert learn(np.round(NUMBERS["float"]))[0].column.decimals == 0
    assert learn(NUMBERS["float"])[0].column.decimals is None
    days = back(NUMBERS["days"])[1]
    assert (days == days.dt.normalize()).all()
    zoned = back(NUMBERS["zoned"])[1]
    assert zoned.dt.minute.eq(0).all()
    minutes = back(NUMBERS["minutes"])[1].dropna()
    assert (minutes.dt.total_seconds() % 60 == 0).all()


def test_a_few_odd_numbers_change_no_decimals():
    values = np.round(RNG.normal(size=N), 1)
    values[0] = 0.123456
    assert learn(values, rho=1.0)[0].column.decimals == 1


LABELS = {
    "text": np.array(["flu", "angina", "Zoë"], dtype=object)[CODES],
    "string": gaps(pd.array(np.array(["flu", "", "Zoë"])[CODES], dtype="string")),
    "category": pd.Categorical.from_codes(CODES, ["low", "mid", "high"], ordered=True),
    "numbers as categories": gaps(pd.Categorical.from_codes(CODES, [1.5, 2.5, 7.0])),
    "bool": CODES == 0,
    "boolean": gaps(pd.array(CODES == 0, dtype="boolean")),
    "one": ["same"] * N,
}


@pytest.mark.parametrize("name", list(LABELS))
def test_labels_come_back(name):
    values = pd.Series(LABELS[name])
    cells, found = back(values)
    assert found.equals(values)
    counts = values.value_counts(normalize=True)
    if values.dtype != bool and name != "boolean":  # their shares are measured later
        drawn = cells.draw(N, np.random.default_rng(0)).value_counts(normalize=True)
        assert drawn.reindex(counts.index).to_numpy() == pytest.approx(counts.to_numpy(), abs=0.06)


def test_a_label_of_few_is_not_stored():
    values = np.array(["a", "b"])[(np.arange(N) % 2)].astype(object)
    values[:3] = "Zoë's own"
    (cells,) = learn(values, rho=1.0)
    assert cells.codec.levels == ("a", "b")
    assert cells.pools
    category = pd.Categorical(values, ["a", "b", "Zoë's own", "unused"])
    assert learn(category, rho=1.0)[0].column.categories == ("a", "b")


def test_public_labels_are_all_there_is():
    values = pd.Series(LABELS["text"])
    (cells,) = learn(values, {"x": ["flu", "Zoë", "cold"]})
    assert set(cells.codec.levels) == {"flu", "Zoë", "cold"}
    codes = read_codes([cells], private_rows(values.to_frame("x")))[:, 0]
    # An unlisted label is a missing value.
    assert (codes[values == "angina"] == (n_codes(cells) - 1 if cells.nullable else -1)).all()
    assert [cells.codec.levels[code] for code in codes[values == "flu"]] == ["flu"] * sum(
        values == "flu"
    )


def test_public_bounds_clip():
    (cells,) = learn(NUMBERS["float"], {"x": (40, 60.5)})
    low, high = cells.codec.limits
    assert low >= 40
    assert high <= 60.5 + 1e-6
    (cells,) = learn(NUMBERS["days"], {"x": ["2019-05-01", "2019-06-30"]})
    drawn = cells.draw(300, np.random.default_rng(0))
    assert drawn.between("2019-05-01", "2019-06-30").all()


def test_codes_are_bins_levels_and_gaps():
    frame = pd.DataFrame(
        {"x": gaps(RNG.normal(size=N)), "flag": CODES == 0, "text": LABELS["text"]}
    )
    cells = learn(frame)
    codes = read_codes(cells, private_rows(frame))
    assert codes.shape == (N, 3)
    assert (codes >= 0).all()
    assert (codes.max(axis=0) + 1 == [n_codes(one) for one in cells]).all()
    assert ((codes[:, 0] == n_codes(cells[0]) - 1) == frame["x"].isna()).all()
    assert (codes[:, 1] == frame["flag"]).all()
    # A row's codes depend on the row alone.
    order = RNG.permutation(N)[:50]
    assert (read_codes(cells, private_rows(frame.iloc[order])) == codes[order]).all()


@pytest.mark.parametrize(
    "values",
    [[f"person {i}" for i in range(N)], np.full(N, np.nan)],
)
def test_a_column_that_nobody_shares_comes_back_empty(values):
    message = "column 'x' has no value that enough people share; it comes back empty: declare"
    with pytest.warns(DataWarning, match=message):
        (cells,) = learn(values, rho=0.01)
    assert cells.draw(5, np.random.default_rng(0)).isna().all()
    assert n_codes(cells) == 1
    assert not cells.nullable


def test_the_column_of_people_comes_back_empty():
    frame = pd.DataFrame({"patient": [f"p{i % 9}" for i in range(N)], "x": CODES})
    cells = learn(frame, unit="patient")
    assert cells[0].codec.levels == ()
    assert cells[0].draw(5, np.random.default_rng(0)).isna().all()
    assert cells[1].codec.n_cells


def test_rows_are_cleaned_one_by_one():
    frame = pd.DataFrame({
        "x": [1.0, np.inf, -np.inf, np.nan, 2e300], "text": ["a", 5, None, "nan", "b"],
        "flag": pd.array([True, None, False, True, True], dtype="boolean"),
    })  # fmt: skip
    clean = private_rows(frame)
    assert clean["x"].isna().tolist() == [False, True, True, True, True]
    assert clean["text"].tolist()[:2] == ["a", "5"]
    assert clean["text"].isna().tolist() == [False, False, True, False, False]
    assert clean["flag"].equals(frame["flag"])
    for i in range(5):
        assert private_rows(frame.iloc[[i]]).equals(clean.iloc[[i]])


@pytest.mark.parametrize("dtype", ["uint64", "UInt64"])
def test_unsigned_numbers_of_64_bits_are_not_offered(dtype):
    frame = pd.DataFrame({"id": pd.array([1, 2, 3], dtype=dtype)})
    with pytest.raises(DataError, match=f"column 'id' has dtype {dtype}, which differential priv"):
        private_rows(frame)


EMPTY = pd.DataFrame({
    "age": np.array([], dtype="int64"), "sex": np.array([], dtype=object),
    "day": np.array([], dtype="datetime64[us]"), "bmi": np.array([], dtype=float),
})  # fmt: skip


def test_what_is_public_is_read_as_the_column_has_it():
    public = check_public(
        {"age": (0, 120), "sex": ["m", "f", "m"], "day": ["2000-01-01", "2000-01-02"]}, EMPTY
    )
    assert public["age"] == (0, 120)
    assert public["sex"] == ("m", "f")
    assert public["day"][1] - public["day"][0] == 86_400_000_000
    assert check_public(None, EMPTY) == {}


@pytest.mark.parametrize(
    ("public", "message"),
    [
        ({"weight": (0, 1)}, r"public names 'weight', which is no column; the columns are \['age'"),
        ({"sex": []}, r"public of column 'sex' is \[\]; give a list of labels, or \(lowest"),
        ({"sex": "mf"}, "public of column 'sex' is 'mf'; give a list of labels"),
        ({"sex": ["m", None]}, r"public of column 'sex' has the labels \['m', None\]; give text"),
        ({"sex": ["m", 3]}, r"public of column 'sex' has the labels \['m', 3\]; give text"),
        ({"age": (120, 0)}, r"public of column 'age' is \(120, 0\); give \(lowest, highest\) of a"),
        ({"age": (1, 2, 3)}, r"public of column 'age' is \(1, 2, 3\); give \(lowest, highest\)"),
        ({"age": (0, 1.5)}, "public of column 'age' is .* of a column of dtype int64"),
        ({"bmi": (0, np.nan)}, "public of column 'bmi' is .* of a column of dtype float64"),
        ({"bmi": ("low", "high")}, "public of column 'bmi' is .* of a column of dtype float64"),
        ({"day": (0, "soon")}, "public of column 'day' is .* of a column of dtype datetime64"),
    ],
)
def test_what_cannot_be_public_is_refused(public, message):
    with pytest.raises(ParameterError, match=message):
        check_public(public, EMPTY)
