"""Numbers and dates on lattices: what is drawn lies where real values lie."""

import json

import numpy as np
import pandas as pd
import pytest

from synthgan import GridEncoder
from synthgan.encoding.groups import OFF, ON
from synthgan.encoding.tables.codecs import Levels, QuantileCell
from synthgan.encoding.tables.known import draw_known
from synthgan.encoding.tables.moments import Moments
from synthgan.exceptions import DataError

N = 1000
MINUTE, HOUR, DAY = (pd.Timedelta(1, unit) for unit in ("min", "h", "D"))


def rng(seed=0):
    return np.random.default_rng(seed)


def chosen(moments, n=N, p=None):
    return pd.Series(pd.DatetimeIndex(rng(1).choice(moments, n, p=p)).as_unit("us"))


def quarters(n=N):
    return pd.to_timedelta(15 * rng(2).integers(9 * 4, 17 * 4 + 1, n), unit="min")


BUSINESS = pd.bdate_range("2022-01-03", "2023-12-29")
DECADES = pd.bdate_range("1950-01-02", "2023-12-29")
EVERY_DAY = pd.date_range("1990-01-01", "2023-12-31")
AMOUNTS = np.rint(rng().lognormal(4, 1, N)).astype(np.int64)
SERIES = {
    "business quarters": chosen(BUSINESS) + quarters(),
    "many years": chosen(DECADES),
    "noon": chosen(EVERY_DAY) + 12 * HOUR,
    "months": chosen(pd.date_range("1900-01-01", "2023-12-01", freq="MS")),
    "month ends": chosen(pd.date_range("1900-01-31", "2023-12-31", freq="ME")),
    "quarters": chosen(pd.date_range("1700-01-01", "2023-12-01", freq="QS")),
    "weeks": chosen(EVERY_DAY[EVERY_DAY.day_of_week == 3]),
    "madrid": (chosen(BUSINESS) + quarters()).dt.tz_localize("Europe/Madrid"),
    "noon in madrid": (chosen(EVERY_DAY) + 12 * HOUR).dt.tz_localize("Europe/Madrid"),
    "seconds": (chosen(BUSINESS) + quarters()).astype("datetime64[s]"),
    "nanoseconds": (chosen(BUSINESS) + quarters()).astype("datetime64[ns]"),
    "amounts": pd.Series(500 * AMOUNTS),
    "amounts with an offset": pd.Series(500 * AMOUNTS + 250),
    "nullable amounts": pd.Series(500 * AMOUNTS, dtype="Int32"),
    "quarters of ones": pd.Series(rng().integers(-800, 800, N) / 4),
    "stays": pd.Series(pd.to_timedelta(15 * AMOUNTS, unit="min")),
}
LIES = {
    "business quarters": lambda x: is_business(x) & is_quarter(x),
    "many years": lambda x: x.dt.day_of_week < 5,
    "noon": lambda x: x.dt.normalize() + 12 * HOUR == x,
    "months": lambda x: x.dt.is_month_start,
    "month ends": lambda x: x.dt.is_month_end,
    "quarters": lambda x: x.dt.is_quarter_start,
    "weeks": lambda x: x.dt.day_of_week == 3,
    "madrid": lambda x: is_business(x) & is_quarter(x),
    "noon in madrid": lambda x: x.dt.hour == 12,
    "seconds": lambda x: is_business(x) & is_quarter(x),
    "nanoseconds": lambda x: is_business(x) & is_quarter(x),
    "amounts": lambda x: x % 500 == 0,
    "amounts with an offset": lambda x: x % 500 == 250,
    "nullable amounts": lambda x: x % 500 == 0,
    "quarters of ones": lambda x: x % 0.25 == 0,
    "stays": lambda x: x % (15 * MINUTE) == 0 * MINUTE,
}


def is_business(x):
    return (x.dt.day_of_week < 5) & x.dt.hour.between(9, 17)


def is_quarter(x):
    return (x.dt.minute % 15 == 0) & (x.dt.second == 0)


def fitted(series, **parameters):
    return GridEncoder(**parameters).fit(pd.DataFrame({"x": series}))


def drawn(encoder, n=4000, **wanted):
    return draw_known(encoder, "x", n, rng(3), **wanted)


@pytest.mark.parametrize("name", SERIES)
def test_all_that_is_drawn_lies_on_the_lattice(name):
    series = SERIES[name]
    fake = drawn(fitted(series))
    assert fake.dtype == series.dtype
    assert LIES[name](series).all()
    assert LIES[name](fake).all()
    assert fake.nunique() > 0.6 * series.nunique()
    assert series.min() <= fake.min()
    assert fake.max() <= series.max()
    for share in (0.1, 0.5, 0.9):
        end = series.quantile(share, interpolation="nearest")
        assert abs((fake <= end).mean() - (series <= end).mean()) < 0.03


@pytest.mark.parametrize("name", SERIES)
def test_archives_of_lattices_decode_alike(name):
    encoder = fitted(SERIES[name])
    grids = encoder.encode(pd.DataFrame({"x": SERIES[name]}), warn=False)
    record, arrays = encoder.to_state()
    again = GridEncoder().from_state(json.loads(json.dumps(record)), arrays)
    assert again.inverse_transform(grids).equals(encoder.inverse_transform(grids))
    assert again.limits_ == encoder.limits_


@pytest.mark.parametrize("name", SERIES)
def test_ranges_and_values_can_be_drawn(name):
    encoder = fitted(SERIES[name])
    low, high = np.sort(drawn(encoder))[[1000, 1400]]
    low, high = (pd.Series([low, high]).astype(SERIES[name].dtype)).tolist()
    some = drawn(encoder, 200, between=(low, high))
    assert some.between(low, high).all()
    assert LIES[name](some).all()
    assert set(drawn(encoder, 50, allowed=[low, high])) <= {low, high}


def test_common_values_beside_a_lattice_stay():
    values = np.append(500 * AMOUNTS, [99] * 20)
    series = pd.Series(np.append(values, [12_345] * 40))
    fake = drawn(fitted(series))
    assert {99, 12_345} <= set(fake)
    assert ((fake % 500 == 0) | fake.isin([99, 12_345])).all()
    assert set(drawn(fitted(series), 20, between=(12_340, 12_345))) == {12_345}
    assert set(drawn(fitted(series), 200, between=(12_340, 13_300))) == {12_345, 12_500, 13_000}
    with pytest.raises(DataError, match="no value between 12346"):
        drawn(fitted(series), 20, between=(12_346, 12_400))


@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_a_few_values_beside_a_lattice_stay_few(dtype):
    series = pd.Series(500 * AMOUNTS).astype(dtype)
    rows = np.arange(0, N, 70)
    series[rows] = rng(4).integers(1, 10**5, len(rows)) if dtype == np.int64 else 3.3 * rows + 0.123
    fake = drawn(fitted(series), 20_000)
    assert abs((fake % 500 == 0).mean() - (series % 500 == 0).mean()) < 0.01


def test_values_on_and_beside_a_lattice_decode_to_themselves():
    series = pd.Series(500 * AMOUNTS)
    series[::70] += 123
    encoder = fitted(series, min_support=2, min_pool=2)
    inner = series[series.between(*series.quantile([0.01, 0.9]))].reset_index(drop=True)
    inner = inner.to_frame("x")
    back = encoder.inverse_transform(encoder.transform(inner))["x"]
    assert (back == inner["x"]).mean() > 0.95


def test_weekdays_and_hours_are_learnt():
    weights = np.where(BUSINESS.day_of_week == 0, 3.0, 1.0)
    day = chosen(BUSINESS, 4000, weights / weights.sum())
    series = day + pd.to_timedelta(15 * rng(5).binomial(32, 0.25, 4000) + 9 * 60, unit="min")
    encoder = fitted(series)
    codec = encoder.column_cells_[0].codec
    assert isinstance(codec, Moments)
    assert [*codec.parts] == ["week", "weekday", "time"]
    fake = drawn(encoder, 8000)
    for part in (lambda x: x.dt.day_of_week, lambda x: x.dt.hour):
        real_share, fake_share = (part(x).value_counts(normalize=True) for x in (series, fake))
        assert real_share.index.sort_values().equals(fake_share.index.sort_values())
        assert (real_share - fake_share).abs().max() < 0.02
    assert series.min().normalize() <= fake.min()
    assert fake.max() < series.max().normalize() + DAY


def test_a_date_has_one_cell_where_its_parts_carry_nothing():
    anytime = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng().integers(0, 10**8, N), unit="s")
    one_day = pd.Timestamp("2020-01-01 09:00") + pd.to_timedelta(AMOUNTS % 480, unit="min")
    few = pd.Series(pd.date_range("2020-01-01 09:00", periods=12, freq="8h")).sample(
        N, replace=True, random_state=0
    )
    for series in (anytime, one_day, SERIES["many years"], SERIES["noon"]):
        assert type(fitted(series).column_cells_[0].codec) is QuantileCell
    assert type(fitted(few.reset_index(drop=True)).column_cells_[0].codec) is Levels


def test_a_split_date_may_be_missing():
    series = SERIES["business quarters"].copy()
    series[::5] = pd.NaT
    frame = pd.DataFrame({"x": series, "y": rng().normal(size=N)})
    encoder = GridEncoder().fit(frame)
    groups = [group for group in encoder.cell_groups_ if group.column == "x"]
    presence = groups[-1].cells[0]
    assert [group.presence for group in groups] == [presence, presence, None]
    grids, half_widths = encoder.encode_cells(frame, warn=False)
    assert half_widths.shape == (N, 3)
    cells = grids.reshape(N, -1)[:, [cell for group in groups for cell in group.cells]]
    assert (cells[::5, :2] == 0).all()
    assert (cells[1::5, :2] >= OFF).all()
    back = encoder.inverse_transform(grids)["x"]
    assert back.isna().equals(series.isna())
    names = encoder.get_feature_names_out()
    assert {"x:day", "x:time", "x:present", "y"} <= set(names)


def test_every_cell_of_a_split_date_decodes():
    encoder = fitted(SERIES["business quarters"])
    cells = rng().uniform(OFF, ON, (500, *encoder.grid_shape_))
    fake = encoder.inverse_transform(np.float32(cells))["x"]
    assert (is_business(fake) & is_quarter(fake)).all()


def test_gaps_of_split_dates_without_gaps_in_fit_are_filled():
    encoder = fitted(SERIES["business quarters"])
    gap = pd.DataFrame({"x": SERIES["business quarters"].where(np.arange(N) > 0)})
    filled = encoder.inverse_transform(encoder.encode(gap, warn=False))["x"]
    middle = SERIES["business quarters"].quantile(0.5)
    assert abs(filled[0] - middle) < 30 * DAY
    assert is_business(filled[:1]).all()


def test_time_zones_keep_what_their_clock_repeats():
    moments = pd.date_range("2023-10-28 22:00", "2023-10-29 04:00", freq="30min", tz="UTC")
    series = pd.Series(moments.tz_convert("Europe/Madrid")).sample(N, replace=True, random_state=0)
    series = series.reset_index(drop=True)
    encoder = fitted(series)
    back = encoder.inverse_transform(encoder.transform(pd.DataFrame({"x": series})))["x"]
    assert back.equals(series)
