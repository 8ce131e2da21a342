"""Rows of a family at the same time: their number is decided with the first of them."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from synthgan.families.coding import FamilyCoding
from synthgan.families.pace import Pace
from synthgan.families.rows_at_once import RowsAtOnce, are_counted, changes_of, rows_to_come
from synthgan.families.state import FamilyState
from synthgan.families.summaries import Summaries


def families(seed, n=8):
    rng = np.random.default_rng(seed)
    owners = np.repeat(np.arange(n), rng.integers(1, 20, n))
    clock = np.cumsum(rng.integers(0, 2, len(owners))).astype(float)
    return owners, clock


def places_of(owners):
    return np.arange(len(owners)) - np.searchsorted(owners, owners)


@given(st.integers(0, 2**16))
def test_changes_give_the_rows_of_each_time(seed):
    owners, clock = families(seed)
    changes = changes_of(owners, clock, np.random.default_rng(seed))
    assert all(change[0] in "+-" for change in changes)
    to_come = rows_to_come(owners, clock)
    made, places = RowsAtOnce(owners.max() + 1), places_of(owners)
    numbers = np.bincount(owners)
    for place in range(numbers.max()):
        at = np.flatnonzero(places == place)
        after = made.after(owners[at], changes[at], numbers[owners[at]] - place)
        assert (after == to_come[at]).all()
        made.take(owners[at], after)


def test_what_is_known_of_the_next_row():
    made, some = RowsAtOnce(2), np.array([0, 1])
    known = made.context(some)
    assert np.isnan(known["rows left at this time"]).all()
    assert (known["rows at the time before"] == 0).all()
    after = made.after(some, np.array([3.0, 1.0]), np.array([9.0, 9.0]))
    assert after.tolist() == [2, 0]
    made.take(some, after)
    assert np.array_equal(made.context(some)["rows left at this time"], [2, np.nan], equal_nan=True)
    after = made.after(some, np.array([-50.0, 50.0]), np.array([8.0, 8.0]))
    assert after.tolist() == [1, 7]  # the first decided before; no more than are left


def test_rows_are_counted_where_some_are_at_once_and_others_are_not():
    owners = np.repeat(np.arange(30), 6)
    clock = np.tile([0.0, 0.0, 0.0, 1.0, 1.0, 1.0], 30)
    assert not are_counted(owners, clock)  # too few times
    owners, clock = np.append(owners, owners + 30), np.tile(clock, 2)
    assert are_counted(owners, clock)
    assert not are_counted(owners, np.zeros(len(owners)))
    assert not are_counted(owners, np.arange(len(owners)) * 1.0)


def test_families_have_no_more_rows_at_the_last_time_than_were_counted():
    table = pd.DataFrame({"drug": ["a", "b"] * 3})
    coding = FamilyCoding.fit(table, np.zeros(6, dtype=int), np.zeros(6))
    summaries = Summaries("n", "first", "last", (), (), ())
    parents = pd.DataFrame({"n": [6.0, 6.0], "first": [0.0, 0.0], "last": [0.0, 9.0]})
    pace, both = Pace(counted="rows"), np.array([0, 1])
    assert Pace.from_dict(pace.to_dict()) == pace
    state = FamilyState(coding, summaries, parents, np.zeros(2), np.array([0.0, 9.0]), pace=pace)
    to_come = state.still_to_come(both, np.array(["+2", "+2"], dtype=object))
    assert to_come.tolist() == [5, 1]  # the first one ends when it begins
    assert "rows left at this time" in state.context(both)
    rows = table.iloc[:2].assign(rows=to_come)
    state.take(both, coding.read(rows), np.zeros(2), np.zeros(2), rows)
    assert state.still_to_come(both, np.array(["+7", "+7"], dtype=object)).tolist() == [4, 0]
    state.take(both, coding.read(rows), np.array([0.0, 9.0]), np.zeros(2), rows.assign(rows=0))
    after, fits = state.next(both, np.array([3.0, 3.0]), state.clock)
    assert np.isinf(after).all()  # no time is left for the other four
    assert not fits.any()
