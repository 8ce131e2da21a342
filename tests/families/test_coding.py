"""Labels that repeat, labels of a period, and what is counted on the way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from synthgan.families.coding import FamilyCoding, as_labels
from synthgan.families.families import Families, some_families
from synthgan.families.links import linked_rows
from synthgan.families.periods import Periods
from synthgan.families.state import FamilyState
from synthgan.families.summaries import Summaries, family_features, n_family_features
from synthgan.families.timeline import Timeline
from synthgan.privacy import Support

WARDS = st.sampled_from(["a", "b", "(as before)", None])


def before(coding: FamilyCoding, table: pd.DataFrame) -> dict:
    rows = coding.read(table)
    return {name: np.append(values[:1] * 0 if values.dtype != object else [None], values[:-1])
            for name, values in rows.items()}  # fmt: skip


@given(st.lists(WARDS, min_size=2, max_size=30), st.data())
def test_repeats_come_back(wards: list[str | None], data: st.DataObject) -> None:
    owners = np.sort(data.draw(st.lists(st.integers(0, 3), min_size=len(wards),
                                        max_size=len(wards))))  # fmt: skip
    table = pd.DataFrame({"ward": pd.Series(wards, dtype=object), "x": 1.0})
    clock = np.zeros(len(table))
    coding = FamilyCoding.fit(table, owners, clock)
    marks = [replace(level, repeats="(as before)'") for level in coding.labels]
    coding = replace(coding, labels=tuple(marks))
    marked = coding.mark(table, owners, clock)
    back = coding.unmark(marked, before(coding, table), clock)
    assert as_labels(back["ward"]).tolist() == as_labels(table["ward"]).tolist()
    assert FamilyCoding.from_dict(coding.to_dict()) == coding


def test_labels_that_stay_are_marked_and_others_are_not() -> None:
    owners = np.repeat(np.arange(50), 10)
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "home": np.array([f"home {i}" for i in range(40)])[np.arange(50) % 40][owners],
            "room": np.array(list("abcdefgh"))[rng.integers(0, 8, 50)][owners],
            "weather": rng.choice(["sun", "rain"], 500),
        }
    )
    coding = FamilyCoding.fit(table, owners, np.zeros(500))
    assert [level.repeats for level in coding.labels] == ["(as before)", None, None]
    marked = coding.mark(table, owners, np.zeros(500))
    assert (marked["home"] == "(as before)").sum() == 450
    assert marked[["room", "weather"]].equals(table[["room", "weather"]])


def teams() -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Twenty teams, each of which exists for 20 of 200 years."""
    year = np.repeat(np.arange(200), 10)
    return year.astype(float), year // 10, tuple(f"t{i}" for i in range(20))


def test_labels_of_a_period_are_coded_by_their_place() -> None:
    clock, team, names = teams()
    periods = Periods.fit(names, team, clock, Support(5))
    assert periods is not None
    labels = np.array(names, dtype=object)[team]
    places = periods.places(labels, clock)
    assert set(places.tolist()) == {0}
    assert periods.labels(places, clock).tolist() == labels.tolist()
    assert periods.exist(labels, clock).all()
    assert not periods.exist(labels, clock + 50).any()
    assert periods.left(np.array(["t0"], dtype=object), np.array([4.0])).tolist() == [5.0]
    assert periods.labels(np.array([3]), np.array([500.0])).tolist() == ["t19"]  # the nearest
    assert Periods.from_dict(periods.to_dict()) == periods


def test_ends_of_a_period_are_means_over_people() -> None:
    clock = np.array([0.0, 8, 9, 10, 11, 50, 51, 52, 53, 99])
    codes = np.zeros(10, dtype=int)
    codes[:] = 0
    names = tuple("abcdefghijklm")
    periods = Periods(names[:1], (0.0,), (0.0,))
    all_codes = np.concatenate([codes, np.repeat(np.arange(1, 13), 10)])
    all_clock = np.concatenate([clock, np.repeat(np.arange(1, 13) * 100.0, 10)])
    periods = Periods.fit(names, all_codes, all_clock, Support(5))
    at = periods.levels.index("a")
    assert (periods.starts[at], periods.ends[at]) == (7.0, 61.0)  # 7.6 and 61.0: not 0 and 99


def test_labels_that_are_always_there_have_no_period() -> None:
    clock, _, names = teams()
    assert Periods.fit(names, np.arange(len(clock)) % 20, clock) is None
    assert Periods.fit(names[:5], np.arange(len(clock)) % 5, clock) is None


ROWS = pd.DataFrame({"x": [1.0, 3.0, 8.0, np.nan], "ward": ["a", "a", "b", "b"]})
OWNERS = np.array([0, 0, 0, 2])
CLOCK = np.array([5.0, 5.0, 9.0, 7.0])


def small() -> tuple[FamilyCoding, Summaries, pd.DataFrame]:
    coding = FamilyCoding.fit(ROWS, OWNERS, CLOCK)
    summaries = Summaries(
        "n", "first", "last", (("x", "mean"),), (("ward", "k"),), (("ward", "m"),)
    )
    timeline = Timeline.fit(pd.DataFrame({"t": CLOCK}), "t", pd.DataFrame(index=range(3)), OWNERS)
    table = summaries.apply(coding, timeline, coding.read(ROWS), CLOCK, OWNERS, 3)
    return coding, summaries, table


def test_summaries_by_hand() -> None:
    _, _, table = small()
    assert table["n"].tolist()[::2] == [3, 1]
    assert np.isnan(table["n"][1])
    assert table["mean"].tolist()[0] == 4.0
    assert table["mean"].isna().tolist() == [False, True, True]
    assert table["k"].tolist()[::2] == [2.0, 1.0]
    assert np.isnan(table["k"][1])
    assert table["m"].tolist() == ["a", None, "b"]
    assert table["first"].tolist()[::2] == [5.0, 7.0]
    assert table["last"].tolist()[::2] == [9.0, 7.0]


def test_what_differs_between_families_is_summed_up() -> None:
    rng = np.random.default_rng(0)
    owners = np.repeat(np.arange(200), 5)
    table = pd.DataFrame(
        {
            "level": rng.normal(size=200)[owners] + 0.1 * rng.normal(size=1000),
            "noise": rng.normal(size=1000),
        }
    )
    coding = FamilyCoding.fit(table, owners, np.zeros(1000))
    taken = {"visits: number"}
    rows = coding.read(table)
    summaries = Summaries.fit("visits", coding, rows, owners, 200, taken, np.zeros((1000, 1)))
    assert summaries.means == (("level", "visits: mean level"),)
    assert summaries.number == "visits: number'"
    assert Summaries.from_dict(summaries.to_dict()) == summaries


def test_state_by_hand() -> None:
    coding, summaries, table = small()
    parents = table.assign(age=[50, 60, 70])
    state = FamilyState(coding, summaries, parents, np.array([5.0, 0, 7]), np.array([9.0, 0, 7]))
    assert state.alive().tolist() == [0, 2]
    first = state.context(np.array([0, 2]))
    assert first["parent: age"].tolist() == [50, 70]
    assert first["rows left"].tolist() == [3, 1]
    assert first["before: x"].isna().all()
    assert first["mean of the rest: x"].tolist()[0] == 4.0
    rows = coding.read(ROWS)
    state.take(np.array([0, 2]), {k: v[[0, 3]] for k, v in rows.items()}, CLOCK[[1, 3]])
    assert state.alive().tolist() == [0]
    assert state.context(np.array([0]))["rows at once"].tolist() == [1]
    state.take(np.array([0]), {k: v[[1]] for k, v in rows.items()}, CLOCK[[2]])
    third = state.context(np.array([0]))
    assert third["mean: x"].tolist() == [2.0]
    assert third["before: x"].tolist() == [3.0]
    assert third["mean of the rest: x"].tolist() == [8.0]
    assert third["rows at once"].tolist() == [0]
    assert third["since the row before"].tolist() == [4.0]
    assert third["until the last"].tolist() == [0.0]
    assert third["distinct: ward"].tolist() == [1.0]
    assert third["share of a: ward"].tolist() == [1.0]


def test_features_of_families_by_hand() -> None:
    coding, _, _ = small()
    features = family_features(coding, coding.read(ROWS), CLOCK, OWNERS, 3)
    assert features.shape == (3, n_family_features(coding))
    # rows; first, last, mean and spread of the order; shares at both ends; mean step
    order = [5.0, 9.0, CLOCK[:3].mean(), CLOCK[:3].std()]
    ends = [(CLOCK[:3] == 5).mean(), (CLOCK[:3] == 9).mean()]
    assert np.allclose(features[0, :8], [3.0, *order, *ends, 2.0])
    assert np.isnan(features[1, 1:]).sum() > 5
    assert features[1, 0] == 0


def days(n: int = 300) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Two different tests a day, of which each is done on many days."""
    rng = np.random.default_rng(0)
    pairs = [rng.choice(list("abcd"), 2, replace=False) for _ in range(n * 3)]
    table = pd.DataFrame({"test": np.concatenate(pairs), "ward": rng.choice(["x", "y"], n * 6)})
    return table, np.repeat(np.arange(n), 6), np.tile([0.0, 0, 1, 1, 2, 2], n)


def test_labels_that_never_agree_at_the_same_time() -> None:
    table, owners, clock = days()
    coding = FamilyCoding.fit(table, owners, clock)
    assert coding.distinct == ("test",)
    assert FamilyCoding.from_dict(coding.to_dict()) == coding
    often = table.assign(test=np.random.default_rng(1).permutation(table["test"]))
    assert FamilyCoding.fit(often, owners, clock).distinct == ()
    assert FamilyCoding.fit(table, owners, np.arange(1800.0)).distinct == ()
    assert FamilyCoding.fit(table, np.arange(1800), clock).distinct == ()
    many = table.assign(test=[f"t{i}" for i in range(1800)])  # do not agree later either
    assert FamilyCoding.fit(many, owners, clock).distinct == ()


def test_steps_lead_to_the_last_value() -> None:
    coding, summaries, parents = small()
    state = FamilyState(coding, summaries, parents, np.array([5.0, 0, 7]), np.array([9.0, 0, 7]))
    rows = {k: v[[0, 3]] for k, v in coding.read(ROWS).items()}
    zero, five = np.zeros(4, dtype=np.int64), np.full(3, 5.0)
    to = np.array([5.0, 6.0, 9.0])  # from the first row to the second
    assert np.array_equal(state.step(zero[:3], to, five), [0.0, 1.0, np.nan], equal_nan=True)
    clock, fits = state.next(zero[:3], state.step(zero[:3], to, five), five)
    assert clock.tolist() == to.tolist()
    assert fits.all()
    clock, fits = state.next(np.array([2]), np.array([3.0]), np.array([7.0]))  # the only row
    assert fits.all()
    clock, fits = state.next(zero[:2], np.array([4.0, 5.0]), five[:2])  # no steps to the end
    assert clock.tolist() == [9.0, 9.0]
    assert not fits.any()
    state.take(zero[:1], {k: v[:1] for k, v in rows.items()}, np.array([6.0]))
    clock, fits = state.next(zero[:3], np.array([0.0, 1.0, np.nan]), five + 1)  # to the last row
    assert clock.tolist() == [9.0] * 3
    assert fits.tolist() == [False, False, True]
    third = state.context(zero[:1])
    assert third["until the last, a row"].tolist() == [3.0]
    assert third["at the last"].tolist() == [0.0]


def test_rows_that_repeat_one_of_the_same_time_are_marked() -> None:
    table, owners, clock = days()
    coding = FamilyCoding.fit(table, owners, clock)
    summaries = Summaries("n", "first", "last", (), (), ())
    parents = pd.DataFrame({name: np.full(2, 3.0) for name in summaries.columns})
    state = FamilyState(coding, summaries, parents, np.zeros(2), np.ones(2))

    def row(*tests: str | None) -> dict:
        return coding.read(pd.DataFrame({"test": tests, "ward": "x"}))

    both = np.arange(2)
    assert not state.repeats(both, row("a", "b")).any()
    state.take(both, row("a", "b"), np.zeros(2))
    state.take(np.array([1]), row("c"), np.zeros(1))
    assert state.repeats(both, row("a", "b")).tolist() == [True, True]
    assert state.repeats(both, row("rare", None)).tolist() == [False, False]
    state.take(np.array([0]), row("d"), np.ones(1))
    assert state.repeats(both, row("a", "c")).tolist() == [False, True]


def test_rows_of_nobody_get_a_parent_of_their_own() -> None:
    families = Families(pd.DataFrame({"n": [2, 1], "age": [50, 60]}), np.zeros(2), np.ones(2))
    more = families.extended("n", np.array([[4.0], [4.0]]))
    assert more.parents["n"].tolist() == [2, 1, 1]
    assert np.isnan(more.parents["age"][2])
    assert more.start.tolist() == [0.0, 0.0, 4.0]
    assert some_families(more, np.array([2, 0])).start.tolist() == [4.0, 0.0]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.integers(0, 50))
def test_links_are_drawn_in_proportion(numbers: list[int], n: int) -> None:
    rows = linked_rows(np.array(numbers, float), 0.0, n, np.random.default_rng(0))
    counts = np.bincount(rows, minlength=len(numbers))
    weights = np.array(numbers) if sum(numbers) else np.ones(len(numbers))
    assert (np.abs(counts - n * weights / weights.sum()) <= 1 + 1e-9).all()
