"""Columns that are copied from rows before."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan.families.past_rows import PastRows
from synthgan.families.repeats import AT_ONCE, ROW, TIME, RepeatedColumns, Repeats


def make():
    """Return drugs that are listed one after the other, with their doses and first days."""
    rng = np.random.default_rng(0)
    owners = np.repeat(np.arange(60), 10)
    n = len(owners)
    new = np.append(True, owners[1:] != owners[:-1]) | (rng.random(n) < 0.2)
    of = np.cumsum(new) - 1
    table = pd.DataFrame(
        {
            "drug": rng.choice(["a", "b", "c", "d"], of.max() + 1)[of],
            "dose": rng.uniform(1, 90, of.max() + 1)[of],
            "since": pd.to_timedelta(rng.integers(0, 400, of.max() + 1), unit="D")[of],
            "visit": np.arange(n) % 10.0,
            "severe": rng.random(n) < 0.5,
        }
    )
    table.loc[of % 5 == 0, "since"] = pd.NaT
    return table, owners, new


def visits(n_people=60, seed=0):
    """Return drugs that are listed again at each visit; some are left out, and some are new."""
    rng = np.random.default_rng(seed)
    rows = []
    for owner in range(n_people):
        drugs = []
        for visit in range(5):
            drugs = [one for one in drugs if rng.random() > 0.05]
            for _ in range(rng.integers(2, 4) if visit == 0 else rng.random() < 0.3):
                one = (rng.choice(list("abcd")), rng.uniform(1, 90), rng.integers(0, 400))
                drugs.insert(rng.integers(len(drugs) + 1), one)
            rows += [(owner, 10.0 * visit, f"v{visit}", *one) for one in drugs]
    table = pd.DataFrame(rows, columns=["owner", "clock", "visit", "drug", "dose", "since"])
    table["note"] = rng.random(len(table))
    owners, clock = table.pop("owner").to_numpy(), table.pop("clock").to_numpy()
    return table, owners, clock


def no_times(owners):
    return np.zeros(len(owners))


def roll(made, marked, owners, clock):
    """Copy rows as they are generated: first rows first."""
    past, parts = PastRows(owners.max() + 1), []
    place = np.arange(len(owners)) - np.searchsorted(owners, owners)
    at_once = np.append(False, (owners[1:] == owners[:-1]) & (clock[1:] == clock[:-1]))
    for p in range(place.max() + 1):
        at = np.flatnonzero(place == p)
        rows = made.unmark(marked.iloc[at], past, owners[at], at_once[at])
        group = made.of_time
        sources = None if group is None else rows[group.label].to_numpy()
        is_over = ~np.append(at_once[1:], False)[at]
        past.take(rows, owners[at], sources, is_over)
        parts.append(rows.set_axis(at))
    return pd.concat(parts).sort_index()


def test_columns_that_repeat_together_are_a_group():
    table, owners, _ = make()
    made = Repeats.fit(table, owners, no_times(owners))
    assert made.groups == (RepeatedColumns("(as before 0)", ("drug", "dose", "since")),)
    assert Repeats.from_dict(made.to_dict()) == made
    assert made.to_dict()["groups"] == [
        {"label": "(as before 0)", "columns": ["drug", "dose", "since"]}
    ]


def test_what_repeats_by_chance_is_no_group():
    table, owners, _ = make()
    none = no_times(owners)
    assert Repeats.fit(table[["visit", "severe"]], owners, none) == Repeats()
    assert Repeats.fit(table[["drug", "severe"]], owners, none) == Repeats()  # no numbers
    assert Repeats.fit(table, np.arange(len(owners)), none) == Repeats()
    rng = np.random.default_rng(1)
    of_patient = np.isin(owners, np.arange(30))  # never measured: missing values are no copies
    table["pressure"] = np.where(of_patient, np.nan, rng.normal(size=len(owners)))
    assert Repeats.fit(table[["pressure", "severe"]], owners, none) == Repeats()


def test_round_trip():
    table, owners, new = make()
    clock = no_times(owners)
    made = Repeats.fit(table, owners, clock)
    sources = made.find(table, owners, clock)
    marked = made.mark(table, sources, owners, clock, np.random.default_rng(0))
    assert ((marked["(as before 0)"] == "new") == new).all()
    assert (marked["dose"] == table["dose"])[new].all()
    assert (marked["dose"] == table["dose"])[~new].mean() < 0.2
    of_dose = table.drop_duplicates("dose").set_index("dose")["drug"]
    assert (marked["dose"].map(of_dose) == marked["drug"]).all()  # all of one other row
    again = roll(made, marked, owners, clock)
    pd.testing.assert_frame_equal(made.without_places(again), table)


def test_names_are_free():
    table, owners, _ = make()
    table = table.rename(columns={"severe": "(as before 0)"})
    assert Repeats.fit(table, owners, no_times(owners)).groups[0].label == "(as before 0)'"


def test_rows_of_a_visit_are_copied_from_the_visit_before():
    table, owners, clock = visits()
    made = Repeats.fit(table, owners, clock)
    assert made.groups == (
        RepeatedColumns("(as before 0)", ("visit",), AT_ONCE),
        RepeatedColumns("(as before 1)", ("drug", "dose", "since"), TIME),
    )
    assert Repeats.from_dict(made.to_dict()) == made
    _, sources = made.find(table, owners, clock)
    copies = sources >= 0
    assert (table["dose"].to_numpy()[sources] == table["dose"])[copies].all()
    assert (owners[sources] == owners)[copies].all()
    assert (clock[sources] == clock - 10)[copies].all()
    later = clock > 0
    had = pd.Series(list(zip(owners, clock - 10, table["dose"], strict=True)))
    had = had.isin(list(zip(owners, clock, table["dose"], strict=True)))
    assert copies[later].sum() >= 0.99 * had[later].sum()


@given(seed=st.integers(0, 2**16))
def test_round_trip_of_visits(seed):
    table, owners, clock = visits(20, seed)
    made = Repeats(
        (
            RepeatedColumns("at once", ("visit",), AT_ONCE),
            RepeatedColumns("listed", ("drug", "dose", "since"), TIME),
        )
    )
    sources = made.find(table, owners, clock)
    marked = made.mark(table, sources, owners, clock, np.random.default_rng(seed))
    assert "at once" not in marked
    again = roll(made, marked, owners, clock)
    pd.testing.assert_frame_equal(made.without_places(again), table, check_like=True)
    places = np.where(sources < 0, -1, sources - np.searchsorted(owners, owners))
    assert (places == again[["at once", "listed"]].to_numpy().T).all()


def test_lists_without_a_further_row_have_new_rows():
    table, owners, clock = visits()
    made = Repeats.fit(table, owners, clock)
    marked = table.assign(**{"(as before 1)": "as before"})  # also at first visits, and too many
    again = roll(made, marked, owners, clock)
    first = clock == 0
    assert again.loc[first, "dose"].equals(table.loc[first, "dose"])
    assert set(again["dose"]) <= set(table["dose"])


def test_columns_are_copied_in_complete_families():
    table, owners, clock = visits()
    made = Repeats.fit(table, owners, clock)
    sources = made.find(table, owners, clock)
    placed = made.with_places(table, sources, np.searchsorted(owners, owners))
    anew = table.assign(drug=[f"other-{i}" for i in range(len(table))])
    copied = made.copy({"drug"}, anew, placed, owners)
    of_time = sources[1]
    assert (copied["drug"] == copied["drug"].iloc[of_time].to_numpy())[of_time >= 0].all()
    assert copied["drug"].nunique() == (of_time < 0).sum()
    assert copied["dose"].equals(table["dose"])


def test_few_people_or_no_other_times_have_no_lists():
    table, owners, clock = visits()
    sources = {group.source for group in Repeats.fit(table, owners, clock).groups}
    assert sources == {AT_ONCE, TIME}
    assert Repeats.fit(table, owners, no_times(owners)) == Repeats()
    few = owners < 2
    assert Repeats.fit(table[few], owners[few], clock[few]) == Repeats()


@pytest.mark.parametrize("source", [ROW, TIME, AT_ONCE])
def test_tables_without_rows(source):
    made = Repeats((RepeatedColumns("label", ("dose",), source),))
    table = pd.DataFrame({"dose": pd.Series([], dtype=float), "label": pd.Series([], dtype=object)})
    none = np.zeros(0, dtype=int)
    assert made.unmark(table, PastRows(3), none, none > 0)["dose"].empty


def test_what_is_not_listed_may_be_as_in_the_row_before():
    """Events are reported again at a later visit; others often begin at the same day."""
    rng = np.random.default_rng(0)
    rows = []
    for owner in range(80):
        events, day = [], 0
        for visit in range(4):
            events = [one for one in events if rng.random() < 0.6]
            for _ in range(rng.integers(1, 4)):
                day = day if rng.random() < 0.6 else int(rng.integers(10_000))
                events.append((f"event {rng.integers(400)}", day))
            rows += [(owner, visit, *one) for one in events]
    table = pd.DataFrame(rows, columns=["owner", "clock", "event", "day"])
    owners, clock = table.pop("owner").to_numpy(), table.pop("clock").to_numpy(dtype=float)
    made = Repeats.fit(table, owners, clock)
    assert made.groups == (
        RepeatedColumns("(as before 0)", ("event", "day"), TIME),
        RepeatedColumns("(as before 1)", ("day",), ROW),
    )
    sources = made.find(table, owners, clock)
    assert (sources >= 0).any(axis=1).all()
    assert ((sources >= 0).sum(axis=0) <= 1).all()
    marked = made.mark(table, sources, owners, clock, np.random.default_rng(0))
    again = roll(made, marked, owners, clock)
    pd.testing.assert_frame_equal(made.without_places(again), table)
    copied = made.copy({"day"}, table.assign(day=np.arange(len(table))), again, owners)
    assert copied["day"].nunique() == (sources < 0).all(axis=0).sum()
