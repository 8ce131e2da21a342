"""Values that have no share where they never occur."""

import numpy as np
import pandas as pd
import pytest

from synthgan.exceptions import ArchiveError
from synthgan.families.conditional_ranks import ConditionalRanks
from synthgan.families.excluded_values import ExcludedValues
from synthgan.privacy import Support


def make(n=2000, seed=0):
    """Return values of diagnoses: 0 in all of them, and one of their own; 2 is below 40 only."""
    rng = np.random.default_rng(seed)
    diagnosis, age = rng.integers(-1, 4, n), rng.integers(0, 100, n)
    codes = np.where(rng.random(n) < 0.5, 0, 1 + np.maximum(diagnosis, 0))
    codes = np.where((codes == 2) & (age >= 40), 0, codes)
    x = np.column_stack([np.where(rng.random(n) < 0.9, age, np.nan), diagnosis])
    return codes, x.astype(np.float64), Support(5, np.arange(n))


def test_what_never_occurs_is_not_possible():
    codes, x, support = make()
    made = ExcludedValues.fit(codes, x, [1], [0], support)
    pairs = {(low, value) for feature, low, _, value in made.intervals if feature == 1}
    assert pairs == {(a, b) for a in range(4) for b in range(1, 5) if a + 1 != b}
    [(_, low, high, value)] = [one for one in made.intervals if one[0] == 0]
    assert (high, value) == (np.inf, 2)
    assert low == pytest.approx(40, abs=4)
    assert made.features.tolist() == [0, 1]
    possible = made.possible(x, 5)
    assert possible[np.arange(len(codes)), codes].all()
    assert (possible[x[:, 1] == 3] == [True, False, False, False, True]).all()
    assert possible[x[:, 1] == -1][:, [0, 1, 3, 4]].all()  # an unknown label excludes none
    assert not possible[(x[:, 1] == 1) & (x[:, 0] > 45)][:, 2].any()
    none_left = ExcludedValues(np.array([(1.0, 0.0, 0.0, value) for value in range(5)]))
    assert none_left.possible(x[x[:, 1] == 0], 5).all()


def test_chance_excludes_little():
    rng = np.random.default_rng(0)
    codes, support = rng.integers(0, 20, 2000), Support(5, np.arange(2000))
    x = np.column_stack([rng.integers(0, 30, 2000), rng.integers(0, 100, 2000)]).astype(float)
    found = ExcludedValues.fit(codes, x, [0], [1], support).intervals
    assert len(found) <= 2  # of 600 pairs, 22 are empty
    few = Support(5, np.arange(2000) % 19)
    assert not len(ExcludedValues.fit(codes, x, [0], [1], few).intervals)


def test_values_and_labels_of_few_people_exclude_nothing():
    codes, x, support = make()
    people = np.where(x[:, 1] == 3, np.arange(len(codes)) % 15, support.people)
    made = ExcludedValues.fit(codes, x, [1], [0], Support(5, people))
    label = made.intervals[made.intervals[:, 0] == 1]
    assert len(label)
    assert not (label[:, 1] == 3).any()
    assert not (label[:, 3] == 4).any()


def test_a_range_that_many_rows_of_few_people_leave_is_none():
    codes, x, support = make()
    people, old = support.people.copy(), np.flatnonzero((codes == 0) & (x[:, 0] > 60))[:20]
    codes[old], people[old], x[old, 1] = 2, np.arange(20) % 2, 1
    made = ExcludedValues.fit(codes, x, [1], [0], Support(5, people))
    assert not (made.intervals[:, 0] == 0).any()


def test_rows_and_archives():
    codes, x, support = make(1200)
    known = pd.DataFrame({"parent: what": x[:, 1].astype(int).astype(str), "parent: age": x[:, 0]})
    rows = pd.DataFrame({"ward": np.array(list("abcde"))[codes]})
    made, ranks = ConditionalRanks.fit(rows, known, support)
    assert len(made.columns["ward"].excluded.intervals)
    assert (
        made.restore(ranks, made.read(known), ranks.to_numpy())["ward"].eq(rows["ward"]).mean()
        > 0.99
    )
    rng = np.random.default_rng(0)
    drawn = pd.DataFrame({"ward": rng.random(len(rows))})
    got = made.restore(drawn, made.read(known), drawn.to_numpy())
    pairs = set(zip(known["parent: what"], rows["ward"], strict=True))
    assert set(zip(known["parent: what"], got["ward"], strict=True)) <= pairs
    record, arrays = made.to_state()
    again = ConditionalRanks.from_state(record, arrays, list(known), list(rows))
    pd.testing.assert_frame_equal(again.restore(drawn, again.read(known), drawn.to_numpy()), got)
    older = {name: array for name, array in arrays.items() if not name.endswith("excluded")}
    again = ConditionalRanks.from_state(record, older, list(known), list(rows))
    assert not len(again.columns["ward"].excluded.intervals)
    [key] = [name for name in arrays if name.endswith("excluded")]
    for column, bad in ((0, 99.0), (0, 0.5), (3, 5.0), (3, np.nan), (1, np.inf), (2, np.nan)):
        broken = arrays[key].copy()
        broken[0, column] = bad
        with pytest.raises(ArchiveError, match="ranked column"):
            ConditionalRanks.from_state(record, {**arrays, key: broken}, list(known), list(rows))
    with pytest.raises(ArchiveError, match="ranked column"):
        ConditionalRanks.from_state(
            record, {**arrays, key: arrays[key][:, :3]}, list(known), list(rows)
        )


def test_ranges_are_of_numbers_of_parents():
    codes, x, support = make(1200)
    rows = pd.DataFrame({"ward": np.array(list("abcde"))[codes]})
    what = x[:, 1].astype(int).astype(str)

    def ranges(known, **more):
        made, _ = ConditionalRanks.fit(rows, pd.DataFrame(known), support, **more)
        intervals = made.columns["ward"].excluded.intervals
        return (intervals[:, 1] != intervals[:, 2]).sum()

    assert ranges({"parent: what": what, "parent: age": x[:, 0], "place": x[:, 0]}) == 1
    assert ranges({"parent: what": what, "place": x[:, 0]}) == 0
    assert ranges({"what": what, "age": x[:, 0]}) == 1  # a table of parents
    of_child = {"parent: what": what, "parent: age": x[:, 0]}
    assert ranges(of_child, generated=["ward"]) == 0
