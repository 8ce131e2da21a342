"""Rules of the times of consecutive rows, and families whose number of rows and ends agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from synthgan.encoding.tables.column import Column
from synthgan.families.coding import FamilyCoding
from synthgan.families.pace import Pace
from synthgan.families.state import FamilyState
from synthgan.families.summaries import Summaries
from synthgan.privacy import Support

DAYS = Column("day", "integer", "int64")


def stays(n: int = 100, gap: float = 5.0) -> tuple[dict, np.ndarray, np.ndarray]:
    """Three stays of each person, of 1 to 4 days, `gap` to 2 `gap` days between them."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 5, 3 * n).astype(float)
    owners = np.repeat(np.arange(n), 3)
    gaps = np.where(np.arange(3 * n) % 3 > 0, rng.integers(gap, 2 * gap + 1, 3 * n), 0)
    before = np.where(np.arange(3 * n) % 3 > 0, np.roll(lengths, 1), 0)
    clock = pd.Series(gaps + before).groupby(owners).cumsum().to_numpy()
    return {"length": lengths}, clock, owners


def test_rows_follow_the_end_of_the_row_before() -> None:
    rows, clock, owners = stays()
    pace = Pace.fit(DAYS, clock, owners, rows)
    assert pace == Pace(least=5.0, until="length", at_once=0.0)
    assert Pace.from_dict(pace.to_dict()) == pace
    assert Pace.fit(DAYS, clock, owners) == Pace(least=6.0, at_once=0.0)
    # The mean of the shortest steps of as many people as must share what is stored.
    wide = Pace.fit(DAYS, clock, owners, support=Support(40, owners))
    assert 6.0 < wide.least < 9.0
    assert Pace.fit(DAYS, clock, owners, support=Support(101, owners)) == Pace()


def test_no_rule_where_rows_break_it() -> None:
    rows, clock, owners = stays()
    longer = {"length": rows["length"] + 6}  # some last until the next row begins, some longer
    pace = Pace.fit(DAYS, clock, owners, longer)
    assert pace == Pace(least=6.0, at_once=0.0)
    equal = np.where(np.arange(300) % 3 == 1, np.roll(clock, 1), clock)  # the first two rows
    assert Pace.fit(DAYS, equal, owners) == Pace(least=0.0, at_once=0.0)
    assert Pace.fit(DAYS, np.zeros(300), owners) == Pace(least=0.0, at_once=1.0)
    assert Pace.fit(None, clock, owners) == Pace()
    few = slice(0, 30)
    assert Pace.fit(DAYS, clock[few], owners[few]) == Pace(at_once=0.0)


def test_number_and_ends_agree() -> None:
    pace = Pace(least=2.0, at_once=0.0)
    rng = np.random.default_rng(0)
    number = np.array([0.0, 1, 1, 3, 3, 3, 9])
    start = np.array([0.0, 5, 5, 5, 5, 5, 5])
    end = np.array([0.0, 5, 9, 5, 13, 5, 13])
    most = np.array([np.inf, np.inf, np.inf, np.inf, np.inf, 5, np.inf])
    number, end = pace.ends(number, np.stack([start, end, most]), rng)
    assert end.tolist()[:3] == [0, 5, 5]  # of one row: one time
    assert end.tolist()[3:5] == [13, 13]  # as another of three rows
    assert number.tolist() == [0, 1, 1, 3, 3, 1, 5]  # the sixth has no time, the last too little


def test_some_families_have_all_rows_at_once_as_in_the_training_data() -> None:
    rng = np.random.default_rng(0)
    number, start = np.full(1000, 4.0), np.zeros(1000)
    end = np.where(rng.random(1000) < 0.5, 0.0, 8.0)
    for share in (0.0, 0.2, 0.9):
        ends = np.stack([start, end, np.full(1000, np.inf)])
        kept, last = Pace(at_once=share).ends(number, ends, rng)
        assert (last == 0).mean() == pytest.approx(min(share, (end == 0).mean()))
        assert (kept == 4).all()


def family(pace: Pace, end: float, rows: int) -> FamilyState:
    table = pd.DataFrame({"length": [3.0, 3.0]})
    coding = FamilyCoding.fit(table, np.zeros(2, dtype=int), np.zeros(2))
    summaries = Summaries("n", "first", "last", (), (), ())
    parents = pd.DataFrame({"n": [float(rows)]})
    return FamilyState(coding, summaries, parents, np.zeros(1), np.array([end]), DAYS, pace)


def test_next_rows_keep_the_pace() -> None:
    pace, one = Pace(least=2.0, until="length"), np.zeros(1, dtype=int)
    state = family(pace, 20.0, 3)
    length, three = {"length": np.array([3.0])}, np.array([3.0])
    five = np.zeros(5, dtype=int)
    after, fits = state.next(five, np.array([0.0, 2.0, 15.0, 16.0, np.nan]), np.full(5, 3.0))
    # From day 3 on, where the first row ends; two days are left for the last.
    assert after.tolist() == [5.0, 5.0, 18.0, 18.0, 18.0]
    assert fits.tolist() == [False, True, True, False, False]
    assert state.step(one, np.array([5.0]), three).tolist() == [2.0]
    late = state.overruns(five[:4], np.array([0.0, 3.0, 16.0, 17.0]))
    assert late.tolist() == [False, False, False, True]  # two rows, two days each
    state.take(one, length, np.array([5.0]), three)
    assert state.context(one)["since the row before"].tolist() == [2.0]
    after, fits = state.next(five[:2], np.array([np.nan, 1.0]), np.full(2, 8.0))
    assert after.tolist() == [20.0, 20.0]
    assert fits.tolist() == [True, False]
    late = state.overruns(five[:2], np.array([18.0, 19.0]))
    assert late.tolist() == [False, True]  # the last row is on day 20
    state.take(one, length, np.array([20.0]), np.array([8.0]))
    assert not state.overruns(one, np.array([119.0])).any()
    after, fits = state.next(five[:2], np.array([np.nan, 7.0]), np.full(2, 23.0))
    assert fits.all()  # after the last row comes none


def test_rows_have_ended_by_a_date_of_the_parent() -> None:
    order = Column("day", "datetime", "datetime64[us]", resolution=86_400_000_000)
    days = pd.Series(pd.to_datetime(["1970-01-11", None]))
    parents = pd.DataFrame({"n": [1.0, 1.0], "died": days.astype("datetime64[us]")})
    pace, both = Pace(least=2.0, until="length"), np.arange(2)
    found = pace.of_parents(order, np.array([10.0, 99.0]), both, parents, "died")
    assert found == replace(pace, within="died")
    assert Pace.from_dict(found.to_dict()) == found
    assert pace.of_parents(order, np.array([11.0, 9.0]), both, parents, "died") == pace
    assert pace.of_parents(order, np.array([9.0, 9.0]), both, parents, None) == pace
    table = pd.DataFrame({"length": [3.0, 3.0]})
    coding = FamilyCoding.fit(table, both, np.zeros(2))
    summaries = Summaries("n", "first", "last", (), (), ())
    state = FamilyState(coding, summaries, parents, np.full(2, 5.0), np.full(2, 5.0), order, found)
    assert state.overruns(both, np.array([10.0, 99.0])).tolist() == [False, False]
    assert state.overruns(both, np.array([11.0, 99.0])).tolist() == [True, False]
    assert state.context(both)["parent: died"].tolist()[0] == -5.0  # days ago
