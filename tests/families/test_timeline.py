"""Dates of child rows as steps and offsets, and back."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan.encoding.tables.column import Column
from synthgan.families.date_order import date_order
from synthgan.families.summaries import Summaries
from synthgan.families.timeline import Timeline, dates_of, durations_of
from synthgan.privacy import Support

DAYS = st.lists(st.integers(0, 20_000), min_size=1, max_size=12)


def dates(days: list[int], zone: str | None = None) -> pd.Series:
    made = pd.Series(pd.Timestamp("1970-01-01") + pd.to_timedelta(days, "D"))
    return made if zone is None else made.dt.tz_localize(zone)


@given(DAYS, st.sampled_from([None, "Europe/Madrid"]))
def test_dates_come_back(days: list[int], zone: str | None) -> None:
    child = pd.DataFrame({"seen": dates(days, zone), "left": dates(days[::-1], zone)})
    child.loc[0, "left"] = pd.NaT
    owners = np.zeros(len(child), dtype=int)
    parent = pd.DataFrame({"born": dates([3], zone)})
    timeline = Timeline.fit(child, "seen", parent, owners)
    assert [name for name, _ in timeline.own] == ["left"]
    assert timeline.name == "seen"
    coded = timeline.apply(child, parent, owners)
    assert coded["left"].dtype.kind == "m"
    back = timeline.restore(coded, parent, owners)
    pd.testing.assert_frame_equal(back, child, check_dtype=False)
    clock = timeline.from_clock(timeline.clock(child))
    pd.testing.assert_series_equal(clock, child["seen"], check_names=False)


def test_dates_of_an_unordered_child_count_from_the_nearest_date_of_the_parent() -> None:
    rng = np.random.default_rng(0)
    start = rng.integers(0, 9000, 40)
    parent = pd.DataFrame({"born": dates(rng.integers(0, 9000, 40)), "start": dates(start)})
    owners = np.repeat(np.arange(40), 3)
    child = pd.DataFrame({"seen": dates(start[owners] + rng.integers(0, 30, 120))})
    timeline = Timeline.fit(child, None, parent, owners)
    assert timeline.of_parent == (("seen", str(child["seen"].dtype), ("start",)),)
    coded = timeline.apply(child, parent, owners)
    assert coded["seen"].dt.days.between(0, 30).all()
    assert timeline.restore(coded, parent, owners).equals(child)
    assert Timeline.from_dict(timeline.to_dict()) == timeline


@pytest.mark.parametrize("dtype", ["int64", "float64", "Int32"])
def test_numbers_may_order(dtype: str) -> None:
    child = pd.DataFrame({"year": pd.Series([1990, 1990, 2003], dtype=dtype)})
    timeline = Timeline.fit(child, "year", pd.DataFrame(index=[0]), np.zeros(3, dtype=int))
    assert timeline.clock(child).tolist() == [1990.0, 1990.0, 2003.0]
    back = timeline.from_clock(np.array([1990.0, 2003.0]))
    assert back.dtype == dtype
    assert back.tolist() == [1990, 2003]


def test_dates_of_the_parent_that_bound_its_rows() -> None:
    first = np.arange(100, 130)
    parent = pd.DataFrame(
        {
            "born": dates(first - 90),
            "joined": dates(first - 5),
            "died": dates(first + 80),
            "any": dates(first[::-1]),
            "first": dates(first),
            "last": dates(first + 9),
        }
    )
    parent.loc[::2, "died"] = pd.NaT
    summaries = Summaries("n", "first", "last", (), (), ())
    names = ["born", "joined", "died", "any"]
    found = [(c.low, c.high) for c in date_order(parent, summaries, names, None, Support(5))]
    assert found == [("first", "last"), ("joined", "first"), ("last", "died")]
    few = date_order(parent, summaries, ["died"], None, Support(20))
    assert [(c.low, c.high) for c in few] == [("first", "last")]
    assert date_order(parent.drop(columns="first"), summaries, names) == []


def test_durations_are_cut_at_a_date_of_the_parent() -> None:
    hours = pd.to_timedelta([30, 30, -5, 30], "h")
    child = pd.DataFrame({"stays": pd.Series(hours), "came": dates([5, 5, 9, 5])})
    timeline = Timeline.fit(child, "came", pd.DataFrame(index=[0]), np.zeros(4, dtype=int))
    died = dates([6, 9, 4])
    died[1] = pd.NaT
    cut = timeline.cut(child, "stays", died, np.array([0, 1, 2, -1]))
    assert (cut["stays"] / pd.Timedelta(hours=1)).tolist() == [24, 30, 0, 30]


def test_durations_in_units_of_the_clock() -> None:
    order = Column("seen", "datetime", "datetime64[us]", resolution=60_000_000)
    lasts = pd.Series(pd.to_timedelta(["2min", "-1min", None]).astype("timedelta64[us]"))
    assert durations_of(order, lasts).tolist() == [2.0, 0.0, 0.0]
    seen = pd.Series(pd.to_datetime(["1970-01-01 01:00", None]))
    parents = pd.DataFrame({"seen": seen, "zoned": seen.dt.tz_localize("UTC"), "n": [1, 2]})
    (found,) = dates_of(parents, order).items()
    assert found[0] == "seen"
    assert np.array_equal(found[1], [60.0, np.nan], equal_nan=True)
    assert dates_of(parents, None) == {}


def test_dates_are_counted_from_the_nearest_date_of_the_parent() -> None:
    rng = np.random.default_rng(0)
    days = pd.to_timedelta(rng.integers(0, 900, 50), "D")
    first = pd.Timestamp("2014-01-01") + days
    last = first + pd.to_timedelta(rng.integers(0, 600, 50), "D")
    parent = pd.DataFrame({"last": last, "first": first})
    owners = np.sort(rng.integers(0, 50, 400))
    since = pd.Series(pd.to_timedelta(rng.integers(-5, 160, 400), "D"))
    child = pd.DataFrame({"start": first.to_series().iloc[owners].reset_index(drop=True) + since})
    timeline = Timeline.fit(child, None, parent, owners)
    assert [bases for _, _, bases in timeline.of_parent] == [("first",)]
    coded = timeline.apply(child, parent, owners)
    assert (coded["start"] == since).all()
    pd.testing.assert_frame_equal(timeline.restore(coded, parent, owners), child)
    assert Timeline.from_dict(json.loads(json.dumps(timeline.to_dict()))) == timeline
    parent.loc[::10, "first"] = pd.NaT  # of those who were never treated
    assert Timeline.fit(child, None, parent, owners).of_parent == ()
