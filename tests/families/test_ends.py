"""The ends of families as shares of the time between two dates of the parent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from synthgan.constraints import Inequality, Range
from synthgan.families.date_order import bounded, date_order
from synthgan.families.ends import as_shares, read_ends
from synthgan.families.summaries import Summaries
from synthgan.families.timeline import Timeline
from synthgan.privacy import Support

PLAIN = Summaries("n", "first", "last", (), (), ())
BOUNDED = Summaries("n", "first", "last", (), (), (), "left", "came")


def hours(numbers: list[int], minutes: int = 0) -> pd.Series:
    return pd.Timestamp("2020-01-01") + pd.to_timedelta(
        pd.Series(numbers) * 60 + minutes, "min"
    ).astype("timedelta64[us]")


def hourly() -> Timeline:
    child = pd.DataFrame({"seen": hours([*range(40)])})
    return Timeline.fit(child, "seen", pd.DataFrame(index=[0]), np.zeros(40, dtype=int))


@given(st.lists(st.lists(st.integers(0, 500), min_size=4, max_size=4), min_size=1, max_size=9))
def test_ends_come_back(times: list[list[int]]) -> None:
    came, first, last, left = zip(*map(sorted, times), strict=True)
    parents = pd.DataFrame({"came": hours([*came], -20), "left": hours([*left], 20)})
    made = pd.DataFrame({"first": hours([*first]), "last": hours([*last])})
    made = made.reindex(range(len(times) + 1))  # the last parent has no rows
    parents = parents.reindex([*range(len(times)), 0]).reset_index(drop=True)
    timeline = hourly()
    shares = as_shares(BOUNDED, made, timeline, parents)
    assert shares.iloc[:-1][["first", "last"]].stack().between(0, 1).all()
    known = pd.concat([parents, shares], axis=1)
    ends = read_ends(BOUNDED, timeline, known)
    dates = pd.concat([parents, made], axis=1)
    assert np.array_equal(ends[:2], read_ends(PLAIN, timeline, dates)[:2], equal_nan=True)
    assert (ends[0, :-1] >= timeline.clock(parents[["came"]].set_axis(["seen"], axis=1))[:-1]).all()
    assert as_shares(PLAIN, made, timeline, parents) is made


def test_ends_are_counted_from_a_date_with_which_families_begin() -> None:
    based = replace(BOUNDED, base="dosed")
    parents = pd.DataFrame(
        {"came": hours([0] * 4), "left": hours([90] * 4), "dosed": hours([10, 10, 30, 50])}
    )
    parents.loc[3, "dosed"] = pd.NaT  # counted from the lower date
    made = pd.DataFrame({"first": hours([10, 4, 30, 45]), "last": hours([50, 10, 30, 90])})
    shares = as_shares(based, made, hourly(), parents)
    assert shares["first"].round(3).tolist() == [0.0, -0.075, 0.0, 0.5]
    known = pd.concat([parents, shares], axis=1)
    plain = read_ends(PLAIN, hourly(), made)
    assert np.array_equal(read_ends(based, hourly(), known)[:2], plain[:2])
    early = read_ends(based, hourly(), known.assign(first=-9.0))
    assert (early[0] == read_ends(PLAIN, hourly(), made.assign(first=parents["came"]))[0]).all()
    assert Summaries.from_dict(based.to_dict()) == based


def test_a_base_is_a_date_with_which_a_fifth_begin() -> None:
    first = [*range(100, 130)]
    came, left = (hours([i + k for i in first]) for k in (-9, 9))
    parent = pd.DataFrame({"came": came, "left": left, "first": hours(first)})
    parent = parent.assign(last=hours([i + 1 for i in first]), dosed=parent["first"])
    parent["dosed"] = parent["dosed"].where(parent.index < 10, came + pd.Timedelta(hours=1))
    names = ["came", "left", "dosed"]
    found = bounded(parent.assign(dosed=parent["dosed"].mask(parent.index > 20)), PLAIN, names)
    assert (found.lower, found.upper, found.base) == ("came", "left", "dosed")
    rare = parent.assign(dosed=parent["dosed"].mask(parent.index > 4))
    assert bounded(rare, PLAIN, names).base is None
    assert bounded(parent, PLAIN, ["came", "left"]).base is None


def test_any_shares_lie_between_the_dates() -> None:
    parents = pd.DataFrame({"came": hours([3, 4, 3], 30), "left": hours([5, 5, 9], 59)})
    known = parents.assign(first=[-1.0, 0.7, 2.0], last=[0.6, 1.0, 0.0])
    ends = read_ends(BOUNDED, hourly(), known)
    low = read_ends(PLAIN, hourly(), pd.DataFrame({"first": hours([0]), "last": hours([0])}))[0, 0]
    assert (ends - low).tolist() == [[4, 5, 9], [5, 5, 9], [5, 5, 9]]


def test_two_dates_that_are_never_missing_are_bounds() -> None:
    first = [*range(100, 130)]
    came, left = (hours([i + k for i in first]) for k in (-9, 9))
    parent = pd.DataFrame({"came": came, "left": left})
    parent = parent.assign(first=hours(first), last=hours([i + 1 for i in first]))
    dates = ["came", "left"]
    found = bounded(parent, PLAIN, dates, Support(5))
    assert found == BOUNDED
    assert Summaries.from_dict(found.to_dict()) == found
    (one,) = date_order(parent, found, dates)
    assert isinstance(one, Inequality)
    (one,) = date_order(parent, found, dates, order="came")
    assert isinstance(one, Range)
    assert bounded(parent, PLAIN, dates, Support(31)) == PLAIN
    parent.loc[3, "left"] = pd.NaT
    assert bounded(parent, PLAIN, dates, Support(5)) == PLAIN


def test_earlier_archives_have_no_lower_bound() -> None:
    record = PLAIN.to_dict()
    assert "lower" not in record
    assert Summaries.from_dict(record) == PLAIN
