import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan.encoding.tables.numbers import Numbers, distinct
from synthgan.encoding.tables.quantile import from_quantiles, table_of
from synthgan.encoding.tables.sketch import Sketch
from synthgan.privacy import Support
from tests.encoding.quantiles import fit_quantiles

RANK_ERROR = 0.0005  # of a centroid, measured on many shapes of columns
NUMBERS = st.lists(st.integers(-50, 50) | st.floats(-50, 50), max_size=60)
WHOLE = st.lists(st.integers(-50, 50), min_size=1, max_size=60)


def same(one, other):
    return np.array_equal(one.levels, other.levels) and np.array_equal(one.counts, other.counts)


@given(NUMBERS, NUMBERS)
def test_the_numbers_of_parts_merged_are_those_of_the_whole(first, second):
    parts = [Numbers.of(np.array(part, dtype=float)) for part in (first, second)]
    merged = parts[0].merged(parts[1])
    assert same(merged, Numbers.of(np.array([*first, *second], dtype=float)))
    assert same(merged, parts[1].merged(parts[0]))
    assert merged.n_rows == len(first) + len(second)


@given(NUMBERS, st.sampled_from([0.0, 0.1, 1.0]), st.booleans())
def test_distinct_numbers_are_those_that_sorting_finds(values, step, is_whole):
    values = np.array(values, dtype=float)
    values = values.astype(np.int64) if is_whole else values
    if step == 0.1:
        values = values.round(1)
    levels, places = distinct(values, step)
    expected, found = np.unique(values, return_inverse=True)
    assert levels.dtype == expected.dtype
    assert np.array_equal(levels, expected)
    assert np.array_equal(places, found)


@given(WHOLE, st.integers(1, 5))
def test_a_function_of_numbers_is_that_of_the_values(values, by):
    values = np.array(values)
    people = np.arange(len(values)) % 7
    for support in (Support(2), Support(2, people)):
        found = Numbers.of(values, support).map(lambda x: x // by)
        direct = Numbers.of(values // by, support)
        assert same(found, direct)
        assert np.array_equal(found.people, direct.people)
        assert support.people is None or np.array_equal(found.support.people, direct.support.people)


@given(WHOLE)
def test_rows_are_the_values_in_order(values):
    numbers = Numbers.of(np.array(values))
    rows, _ = numbers.rows(np.ones(len(numbers.levels), dtype=bool))
    assert rows.tolist() == sorted(values)
    assert numbers.n_rows == numbers.n_people == len(values)


def test_both_zeros_are_one_number():
    numbers = Numbers.of(np.array([-0.0, 0.0, -0.0]))
    assert numbers.counts.tolist() == [3]
    assert not np.signbit(numbers.levels[0])


def in_parts(values, n_parts, most):
    pytest.importorskip("datasketches")
    merged = None
    for part in np.array_split(values, n_parts):
        numbers = Numbers.of(part, Support(5)).bounded(most)
        merged = numbers if merged is None else merged.merged(numbers, most)
    return merged


@pytest.mark.parametrize("shape", ["normal", "lognormal", "standard_cauchy", "uniform"])
def test_many_numbers_are_sketched_within_the_error(shape):
    values = getattr(np.random.default_rng(0), shape)(size=40_000)
    numbers = in_parts(values, 7, 2000)
    assert numbers.n_rows == len(values)
    means, sizes = numbers.settled(2000).sketch.centroids()
    assert (np.diff(means) >= 0).all()
    assert sizes.sum() == len(values)
    ranks = np.searchsorted(np.sort(values), means) / len(values)
    assert np.abs(ranks - (np.cumsum(sizes) - sizes / 2) / len(values)).max() < RANK_ERROR


def test_frequent_numbers_among_many_are_counted_exactly():
    rng = np.random.default_rng(0)
    values = np.where(rng.random(40_000) < 0.3, 0.0, rng.normal(size=40_000))
    values = np.where(rng.random(40_000) < 0.1, 2.5, values)
    numbers = in_parts(values, 7, 2000).settled(2000)
    assert numbers.levels.tolist() == [0.0, 2.5]
    assert numbers.counts.tolist() == [(values == 0).sum(), (values == 2.5).sum()]
    table = table_of(numbers)
    assert table.start[table.is_atom][[0, -1]].tolist() != [0.0, 2.5]  # the ends are means
    assert {0.0, 2.5} < set(table.start[table.is_atom])
    assert table.is_atom.sum() == 4
    exact = fit_quantiles(values, Support(5))
    places = np.linspace(0.001, 0.999, 999)
    ordered = np.sort(values)
    for one in (from_quantiles(table, places), from_quantiles(exact, places)):
        low, high = (
            np.searchsorted(ordered, one, side) / len(values) for side in ("left", "right")
        )
        assert np.maximum(low - places, places - high).max() < 2 * RANK_ERROR


def test_a_function_of_sketched_numbers():
    values = np.random.default_rng(1).integers(0, 10**6, 30_000)
    values[::3] = 777_777
    numbers = in_parts(values, 3, 500)
    mapped = numbers.settled(500).map(lambda x: x // 100)
    assert mapped.n_rows == len(values)
    assert mapped.levels.tolist() == [7777]
    found, rows, *_ = mapped.entries()
    assert rows.sum() == len(values)
    assert 0 <= found.min() <= found.max() < 10**4
    with pytest.raises(ValueError, match="a function of a sketch cannot be merged"):
        mapped.sketch.merged(numbers.sketch)


def test_no_number_of_a_sketch_is_stored():
    values = np.random.default_rng(1).normal(size=5000)
    table = table_of(in_parts(values, 3, 500))
    assert not np.isin(np.concatenate([table.start, table.stop]), values).any()


def test_sketches_of_equal_numbers_are_equal():
    values = np.random.default_rng(1).normal(size=5000)
    one, other = (in_parts(values, 3, 500) for _ in range(2))
    assert one.sketch.state() == other.sketch.state()


def test_a_sketch_needs_its_library(monkeypatch):
    import sys

    from synthgan.exceptions import DataError

    monkeypatch.setitem(sys.modules, "datasketches", None)
    with pytest.raises(DataError, match=r"need datasketches: pip install 'synthgan\[scale\]'"):
        Numbers.of(np.arange(100.0)).bounded(50)


def test_sketches_pass_between_processes():
    pytest.importorskip("datasketches")
    rng = np.random.default_rng(0)
    sketches = [Sketch() for _ in range(3)]
    for one in sketches:
        one.add(np.sort(rng.normal(size=5000)), np.ones(5000, np.int64))
    copies = copy.deepcopy(sketches)
    merged = [three[0].merged(three[1]).merged(three[2]) for three in (sketches, copies)]
    assert merged[0].state() == merged[1].state()
