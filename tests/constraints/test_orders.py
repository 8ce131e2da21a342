"""Dates that are never after others: several lower columns, and how orders are found."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from synthgan import TabularGANSynthesizer
from synthgan.constraints.base import Constraint
from synthgan.constraints.constraint_set import ConstraintSet
from synthgan.constraints.differences import Inequality
from synthgan.constraints.order_search import find_lows, find_orders
from synthgan.exceptions import DataError, ParameterError, PrivacyWarning
from synthgan.privacy import Support

RNG = np.random.default_rng(0)
START = pd.Timestamp("2024-01-01")
DAYS = st.one_of(st.none(), st.integers(-50, 50))


def trial(n=300, seed=0):
    """Return consent <= first dose <= last dose <= end; a fifth of the people got no dose."""
    rng = np.random.default_rng(seed)
    days = np.cumsum(rng.integers(0, [[400], [30], [90], [60]], size=(4, n)), axis=0)
    names = ["consent", "first_dose", "last_dose", "end"]
    dates = [START + pd.to_timedelta(own, "D") for own in days]
    frame = pd.DataFrame(dict(zip(names, dates, strict=True)))
    some = rng.random(n) < 0.2
    return frame.assign(**{c: frame[c].mask(some) for c in ("first_dose", "last_dose")})


def table_of(rows, kind):
    frame = pd.DataFrame(rows, columns=["a", "b", "high"]).astype("Float64")
    if kind == "date":
        return frame.apply(lambda column: START + pd.to_timedelta(column.astype("float64"), "D"))
    return frame.astype("Int64") if kind == "integer" else frame.astype("float64") / 4


@pytest.mark.parametrize("kind", ["date", "integer", "float"])
@given(rows=st.lists(st.tuples(DAYS, DAYS, DAYS), min_size=1, max_size=12), seed=st.integers(0, 9))
def test_any_rows_are_brought_into_order(kind, rows, seed):
    frame = table_of(rows, kind)
    lows = frame[["a", "b"]].max(axis=1)
    real = frame.assign(high=frame["high"].where(~(frame["high"] < lows), lows))
    constraint = Inequality(["a", "b"], "high").fit(real)
    table = constraint.apply(real)
    assert_frame_equal(constraint.restore(table, RNG), real)
    mixed = table.sample(frac=1, random_state=seed).set_axis(table.index)
    made = constraint.restore(mixed.assign(high=table["high"]), RNG)
    assert constraint.holds(made).all()
    assert not (made["high"] < made["a"]).any()
    assert not (made["high"] < made["b"]).any()


def test_the_difference_is_that_from_the_largest_of_those_present():
    frame = pd.DataFrame(
        {"a": [1.0, 5.0, np.nan], "b": [3.0, np.nan, np.nan], "high": [4.0, 7.0, 9.0]}
    )
    constraint = Inequality(["a", "b"], "high").fit(frame)
    assert constraint.apply(frame)["high"].tolist()[:2] == [1.0, 2.0]
    assert_frame_equal(constraint.restore(constraint.apply(frame), RNG), frame)
    assert constraint.lows == ("a", "b")
    assert constraint.uses == ("a", "b", "high")
    with pytest.raises(DataError, match=r"1 row\(s\) violate 'b' <= 'high'"):
        Inequality(["a", "b"], "high").fit(frame.assign(b=[9.0, 0.0, 0.0]))
    for lows in (["a", "a"], ["a", "high"], []):
        with pytest.raises(ParameterError, match="two different columns"):
            Inequality(lows, "high").fit(frame)


def test_several_lower_columns_come_back_from_an_archive():
    frame = trial()
    one = Inequality(["consent", "last_dose"], "end").fit(frame)
    again = Constraint.from_dict.__func__(Inequality, one.to_dict())
    assert again.get_params() == one.get_params()
    assert_frame_equal(again.apply(frame), one.apply(frame))


def test_a_condition_is_met_where_all_lower_columns_are_known():
    frame = trial()
    one = Inequality(["consent", "last_dose"], "end").fit(frame)
    mask = pd.DataFrame(True, index=frame.index, columns=frame.columns)
    known, mask = one.translate(frame, mask.assign(last_dose=frame.index % 2 == 0), RNG)
    assert mask["end"].tolist() == (frame.index % 2 == 0).tolist()
    assert known["end"][::2].equals(one.apply(frame)["end"][::2])


def test_orders_are_found_without_those_that_follow():
    frame = trial()
    found = {one.high: one.low for one in find_orders(frame)}
    # Without a dose the end is still after the consent.
    assert found == {
        "first_dose": "consent", "last_dose": "first_dose", "end": ["last_dose", "consent"],
    }  # fmt: skip
    lasts = frame - START
    assert {one.high for one in find_orders(lasts)} == {"first_dose", "last_dose", "end"}
    doubled = frame.assign(again=frame["consent"])
    assert {one.high: one.low for one in find_orders(doubled)} == found


def test_orders_by_chance_are_not_found():
    rng = np.random.default_rng(0)
    days = [START + pd.to_timedelta(rng.integers(0, 400, 300), "D") for _ in range(2)]
    independent = pd.DataFrame(dict(zip("ab", days, strict=True)))
    assert find_lows(independent) == {}
    later = independent.assign(b=independent["b"] + pd.Timedelta(days=500))
    assert find_lows(later) == {}  # their ranges do not overlap: there is nothing to learn
    assert find_lows(trial(15)) == {}
    frame = trial()
    broken = frame.assign(end=frame["end"].where(frame.index != frame["last_dose"].idxmax(), START))
    assert find_lows(broken).keys() == {"first_dose", "last_dose"}
    assert find_lows(frame, Support(5, np.arange(300) % 4)) == {}  # four people
    zones = frame.assign(end=frame["end"].dt.tz_localize("UTC"))
    assert find_lows(zones).keys() == {"first_dose", "last_dose"}


def test_no_circles_and_no_fixed_columns():
    frame = trial()[["consent", "end"]]
    assert find_orders(frame, fixed=["end"]) == []
    assert find_orders(frame, inputs={"consent": ["other"], "other": ["end"]}) == []


def test_a_set_finds_orders_unless_there_shall_be_none():
    frame = trial()
    kept = ConstraintSet().fit(frame, find=True)
    orders = [one for one in kept.constraints_ if isinstance(one, Inequality)]
    assert {one.high for one in orders} == {"first_dose", "last_dose", "end"}
    assert_frame_equal(kept.restore(kept.apply(frame), RNG), frame)
    asked = ConstraintSet().fit(frame, find=True, condition_columns=["end"])
    assert "end" not in {n for one in asked.constraints_ for n in one.rewrites}


def test_synthetic_dates_are_in_order():
    frame = trial(200)
    model = TabularGANSynthesizer(random_state=0, max_steps=3, privacy="faithful")
    with pytest.warns(PrivacyWarning, match="people"):
        made = model.fit(frame).sample(300, random_state=0)
    for low, high in [("consent", "first_dose"), ("first_dose", "last_dose"), ("last_dose", "end")]:
        assert not (made[low] > made[high]).any()
    assert not (made["consent"] > made["end"]).any()
    with pytest.warns(PrivacyWarning, match="people"):
        free = model.set_params(constraints=[]).fit(frame).sample(300, random_state=0)
    assert (free["consent"] > free["end"]).any()
