"""Values that have no share where they never occur."""

import numpy as np
import pandas as pd
import pytest

from synthgan.exceptions import ArchiveError
from synthgan.families.conditional_ranks import ConditionalRanks
from synthgan.families.excluded_values import ExcludedValues
from synthgan.privacy import Support


def make(n=2000, seed=0):
    """Return values of diagnoses: 0 in all of them, and one of their own."""
    rng = np.random.default_rng(seed)
    diagnosis, age = rng.integers(-1, 4, n), rng.integers(0, 100, n)
    codes = np.where(rng.random(n) < 0.5, 0, 1 + np.maximum(diagnosis, 0))
    return codes, np.column_stack([age, diagnosis]).astype(np.float64), Support(5, np.arange(n))


def test_what_never_occurs_is_not_possible():
    codes, x, support = make()
    made = ExcludedValues.fit(codes, x, [1], support)
    pairs = {(level, value) for feature, level, value in made.triples.tolist()}
    assert pairs == {(a, b) for a in range(4) for b in range(1, 5) if a + 1 != b}
    assert made.features.tolist() == [1]
    possible = made.possible(x, 5)
    assert possible[np.arange(len(codes)), codes].all()
    assert (possible[x[:, 1] == 3] == [True, False, False, False, True]).all()
    assert possible[x[:, 1] == -1].all()  # an unknown label excludes none
    none_left = ExcludedValues(np.array([(1, 0, value) for value in range(5)]))
    assert none_left.possible(x[x[:, 1] == 0], 5).all()


def test_chance_excludes_little():
    rng = np.random.default_rng(0)
    codes, support = rng.integers(0, 20, 2000), Support(5, np.arange(2000))
    x = rng.integers(0, 30, 2000)[:, None].astype(float)
    assert len(ExcludedValues.fit(codes, x, [0], support).triples) <= 2  # of 600, 22 are empty
    few = Support(5, np.arange(2000) % 19)
    assert not len(ExcludedValues.fit(codes, x, [0], few).triples)


def test_values_and_labels_of_few_people_exclude_nothing():
    codes, x, support = make()
    people = np.where(x[:, 1] == 3, np.arange(len(codes)) % 15, support.people)
    made = ExcludedValues.fit(codes, x, [1], Support(5, people))
    assert len(made.triples)
    assert not (made.triples[:, 1] == 3).any()
    assert not (made.triples[:, 2] == 4).any()


def test_rows_and_archives():
    codes, x, support = make(1200)
    known = pd.DataFrame({"parent: what": x[:, 1].astype(int).astype(str), "parent: age": x[:, 0]})
    rows = pd.DataFrame({"ward": np.array(list("abcde"))[codes]})
    made, ranks = ConditionalRanks.fit(rows, known, support)
    assert len(made.columns["ward"].excluded.triples)
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
    assert not len(again.columns["ward"].excluded.triples)
    [key] = [name for name in arrays if name.endswith("excluded")]
    for column, bad in ((0, 99), (0, -1), (1, -1), (2, 5)):
        broken = arrays[key].copy()
        broken[0, column] = bad
        with pytest.raises(ArchiveError, match="unknown columns"):
            ConditionalRanks.from_state(record, {**arrays, key: broken}, list(known), list(rows))
    for broken in (arrays[key][:, :2], arrays[key].astype(float)):
        with pytest.raises(ArchiveError, match="ranked column"):
            ConditionalRanks.from_state(record, {**arrays, key: broken}, list(known), list(rows))
