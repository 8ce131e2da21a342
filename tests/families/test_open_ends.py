"""Families whose rows decide when they end."""

import numpy as np
import pandas as pd
import pytest

from synthgan.constraints import Inequality
from synthgan.encoding.tables.column import Column
from synthgan.families.coding import FamilyCoding
from synthgan.families.date_order import date_order, opened
from synthgan.families.ends import read_ends, rows_decide_end
from synthgan.families.families import Families
from synthgan.families.pace import Pace
from synthgan.families.state import FamilyState
from synthgan.families.summaries import Summaries
from synthgan.families.timeline import Timeline

DAY = Column("day", "datetime", "datetime64[us]", resolution=86_400_000_000)
SUMMARIES = Summaries("n", "first", "last", (), (), ())
OPEN = Summaries("n", "first", None, (), (), (), upper="died")


def stays(n=400):
    rng = np.random.default_rng(0)
    owners = np.repeat(np.arange(n // 4), 4)
    table = pd.DataFrame({"diagnosis": rng.choice(["heart", "hip"], n), "cost": rng.normal(size=n)})
    gaps = rng.exponential(np.where(table["diagnosis"] == "heart", 30.0, 300.0))
    coding = FamilyCoding.fit(table, owners, np.zeros(n))
    return coding, coding.read(table), owners, gaps


def test_labels_determine_when_the_next_row_begins():
    coding, rows, owners, gaps = stays()
    assert rows_decide_end(coding, rows, gaps, owners)
    shuffled = np.random.default_rng(1).permutation(gaps)
    assert not rows_decide_end(coding, rows, shuffled, owners)
    assert rows_decide_end(coding, rows, np.ones(len(gaps)), owners)  # periods without a gap
    assert not rows_decide_end(coding, rows, np.zeros(len(gaps)), owners)


def test_few_steps_are_no_evidence():
    coding, rows, owners, gaps = stays(200)
    assert not rows_decide_end(coding, rows, gaps, owners)


def dates(*days):
    return pd.Series(pd.to_datetime(days)).astype("datetime64[us]")


def test_the_date_after_the_last_row_is_a_bound():
    parents = pd.DataFrame(
        {
            "born": dates("1960-01-01", "1970-01-01"),
            "died": dates("2001-01-01", None),
            "first": dates("2000-01-01", "2000-02-01"),
            "last": dates("2000-06-01", "2000-07-01"),
        }
    )
    made = opened(parents, SUMMARIES, ["born", "died"])
    assert (made.last, made.upper) == (None, "died")
    kept = date_order(parents.drop(columns="last"), made, ["born", "died"])
    assert [(one.low, one.high) for one in kept if isinstance(one, Inequality)] == [
        ("born", "first"),
        ("first", "died"),
    ]
    assert Summaries.from_dict(made.to_dict()) == made


def family(pace=None):
    table = pd.DataFrame({"length": [3.0, 3.0]})
    coding = FamilyCoding.fit(table, np.zeros(2, dtype=int), np.zeros(2))
    parents = pd.DataFrame({"n": [3.0, 3.0], "died": dates("1970-01-11", None)})
    pace = Pace(least=1.0) if pace is None else pace
    return FamilyState(coding, OPEN, parents, np.zeros(2), np.zeros(2), DAY, pace)


def test_steps_go_where_they_lead():
    state, both = family(), np.arange(2)
    assert state.context(both)["until the last"].isna().tolist() == [False, True]
    after, fits = state.next(both, np.array([4.0, 4000.0]), np.zeros(2))
    assert after.tolist() == [4.0, 4000.0]
    assert fits.all()


@pytest.mark.parametrize("step", [9.5, np.nan])
def test_a_family_ends_where_there_is_no_time(step):
    """Two more rows, at least a day apart, do not fit after nine and a half of ten days."""
    state, both = family(), np.arange(2)
    after, fits = state.next(both, np.array([step, 5.0]), np.zeros(2))
    assert fits.tolist() == [False, True]
    assert np.isinf(after[0])
    state.take(both, {"length": np.zeros(2)}, after)
    assert state.alive().tolist() == [1]
    assert np.isfinite(state.context(both).to_numpy(np.float64)[:, :1]).all()
    state.stop(np.array([1]))
    assert not len(state.alive())


@pytest.mark.parametrize("step", [10.5, np.nan])
def test_a_family_keeps_its_rows_where_rows_may_be_at_the_same_time(step):
    state, both = family(Pace()), np.arange(2)
    after, fits = state.next(both, np.array([step, 5.0]), np.array([2.0, 2.0]))
    assert fits.tolist() == [False, True]  # such rows are drawn again before
    assert after.tolist() == [2.0, 7.0]
    state.take(both, {"length": np.zeros(2)}, after)
    assert state.alive().tolist() == [0, 1]


def test_fewer_rows_where_there_is_too_little_time():
    parents = pd.DataFrame({"n": [9.0, 9.0], "first": dates("1970-01-01", "1970-01-01"),
                            "died": dates("1970-01-04", None)})  # fmt: skip
    timeline = Timeline(DAY)
    ends = read_ends(OPEN, timeline, parents)
    assert ends[:, 0].tolist() == [0.0, 3.0, 3.0]
    assert np.isinf(ends[1:, 1]).all()
    rng = np.random.default_rng(0)
    made = Families.of_parents(parents, parents, OPEN, timeline, Pace(least=1.0), rng)
    assert made.parents["n"].tolist() == [4.0, 9.0]
