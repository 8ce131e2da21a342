"""Dates of rows and of their parents."""

import numpy as np
import pandas as pd
import pytest

from synthgan.families.date_limits import DateLimits
from synthgan.privacy import Support

DAY = pd.Timedelta(days=1)


def make(tz=None, n=120, seed=0):
    """Return events of people between the start and the end of a study."""
    rng = np.random.default_rng(seed)
    start = pd.Series(pd.Timestamp("2020-01-01", tz=tz) + DAY * rng.integers(0, 300, 40))
    end = start + pd.Series(DAY * rng.integers(50, 90, 40))
    parent = pd.DataFrame({"start": start, "end": end, "age": 50.0})
    owners = np.sort(rng.integers(0, 40, n))
    begin = start.iloc[owners].reset_index(drop=True) + pd.Series(DAY * rng.integers(0, 50, n))
    child = pd.DataFrame({"seen": begin, "begin": begin, "label": "a"})
    child["until"] = begin.where(rng.random(n) < 0.8)
    return child, parent, owners


@pytest.mark.parametrize("tz", [None, "Europe/Berlin"])
def test_limits_hold_in_synthetic_rows(tz):
    child, parent, owners = make(tz)
    made = DateLimits.fit(child, parent, owners)
    dates = ("seen", "begin", "until")
    assert set(made.lower) == {(date, "start") for date in dates}
    assert set(made.upper) == {(date, "end") for date in dates}
    assert DateLimits.from_dict(made.to_dict()) == made
    pd.testing.assert_frame_equal(made.apply(child, parent, owners), child)
    drawn = child.assign(begin=child["begin"] - 60 * DAY, until=child["until"] + 60 * DAY)
    moved = made.apply(drawn, parent, owners)
    starts = parent["start"].iloc[owners].reset_index(drop=True)
    ends = parent["end"].iloc[owners].reset_index(drop=True)
    assert (moved["begin"] >= starts).all()
    there = moved["until"].notna()
    assert (moved["until"] <= ends)[there].all()
    assert there.equals(child["until"].notna())
    assert moved.dtypes.equals(child.dtypes)
    late = child.assign(seen=ends + DAY, until=ends + 2 * DAY)
    late = made.apply(late, parent, owners)
    assert (late["seen"] == ends).all()
    assert (late["until"] == ends).all()


@pytest.mark.parametrize("tz", [None, "Europe/Berlin"])
def test_dates_without_a_time_of_day_stay_so(tz):
    child, parent, owners = make(tz)
    parent = parent.assign(start=parent["start"] - DAY / 2, end=parent["end"] + DAY / 2)
    made = DateLimits.fit(child, parent, owners)
    drawn = child.assign(begin=child["begin"] - 60 * DAY, until=child["until"] + 60 * DAY)
    drawn = drawn.assign(begin=drawn["begin"].dt.normalize(), until=drawn["until"].dt.normalize())
    moved = made.apply(drawn, parent, owners)
    starts = parent["start"].iloc[owners].reset_index(drop=True)
    ends = parent["end"].iloc[owners].reset_index(drop=True)
    for name, dates in moved[["begin", "until"]].items():
        assert (dates.dropna() == dates.dropna().dt.normalize()).all(), name
    assert (moved["begin"] >= starts).all()
    assert (moved["begin"] - starts).min() < DAY
    assert (moved["until"] <= ends)[moved["until"].notna()].all()
    hours = made.apply(drawn.assign(begin=drawn["begin"] + DAY / 4), parent, owners)["begin"]
    assert (hours >= starts).all()
    assert (hours == starts).any()


def test_few_rows_or_people_give_no_limits():
    child, parent, owners = make()
    assert DateLimits.fit(child.iloc[:40], parent, owners[:40]) == DateLimits()
    alone = Support(5, np.zeros(len(owners)))
    assert DateLimits.fit(child, parent, owners, alone) == DateLimits()
    broken = child.assign(begin=child["begin"].mask(child.index == 7, parent["start"].min() - DAY))
    found = DateLimits.fit(broken, parent, owners)
    assert ("begin", "start") not in found.lower
    none = np.full(len(owners), -1)
    assert DateLimits.fit(child, parent, none) == DateLimits()
    assert made_of(child, parent, none).equals(child)


def made_of(child, parent, owners):
    return DateLimits((("begin", "start"),)).apply(child, parent, owners)
