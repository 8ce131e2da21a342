"""Every value in a figure describes at least five people."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan.report.pooling import (
    FEWEST,
    count_people,
    frequent,
    merge_bins,
    pooled_ends,
    pooled_quantiles,
    rounded_out,
)


@st.composite
def numbers_of_people(draw):
    """Draw numbers and the person of each number, with FEWEST people or more."""
    n = draw(st.integers(FEWEST, 60))
    numbers = draw(st.lists(st.floats(-1e6, 1e6), min_size=n, max_size=n))
    others = draw(st.lists(st.integers(0, 9), min_size=n - FEWEST, max_size=n - FEWEST))
    people = draw(st.permutations([*range(FEWEST), *others]))
    return np.array(numbers), np.array(people)


@given(numbers_of_people(), st.integers(1, 30))
def test_bins_are_empty_or_have_enough_people(drawn, n_bins):
    numbers, people = drawn
    edges = np.linspace(numbers.min(), numbers.max() + 1, n_bins + 1)
    merged = merge_bins(edges, numbers, people)
    assert set(merged) <= set(edges)
    assert merged[[0, -1]].tolist() == edges[[0, -1]].tolist()
    for low, high in itertools.pairwise(merged):
        n_people = len(np.unique(people[(numbers >= low) & (numbers < high)]))
        assert n_people == 0 or n_people >= FEWEST
    assert np.histogram(numbers, merged)[0].sum() == len(numbers)


@given(numbers_of_people(), st.floats(0, 1e12))
def test_ends_have_enough_people_outside_and_do_not_depend_on_outliers(drawn, far):
    numbers, people = drawn
    low, high = pooled_ends(numbers, people, (0.005, 0.995))
    assert low <= high
    if len(np.unique(people)) >= 2 * FEWEST:
        assert len(np.unique(people[numbers <= low])) >= FEWEST
        assert len(np.unique(people[numbers >= high])) >= FEWEST
    moved = numbers + np.where(numbers == numbers.max(), far, 0.0)
    if (numbers == numbers.max()).sum() == 1:
        assert pooled_ends(moved, people, (0.005, 0.995)) == (low, high)
    below, above = rounded_out(low, high)
    assert below <= low <= high <= above
    assert below < above


@given(numbers_of_people())
def test_quantiles_are_means_of_enough_people(drawn):
    numbers, people = drawn
    points = pooled_quantiles(numbers, people, [0.0, 0.5, 1.0])
    assert points[0] <= points[1] + 1e-6
    assert points[1] <= points[2] + 1e-6
    alike = pooled_quantiles(np.full(len(numbers), 7.0), people, [0.25])
    assert alike == pytest.approx([7.0])
    if len(np.unique(people)) == FEWEST:  # all numbers are averaged
        whole = pooled_quantiles(numbers[:FEWEST], np.arange(FEWEST), [0.0])
        assert whole == pytest.approx([numbers[:FEWEST].mean()], abs=1e-6)


def test_ends_are_round_numbers():
    assert rounded_out(17.345, 88.91) == (17.0, 89.0)
    assert rounded_out(-0.00123, 0.00456) == pytest.approx((-0.0013, 0.0046))
    assert rounded_out(0.0, 0.0) == (0.0, 0.1)
    assert rounded_out(-1.7e308, 1.7e308) == (-1.7e308, 1.7e308)


def test_people_and_rows_are_counted():
    levels = pd.Series(["a"] * 6 + ["b"] * 7 + [None])
    assert count_people(levels).to_dict() == {"b": 7, "a": 6}
    people = [*range(6), *[7] * 7, 8]
    assert count_people(levels, people).to_dict() == {"a": 6, "b": 1}
    assert frequent(count_people(levels, people)) == ["a"]
    # With and_rest, the remaining levels together have enough people, too.
    for counts, kept in [
        ({"a": 9, "b": 5, "c": 4}, ["a"]),
        ({"a": 9, "b": 5, "c": 4, "d": 1}, ["a", "b"]),
        ({"a": 9, "b": 5}, ["a", "b"]),
        ({"a": 3}, []),
        ({}, []),
    ]:
        assert frequent(pd.Series(counts, dtype=int), and_rest=True) == kept
